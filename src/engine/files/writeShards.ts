/** The weights of a slice, one after the other, in files of a given size. */
import { SlicerError } from '../../core/errors';
import type { NamedEntry } from '../../core/formats/weightsManifest';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import { writeFailed, type AtomicFolder } from './atomicFolder';
import { Checksum } from './checksum';
import type { ByteRange, ShardJob } from './copyShard';
import { copyShards } from './copyShards';

/** Where a model's weights are. */
export interface StoredWeights {
  model: ModelFile;
  /** The bytes as they are, in order. */
  readStored(entry: WeightEntry): AsyncIterable<Uint8Array>;
  /** The same as ranges of files, which copy faster; null where bytes are packed or converted. */
  storedRanges?(entry: WeightEntry): ByteRange[] | null;
}

export interface ShardTask {
  entries: readonly NamedEntry[];
  source: StoredWeights;
  output: AtomicFolder;
  /** Names of the files; all but the last get `shardBytes`. */
  shards: readonly string[];
  shardBytes: number;
  /** Bytes of all entries. */
  total: number;
}

export interface ShardOptions {
  signal?: AbortSignal;
  onProgress?(progress: { done: number; total: number; at: string }): void;
}

/**
 * @returns CRC-32 of each file, in hex.
 * @throws SlicerError `missing-weight`, `missing-file`, `truncated-weights`, `write-failed`, `cancelled`.
 */
export async function writeShards(task: ShardTask, options: ShardOptions): Promise<string[]> {
  const { source, entries } = task;
  const ranges: ByteRange[][] = [];
  for (const { entry } of entries) {
    const places = source.storedRanges?.(entry) ?? null;
    if (places === null) return streamShards(task, options);
    ranges.push(places);
  }
  return copyRanges(task, ranges, options);
}

async function copyRanges(
  { entries, output, shards, shardBytes, total }: ShardTask,
  ranges: readonly ByteRange[][],
  { signal, onProgress }: ShardOptions,
): Promise<string[]> {
  const jobs = shards.map((name): ShardJob & { ranges: ByteRange[] } => ({ target: output.reserve(name), ranges: [] }));
  let at = 0;
  for (const range of ranges.flat()) {
    for (let taken = 0; taken < range.length;) {
      const length = Math.min(range.length - taken, shardBytes - (at % shardBytes));
      jobs[Math.floor(at / shardBytes)]?.ranges.push({ ...range, offset: range.offset + taken, length });
      taken += length;
      at += length;
    }
  }
  let done = 0;
  const place = placeIn(entries);
  const onBytes = (bytes: number): void => {
    done += bytes;
    onProgress?.({ done, total, at: place(done) });
  };
  try {
    return await copyShards(jobs, { signal, onBytes });
  } catch (error) {
    throw writeFailed(error, shards[0] ?? '');
  }
}

/** Which weight is worked on when so many bytes are done; asked with growing numbers. */
function placeIn(entries: readonly NamedEntry[]): (done: number) => string {
  let i = 0;
  let end = entries[0]?.entry.bytes ?? 0;
  return (done) => {
    while (done > end && i < entries.length - 1) {
      i += 1;
      end += entries[i]?.entry.bytes ?? 0;
    }
    return entries[i]?.name ?? '';
  };
}

async function streamShards(
  { entries, source, output, shards, shardBytes, total }: ShardTask,
  { signal, onProgress }: ShardOptions,
): Promise<string[]> {
  const sums: Checksum[] = [];
  let shard: { write(bytes: Uint8Array): Promise<void> } | null = null;
  let done = 0;
  for (const { name, entry } of entries) {
    let left = entry.bytes;
    for await (const piece of source.readStored(entry)) {
      if (signal?.aborted) throw new SlicerError('cancelled');
      left -= piece.length;
      for (let at = 0; at < piece.length;) {
        const room = shardBytes - (done % shardBytes);
        if (room === shardBytes) {
          shard = await output.create(shards[sums.length] ?? '');
          sums.push(new Checksum());
        }
        const part = piece.subarray(at, at + room);
        sums.at(-1)?.update(part);
        await shard?.write(part);
        at += part.length;
        done += part.length;
      }
      onProgress?.({ done, total, at: name });
    }
    if (left !== 0) throw new SlicerError('missing-weight', { file: source.model.file, weight: entry.name });
  }
  return sums.map((sum) => sum.digest());
}
