/** How often values are still to be read. What runs a model and what foresees its memory let go of them by the same rule. */
import type { ExpandedCall } from '../../core/model/traversal';

/** By address: by how many of these calls' inputs it is read. */
export function countReaders(calls: Iterable<Pick<ExpandedCall, 'inputs'>>): Map<string, number> {
  const readers = new Map<string, number>();
  for (const { inputs } of calls) for (const address of inputs) readers.set(address, (readers.get(address) ?? 0) + 1);
  return readers;
}

/** After a call: drops what it was the last to read, and what it made that nobody reads. `left` counts down. */
export function letGo(
  { inputs, outputs }: Pick<ExpandedCall, 'inputs' | 'outputs'>,
  left: Map<string, number>,
  values: { drop(address: string): void },
): void {
  for (const address of inputs) {
    const count = (left.get(address) ?? 0) - 1;
    left.set(address, count);
    if (count <= 0) values.drop(address);
  }
  for (const address of outputs) if ((left.get(address) ?? 0) === 0) values.drop(address);
}
