/** A slice as the document it would be on disk: its own JSON text and its own bytes, opened like any file. */
import { openParsed, parseModelJson } from '../../core/formats/openModelJson';
import { manifestGroups, type NamedEntry } from '../../core/formats/weightsManifest';
import type { JsonObject } from '../../core/model/json';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { TfjsSlice } from '../../core/slicing/slice';
import { SlicerError } from '../../core/errors';
import { decodeWeight, type WeightValues } from '../files/decodeWeight';
import { sliceRoot } from '../files/sliceRoot';
import { withVocabularies } from '../files/vocabulary';
import type { WeightSource } from './openedModel';
import { segmentsOf } from '../../core/model/weightFiles';

const shard = 'weights.bin';

/** @throws SlicerError where the slice, read back, is not a whole model: then the slice is wrong, not the file. */
export async function openSliceInMemory(slice: TfjsSlice, source: WeightSource): Promise<WeightSource> {
  const { weightEntries } = source.model;
  const entries = slice.weights.map(({ name, entry }) => {
    const found = weightEntries[entry];
    if (!found) throw new SlicerError('internal', { reason: `the slice names weight ${entry}` });
    return { name, entry: found };
  });
  const root = await withVocabularies(sliceRoot(slice, source.model), source);
  return openInMemory(root, entries, (entry) => source.readStored(entry));
}

/** @param root the model JSON without its weights manifest. */
export async function openInMemory(
  root: JsonObject,
  entries: readonly NamedEntry[],
  readStored: (entry: WeightEntry) => AsyncIterable<Uint8Array>,
): Promise<WeightSource> {
  const bytes = new Uint8Array(entries.reduce((sum, { entry }) => sum + entry.bytes, 0));
  let at = 0;
  for (const { entry } of entries) {
    for await (const piece of readStored(entry)) {
      bytes.set(piece, at);
      at += piece.length;
    }
  }
  const text = JSON.stringify({ ...root, weightsManifest: manifestGroups(entries, [shard]) });
  const parsed = parseModelJson(new TextEncoder().encode(text), 'model.json');
  // only their bytes tell how long strings are; the source's were measured
  const stringBytes = new Map(entries.map(({ name, entry }) => [name, entry.bytes]));
  const model = openParsed(parsed, [{ path: shard, size: bytes.length }], stringBytes);
  return new SliceInMemory(model, bytes);
}

class SliceInMemory implements WeightSource {
  constructor(
    readonly model: ModelFile,
    private readonly bytes: Uint8Array<ArrayBuffer>,
  ) {}

  readWeight(entry: WeightEntry): Promise<WeightValues> {
    return Promise.resolve(decodeWeight(entry, this.stored(entry), this.model.file));
  }

  async *readStored(entry: WeightEntry): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    yield await Promise.resolve(this.stored(entry));
  }

  private stored({ locator }: WeightEntry): Uint8Array<ArrayBuffer> {
    const [only, ...others] = segmentsOf(locator);
    if (others.length > 0) throw new SlicerError('internal', { reason: 'a slice has one shard' });
    // a tensor without values has no bytes
    return only ? this.bytes.slice(only.offset, only.offset + only.length) : new Uint8Array(0);
  }
}
