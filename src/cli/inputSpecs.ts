/** `[NAME=]SPEC`, `--dim` and the preprocessing options → what the engine feeds. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { SlicerError } from '../core/errors';
import type { InputSource, InputSpec, Preprocessing } from '../protocol/engine';

/** How pictures are prepared, in the words of the command line. */
export interface PictureOptions {
  preprocess?: string;
  resize?: string;
  interpolation?: string;
  colorMode?: string;
}

export interface InputOptions extends PictureOptions {
  input: string[];
  dim?: string[];
}

const KINDS = 'zeros, ones, random, random:SEED, a .png or .jpg picture, .npy, .npz or .json';

/**
 * One spec for each of the model's inputs. Unnamed specs go to the inputs that have none, in order;
 * an unnamed `.npz` or `.json` serves all of them, by their names. What is left is random.
 * @throws SlicerError `bad-input`, `usage`.
 */
export function inputSpecs(inputs: readonly { name: string; address: string }[], options: InputOptions): InputSpec[] {
  const preprocessing = preprocessingOf(options);
  const named = new Map<string, InputSource>();
  const unnamed: string[] = [];
  for (const text of options.input) {
    const found = inputs.find(({ name, address }) => text.startsWith(`${name}=`) || text.startsWith(`${address}=`));
    if (found) {
      const start = text.startsWith(`${found.name}=`) ? found.name.length : found.address.length;
      named.set(found.name, sourceOf(text.slice(start + 1), preprocessing, found.name));
    } else if (text.includes('=') && !existsSync(text)) {
      const input = text.slice(0, text.indexOf('='));
      throw new SlicerError('bad-input', { reason: 'unknown-input', input, inputs: inputs.map(({ name }) => name) });
    } else unnamed.push(text);
  }
  for (const text of unnamed) {
    const free = inputs.filter(({ name }) => !named.has(name));
    const forAll = /\.(npz|json)$/i.test(text) && unnamed.length === 1;
    if (free.length === 0) {
      throw new SlicerError('usage', { detail: `There are more inputs given than the model has (${inputs.length}).` });
    }
    for (const { name } of forAll ? free : free.slice(0, 1)) {
      const source = sourceOf(text, preprocessing, name);
      named.set(
        name,
        source.kind === 'array' && source.format === 'npz' && free.length > 1 ? { ...source, member: name } : source,
      );
    }
  }
  const dims = dimensions(inputs, options.dim ?? []);
  return inputs.map(({ name }) => ({
    input: name,
    source: named.get(name) ?? { kind: 'random', seed: 0 },
    ...(dims.has(name) ? { dims: dims.get(name) } : {}),
  }));
}

function sourceOf(text: string, preprocessing: Partial<Preprocessing>, input: string): InputSource {
  if (text === 'zeros' || text === 'ones') return { kind: text };
  const random = /^random(?::(\d+))?$/.exec(text);
  if (random) return { kind: 'random', seed: Number(random[1] ?? 0) };
  const name = path.basename(text);
  const file = path.resolve(text);
  const extension = path.extname(text).toLowerCase();
  if (extension === '.npy' || extension === '.npz' || extension === '.json') {
    return { kind: 'array', path: file, name, format: extension.slice(1) as 'npy' | 'npz' | 'json' };
  }
  if (extension === '.png' || extension === '.jpg' || extension === '.jpeg')
    return { kind: 'picture', path: file, name, preprocessing };
  throw new SlicerError('bad-input', { reason: 'unknown-kind', input, file: text, detail: `give it ${KINDS}` });
}

const CHOICES = {
  preprocess: ['auto', 'unit', 'signed', 'caffe', 'torch', 'none'],
  resize: ['pillow', 'tensorflow'],
  interpolation: ['nearest', 'bilinear', 'bicubic'],
  colorMode: ['rgb', 'bgr', 'grayscale'],
} as const;

/** @throws SlicerError `usage`. */
export function preprocessingOf(options: PictureOptions): Partial<Preprocessing> {
  const chosen = <K extends keyof typeof CHOICES>(key: K): (typeof CHOICES)[K][number] | undefined => {
    const value = options[key];
    if (value === undefined) return undefined;
    const found = CHOICES[key].find((choice) => choice === value);
    const flag = key === 'colorMode' ? 'color-mode' : key;
    if (!found)
      throw new SlicerError('usage', { detail: `--${flag} is one of ${CHOICES[key].join(', ')}, not ${value}.` });
    return found;
  };
  const range = chosen('preprocess');
  const resize = chosen('resize');
  const interpolation = chosen('interpolation');
  const colorMode = chosen('colorMode');
  return {
    ...(range === undefined || range === 'auto' ? {} : { range, reason: null }),
    ...(resize === undefined ? {} : { resize }),
    ...(interpolation === undefined ? {} : { interpolation }),
    ...(colorMode === undefined ? {} : { colorMode }),
  };
}

/** `INPUT.AXIS=N`, or `AXIS=N` where the model has one input. */
function dimensions(
  inputs: readonly { name: string; address: string }[],
  texts: readonly string[],
): Map<string, Record<number, number>> {
  const dims = new Map<string, Record<number, number>>();
  for (const text of texts) {
    const found = /^(?:(.*)\.)?(\d+)=(\d+)$/s.exec(text);
    if (!found) throw new SlicerError('usage', { detail: `--dim is INPUT.AXIS=N, not ${text}.` });
    const [, wanted, axis, size] = found;
    const input =
      wanted === undefined
        ? inputs.length === 1
          ? inputs[0]
          : undefined
        : inputs.find(({ name, address }) => name === wanted || address === wanted);
    if (!input)
      throw new SlicerError('bad-input', {
        reason: 'unknown-input',
        input: wanted ?? text,
        inputs: inputs.map(({ name }) => name),
      });
    dims.set(input.name, { ...dims.get(input.name), [Number(axis)]: Number(size) });
  }
  return dims;
}
