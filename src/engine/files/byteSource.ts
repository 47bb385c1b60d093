/** Ranges of bytes of one regular file, read on demand; the handle opens with the first read. */
import { open, readFile, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { SlicerError } from '../../core/errors';

export class ByteSource {
  #handle: Promise<FileHandle> | null = null;

  /** @param name what messages call the file. */
  constructor(
    readonly path: string,
    readonly name: string,
  ) {}

  /**
   * Bytes `offset` … `offset + length`. Nothing is allocated before the file is known to have them.
   * @throws SlicerError `missing-file`, `truncated-weights`.
   */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const handle = await this.#open();
    const { size } = await handle.stat();
    if (offset + length > size)
      throw new SlicerError('truncated-weights', { shard: this.name, expected: offset + length, actual: size });
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0)
        throw new SlicerError('truncated-weights', {
          shard: this.name,
          expected: offset + length,
          actual: offset + done,
        });
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await (await handle?.catch(() => null))?.close();
  }

  async #open(): Promise<FileHandle> {
    this.#handle ??= open(this.path, 'r').catch((cause: unknown) => {
      this.#handle = null;
      throw new SlicerError('missing-file', { file: this.name }, { cause });
    });
    return this.#handle;
  }
}

/** Size and time of a regular file (a link is followed); null when there is none or it cannot be reached. */
export async function regularFile(path: string): Promise<{ size: number; changed: number } | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? { size: found.size, changed: found.mtimeMs } : null;
  } catch {
    return null;
  }
}

/**
 * A whole text file.
 * @param name what messages call it.
 * @throws SlicerError `missing-file`, `too-large`.
 */
export async function readText(file: string, name: string, limit: number): Promise<string> {
  const info = await regularFile(file);
  if (!info) throw new SlicerError('missing-file', { file: name });
  if (info.size > limit) throw new SlicerError('too-large', { file: name, bytes: info.size, limit });
  return readFile(file, 'utf8');
}
