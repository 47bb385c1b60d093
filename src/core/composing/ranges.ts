/** Between which values a tensor lies, and which ones a model wants: only what its layers say for sure. */
import { layersByName } from '../model/address';
import type { JsonObject } from '../model/json';
import type { Layer, LayerGraph, TensorRef } from '../model/layerGraph';

export interface ValueRange {
  min: number;
  max: number;
  /** Whole numbers: they look something up. */
  whole: boolean;
}

const ACTIVATIONS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['softmax', [0, 1]],
  ['sigmoid', [0, 1]],
  ['hard_sigmoid', [0, 1]],
  ['tanh', [-1, 1]],
  ['softsign', [-1, 1]],
  ['relu6', [0, 6]],
  ['relu', [0, Infinity]],
  ['softplus', [0, Infinity]],
]);

/** Hand on values of their input, or averages or the largest of them. */
const PASSING = new Set([
  ...['Flatten', 'Reshape', 'Permute', 'RepeatVector', 'Dropout', 'SpatialDropout1D', 'Identity', 'Cropping2D'],
  ...['GlobalAveragePooling1D', 'GlobalAveragePooling2D', 'GlobalMaxPooling1D', 'GlobalMaxPooling2D'],
  ...['MaxPooling1D', 'MaxPooling2D', 'AveragePooling1D', 'AveragePooling2D', 'UpSampling2D'],
]);

/** Files decide how long chains are. */
const LONGEST = 64;

/** What the values of an output lie between; null where its layers do not say. */
export function rangeOf(graph: LayerGraph, ref: TensorRef): ValueRange | null {
  let at: { graph: LayerGraph; ref: TensorRef } | null = { graph, ref };
  for (let step = 0; at && step < LONGEST; step++) {
    const current: { graph: LayerGraph; ref: TensorRef } = at;
    const layer = layersByName(current.graph).get(current.ref.layer);
    if (!layer) return null;
    const inner: TensorRef | undefined = layer.graph?.outputs[current.ref.output];
    if (layer.graph && inner) {
      at = { graph: layer.graph, ref: inner };
      continue;
    }
    const own = ownRange(layer);
    if (own) return own;
    const [only, ...others]: TensorRef[] = layer.calls[current.ref.call]?.inputs ?? [];
    at = PASSING.has(layer.className) && only && others.length === 0 ? { graph: current.graph, ref: only } : null;
  }
  return null;
}

function ownRange({ className, config, isLayer }: Layer): ValueRange | null {
  if (!isLayer) return null;
  if (className === 'Softmax') return { min: 0, max: 1, whole: false };
  if (className === 'ReLU')
    return config.negative_slope === undefined || config.negative_slope === 0
      ? { min: 0, max: typeof config.max_value === 'number' ? config.max_value : Infinity, whole: false }
      : null;
  // a recurrent layer's activation is not the last thing that it does
  if (!/^(Activation|Dense|Conv[123]D|SeparableConv2D|DepthwiseConv2D)$/.test(className)) return null;
  const known = typeof config.activation === 'string' ? ACTIVATIONS.get(config.activation) : undefined;
  return known ? { min: known[0], max: known[1], whole: false } : null;
}

/** What an input is read as: by a scaling of pixels, or by a table of words; null where neither is the first reader. */
export function rangeWanted(graph: LayerGraph, input: TensorRef): ValueRange | null {
  let at: { graph: LayerGraph; ref: TensorRef } | null = { graph, ref: input };
  for (let step = 0; at && step < LONGEST; step++) {
    const current: { graph: LayerGraph; ref: TensorRef } = at;
    const readers = readersOf(current.graph, current.ref);
    const [reader] = readers;
    if (!reader) return null;
    const { layer, call, position } = reader;
    const inner: TensorRef | undefined = layer.graph?.inputs[position];
    if (layer.graph && inner) {
      at = { graph: layer.graph, ref: inner };
      continue;
    }
    const wanted = wantedBy(layer);
    if (wanted) return wanted;
    at =
      readers.length === 1 &&
      /^(Reshape|Permute|Resizing|ZeroPadding2D|Cropping2D|Dropout|Masking)$/.test(layer.className)
        ? { graph: current.graph, ref: { layer: layer.name, call, output: 0 } }
        : null;
  }
  return null;
}

function wantedBy({ className, config, isLayer }: Layer): ValueRange | null {
  if (!isLayer) return null;
  if (className === 'Embedding' && typeof config.input_dim === 'number')
    return { min: 0, max: config.input_dim - 1, whole: true };
  if (className !== 'Rescaling' || !readsPixels(config)) return null;
  return { min: 0, max: 255, whole: false };
}

/** 1/255 and 1/127.5 make something sensible of 0 to 255 only. */
export function readsPixels(config: JsonObject): boolean {
  const { scale } = config;
  return (
    typeof scale === 'number' && [1 / 255, 1 / 127.5, 1 / 128, 1 / 256].some((one) => Math.abs(scale - one) < 1e-5)
  );
}

function readersOf(graph: LayerGraph, ref: TensorRef): { layer: Layer; call: number; position: number }[] {
  const found: { layer: Layer; call: number; position: number }[] = [];
  for (const layer of graph.layers) {
    layer.calls.forEach((call, index) => {
      const position = call.inputs.findIndex(
        (input) => input.layer === ref.layer && input.call === ref.call && input.output === ref.output,
      );
      if (position >= 0) found.push({ layer, call: index, position });
    });
  }
  return found;
}

/** The range after `value * scale + offset`. */
export function scaledRange({ min, max }: ValueRange, scale: number, offset: number): ValueRange {
  const ends = [min * scale + offset, max * scale + offset];
  return { min: Math.min(...ends), max: Math.max(...ends), whole: false };
}
