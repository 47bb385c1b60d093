/** Control inputs (`^node`): what only has to run before a node, and which of that comes along with a slice. */
import { frameDepths, isFrameNode } from './graphNodes';
import type { OpenCall, OpenedGraph, OpenTensor } from './openGraph';

/** What a slice can compute by itself: from constants, and from what it is given. */
export function computableCalls(opened: OpenedGraph, given: ReadonlySet<OpenTensor>): Set<OpenCall> {
  const depths = frameDepths(opened);
  const found = new Set<OpenCall>();
  for (const call of opened.calls) {
    const isComputable = call.isInput
      ? call.outputs.some((tensor) => given.has(tensor))
      : !isFrameNode(call) &&
        !depths.has(call) &&
        call.inputs.every((tensor) => given.has(tensor) || found.has(tensor.from));
    if (isComputable) found.add(call);
  }
  return found;
}

/** Adds `call` and what it is computed from, up to what is given. */
export function addWithSources(call: OpenCall, kept: Set<OpenCall>, given: ReadonlySet<OpenTensor>): OpenCall[] {
  const added: OpenCall[] = [];
  const open = [call];
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.isInput || kept.has(next)) continue;
    kept.add(next);
    added.push(next);
    for (const tensor of next.inputs) if (!given.has(tensor)) open.push(tensor.from);
  }
  return added;
}

/**
 * Adds to `kept` the nodes that others wait for, where the slice can compute them: they may have effects (a check,
 * a table that is filled). The others order nothing any more, because what they come after is not in the slice.
 */
export function addControlSources(
  kept: Set<OpenCall>,
  given: ReadonlySet<OpenTensor>,
  computable: ReadonlySet<OpenCall>,
  sourcesOf: (call: OpenCall) => readonly OpenCall[],
): void {
  const open = [...kept];
  for (let call = open.pop(); call; call = open.pop()) {
    for (const source of sourcesOf(call)) {
      if (!kept.has(source) && computable.has(source)) open.push(...addWithSources(source, kept, given));
    }
  }
}
