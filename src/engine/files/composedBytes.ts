/** The bytes of a composed model's weights: those of its parts as they are stored, and those that are made. */
import { SlicerError } from '../../core/errors';
import type { Composed } from '../../core/composing/composeModel';
import type { ComposedWeight } from '../../core/composing/draftModel';
import { initialValues } from '../../core/composing/newWeights';
import type { WeightEntry } from '../../core/model/modelFile';

/** What is needed of an opened part. */
export interface PartBytes {
  readStored(entry: WeightEntry): AsyncIterable<Uint8Array>;
}

export interface ComposedSources<Source extends PartBytes = PartBytes> {
  base: Source;
  second: Source | null;
}

/** @returns what reads the bytes of a weight of `composed`, in pieces. */
export function composedBytes(
  { weights }: Composed,
  { base, second }: ComposedSources,
): (entry: WeightEntry) => AsyncIterable<Uint8Array> {
  const known = new Map<WeightEntry, ComposedWeight>(weights.map((weight) => [weight.entry, weight]));
  return (entry) => {
    const weight = known.get(entry);
    if (weight?.initial) return newBytes(weight);
    const source = weight?.from === 'second' ? second : base;
    if (!weight || !source) throw new SlicerError('internal', { reason: `no source of ${entry.name}` });
    return source.readStored(entry);
  };
}

async function* newBytes({ entry, initial }: ComposedWeight): AsyncGenerator<Uint8Array> {
  if (!initial) return;
  for (const values of initialValues(initial, entry.bytes / 4)) {
    // weights files are little-endian, as every processor that this runs on
    yield await Promise.resolve(new Uint8Array(values.buffer));
  }
}
