/**
 * The order of `model.layers` in a functional model that Keras has loaded: by depth, and among layers of one depth in the
 * order in which a walk back from the outputs meets them (`map_graph` in Keras 3's `ops/function.py`, `_map_graph_network`
 * in Keras 2). Weights of `.h5` go by this order, folders of `.keras` are numbered by it.
 */
import type { Layer } from '../model/layerGraph';
import type { OpenCall, OpenTensor } from './openGraph';

export interface OrderedParts {
  inputs: readonly { tensor: OpenTensor; layer: Layer | null }[];
  /** In execution order, InputLayers left out. */
  calls: readonly OpenCall[];
  outputs: readonly OpenTensor[];
}

/** @returns the layers of the calls; InputLayers and what is supplied are not among them. */
export function kerasOrder({ inputs, calls, outputs }: OrderedParts): Layer[] {
  const given = new Set(inputs.map(({ tensor }) => tensor));
  const byPosition = new Map(calls.map((call) => [call.position, call]));
  // calls may have been written anew, what reads them still names the ones before
  const makerOf = (tensor: OpenTensor): OpenCall | null =>
    given.has(tensor) ? null : (byPosition.get(tensor.from.position) ?? null);
  const { order, met } = walk(outputs, makerOf);
  const callDepths = new Map<OpenCall, number>();
  const layerDepths = new Map<Layer, number>();
  for (const call of [...order].reverse()) {
    const depth = Math.max(callDepths.get(call) ?? 0, layerDepths.get(call.layer) ?? 0);
    callDepths.set(call, depth);
    layerDepths.set(call.layer, depth);
    for (const tensor of call.inputs) {
      const maker = makerOf(tensor);
      if (maker) callDepths.set(maker, Math.max(depth + 1, callDepths.get(maker) ?? 0));
    }
  }
  return [...met].sort((a, b) => (layerDepths.get(b) ?? 0) - (layerDepths.get(a) ?? 0));
}

/** Calls each after what it reads, and layers in the order in which they were first met (stable sorting keeps it). */
function walk(
  outputs: readonly OpenTensor[],
  makerOf: (tensor: OpenTensor) => OpenCall | null,
): { order: OpenCall[]; met: Set<Layer> } {
  const order: OpenCall[] = [];
  const met = new Set<Layer>();
  const entered = new Set<OpenCall>();
  for (const output of outputs) {
    const start = makerOf(output);
    if (!start || entered.has(start)) continue;
    const stack: { call: OpenCall; next: number }[] = [{ call: start, next: 0 }];
    entered.add(start);
    met.add(start.layer);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const tensor = top.call.inputs[top.next];
      top.next += 1;
      if (!tensor) {
        order.push(top.call);
        stack.pop();
        continue;
      }
      const maker = makerOf(tensor);
      if (!maker || entered.has(maker)) continue;
      entered.add(maker);
      met.add(maker.layer);
      stack.push({ call: maker, next: 0 });
    }
  }
  return { order, met };
}
