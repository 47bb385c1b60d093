/** Masks in a slice that Keras reads: it hands them on by itself, and Keras 3 by other rules than Keras 2. */
import { maskFlow } from './maskFlow';
import { sameMask } from './maskIds';
import { readsMask } from './maskRules';
import type { ModelMasks } from './masks';
import type { CutTensor } from './resolveCut';
import type { Lack } from './topologyDialect';
import type { MaskFindings } from './writeTopology';

/**
 * @param keras whose semantics the source has. Where that is Keras 3, masks are arguments, and stay what they are.
 * @returns calls to which Keras 3 would hand another mask than Keras 2.
 */
export function kerasMasks(
  { ids, opened, flow, tensorAt }: ModelMasks,
  keras: 2 | 3,
  slice: { outputs: readonly CutTensor[]; supplied: readonly CutTensor[] },
): MaskFindings {
  const problems: Lack[] = [];
  if (keras === 3) return { implied: new Set(), problems };
  const other = maskFlow(opened.calls, 3, ids);
  const given = new Set(slice.supplied.flatMap(({ address }) => tensorAt(address) ?? []));
  const seen = new Set<object>();
  const open = slice.outputs.flatMap(({ address }) => tensorAt(address) ?? []);
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    const call = tensor.from;
    if (given.has(tensor) || seen.has(call)) continue;
    seen.add(call);
    if (readsMask(call.layer) && !sameMask(flow.of(call).read, other.of(call).read))
      problems.push({ address: call.layerAddress, reason: 'Keras 3 would hand it another mask than Keras 2' });
    open.push(...call.inputs);
  }
  return { implied: new Set(), problems };
}
