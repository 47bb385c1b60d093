/** Cuts of graph-models that cannot be made: through a TensorFlow 1 loop or branch, and at handles. */
import { SlicerError } from '../errors';
import { frameDepths, isFrameNode, isHandle } from './graphNodes';
import { openAddress, type OpenCall, type OpenTensor } from './openGraph';
import { neededCalls, type CutTensor, type ResolvedCut } from './resolveCut';
import type { Boundary } from './slice';

/**
 * @returns the boundary, without suggestions that lead into loops.
 * @throws SlicerError `control-flow` (`address`, `class`, and `after`: where the loops' results come out),
 *   `unsupported` with `reason: 'cut-handle'` (`address`, `class`).
 */
export function refuseFrames({ opened, outputs, supplied, boundary }: ResolvedCut): Boundary {
  for (const { address, tensor } of [...outputs, ...supplied]) {
    if (isHandle(tensor))
      throw new SlicerError('unsupported', { reason: 'cut-handle', address, class: tensor.from.layer.className });
  }
  if (!opened.calls.some(isFrameNode)) return boundary;
  const depths = frameDepths(opened);
  const tensors = new Map<string, OpenTensor>();
  for (const call of opened.calls) for (const tensor of call.outputs) tensors.set(openAddress(tensor), tensor);
  const at = (addresses: readonly string[]): CutTensor[] =>
    addresses.flatMap((address) => {
      const tensor = tensors.get(address);
      return tensor ? [{ address, tensor }] : [];
    });
  /** The first part of a loop that the outputs need when these tensors come from outside. */
  const frameFrom = (stops: readonly CutTensor[]): OpenCall | null => {
    const needed = [...neededCalls(outputs, stops).needed].filter((call) => isFrameNode(call) || depths.has(call));
    const inside = stops.map(({ tensor }) => tensor.from).filter((call) => depths.has(call));
    return [...needed, ...inside].reduce<OpenCall | null>(
      (first, call) => (first && first.position <= call.position ? first : call),
      null,
    );
  };
  // what only leads to something missing is not needed once that comes from outside
  const missing = at(boundary.missing.map(({ address }) => address));
  const found = frameFrom([...supplied, ...missing]);
  if (found) {
    const after = resultsOf(outputs, supplied, depths);
    const data = { address: found.address, class: found.layer.className };
    throw new SlicerError('control-flow', after.length > 0 ? { ...data, after: after.slice(0, 8) } : data);
  }
  return { ...boundary, suggestions: boundary.suggestions.filter(({ inputs }) => !frameFrom(at(inputs))) };
}

/** Addresses of the values outside of loops that the outputs are computed from: with these as inputs, no loop is needed. */
function resultsOf(
  outputs: readonly CutTensor[],
  supplied: readonly CutTensor[],
  depths: ReadonlyMap<OpenCall, number>,
): string[] {
  const given = new Set(supplied.map(({ tensor }) => tensor));
  const isOutside = ({ from }: OpenTensor): boolean => isFrameNode(from) && !depths.has(from);
  const found = new Set<string>();
  const seen = new Set<OpenTensor>();
  const open = outputs.map(({ tensor }) => tensor);
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (seen.has(tensor) || given.has(tensor)) continue;
    seen.add(tensor);
    if (depths.has(tensor.from)) return [];
    // a list is a handle: what reads it has the values
    const readsList = tensor.from.inputs.some((input) => isOutside(input) && isHandle(input));
    if (!isHandle(tensor) && (isOutside(tensor) || readsList)) found.add(openAddress(tensor));
    else open.push(...tensor.from.inputs);
  }
  return [...found];
}
