/** Opens nested models in place, as far as a cut asks for it, and says which tensors run between the calls that are left. */
import { escapeName, tensorAddress } from '../model/address';
import type { CallArgument, Layer, LayerCall, LayerGraph, TensorInfo, TensorRef } from '../model/layerGraph';

/** One call in the opened graph. Calls of one layer (also through two calls of the model around it) share `layer`. */
export interface OpenCall {
  layer: Layer;
  call: LayerCall;
  /** Canonical address: `tower#2/conv`. */
  address: string;
  /** Address of the layer without any call index: `tower/conv`. */
  layerAddress: string;
  inputs: OpenTensor[];
  /** An InputLayer of the outermost model. */
  isInput: boolean;
  /** Whether every model around it, and the layer itself, is trainable. */
  trainable: boolean;
  /** Position in execution order. */
  position: number;
}

/** A tensor of the opened graph, always named by the call that really made it. */
export interface OpenTensor {
  from: OpenCall;
  output: number;
}

export interface OpenedGraph {
  /** In an order in which each comes after what it reads. */
  calls: OpenCall[];
  outputs: OpenTensor[];
  inputs: OpenTensor[];
  /** The tensor at a canonical address; null where the model has none, or where a model that stays closed hides it. */
  find(address: string): OpenTensor | null;
}

interface Frame {
  graph: LayerGraph;
  /** Canonical address of the call around it, with a slash; empty for the model itself. */
  prefix: string;
  layerPrefix: string;
  trainable: boolean;
  values: Map<string, OpenTensor>;
  layers: Map<string, Layer>;
  next: number;
  parent: { frame: Frame; ref: { layer: string; call: number } } | null;
}

const key = (layer: string, call: number, output: number): string => `${call}:${output}:${layer}`;

/**
 * @param opened the nested models to open; one that is not among them stays a single call.
 * @returns the calls of the model with those opened, in execution order.
 */
export function openGraph(graph: LayerGraph, opened: ReadonlySet<Layer>): OpenedGraph {
  const calls: OpenCall[] = [];
  const byAddress = new Map<string, OpenTensor>();
  const newFrame = (g: LayerGraph, prefix: string, layerPrefix: string, trainable: boolean): Frame => ({
    graph: g,
    prefix,
    layerPrefix,
    trainable,
    values: new Map(),
    layers: new Map(g.layers.map((layer) => [layer.name, layer])),
    next: 0,
    parent: null,
  });
  const root = newFrame(graph, '', '', true);
  const read = (frame: Frame, ref: TensorRef): OpenTensor => {
    const value = frame.values.get(key(ref.layer, ref.call, ref.output));
    if (!value) throw new Error(`no value for ${frame.prefix}${ref.layer}`);
    return value;
  };
  const publish = (frame: Frame, layer: string, call: number, output: number, value: OpenTensor): void => {
    frame.values.set(key(layer, call, output), value);
    const name = `${frame.prefix}${escapeName(layer)}${call > 0 ? `#${call + 1}` : ''}`;
    byAddress.set(tensorAddress(name, output), value);
  };

  let frame = root;
  for (;;) {
    const item = frame.graph.order[frame.next];
    if (!item) {
      if (!frame.parent) break;
      const { frame: outer, ref } = frame.parent;
      const inner = frame;
      inner.graph.outputs.forEach((output, i) => publish(outer, ref.layer, ref.call, i, read(inner, output)));
      frame = outer;
      continue;
    }
    frame.next += 1;
    const layer = frame.layers.get(item.layer);
    const call = layer?.calls[item.call];
    if (!layer || !call) continue;
    // The inputs of an opened model are already known: they are the tensors that its call reads.
    if (frame.values.has(key(layer.name, item.call, 0))) continue;
    const inputs = call.inputs.map((ref) => read(frame, ref));
    const address = `${frame.prefix}${escapeName(layer.name)}${item.call > 0 ? `#${item.call + 1}` : ''}`;
    const layerAddress = `${frame.layerPrefix}${escapeName(layer.name)}`;
    const trainable = frame.trainable && layer.trainable;
    if (layer.graph && opened.has(layer)) {
      const inner = newFrame(layer.graph, `${address}/`, `${layerAddress}/`, trainable);
      inner.parent = { frame, ref: item };
      inputsByPosition(layer.graph, call, inputs).forEach((value, i) => {
        const ref = inner.graph.inputs[i];
        if (ref && value) publish(inner, ref.layer, ref.call, ref.output, value);
      });
      frame = inner;
      continue;
    }
    const isInput = frame === root && graph.inputs.some((ref) => ref.layer === layer.name && ref.call === item.call);
    const made: OpenCall = { layer, call, address, layerAddress, inputs, isInput, trainable, position: calls.length };
    calls.push(made);
    outputCount(layer, call).forEach((output) => publish(frame, layer.name, item.call, output, { from: made, output }));
  }
  return {
    calls,
    inputs: graph.inputs.map((ref) => read(root, ref)),
    outputs: graph.outputs.map((ref) => read(root, ref)),
    find: (address) => byAddress.get(address) ?? null,
  };
}

function outputCount(layer: Layer, call: LayerCall): number[] {
  const count = Math.max(call.outputs.length, layer.graph?.outputs.length ?? 1, 1);
  return Array.from({ length: count }, (_, i) => i);
}

/** The tensors that a nested model's call passes, in the order of the nested model's inputs. */
function inputsByPosition(graph: LayerGraph, call: LayerCall, inputs: OpenTensor[]): (OpenTensor | undefined)[] {
  const first = call.args[0];
  if (first?.kind !== 'dict') return inputs;
  return graph.inputs.map(({ name, layer }) => {
    const item = Object.hasOwn(first.items, name) ? first.items[name] : first.items[layer];
    return item?.kind === 'tensor' ? inputs[item.input] : undefined;
  });
}

/** Shape and dtype of a tensor; unknown where the call does not say. */
export function tensorInfo(tensor: OpenTensor): TensorInfo {
  const known = tensor.from.call.outputs[tensor.output];
  return known ?? { shape: null, dtype: null };
}

/** Whether an argument is nothing but tensors, or lists of tensors. */
export function isTensors(argument: CallArgument): boolean {
  return (
    argument.kind === 'tensor' || (argument.kind === 'list' && argument.items.every((item) => item.kind === 'tensor'))
  );
}
