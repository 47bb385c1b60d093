/** Tensors that one call reads twice. */
import type { Layer } from '../model/layerGraph';
import { tensorInfo, type OpenCall, type OpenTensor } from './openGraph';

/**
 * TF.js counts who reads a tensor by call but counts down by argument (`execute` in its executor), so that a tensor which
 * `Add([x, x])` and another call read is freed too early. A linear Activation, which changes nothing, stands in for
 * the second reading.
 * @returns the calls with those, in execution order, and the addresses of the calls that were changed.
 */
export function withoutDoubleReads(calls: readonly OpenCall[]): { calls: OpenCall[]; changed: string[] } {
  const readers = new Map<OpenTensor, number>();
  if (!calls.some(readsTwice)) return { calls: [...calls], changed: [] };
  for (const call of calls)
    for (const tensor of new Set(call.inputs)) readers.set(tensor, (readers.get(tensor) ?? 0) + 1);
  const changed: string[] = [];
  const result: OpenCall[] = [];
  for (const call of calls) {
    if (!readsTwice(call)) {
      result.push(call);
      continue;
    }
    const seen = new Set<OpenTensor>();
    const inputs = call.inputs.map((tensor, i) => {
      const isFirst = !seen.has(tensor);
      seen.add(tensor);
      if (isFirst || (readers.get(tensor) ?? 0) < 2) return tensor;
      const copy = identity(tensor, call, i);
      result.push(copy);
      return copy.outputs[0] ?? tensor;
    });
    const same = inputs.every((tensor, i) => tensor === call.inputs[i]);
    if (!same) changed.push(call.address);
    result.push(same ? call : { ...call, inputs });
  }
  return { calls: result, changed };
}

function readsTwice({ inputs }: OpenCall): boolean {
  return inputs.length > 1 && new Set(inputs).size < inputs.length;
}

function identity(tensor: OpenTensor, reader: OpenCall, i: number): OpenCall {
  const name = `${tensor.from.layer.name}_again`;
  const layer: Layer = {
    name,
    className: 'Activation',
    module: null,
    isLayer: true,
    config: { name, activation: 'linear', trainable: true, dtype: 'float32' },
    trainable: true,
    calls: [],
    weights: [],
    graph: null,
    index: { keras: null, tfjs: null },
  };
  const call = {
    inputs: [],
    args: [{ kind: 'tensor' as const, input: 0 }],
    kwargs: {},
    outputs: [tensorInfo(tensor)],
    macs: 0,
  };
  const address = `${tensor.from.address}_again`;
  // just before the call that reads it, and unlike any other
  const position = reader.position - 1 + (i + 1) / (reader.inputs.length + 1);
  const copy: OpenCall = {
    layer,
    call,
    address,
    layerAddress: address,
    inputs: [tensor],
    outputs: [],
    isInput: false,
    trainable: true,
    position,
  };
  copy.outputs = [{ from: copy, output: 0 }];
  return copy;
}
