/** The options of `compose` → a composition. */
import type { Adapter, Composition, Head, HeadLayer, SecondPart } from '../core/composing/composition';
import { namedScaling, SCALINGS } from '../core/composing/scalings';
import { SlicerError } from '../core/errors';
import type { ModelFile } from '../core/model/modelFile';
import type { Cut } from '../core/slicing/slice';
import { cutOf, type CutOptions } from './cutOptions';

export interface ComposeOptions extends CutOptions {
  asLayer?: string;
  frozen?: boolean;
  inputShape?: string;
  resize?: string;
  channels?: string;
  rescale?: string;
  pool?: string;
  dense?: string[];
  dropout?: string;
  classes?: string;
  activation?: string;
  with?: string;
  withOutput?: string[];
  withInput?: string[];
  withAs?: string;
  withFrozen?: boolean;
  join?: string;
  sameInputs?: boolean;
  shared?: boolean;
  seed?: string;
  adapt?: boolean;
  name?: string;
}

/**
 * @param second the model of `--with`; null where there is none, or where it is the first one once more.
 * @throws SlicerError `usage`, and what reading the cuts throws.
 */
export function compositionOf(base: ModelFile, second: ModelFile | null, options: ComposeOptions): Composition {
  const { name, asLayer } = options;
  const cut = cutOf(base, options);
  return {
    ...(name === undefined ? {} : { name }),
    base: { cut, frozen: options.frozen === true, ...(asLayer === undefined ? {} : { name: asLayer }) },
    second: options.with === undefined ? null : secondPart(second ?? base, cut, options),
    inputShape: options.inputShape === undefined ? null : inputShape(options.inputShape),
    before: before(options),
    head: head(options),
    adapt: options.adapt === true,
    seed: whole('seed', options.seed ?? '0', 0),
  };
}

function secondPart(model: ModelFile, cut: Cut, options: ComposeOptions): SecondPart {
  const { withOutput, withInput, withAs, join = 'sequence' } = options;
  if (join !== 'sequence' && join !== 'concat') throw usage(`--join is sequence or concat, not ${join}.`);
  if (options.shared && (withOutput?.length || withInput?.length))
    throw usage('--shared is the first part once more: it has no --with-output and --with-input.');
  return {
    cut: options.shared ? cut : cutOf(model, { output: withOutput ?? [], input: withInput ?? [] }),
    frozen: options.withFrozen === true,
    join,
    inputs: options.sameInputs ? 'same' : 'own',
    ...(options.shared ? { shared: true } : {}),
    ...(withAs === undefined ? {} : { name: withAs }),
  };
}

/** `64,64,1`; an open size is `null` or `?`. */
function inputShape(text: string): (number | null)[] {
  return text
    .replace(/^[[(]|[\])]$/g, '')
    .split(/[,x]/)
    .map((size) => (/^(null|none|\?)$/i.test(size.trim()) ? null : whole('input-shape', size.trim(), 1)));
}

function before({ resize, channels, rescale }: ComposeOptions): Adapter[] {
  const adapters: Adapter[] = [];
  if (resize !== undefined) adapters.push(resizing(resize));
  if (channels !== undefined) adapters.push({ kind: 'channels', to: whole('channels', channels, 1) });
  if (rescale !== undefined) adapters.push(scaling(rescale));
  return adapters;
}

function resizing(text: string): Adapter {
  const [height = '', width = '', how = 'bilinear', ...others] = text.split(/[,x]/).map((part) => part.trim());
  if (others.length > 0 || (how !== 'bilinear' && how !== 'nearest'))
    throw usage(`--resize is HEIGHT,WIDTH, and nearest or bilinear, not ${text}.`);
  return { kind: 'resize', height: whole('resize', height, 1), width: whole('resize', width, 1), interpolation: how };
}

/** `1/255`, `1/127.5,-1`, or what a model family does. */
function scaling(text: string): Adapter {
  const named = namedScaling(text);
  if (named) return named;
  const [scaleText = '', offsetText = '0', ...others] = text.split(',');
  const [numerator, denominator = 1, ...rest] = scaleText.split('/').map(Number);
  const [scale, offset] = [(numerator ?? NaN) / denominator, Number(offsetText)];
  if (
    others.length > 0 ||
    rest.length > 0 ||
    !Number.isFinite(scale) ||
    !Number.isFinite(offset) ||
    scaleText.trim() === ''
  )
    throw usage(`--rescale is SCALE[,OFFSET] (1/255, or 1/127.5,-1) or one of ${SCALINGS.join(', ')}, not ${text}.`);
  return { kind: 'rescale', scale, offset };
}

const POOLING: readonly Head['pooling'][] = ['avg', 'max', 'flatten', 'none'];

function head({ pool, dense = [], dropout, classes, activation }: ComposeOptions): Head {
  const layers: HeadLayer[] = dense.map(denseLayer);
  if (dropout !== undefined) layers.push({ kind: 'dropout', rate: number('dropout', dropout) });
  if (classes !== undefined) {
    const units = whole('classes', classes, 1);
    layers.push({ kind: 'dense', units, activation: activation ?? (units === 1 ? 'sigmoid' : 'softmax') });
  } else if (activation !== undefined) layers.push({ kind: 'activation', activation });
  const isVector = layers.some(({ kind }) => kind === 'dense');
  const pooling = POOLING.find((one) => one === (pool ?? (isVector ? 'avg' : 'none')));
  if (!pooling) throw usage(`--pool is one of ${POOLING.join(', ')}, not ${pool ?? ''}.`);
  return { pooling, layers };
}

/** `64`, `64:relu`. */
function denseLayer(text: string): HeadLayer {
  const [units = '', activation = 'linear', ...others] = text.split(':');
  if (others.length > 0) throw usage(`--dense is UNITS, or UNITS:ACTIVATION, not ${text}.`);
  return { kind: 'dense', units: whole('dense', units, 1), activation };
}

function whole(flag: string, text: string, least: number): number {
  const value = number(flag, text);
  if (!Number.isSafeInteger(value) || value < least)
    throw usage(`--${flag} takes whole numbers from ${least} on, not ${text}.`);
  return value;
}

function number(flag: string, text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw usage(`--${flag} takes a number, not ${text}.`);
  return value;
}

function usage(detail: string): SlicerError {
  return new SlicerError('usage', { detail });
}
