/** Writing `.npz` member by member: one tensor in memory at a time, the file in place only when it is whole. */
import { randomBytes } from 'node:crypto';
import { access, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { crc32, deflateRawSync } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import { npyHeader, rawBytes } from './npy';
import { localHeader, zipDirectory, type ZipMemberFacts } from './zipWriter';

export interface NpzOptions {
  /** Replace an existing file. */
  force?: boolean;
  /** Deflate the members; stored ones are several times faster and floats hardly shrink. */
  compress?: boolean;
}

/**
 * A zip of `.npy` members. Own writer, because sizes and checksums are known beforehand here (no data descriptors),
 * Node computes the checksum natively, and files above 4 GB need zip64.
 */
export class NpzWriter {
  readonly #members: ZipMemberFacts[] = [];
  readonly #names = new Set<string>();
  #at = 0;
  #open = true;

  private constructor(
    private readonly target: string,
    private readonly temporary: string,
    private readonly handle: FileHandle,
    private readonly compress: boolean,
  ) {}

  /** Starts beside the target, under a temporary name. Errors: `target-exists`, `write-failed`. */
  static async create(target: string, options: NpzOptions = {}): Promise<NpzWriter> {
    if (!options.force && (await exists(target))) throw new SlicerError('target-exists', { file: target });
    const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      return new NpzWriter(target, temporary, await open(temporary, 'wx'), options.compress ?? false);
    } catch (cause) {
      throw writeFailed(target, cause);
    }
  }

  /** Adds `name` (kept as it is, `/` included; `.npy` is appended). `data` may be changed or freed once this resolves. */
  async add(
    name: string,
    data: Float32Array | Int32Array | Uint8Array,
    shape: readonly number[],
    bool = false,
  ): Promise<void> {
    if (this.#names.has(name)) throw new SlicerError('internal', { detail: `second member ${name}` });
    this.#names.add(name);
    const header = npyHeader(data, shape, bool);
    const values = rawBytes(data);
    const size = header.length + values.length;
    const crc = crc32(values, crc32(header));
    const content = this.compress ? [deflateRawSync(Buffer.concat([header, values]), { level: 1 })] : [header, values];
    const packed = content.reduce((sum, part) => sum + part.length, 0);
    const member = { name: `${name}.npy`, crc, packed, size, at: this.#at, deflated: this.compress };
    await this.#write([localHeader(member), ...content]);
    this.#members.push(member);
  }

  /** Writes the directory and puts the file in its place. */
  async finish(): Promise<{ files: string[]; bytes: number }> {
    await this.#write([zipDirectory(this.#members, this.#at)]);
    try {
      this.#open = false;
      await this.handle.close();
      await rename(this.temporary, this.target);
    } catch (cause) {
      await rm(this.temporary, { force: true });
      throw writeFailed(this.target, cause);
    }
    return { files: [this.target], bytes: this.#at };
  }

  /** Leaves nothing behind. After `finish` it does nothing. */
  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.handle.close().catch(() => undefined);
    await rm(this.temporary, { force: true });
  }

  async #write(parts: Uint8Array[]): Promise<void> {
    try {
      for (const part of parts) {
        // One write may take less than it is given (always above 2 GB).
        for (let done = 0; done < part.length;) {
          const { bytesWritten } = await this.handle.write(part, done, Math.min(part.length - done, 2 ** 30), this.#at);
          done += bytesWritten;
          this.#at += bytesWritten;
        }
      }
    } catch (cause) {
      await this.abort();
      throw writeFailed(this.target, cause);
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function writeFailed(file: string, cause: unknown): SlicerError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new SlicerError('write-failed', { file, reason }, { cause });
}
