/** A model in two: all up to some tensors, and all that comes after them. */
import { SlicerError } from '../errors';
import { formatAddress, resolveAddress } from '../model/address';
import type { ModelFile } from '../model/modelFile';
import { planCut } from './sliceModel';
import type { MissingTensor, SlicePlan } from './slice';

export interface SplitPlan {
  /** From the model's inputs to the tensors of the split. */
  prefix: SlicePlan;
  /** From these tensors to the model's outputs. Open where `missing` says so. */
  suffix: SlicePlan;
  /** What else the suffix reads: the split is not closed as long as there is any. */
  missing: MissingTensor[];
  /** Single tensors at which the model falls in two, the nearest ones. */
  nearest: string[];
}

/**
 * Plans both parts. The suffix gets, besides the tensors at `addresses`, what nobody would leave out: the other outputs
 * of the same calls, and inputs of the model that only the suffix reads.
 * @param close also hand over whatever else the suffix reads.
 * @throws SlicerError as `planCut`; `usage` where nothing comes before or after the split.
 */
export function planSplit(model: ModelFile, addresses: readonly string[], { close = false } = {}): SplitPlan {
  const { graph } = model;
  const at = [...new Set(addresses.map((text) => resolveAddress(graph, text).address))];
  const calls = new Set(at.map((address) => callOf(model, address)));
  const own = new Set(graph.inputs.map(({ layer, call, output }) => formatAddress([{ name: layer, call }], output)));
  const first = planCut(model, { outputs: at, inputs: [] });
  if (first.calls === 0) throw new SlicerError('usage', { reason: 'split-before', address: at[0] ?? '' });
  const read = new Set(first.inputs.map(({ address }) => address));

  let inputs = at;
  let suffix = planCut(model, { outputs: [], inputs });
  const { suggestions } = suffix.boundary;
  // What is added may itself show what else is missing; each round adds a tensor, so that this ends.
  for (;;) {
    const added = suffix.boundary.missing
      .map(({ address }) => address)
      .filter((address) => close || calls.has(callOf(model, address)) || (own.has(address) && !read.has(address)))
      .filter((address) => !inputs.includes(address));
    if (added.length === 0) break;
    inputs = [...inputs, ...added];
    suffix = planCut(model, { outputs: [], inputs });
  }
  const taken = new Set(suffix.inputs.map(({ address }) => address));
  if (suffix.calls === 0 || !at.some((address) => taken.has(address)))
    throw new SlicerError('usage', { reason: 'split-after', address: at[0] ?? '' });
  const handedOver = inputs.filter((address) => taken.has(address) && !own.has(address));
  return {
    prefix: planCut(model, { outputs: handedOver, inputs: [] }),
    suffix,
    missing: suffix.boundary.missing,
    nearest: suggestions.flatMap((suggestion) => {
      const [only, ...more] = suggestion.inputs;
      return only !== undefined && more.length === 0 && !at.includes(only) && !own.has(only) ? [only] : [];
    }),
  };
}

function callOf({ graph }: ModelFile, address: string): string {
  return formatAddress(resolveAddress(graph, address).path);
}
