/**
 * A layer in parts, so that a tensor inside it runs between two of them (or is an output of one). Each part is a layer
 * that a file could hold: everything that slices, writes or computes layers takes parts for layers.
 */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { CallArgument, Dim, Layer, LayerCall, Shape, TensorInfo, TensorRef } from '../model/layerGraph';
import { givesScores, layerInside, ownActivation, wrappedLayer, type InnerName } from './innerTensors';
import { layerFacts } from './layerFacts';

/** Output `output` of part `part`. */
export interface PartTensor {
  part: number;
  output: number;
}

export interface LayerPart {
  /** Has a call for every call of the whole layer, under the same index. */
  layer: Layer;
  /** Null: what the whole layer reads. */
  reads: readonly PartTensor[] | null;
}

export interface LayerSplit {
  /** In computing order. The first has the layer's name and weights. */
  parts: readonly LayerPart[];
  inner: ReadonlyMap<string, PartTensor>;
  /** Where the whole layer's output `output` comes from. */
  own(output: number): PartTensor;
}

const splits = new WeakMap<Layer, LayerSplit>();
const UNKNOWN: TensorInfo = { shape: null, dtype: null };
const firstOutput: PartTensor = { part: 0, output: 0 };

/**
 * @param infoOf shape and dtype of a tensor that the layer reads.
 * @returns the same parts each time, so that what is kept by layer (weights) is kept once; null where nothing inside the
 *   layer can be had.
 */
export function splitLayer(layer: Layer, infoOf: (ref: TensorRef) => TensorInfo): LayerSplit | null {
  const known = splits.get(layer);
  if (known) return known;
  const inside = layerInside(layer);
  if (!inside || inside.refused !== null) return null;
  const split = {
    activation: () => beforeActivation(layer),
    directions: () => directions(layer),
    states: () => withStates(layer, inside.names),
    scores: () => withScores(layer, infoOf),
  }[inside.kind]();
  splits.set(layer, split);
  return split;
}

/**
 * Addresses of what the parts of a call hand on: the whole layer's own outputs under its own address, the others as
 * `address@name`.
 * @param call the whole layer's.
 */
export function partAddresses(split: LayerSplit, whole: Layer, call: number, address: string): string[][] {
  const parts = split.parts.map(({ layer }) => (layer.calls[call]?.outputs ?? []).map(() => address));
  const name = ({ part, output }: PartTensor, text: string): void => {
    const outputs = parts[part];
    if (outputs && output < outputs.length) outputs[output] = text;
  };
  for (const [inner, tensor] of split.inner) name(tensor, `${address}@${inner}`);
  const own = Math.max(1, whole.calls[call]?.outputs.length ?? 1);
  for (let output = 0; output < own; output += 1)
    name(split.own(output), output > 0 ? `${address}:${output}` : address);
  return parts;
}

/** The same layer without its activation, and that activation as a layer. */
function beforeActivation(layer: Layer): LayerSplit {
  const { activation, wrapped } = ownActivation(layer) ?? { activation: 'linear', wrapped: false };
  const linear = { activation: 'linear' };
  const config = wrapped
    ? { ...layer.config, layer: wrappedWith(layer.config.layer ?? null, linear) }
    : { ...layer.config, ...linear };
  const calls = layer.calls.map((call) => ({ ...call, outputs: [call.outputs[0] ?? UNKNOWN] }));
  // an activation that is an object may name an axis, which is counted within a step
  const second: FollowerClass =
    wrapped && isJsonObject(activation)
      ? {
          className: 'TimeDistributed',
          config: { layer: { class_name: 'Activation', config: { name: 'activation', activation } } },
        }
      : { className: 'Activation', config: { activation } };
  return {
    parts: [{ layer: { ...layer, config, calls }, reads: null }, follower(layer, 'activation', second, [firstOutput])],
    inner: new Map([['pre', firstOutput]]),
    own: (output) => ({ part: 1, output }),
  };
}

const CONCATENATE = { className: 'Concatenate', config: { axis: -1 } };

const MERGING = new Map<string, FollowerClass>([
  ['concat', CONCATENATE],
  ['sum', { className: 'Add', config: {} }],
  ['mul', { className: 'Multiply', config: {} }],
  ['ave', { className: 'Average', config: {} }],
]);

/** The same layer with both directions apart, and the layer that merges them. */
function directions(layer: Layer): LayerSplit {
  const config = { ...layer.config, merge_mode: null };
  const calls = layer.calls.map((call) => ({ ...call, outputs: directionInfos(layer, call) }));
  const merging = MERGING.get(mergeMode(layer)) ?? CONCATENATE;
  const both = [firstOutput, { part: 0, output: 1 }];
  return {
    parts: [{ layer: { ...layer, config, calls }, reads: null }, follower(layer, 'merge', merging, both)],
    inner: new Map([
      ['forward', firstOutput],
      ['backward', { part: 0, output: 1 }],
    ]),
    own: (output) => ({ part: 1, output }),
  };
}

function mergeMode({ config }: Layer): string {
  const mode = Object.hasOwn(config, 'merge_mode') ? config.merge_mode : 'concat';
  return typeof mode === 'string' && MERGING.has(mode) ? mode : 'concat';
}

function directionInfos(layer: Layer, call: LayerCall): TensorInfo[] {
  const { shape, dtype } = call.outputs[0] ?? UNKNOWN;
  if (shape === null || mergeMode(layer) !== 'concat')
    return [
      { shape, dtype },
      { shape, dtype },
    ];
  const forward = wrappedLayer(layer.config, 'layer');
  const backward = wrappedLayer(layer.config, 'backward_layer') ?? forward;
  const total = shape.at(-1) ?? null;
  const units = (config: JsonObject | undefined): Dim => (typeof config?.units === 'number' ? config.units : null);
  const [ahead, behind] = [units(forward?.config), units(backward?.config)];
  const half = total === null ? null : total / 2;
  const sizes = ahead !== null && behind !== null && ahead + behind === total ? [ahead, behind] : [half, half];
  return sizes.map((size) => ({ shape: [...shape.slice(0, -1), size], dtype }));
}

/** The same layer, handing its states on. */
function withStates(layer: Layer, names: readonly InnerName[]): LayerSplit {
  const first: Layer = {
    ...layer,
    config: { ...layer.config, return_state: true },
    calls: layer.calls.map((call) => {
      const state = stateInfo(layer, call);
      return { ...call, outputs: [call.outputs[0] ?? UNKNOWN, ...names.map(() => state)] };
    }),
  };
  return inOnePart(first, names);
}

/** A state is as large as one step of the output. */
function stateInfo({ config }: Layer, call: LayerCall): TensorInfo {
  const { shape, dtype } = call.outputs[0] ?? UNKNOWN;
  if (shape === null || config.return_sequences !== true) return { shape, dtype };
  const step: Shape = config.time_major === true ? shape.slice(1) : [shape[0] ?? null, ...shape.slice(2)];
  return { shape: step, dtype };
}

/** The same layer, asked for its scores in every call. */
function withScores(layer: Layer, infoOf: (ref: TensorRef) => TensorInfo): LayerSplit {
  const asked: CallArgument = { kind: 'constant', value: true };
  const first: Layer = {
    ...layer,
    calls: layer.calls.map((call) => {
      if (givesScores(call)) return { ...call };
      const kwargs = { ...call.kwargs, return_attention_scores: asked };
      return { ...call, kwargs, outputs: [call.outputs[0] ?? UNKNOWN, scoresInfo(layer, call, kwargs, infoOf)] };
    }),
  };
  return inOnePart(first, ['scores']);
}

function scoresInfo(
  { className, config }: Layer,
  { inputs, args }: LayerCall,
  kwargs: LayerCall['kwargs'],
  infoOf: (ref: TensorRef) => TensorInfo,
): TensorInfo {
  try {
    // Keras 3 declares the query's length for the key's as well; Keras 2 tells the shape as it is
    const facts = layerFacts({ className, config, keras: 2, inputs: inputs.map(infoOf), args, kwargs });
    return facts?.outputs[1] ?? UNKNOWN;
  } catch {
    // a config that the catalogue cannot read has been reported when the file was opened
    return UNKNOWN;
  }
}

function inOnePart(layer: Layer, names: readonly InnerName[]): LayerSplit {
  return {
    parts: [{ layer, reads: null }],
    inner: new Map(names.map((name, i) => [name, { part: 0, output: i + 1 }])),
    own: (output) => ({ part: 0, output }),
  };
}

interface FollowerClass {
  className: string;
  config: JsonObject;
}

/** A part without weights that reads outputs of the first part and hands on what the whole layer does. */
function follower(layer: Layer, suffix: string, { className, config }: FollowerClass, reads: PartTensor[]): LayerPart {
  const name = `${layer.name}_${suffix}`;
  const kept = ['trainable', 'dtype'].filter((key) => Object.hasOwn(layer.config, key));
  const own = Object.fromEntries(kept.map((key) => [key, layer.config[key] ?? null]));
  const items = reads.map((_, input): CallArgument => ({ kind: 'tensor', input }));
  const [only] = items;
  const calls = layer.calls.map(({ outputs }, call): LayerCall => ({
    inputs: reads.map(({ output }) => ({ layer: layer.name, call, output })),
    args: only && items.length === 1 ? [only] : [{ kind: 'list', items }],
    kwargs: {},
    outputs: [outputs[0] ?? UNKNOWN],
    macs: 0,
  }));
  return {
    layer: {
      name,
      className,
      module: null,
      isLayer: true,
      config: { name, ...own, ...config },
      trainable: layer.trainable,
      calls,
      weights: [],
      graph: null,
      index: { keras: null, tfjs: null },
    },
    reads,
  };
}

/** A layer written as `{class_name, config}` with other values in its config. */
function wrappedWith(layer: JsonValue, values: JsonObject): JsonValue {
  if (!isJsonObject(layer)) return layer;
  const config = isJsonObject(layer.config) ? layer.config : {};
  return { ...layer, config: { ...config, ...values } };
}
