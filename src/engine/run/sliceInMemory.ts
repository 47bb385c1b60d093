/** A slice as the document it would be on disk: its own JSON text and its own bytes, opened like any file. */
import { openParsed, parseModelJson } from '../../core/formats/openModelJson';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { Slice } from '../../core/slicing/slice';
import { SlicerError } from '../../core/errors';
import { decodeWeight, type WeightValues } from '../files/decodeWeight';
import type { WeightSource } from './openedModel';

const shard = 'weights.bin';

/** @throws SlicerError where the slice, read back, is not a whole model: then the slice is wrong, not the file. */
export async function openSliceInMemory(slice: Slice, source: WeightSource): Promise<WeightSource> {
  const { weightEntries, producer } = source.model;
  const entries = slice.weights.map(({ name, entry }) => {
    const found = weightEntries[entry];
    if (!found) throw new SlicerError('internal', { reason: `the slice names weight ${entry}` });
    return { name, entry: found };
  });
  const bytes = new Uint8Array(entries.reduce((sum, { entry }) => sum + entry.bytes, 0));
  let at = 0;
  for (const { entry } of entries) {
    for await (const piece of source.readStored(entry)) {
      bytes.set(piece, at);
      at += piece.length;
    }
  }
  const root = {
    format: 'layers-model',
    modelTopology: {
      ...(producer.keras === null ? {} : { keras_version: producer.keras }),
      backend: producer.backend ?? 'tensorflow',
      model_config: slice.modelConfig,
    },
    weightsManifest: [{ paths: [shard], weights: entries.map(({ name, entry }) => manifestEntry(name, entry)) }],
  };
  const parsed = parseModelJson(new TextEncoder().encode(JSON.stringify(root)), 'model.json');
  const model = openParsed(parsed, [{ path: shard, size: bytes.length }]);
  return new SliceInMemory(model, bytes);
}

function manifestEntry(name: string, { shape, dtype, quantization }: WeightEntry): Record<string, unknown> {
  if (!quantization) return { name, shape, dtype };
  const { originalDtype, ...details } = quantization;
  return { name, shape, dtype, quantization: { ...details, original_dtype: originalDtype } };
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
    const [only] = locator.segments;
    if (!only || locator.segments.length > 1) throw new SlicerError('internal', { reason: 'a slice has one shard' });
    return this.bytes.slice(only.offset, only.offset + only.length);
  }
}
