/** Walks over a layer graph, nested models included. Iterative: a file decides how deep models nest. */
import { SlicerError } from '../errors';
import { partAddresses } from '../layers/splitLayer';
import { escapeName, splitOf, tensorAddress } from './address';
import type { CallArgument, Layer, LayerGraph, TensorRef } from './layerGraph';

/**
 * One call of the whole model with nested models opened up, in an order in which each comes after what it reads.
 * `input`: an InputLayer of the outermost model. `alias`: hands tensors on unchanged (an InputLayer of a nested
 * model; a nested model's own outputs). `call`: a layer or operation computes.
 */
export interface ExpandedCall {
  kind: 'input' | 'alias' | 'call';
  /** Canonical address of the call: `tower#2/conv`; the parts of a layer that was taken apart have the layer's. */
  address: string;
  /** The layer, or a part of one that was taken apart. */
  layer: Layer;
  graph: LayerGraph;
  /** Index of the call inside its graph, from 0. */
  call: number;
  /** Canonical addresses of the tensors it reads (for an alias: whose values it hands on, one per output). */
  inputs: string[];
  /** Canonical addresses of its outputs: `address`, `address:1` …, `address@pre`. */
  outputs: string[];
}

/** A layer anywhere in the model. */
export interface WalkedLayer {
  /** Canonical, without call indices. */
  address: string;
  /** Address of the nested model that holds it. */
  parent: string | null;
  /** Nested models around it. */
  depth: number;
  layer: Layer;
  graph: LayerGraph;
}

/** Nested models that are called twice, inside each other, multiply: past this it is an attack. */
const MAX_CALLS = 500_000;

interface Frame {
  graph: LayerGraph;
  /** Address of the call around it, with a slash. */
  prefix: string;
  next: number;
  layers: ReadonlyMap<string, Layer>;
  /** Addresses that the graph's inputs hand on; null for the outermost model. */
  given: Map<string, string> | null;
  /** The nested model's own call, due when its inside is done. */
  owner: { layer: Layer; graph: LayerGraph; call: number; address: string } | null;
}

/**
 * @param apart the layers that are taken apart, so that what is inside them is there: each call of theirs comes as the
 *   calls of their parts.
 * @throws SlicerError `too-large` when nested calls multiply beyond reason.
 */
export function expandCalls(graph: LayerGraph, apart: ReadonlySet<Layer> = new Set()): ExpandedCall[] {
  const calls: ExpandedCall[] = [];
  const stack: Frame[] = [frameOf(graph, '', null, null)];
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const item = frame.graph.order[frame.next];
    frame.next += 1;
    if (!item) {
      stack.pop();
      if (frame.owner) calls.push(modelOutputs(frame, frame.owner));
      continue;
    }
    const layer = frame.layers.get(item.layer);
    const call = layer?.calls[item.call];
    if (!layer || !call) continue;
    if (calls.length + stack.length > MAX_CALLS)
      throw new SlicerError('too-large', { reason: 'calls', limit: MAX_CALLS });
    const address = callAddress(frame.prefix, item.layer, item.call);
    const { prefix } = frame;
    const inputs = call.inputs.map((ref) => refAddress(prefix, ref));
    if (layer.graph) {
      const given = new Map<string, string>();
      layer.graph.inputs.forEach((input, i) => {
        const position = inputPosition(call.args[0], input, i);
        const source = position === null ? undefined : inputs[position];
        if (source !== undefined) given.set(input.layer, source);
      });
      stack.push(frameOf(layer.graph, `${address}/`, given, { layer, graph: frame.graph, call: item.call, address }));
      continue;
    }
    if (apart.has(layer)) {
      const parts = partCalls(frame.graph, layer, item.call, address, inputs);
      if (parts) {
        calls.push(...parts);
        continue;
      }
    }
    const outputs = Array.from({ length: Math.max(1, call.outputs.length) }, (_, i) => tensorAddress(address, i));
    const isPort =
      item.call === 0 && call.inputs.length === 0 && frame.graph.inputs.some((input) => input.layer === item.layer);
    const source = isPort ? frame.given?.get(item.layer) : undefined;
    const kind = source !== undefined ? 'alias' : isPort && !frame.given ? 'input' : 'call';
    calls.push({
      kind,
      address,
      layer,
      graph: frame.graph,
      call: item.call,
      inputs: source !== undefined ? [source] : inputs,
      outputs,
    });
  }
  return calls;
}

/** A call of a layer as the calls of its parts; null where it has none. */
function partCalls(
  graph: LayerGraph,
  whole: Layer,
  call: number,
  address: string,
  inputs: string[],
): ExpandedCall[] | null {
  const split = splitOf(graph, whole);
  if (!split) return null;
  const outputs = partAddresses(split, whole, call, address);
  return split.parts.map(({ layer, reads }, i) => ({
    kind: 'call',
    address,
    layer,
    graph,
    call,
    inputs: reads?.map(({ part, output }) => outputs[part]?.[output] ?? address) ?? inputs,
    outputs: outputs[i] ?? [],
  }));
}

function frameOf(graph: LayerGraph, prefix: string, given: Frame['given'], owner: Frame['owner']): Frame {
  return { graph, prefix, next: 0, layers: new Map(graph.layers.map((layer) => [layer.name, layer])), given, owner };
}

function callAddress(prefix: string, layer: string, call: number): string {
  return `${prefix}${escapeName(layer)}${call > 0 ? `#${call + 1}` : ''}`;
}

function refAddress(prefix: string, ref: TensorRef): string {
  return tensorAddress(callAddress(prefix, ref.layer, ref.call), ref.output);
}

function modelOutputs({ graph: inner, prefix }: Frame, owner: NonNullable<Frame['owner']>): ExpandedCall {
  const outputs = inner.outputs.map((_, i) => tensorAddress(owner.address, i));
  return { kind: 'alias', ...owner, inputs: inner.outputs.map((ref) => refAddress(prefix, ref)), outputs };
}

/** Which of a call's tensors feeds an input of a nested model: by position, or by key where a dict is passed. */
function inputPosition(
  argument: CallArgument | undefined,
  input: { name: string; layer: string },
  position: number,
): number | null {
  if (argument?.kind !== 'dict') return position;
  const key = Object.hasOwn(argument.items, input.name) ? input.name : input.layer;
  const item = Object.hasOwn(argument.items, key) ? argument.items[key] : undefined;
  return item?.kind === 'tensor' ? item.input : null;
}

/** All layers in model order, nested ones after their parent. */
export function walkLayers(graph: LayerGraph): WalkedLayer[] {
  const walked: WalkedLayer[] = [];
  const stack: { graph: LayerGraph; parent: string | null; at: number }[] = [{ graph, parent: null, at: 0 }];
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const layer = frame.graph.layers[frame.at];
    frame.at += 1;
    if (!layer) {
      stack.pop();
      continue;
    }
    const address = frame.parent === null ? escapeName(layer.name) : `${frame.parent}/${escapeName(layer.name)}`;
    walked.push({ address, parent: frame.parent, depth: stack.length - 1, layer, graph: frame.graph });
    if (layer.graph) stack.push({ graph: layer.graph, parent: address, at: 0 });
  }
  return walked;
}
