/** Opens nested models in place, as far as a cut asks for it, and says which tensors run between the calls that are left. */
import { SlicerError } from '../errors';
import { partAddresses } from '../layers/splitLayer';
import { escapeName, formatAddress, layersByName, splitOf, tensorAddress, type AddressPart } from '../model/address';
import type { CallArgument, Layer, LayerCall, LayerGraph, TensorInfo, TensorRef } from '../model/layerGraph';

/** One call in the opened graph. Calls of one layer (also through two calls of the model around it) share `layer`. */
export interface OpenCall {
  /** The layer, or a part of one that was taken apart: parts have the address of the whole layer. */
  layer: Layer;
  call: LayerCall;
  /** Canonical address: `tower#2/conv`. */
  address: string;
  /** Address of the layer without any call index: `tower/conv`. */
  layerAddress: string;
  inputs: OpenTensor[];
  /** One object for each, also where it is read: tensors are equal when they are the same object. */
  outputs: OpenTensor[];
  /** Canonical addresses of the outputs where the call's own does not tell: of a part. */
  outputAddresses?: readonly string[];
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
  /** The tensor at a resolved address; null where no call makes it, or where a model or layer that stays whole hides it. */
  find(path: readonly AddressPart[], output: number, inner: string | null): OpenTensor | null;
}

interface Frame {
  graph: LayerGraph;
  /** Canonical address of the call around it, with a slash; empty for the model itself. */
  prefix: string;
  layerPrefix: string;
  trainable: boolean;
  /** By layer, call, output. */
  values: Map<string, OpenTensor[][]>;
  /** Tensors inside layers, by canonical address. */
  inner: Map<string, OpenTensor>;
  layers: ReadonlyMap<string, Layer>;
  next: number;
  parent: { frame: Frame; ref: { layer: string; call: number } } | null;
}

/** Opened models that are called twice, inside each other, multiply: past this it is an attack. */
const MAX_CALLS = 500_000;

/**
 * @param opened the nested models to open; one that is not among them stays a single call.
 * @param apart the layers to take apart, so that what is inside them runs between calls.
 * @returns the calls of the model with those opened, in execution order.
 */
export function openGraph(
  graph: LayerGraph,
  opened: ReadonlySet<Layer>,
  apart: ReadonlySet<Layer> = new Set(),
): OpenedGraph {
  const calls: OpenCall[] = [];
  const frames = new Map<string, Frame>();
  const newFrame = (g: LayerGraph, prefix: string, layerPrefix: string, trainable: boolean): Frame => {
    const made: Frame = {
      graph: g,
      prefix,
      layerPrefix,
      trainable,
      values: new Map(),
      inner: new Map(),
      layers: layersByName(g),
      next: 0,
      parent: null,
    };
    frames.set(prefix, made);
    return made;
  };
  const root = newFrame(graph, '', '', true);
  const read = (frame: Frame, { layer, call, output }: TensorRef): OpenTensor => {
    const value = frame.values.get(layer)?.[call]?.[output];
    if (!value) throw new SlicerError('broken-graph', { layer: `${frame.prefix}${layer}`, reason: 'no-value' });
    return value;
  };
  const publish = (frame: Frame, layer: string, call: number, tensors: OpenTensor[]): void => {
    const ofLayer = frame.values.get(layer);
    if (ofLayer) ofLayer[call] = tensors;
    else {
      const calls: OpenTensor[][] = [];
      calls[call] = tensors;
      frame.values.set(layer, calls);
    }
  };
  const inputCalls = new Set(graph.inputs.map(({ layer }) => layer));

  let frame = root;
  for (;;) {
    const item = frame.graph.order[frame.next];
    if (!item) {
      if (!frame.parent) break;
      const { frame: outer, ref } = frame.parent;
      const inner = frame;
      const outputs = inner.graph.outputs.map((output) => read(inner, output));
      publish(outer, ref.layer, ref.call, outputs);
      frame = outer;
      continue;
    }
    frame.next += 1;
    const layer = frame.layers.get(item.layer);
    const call = layer?.calls[item.call];
    if (!layer || !call) continue;
    // The inputs of an opened model are already known: they are the tensors that its call reads.
    if (frame.values.get(layer.name)?.[item.call]) continue;
    if (calls.length >= MAX_CALLS) throw new SlicerError('too-large', { reason: 'calls', limit: MAX_CALLS });
    const inputs = call.inputs.map((ref) => read(frame, ref));
    const name = escapeName(layer.name);
    const address = `${frame.prefix}${name}${item.call > 0 ? `#${item.call + 1}` : ''}`;
    const layerAddress = `${frame.layerPrefix}${name}`;
    const trainable = frame.trainable && layer.trainable;
    if (layer.graph && opened.has(layer)) {
      const inner = newFrame(layer.graph, `${address}/`, `${layerAddress}/`, trainable);
      inner.parent = { frame, ref: item };
      inputsByPosition(layer.graph, call, inputs).forEach((value, i) => {
        const ref = inner.graph.inputs[i];
        if (ref && value) publish(inner, ref.layer, ref.call, [value]);
      });
      frame = inner;
      continue;
    }
    const isInput = frame === root && call.inputs.length === 0 && inputCalls.has(layer.name);
    const whole = { layer, call, address, layerAddress, inputs, isInput, trainable };
    const parts = apart.has(layer) ? partsOf(frame, whole, item.call, calls.length) : null;
    if (parts) {
      calls.push(...parts.calls);
      publish(frame, layer.name, item.call, parts.outputs);
      continue;
    }
    const made: OpenCall = { ...whole, outputs: [], position: calls.length };
    calls.push(made);
    made.outputs = outputCount(layer, call).map((output) => ({ from: made, output }));
    publish(frame, layer.name, item.call, made.outputs);
  }
  return {
    calls,
    inputs: graph.inputs.map((ref) => read(root, ref)),
    outputs: graph.outputs.map((ref) => read(root, ref)),
    find: (path, output, inner) => {
      const last = path.at(-1);
      const frame = frames.get(path.length > 1 ? `${formatAddress(path.slice(0, -1))}/` : '');
      if (inner !== null) return frame?.inner.get(`${formatAddress(path)}@${inner}`) ?? null;
      return (last && frame?.values.get(last.name)?.[last.call]?.[output]) ?? null;
    },
  };
}

/** A call of a layer as the calls of its parts, and the whole layer's outputs; null where it has none. */
function partsOf(
  { graph, inner }: Frame,
  whole: Omit<OpenCall, 'outputs' | 'position'>,
  index: number,
  position: number,
): { calls: OpenCall[]; outputs: OpenTensor[] } | null {
  const split = splitOf(graph, whole.layer);
  if (!split) return null;
  const addresses = partAddresses(split, whole.layer, index, whole.address);
  const calls: OpenCall[] = [];
  split.parts.forEach(({ layer, reads }, i) => {
    const call = layer.calls[index];
    if (!call) return;
    const inputs = reads?.flatMap(({ part, output }) => calls[part]?.outputs[output] ?? []) ?? whole.inputs;
    const outputAddresses = addresses[i] ?? [];
    const made: OpenCall = { ...whole, layer, call, inputs, outputs: [], outputAddresses, position: position + i };
    made.outputs = outputAddresses.map((_, output) => ({ from: made, output }));
    calls.push(made);
  });
  for (const [name, { part, output }] of split.inner) {
    const tensor = calls[part]?.outputs[output];
    if (tensor) inner.set(`${whole.address}@${name}`, tensor);
  }
  const outputs = outputCount(whole.layer, whole.call).flatMap((output) => {
    const tensor = split.own(output);
    return calls[tensor.part]?.outputs[tensor.output] ?? [];
  });
  return { calls, outputs };
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

/** Canonical address of a tensor, where it is made. */
export function openAddress({ from, output }: OpenTensor): string {
  return from.outputAddresses?.[output] ?? tensorAddress(from.address, output);
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
