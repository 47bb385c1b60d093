/** Which tensors a cut still lacks. */
import { openAddress, tensorInfo, type OpenCall, type OpenTensor } from './openGraph';
import type { MissingTensor } from './slice';

/** A tensor that a cut lacks, and what reads it. */
export interface Lacking {
  tensor: OpenTensor;
  /** Canonical addresses of calls, or of the output that depends on it. */
  neededBy: string[];
  readers: OpenCall[];
}

/**
 * Which tensors must become inputs besides `supplied` so that the cut is closed: those that a call of the slice reads
 * although nothing supplied leads to them; and the model's own inputs for an output that nothing supplied leads to.
 * @param needed what the outputs need, up to what is supplied, in execution order.
 * @param canSupply whether a tensor can come from outside; for one that cannot, what it is made of is named instead.
 */
export function lackingTensors(
  needed: readonly OpenCall[],
  outputs: readonly { address: string; tensor: OpenTensor }[],
  supplied: ReadonlySet<OpenTensor>,
  canSupply: (tensor: OpenTensor) => boolean = () => true,
): Map<OpenTensor, Lacking> {
  const computable = new Set<OpenCall>();
  const reached = new Set<OpenCall>();
  const lacking = new Map<OpenTensor, Lacking>();
  const isThere = (tensor: OpenTensor): boolean =>
    supplied.has(tensor) || computable.has(tensor.from) || reached.has(tensor.from);
  const takenApart = new Set<OpenTensor>();
  const lacks = (asked: OpenTensor, neededBy: string, reader: OpenCall): void => {
    const open = [asked];
    for (let tensor = open.pop(); tensor; tensor = open.pop()) {
      if (!canSupply(tensor) && tensor.from.inputs.length > 0) {
        if (!takenApart.has(tensor)) open.push(...tensor.from.inputs.filter((input) => !isThere(input)));
        takenApart.add(tensor);
        continue;
      }
      const entry = lacking.get(tensor) ?? { tensor, neededBy: [], readers: [] };
      if (entry.neededBy.at(-1) !== neededBy) entry.neededBy.push(neededBy);
      entry.readers.push(reader);
      lacking.set(tensor, entry);
    }
  };
  for (const call of needed) {
    if (!call.isInput && call.inputs.every((tensor) => supplied.has(tensor) || computable.has(tensor.from)))
      computable.add(call);
    if (!call.inputs.some((tensor) => supplied.has(tensor) || reached.has(tensor.from))) continue;
    reached.add(call);
    for (const tensor of call.inputs) if (!isThere(tensor)) lacks(tensor, call.address, call);
  }
  const seen = new Set<OpenTensor>();
  for (const { address, tensor: output } of outputs) {
    const open = [output];
    for (let tensor = open.pop(); tensor; tensor = open.pop()) {
      // what is lacking already will be there too
      if (isThere(tensor) || (lacking.has(tensor) && !tensor.from.isInput)) continue;
      if (tensor.from.isInput) {
        lacks(tensor, address, output.from);
        continue;
      }
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      open.push(...tensor.from.inputs.toReversed());
    }
  }
  return lacking;
}

export function missingTensor({ tensor, neededBy }: Lacking): MissingTensor {
  return { address: openAddress(tensor), shape: tensorInfo(tensor).shape, neededBy };
}
