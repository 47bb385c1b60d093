/** Which tensors a cut still lacks, and what would close it. */
import { tensorAddress } from '../model/address';
import { tensorInfo, type OpenCall, type OpenedGraph, type OpenTensor } from './openGraph';
import type { CutTensor } from './resolveCut';
import type { Boundary, MissingTensor } from './slice';

const addressOf = ({ from, output }: OpenTensor): string => tensorAddress(from.address, output);

/**
 * Which tensors must become inputs besides `supplied` so that the cut is closed: those that a call of the slice reads
 * although nothing supplied leads to them.
 * @param needed what the outputs need, up to what is supplied.
 */
export function boundaryOf(
  opened: OpenedGraph,
  needed: ReadonlySet<OpenCall>,
  outputs: readonly CutTensor[],
  supplied: readonly CutTensor[],
): Boundary {
  const given = new Set(supplied.map(({ tensor }) => tensor));
  const computable = new Set<OpenCall>();
  const reached = new Set<OpenCall>();
  const isComputable = (tensor: OpenTensor): boolean => given.has(tensor) || computable.has(tensor.from);
  const isReached = (tensor: OpenTensor): boolean => given.has(tensor) || reached.has(tensor.from);
  const missing = new Map<string, MissingTensor>();
  const lacks = (tensor: OpenTensor, neededBy: string): void => {
    const address = addressOf(tensor);
    const entry = missing.get(address) ?? { address, shape: tensorInfo(tensor).shape, neededBy: [] };
    entry.neededBy.push(neededBy);
    missing.set(address, entry);
  };
  for (const call of [...needed].sort((a, b) => a.position - b.position)) {
    if (!call.isInput && call.inputs.every(isComputable)) computable.add(call);
    if (!call.inputs.some(isReached)) continue;
    reached.add(call);
    for (const tensor of call.inputs) {
      if (!isComputable(tensor) && !isReached(tensor)) lacks(tensor, call.address);
    }
  }
  // An output that nothing supplied leads to needs the model's own inputs.
  for (const { address, tensor } of outputs) {
    if (isComputable(tensor) || isReached(tensor)) continue;
    for (const input of modelInputsOf(tensor)) for (const own of input.outputs.slice(0, 1)) lacks(own, address);
  }
  if (missing.size === 0) return { closed: true, missing: [], suggestions: [] };
  const names = supplied.map(({ address }) => address);
  return {
    closed: false,
    missing: [...missing.values()],
    suggestions: [
      { inputs: [...names, ...missing.keys()], why: 'adds what is missing as inputs' },
      ...nearestClosed(opened, outputs, supplied),
    ],
  };
}

function modelInputsOf(tensor: OpenTensor): OpenCall[] {
  return [...ancestors([tensor])].filter((call) => call.isInput).sort((a, b) => a.position - b.position);
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

/** Single tensors through which everything flows: the last before the supplied ones, and the first after them. */
function nearestClosed(
  opened: OpenedGraph,
  outputs: readonly CutTensor[],
  supplied: readonly CutTensor[],
): Boundary['suggestions'] {
  if (supplied.length === 0) return [];
  const above = ancestors(outputs.map(({ tensor }) => tensor));
  const calls = opened.calls.filter((call) => above.has(call));
  const lastInput = calls.findLastIndex((call) => call.isInput);
  const lastUse = new Map<OpenTensor, number>();
  calls.forEach((call, i) => call.inputs.forEach((tensor) => lastUse.set(tensor, i)));
  for (const { tensor } of outputs) lastUse.set(tensor, Infinity);
  const first = Math.min(...supplied.map(({ tensor }) => tensor.from.position));
  const last = Math.max(...supplied.map(({ tensor }) => tensor.from.position));
  let before: string | null = null;
  let after: string | null = null;
  const live = new Set<OpenTensor>();
  calls.forEach((call, i) => {
    for (const tensor of call.inputs) if (lastUse.get(tensor) === i) live.delete(tensor);
    for (const tensor of call.outputs) if ((lastUse.get(tensor) ?? -1) > i) live.add(tensor);
    const [only] = live;
    if (live.size !== 1 || !only || lastUse.get(only) === Infinity) return;
    // Inputs that have not been made yet are still to come: not everything flows through this one.
    if (i < lastInput) return;
    if (call.position < first) before = addressOf(only);
    else if (call.position > last && after === null) after = addressOf(only);
  });
  const suggestions: Boundary['suggestions'] = [];
  if (before !== null)
    suggestions.push({ inputs: [before], why: 'moves the start back to where one tensor is enough' });
  if (after !== null) suggestions.push({ inputs: [after], why: 'moves the start on to where one tensor is enough' });
  return suggestions;
}
