/** Sizes of string weights: only their bytes tell, four of length before each string. */
import type { ParsedModel } from '../../core/formats/openModelJson';
import type { ManifestGroup, ShardFile } from '../../core/formats/weightEntries';
import type { ByteSource } from './byteSource';

const WINDOW = 64 * 1024;

/** Stored bytes of every string entry, by name. What cannot be read is left out: the model then says what is wrong. */
export async function stringSizes(
  parsed: ParsedModel,
  shards: ShardFile[],
  sources: ReadonlyMap<string, ByteSource>,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  const lengths = new Map(shards.map(({ path, size }) => [path, size]));
  for (const group of parsed.stringGroups) {
    const run = new ShardRun(group, lengths, sources);
    let offset = 0;
    for (const entry of group.entries) {
      if (entry.bytes !== null) {
        offset += entry.bytes;
        continue;
      }
      const count = entry.shape.reduce((product, dim) => product * dim, 1);
      const end = await run.skipStrings(offset, count).catch(() => null);
      if (end === null) break;
      sizes.set(entry.name, end - offset);
      offset = end;
    }
  }
  return sizes;
}

/** The shards of a group as one run of bytes, read through a window. */
class ShardRun {
  readonly #parts: { start: number; size: number; source: ByteSource }[] = [];
  #total = 0;
  #window: { start: number; bytes: Uint8Array } = { start: 0, bytes: new Uint8Array(0) };

  constructor(
    group: ManifestGroup,
    lengths: ReadonlyMap<string, number | null>,
    sources: ReadonlyMap<string, ByteSource>,
  ) {
    for (const { path } of group.paths) {
      const source = path === null ? undefined : sources.get(path);
      const size = path === null ? null : lengths.get(path);
      if (!source || size === null || size === undefined) break;
      this.#parts.push({ start: this.#total, size, source });
      this.#total += size;
    }
  }

  /** Position after `count` strings that begin at `offset`; null when they do not fit. */
  async skipStrings(offset: number, count: number): Promise<number | null> {
    let at = offset;
    for (let i = 0; i < count; i += 1) {
      // a declared count may be anything: the bytes there bound the loop
      if (at + 4 > this.#total) return null;
      const length = [
        await this.#byte(at),
        await this.#byte(at + 1),
        await this.#byte(at + 2),
        await this.#byte(at + 3),
      ];
      at += 4 + length.reduce((sum, byte, place) => sum + byte * 256 ** place, 0);
      if (at > this.#total) return null;
    }
    return at;
  }

  async #byte(at: number): Promise<number> {
    const { start, bytes } = this.#window;
    const inside = bytes[at - start];
    if (at >= start && inside !== undefined) return inside;
    const part = this.#parts.find((item) => at >= item.start && at < item.start + item.size);
    if (!part) throw new RangeError('outside of the shards');
    const read = await part.source.read(at - part.start, Math.min(WINDOW, part.start + part.size - at));
    this.#window = { start: at, bytes: read };
    return read[0] ?? 0;
  }
}
