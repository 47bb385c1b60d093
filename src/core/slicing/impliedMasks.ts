/** Calls without the mask arguments that go without saying, and without what only made those masks. */
import type { CallArgument, LayerCall } from '../model/layerGraph';
import { isMaskKeyword, maskArguments } from './maskRules';
import type { OpenCall, OpenTensor } from './openGraph';

/**
 * @param calls in execution order.
 * @param implied calls whose mask arguments are left out.
 * @returns those of the calls that the outputs still need, in the same order.
 */
export function withoutImpliedMasks(
  calls: readonly OpenCall[],
  outputs: readonly OpenTensor[],
  implied: ReadonlySet<LayerCall>,
): OpenCall[] {
  if (!calls.some(({ call }) => implied.has(call))) return [...calls];
  const plain = new Map(calls.map((call) => [call, implied.has(call.call) ? withoutMasks(call) : call]));
  const needed = new Set<OpenCall>();
  const open = outputs.map(({ from }) => from);
  for (let call = open.pop(); call; call = open.pop()) {
    if (needed.has(call)) continue;
    needed.add(call);
    // what is supplied is not among the calls
    for (const { from } of plain.get(call)?.inputs ?? []) open.push(from);
  }
  return [...plain].flatMap(([call, written]) => (needed.has(call) ? [written] : []));
}

function withoutMasks(open: OpenCall): OpenCall {
  const { call, inputs } = open;
  const masks = new Set(maskArguments(call));
  const places = new Map<number, number>();
  inputs.forEach((_, i) => {
    if (!masks.has(i)) places.set(i, places.size);
  });
  const moved = (argument: CallArgument): CallArgument => {
    switch (argument.kind) {
      case 'constant':
        return argument;
      case 'tensor':
        return { kind: 'tensor', input: places.get(argument.input) ?? 0 };
      case 'list':
        return { kind: 'list', items: argument.items.map(moved) };
      case 'dict':
        return {
          kind: 'dict',
          items: Object.fromEntries(Object.entries(argument.items).map(([key, item]) => [key, moved(item)])),
        };
    }
  };
  const kept = <T>(items: readonly T[]): T[] => items.filter((_, i) => !masks.has(i));
  return {
    ...open,
    inputs: kept(inputs),
    call: {
      ...call,
      inputs: kept(call.inputs),
      args: call.args.map(moved),
      kwargs: Object.fromEntries(
        Object.entries(call.kwargs).flatMap(([key, value]) => (isMaskKeyword(key) ? [] : [[key, moved(value)]])),
      ),
    },
  };
}
