/** Cuts near one that is not closed, and closed themselves. */
import { openAddress, type OpenCall, type OpenedGraph, type OpenTensor } from './openGraph';
import type { Boundary } from './slice';

type Suggestions = Boundary['suggestions'];

/**
 * Where the start could be instead, nearest first; not yet checked against masks.
 * @param missing addresses that the cut lacks.
 * @param canSupply whether a tensor can come from outside.
 */
export function nearCuts(
  opened: OpenedGraph,
  outputs: readonly OpenTensor[],
  supplied: readonly { address: string; tensor: OpenTensor }[],
  missing: readonly string[],
  canSupply: (tensor: OpenTensor) => boolean = () => true,
): Suggestions {
  const given = supplied.map(({ address }) => address);
  const suggestions: Suggestions = [{ inputs: [...given, ...missing], why: 'adds what is missing as inputs' }];
  if (supplied.length === 0) return suggestions;
  const above = ancestors(outputs);
  const calls = opened.calls.filter((call) => above.has(call));
  const positions = supplied.map(({ tensor }) => tensor.from.position);
  const { before, after } = narrows(calls, outputs, smallest(positions), largest(positions), canSupply);
  const own = calls.filter(({ isInput }) => isInput).flatMap((call) => call.outputs.slice(0, 1));
  if (before) suggestions.push({ inputs: [before], why: 'moves the start back to where one tensor is enough' });
  else if (own.length > 0 && own.every(canSupply))
    suggestions.push({ inputs: own.map(openAddress), why: 'moves the start back to the inputs of the model' });
  if (after) suggestions.push({ inputs: [after], why: 'moves the start on to where one tensor is enough' });
  const seen = new Set<string>();
  return suggestions.filter(({ inputs }) => {
    const key = JSON.stringify([...inputs].sort());
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function ancestors(tensors: readonly OpenTensor[]): Set<OpenCall> {
  const found = new Set<OpenCall>();
  const open = tensors.map(({ from }) => from);
  for (let call = open.pop(); call; call = open.pop()) {
    if (found.has(call)) continue;
    found.add(call);
    for (const { from } of call.inputs) open.push(from);
  }
  return found;
}

/** Single tensors through which everything flows: the last one before position `first`, and the first after `last`. */
function narrows(
  calls: readonly OpenCall[],
  outputs: readonly OpenTensor[],
  first: number,
  last: number,
  canSupply: (tensor: OpenTensor) => boolean,
): { before: string | null; after: string | null } {
  // constants come along with whatever reads them
  const fed = new Set<OpenCall>();
  for (const call of calls) if (call.isInput || call.inputs.some(({ from }) => fed.has(from))) fed.add(call);
  const lastInput = calls.findLastIndex((call) => call.isInput);
  const lastUse = new Map<OpenTensor, number>();
  calls.forEach((call, i) => call.inputs.forEach((tensor) => lastUse.set(tensor, i)));
  for (const tensor of outputs) lastUse.set(tensor, Infinity);
  let before: string | null = null;
  let after: string | null = null;
  const live = new Set<OpenTensor>();
  calls.forEach((call, i) => {
    for (const tensor of call.inputs) if (lastUse.get(tensor) === i) live.delete(tensor);
    for (const tensor of fed.has(call) ? call.outputs : []) if ((lastUse.get(tensor) ?? -1) > i) live.add(tensor);
    const [only] = live;
    if (live.size !== 1 || !only || lastUse.get(only) === Infinity || !canSupply(only)) return;
    // Inputs that have not been made yet are still to come: not everything flows through this one.
    if (i < lastInput) return;
    if (call.position < first) before = openAddress(only);
    else if (call.position > last && after === null) after = openAddress(only);
  });
  return { before, after };
}

// not by spreading: a cut may have more inputs than a call takes arguments
function smallest(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.min(a, b), Infinity);
}

function largest(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b), -Infinity);
}
