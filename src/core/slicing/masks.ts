/**
 * Masks as part of the boundary: in Keras 2's files, and inside every Sequential, they run along with tensors and no edge
 * shows them; Keras 3's functional files have them as arguments (`kwargs.mask`), made by operations.
 */
import { resolveAddress } from '../model/address';
import type { Layer, LayerGraph } from '../model/layerGraph';
import { maskFlow, type MaskFlow } from './maskFlow';
import { MaskIds, NO_MASK, sameMask } from './maskIds';
import { isRecurrent, makesMask, maskArguments, readsMask } from './maskRules';
import { openGraph, type OpenCall, type OpenedGraph, type OpenTensor } from './openGraph';

/** The masks of a whole model. */
export interface ModelMasks {
  ids: MaskIds;
  /** All nested models opened: masks go through them. */
  opened: OpenedGraph;
  flow: MaskFlow;
  /** The call there that is a call of a less opened graph. */
  callOf(call: OpenCall, prefix?: string): OpenCall | null;
  /** The tensor at a canonical address. */
  tensorAt(address: string): OpenTensor | null;
}

/**
 * The masks of a model; null where nothing makes one.
 * @param apart layers that are taken apart.
 */
export function modelMasks(graph: LayerGraph, keras: 2 | 3, apart: ReadonlySet<Layer>): ModelMasks | null {
  const { masked, models } = survey(graph);
  if (!masked) return null;
  const ids = new MaskIds();
  const opened = openGraph(graph, models, apart);
  const calls = new Map<string, OpenCall[]>();
  for (const call of opened.calls) {
    const same = calls.get(call.address);
    if (same) same.push(call);
    else calls.set(call.address, [call]);
  }
  return {
    ids,
    opened,
    flow: maskFlow(opened.calls, keras, ids),
    // parts of one layer share its address
    callOf: ({ address, layer }, prefix = '') =>
      calls.get(`${prefix}${address}`)?.find((call) => call.layer === layer) ?? null,
    tensorAt: (address) => {
      const { path, output, inner } = resolveAddress(graph, address);
      return opened.find(path, output, inner);
    },
  };
}

/** Whether masks, or what TF.js treats like them, play a part; and all nested models. */
function survey(graph: LayerGraph): { masked: boolean; models: Set<Layer> } {
  const models = new Set<Layer>();
  let masked = false;
  const open = [graph];
  for (let at = open.pop(); at; at = open.pop()) {
    for (const layer of at.layers) {
      if (layer.graph && !models.has(layer)) {
        models.add(layer);
        open.push(layer.graph);
      }
      masked ||= makesMask(layer) || layer.calls.some((call) => maskArguments(call).length > 0);
      // initial states, which TF.js hands on inside nested models
      masked ||= at !== graph && isRecurrent(layer) && layer.calls.some(({ inputs }) => inputs.length > 1);
    }
  }
  return { masked, models };
}

/** A mask that a cut loses: `source` made it, `neededBy` reads it, `address` is the supplied tensor that comes without it. */
export interface LostMask {
  address: string;
  neededBy: string;
  source: string;
}

/** What crosses a cut as a mask: supplied tensors come without the masks that ran along with them. */
export function lostMask(
  { ids, opened, flow }: ModelMasks,
  keras: 2 | 3,
  outputs: readonly OpenTensor[],
  supplied: ReadonlyMap<OpenTensor, string>,
): LostMask | null {
  if (![...supplied.keys()].some((tensor) => flow.along(tensor) !== NO_MASK)) return null;
  const cut = maskFlow(opened.calls, keras, ids, new Set(supplied.keys()));
  const needed = neededFor(outputs, supplied);
  const lost = new Map<OpenTensor, OpenTensor>();
  for (const call of opened.calls) {
    if (!needed.has(call)) continue;
    const from = call.inputs.find((tensor) => origin(tensor) !== undefined);
    const start = from && origin(from);
    if (!start) continue;
    if (readsMask(call.layer) && !sameMask(flow.of(call).read, cut.of(call).read))
      return { address: supplied.get(start) ?? '', neededBy: call.address, source: makerOf(start, flow) };
    for (const tensor of call.outputs) if (flow.along(tensor) !== cut.along(tensor)) lost.set(tensor, start);
  }
  return null;

  function origin(tensor: OpenTensor): OpenTensor | undefined {
    if (supplied.has(tensor)) return flow.along(tensor) === NO_MASK ? undefined : tensor;
    return lost.get(tensor);
  }
}

function neededFor(outputs: readonly OpenTensor[], supplied: ReadonlyMap<OpenTensor, string>): Set<OpenCall> {
  const needed = new Set<OpenCall>();
  const open = [...outputs];
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (supplied.has(tensor) || needed.has(tensor.from)) continue;
    needed.add(tensor.from);
    open.push(...tensor.from.inputs);
  }
  return needed;
}

/** The layer that made the mask of a tensor. */
function makerOf(tensor: OpenTensor, flow: MaskFlow): string {
  let at = tensor.from;
  // back through calls that only hand it on; each comes after what it reads, so this ends
  for (;;) {
    const before = at.inputs.find((input) => flow.along(input) !== NO_MASK);
    if (!before || makesMask(at.layer)) return at.address;
    at = before.from;
  }
}

/**
 * A tensor that the cut lacks only as a mask: to ask for it as an input would ask for what the model makes itself.
 * @param missing what the cut lacks, and who reads it.
 * @param needed the calls of the slice.
 */
export function lostMaskArgument(
  masks: ModelMasks,
  missing: ReadonlyMap<OpenTensor, readonly OpenCall[]>,
  needed: readonly OpenCall[],
  outputs: readonly OpenTensor[],
  supplied: ReadonlyMap<OpenTensor, string>,
): LostMask | null {
  if (supplied.size === 0) return null;
  const data = usedAsData(needed, outputs);
  for (const [tensor, readers] of missing) {
    const [reader] = readers;
    // a mask that the user feeds is an input like others
    if (!reader || data.has(tensor) || tensor.from.isInput) continue;
    return { address: suppliedTo(reader, supplied), neededBy: reader.address, source: sourceOf(masks, tensor) };
  }
  return null;
}

/** Tensors that a layer reads as more than a mask, or an operation that does not only make one. */
function usedAsData(calls: readonly OpenCall[], outputs: readonly OpenTensor[]): Set<OpenTensor> {
  const data = new Set(outputs);
  for (const call of [...calls].reverse()) {
    if (!call.layer.isLayer && !call.outputs.some((tensor) => data.has(tensor))) continue;
    const asMask = new Set(maskArguments(call.call));
    call.inputs.forEach((tensor, i) => {
      if (!asMask.has(i)) data.add(tensor);
    });
  }
  return data;
}

/** The supplied tensor that leads to a call. */
function suppliedTo(call: OpenCall, supplied: ReadonlyMap<OpenTensor, string>): string {
  const seen = new Set<OpenTensor>();
  const open = [...call.inputs].reverse();
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    const address = supplied.get(tensor);
    if (address !== undefined) return address;
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    open.push(...tensor.from.inputs);
  }
  return [...supplied.values()][0] ?? '';
}

/** The layer whose mask a tensor is, or else the operation that makes the tensor. */
function sourceOf({ opened, flow, callOf }: ModelMasks, tensor: OpenTensor): string {
  const made = callOf(tensor.from)?.outputs[tensor.output];
  const mask = made && flow.value(made);
  const maker = opened.calls.find(
    (call) => makesMask(call.layer) && call.outputs.some((own) => flow.along(own) === mask),
  );
  return maker?.address ?? tensor.from.address;
}
