/** From a wish to a cut that is closed: what a layer reads, and what else must become an input. */
import { SlicerError } from '../errors';
import { formatAddress, layersByName, resolveAddress, type AddressPart } from '../model/address';
import type { LayerCall, LayerGraph, TensorRef } from '../model/layerGraph';
import type { ModelFile } from '../model/modelFile';
import { maskArguments } from './maskRules';
import { planCut } from './sliceModel';
import type { Cut } from './slice';

/** A few rounds close every cut; more mean that something is wrong. */
const MAX_ROUNDS = 8;

/**
 * The cut with everything that it lacks among its inputs; the cut itself where it is closed.
 * @throws SlicerError as `planCut`.
 */
export function closeCut(model: ModelFile, cut: Cut): Cut {
  let closed = cut;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { missing } = planCut(model, closed).boundary;
    if (missing.length === 0) break;
    closed = { ...closed, inputs: [...closed.inputs, ...missing.map(({ address }) => address)] };
  }
  return closed;
}

/**
 * The tensors that a layer reads, in its call that `address` names: what becomes an input where a cut starts before it.
 * An InputLayer stands for its own tensor. Inside a nested model each is named where it is made, outside of it for
 * what the model is given, so that no model is entered without need.
 * @returns canonical addresses, each once.
 * @throws SlicerError `unknown-address`; `usage` for a layer that reads nothing.
 */
export function tensorsReadBy(graph: LayerGraph, address: string): string[] {
  const { layer, call, path } = resolveAddress(graph, address);
  const around = path.slice(0, -1);
  const made = layer.calls[call];
  const refs = made ? readTensors(graph, made) : [];
  if (made && made.inputs.length === 0 && graphAt(graph, around).inputs.some((input) => input.layer === layer.name))
    refs.push({ layer: layer.name, call, output: 0 });
  if (refs.length === 0) throw new SlicerError('usage', { reason: 'start', address });
  return [...new Set(refs.map((ref) => outermost(graph, around, ref)))];
}

/** Leaves out what is no data: masks that operations make (they start where their source starts), and a graph-model's constants. */
function readTensors(graph: LayerGraph, call: LayerCall): TensorRef[] {
  if (graph.kind === 'graph') return call.inputs.filter((ref) => dependsOnInput(graph, ref));
  const masks = new Set(maskArguments(call));
  const data = call.inputs.filter((_, i) => !masks.has(i));
  return data.length > 0 ? data : [...call.inputs];
}

function dependsOnInput(graph: LayerGraph, ref: TensorRef): boolean {
  const layers = layersByName(graph);
  const inputs = new Set(graph.inputs.map(({ layer }) => layer));
  const seen = new Set([ref.layer]);
  const open = [ref.layer];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (inputs.has(name)) return true;
    for (const { layer } of layers.get(name)?.calls[0]?.inputs ?? []) {
      if (seen.has(layer)) continue;
      seen.add(layer);
      open.push(layer);
    }
  }
  return false;
}

/** The address of a tensor where it is made: a nested model's input is a tensor of the model around. */
function outermost(root: LayerGraph, around: readonly AddressPart[], tensor: TensorRef): string {
  let path = [...around];
  let ref = tensor;
  for (;;) {
    const part = path.at(-1);
    const inner = graphAt(root, path);
    const at = inner.inputs.findIndex(({ layer, call }) => layer === ref.layer && call === ref.call);
    const outer = path.slice(0, -1);
    const call = part && layersByName(graphAt(root, outer)).get(part.name)?.calls[part.call];
    const source = call && at >= 0 ? passedTo(inner, call, at) : undefined;
    if (!source) return formatAddress([...path, { name: ref.layer, call: ref.call }], ref.output);
    path = outer;
    ref = source;
  }
}

/** What a nested model's call passes as its input `at`: by position, or by key where a dict is passed. */
function passedTo(inner: LayerGraph, call: LayerCall, at: number): TensorRef | undefined {
  const [first] = call.args;
  const input = inner.inputs[at];
  if (first?.kind !== 'dict' || !input) return call.inputs[at];
  const key = Object.hasOwn(first.items, input.name) ? input.name : input.layer;
  const item = Object.hasOwn(first.items, key) ? first.items[key] : undefined;
  return item?.kind === 'tensor' ? call.inputs[item.input] : undefined;
}

/** The graph that the calls of `path` lead into. */
function graphAt(root: LayerGraph, path: readonly AddressPart[]): LayerGraph {
  let graph = root;
  for (const { name } of path) graph = layersByName(graph).get(name)?.graph ?? graph;
  return graph;
}
