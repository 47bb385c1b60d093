/** A layer with the BatchNorm, activation and dropout layers behind it. */
import { ownActivation, wrappedLayer } from '../layers/innerTensors';
import { layersByName } from '../model/address';
import type { Layer, LayerCall, LayerGraph, TensorRef } from '../model/layerGraph';
import { maskArguments } from './maskRules';

/** What stands behind a layer that computes, in the same block. */
export type FollowerKind = 'batchnorm' | 'activation' | 'passing';

const FOLLOWERS: readonly (readonly [FollowerKind, readonly string[]])[] = [
  ['batchnorm', ['BatchNormalization', 'FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3']],
  ['activation', ['Activation', 'ReLU', 'LeakyReLU', 'PReLU', 'ELU', 'ThresholdedReLU', 'Softmax']],
  // operations of Keras 3, and a graph-model's nodes
  ['activation', ['Relu', 'Relu6', 'LeakyRelu', 'Prelu', 'Elu', 'Selu', 'Gelu', 'Silu', 'Sigmoid', 'HardSigmoid']],
  ['activation', ['HardSilu', 'Tanh', 'Softplus', 'Softsign', 'Mish', 'LogSoftmax']],
  ['passing', ['Dropout', 'SpatialDropout1D', 'SpatialDropout2D', 'SpatialDropout3D', 'AlphaDropout']],
  ['passing', ['GaussianDropout', 'GaussianNoise', 'ActivityRegularization', 'Identity', 'BiasAdd']],
  ['passing', ['ZeroPadding1D', 'ZeroPadding2D', 'ZeroPadding3D', 'Pad', 'PadV2']],
];
const KINDS = new Map(FOLLOWERS.flatMap(([kind, names]) => names.map((name) => [name, kind] as const)));

/** No block is longer; a file could be. */
const LONGEST = 16;

/** A call of a layer. */
export interface Step {
  layer: Layer;
  call: number;
}

/** A layer, and what follows it in one line. */
export interface Block {
  feeding: Step;
  /** Up to the last BatchNorm or activation, or to the layer that was asked for. */
  chain: { step: Step; kind: FollowerKind }[];
}

/**
 * The block that a call stands in: of a follower that of the layer that feeds it. Each follower alone reads the one before;
 * there is one BatchNorm and one activation in a block at most.
 */
export function blockOf(graph: LayerGraph, asked: Step): Block {
  const seen = new Set<FollowerKind>();
  const chain: Block['chain'] = [];
  const take = (step: Step): FollowerKind | null => {
    const kind = kindOf(step.layer);
    if (kind === null || chain.length >= LONGEST || callOf(step)?.outputs.length !== 1) return null;
    // a second BatchNorm or activation is another block
    if (kind !== 'passing' && seen.has(kind)) return null;
    seen.add(kind);
    return kind;
  };
  let feeding = asked;
  for (let source = onlyRead(graph, feeding); source; source = onlyRead(graph, feeding)) {
    const kind = take(feeding);
    if (kind === null) break;
    chain.unshift({ step: feeding, kind });
    feeding = source;
  }
  if (ownActivation(feeding.layer)) seen.add('activation');
  const length = chain.length;
  let last = chain.at(-1)?.step ?? feeding;
  let needed = length;
  while (!(seen.has('batchnorm') && seen.has('activation'))) {
    const [next, ...others] = readersOf(graph).get(keyOf(last)) ?? [];
    const kind = next && others.length === 0 && dataRead(graph, next).length === 1 ? take(next) : null;
    if (!next || kind === null) break;
    chain.push({ step: next, kind });
    last = next;
    if (kind !== 'passing') needed = chain.length;
  }
  return { feeding, chain: chain.slice(0, needed) };
}

export function callOf({ layer, call }: Step): LayerCall | undefined {
  return layer.calls[call];
}

function kindOf({ className, config, graph }: Layer): FollowerKind | null {
  if (graph) return null;
  const wrapped = className === 'TimeDistributed' ? wrappedLayer(config, 'layer') : null;
  const kind = KINDS.get(wrapped?.className ?? className) ?? null;
  return kind === 'activation' && (wrapped?.config ?? config).activation === 'linear' ? 'passing' : kind;
}

/** The tensors that a call reads, each once; masks and a graph-model's constants are no data. */
export function dataRead(graph: LayerGraph, step: Step): TensorRef[] {
  const call = callOf(step);
  if (!call) return [];
  const masks = new Set(maskArguments(call));
  const refs = new Map(call.inputs.flatMap((ref, i) => (masks.has(i) ? [] : [[refKey(ref), ref] as const])));
  if (graph.kind !== 'graph') return [...refs.values()];
  const layers = layersByName(graph);
  return [...refs.values()].filter(({ layer }) => layers.get(layer)?.className !== 'Const');
}

/** The call that makes the only tensor that a call reads. */
function onlyRead(graph: LayerGraph, step: Step): Step | null {
  const [only, ...others] = dataRead(graph, step);
  const layer = only && others.length === 0 ? layersByName(graph).get(only.layer) : undefined;
  return only && layer && only.output === 0 ? { layer, call: only.call } : null;
}

const readers = new WeakMap<LayerGraph, Map<string, Step[]>>();

/** Which calls read a tensor, made once per graph. */
function readersOf(graph: LayerGraph): ReadonlyMap<string, Step[]> {
  const known = readers.get(graph);
  if (known) return known;
  const made = new Map<string, Step[]>();
  for (const layer of graph.layers) {
    layer.calls.forEach(({ inputs }, call) => {
      for (const key of new Set(inputs.map(refKey))) {
        const list = made.get(key);
        if (list) list.push({ layer, call });
        else made.set(key, [{ layer, call }]);
      }
    });
  }
  readers.set(graph, made);
  return made;
}

function keyOf({ layer, call }: Step): string {
  return refKey({ layer: layer.name, call, output: 0 });
}

function refKey({ layer, call, output }: TensorRef): string {
  return `${call} ${output} ${layer}`;
}
