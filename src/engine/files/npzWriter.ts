/** Writing `.npz` member by member: one tensor in memory at a time, the file in place only when it is whole. */
import { randomBytes } from 'node:crypto';
import { access, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { crc32, deflateRawSync } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import { npyHeader, rawBytes } from './npy';

export interface NpzOptions {
  /** Replace an existing file. */
  force?: boolean;
  /** Deflate the members; stored ones are several times faster and floats hardly shrink. */
  compress?: boolean;
}

interface Written {
  name: Buffer;
  crc: number;
  packed: number;
  size: number;
  at: number;
}

/** 1980-01-01: the same tensors give the same bytes. */
const dosDate = 0x0021;
const deflated = 8;
/** Bit 11: names are UTF-8. */
const utf8Flag = 0x0800;
const limit32 = 0xffffffff;

/**
 * A zip of `.npy` members. Own writer, because sizes and checksums are known beforehand here (no data descriptors),
 * Node computes the checksum natively, and files above 4 GB need zip64.
 */
export class NpzWriter {
  readonly #members: Written[] = [];
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
    const member = { name: Buffer.from(`${name}.npy`), crc, packed, size, at: this.#at };
    await this.#write([this.#localHeader(member), ...content]);
    this.#members.push(member);
  }

  /** Writes the directory and puts the file in its place. */
  async finish(): Promise<{ files: string[]; bytes: number }> {
    const start = this.#at;
    for (const member of this.#members) await this.#write([this.#centralHeader(member)]);
    await this.#write([this.#end(start, this.#at - start)]);
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

  #localHeader(member: Written): Buffer {
    const wide = member.size >= limit32 || member.packed >= limit32;
    const extra = wide ? zip64Extra([member.size, member.packed]) : Buffer.alloc(0);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    this.#commonFields(header, 4, member, wide);
    header.writeUInt16LE(member.name.length, 26);
    header.writeUInt16LE(extra.length, 28);
    return Buffer.concat([header, member.name, extra]);
  }

  #centralHeader(member: Written): Buffer {
    const wide = member.size >= limit32 || member.packed >= limit32;
    const far = member.at >= limit32;
    const extra =
      wide || far
        ? zip64Extra([...(wide ? [member.size, member.packed] : []), ...(far ? [member.at] : [])])
        : Buffer.alloc(0);
    const header = Buffer.alloc(46);
    header.writeUInt32LE(0x02014b50, 0);
    header.writeUInt16LE(45, 4);
    this.#commonFields(header, 6, member, wide);
    header.writeUInt16LE(member.name.length, 28);
    header.writeUInt16LE(extra.length, 30);
    header.writeUInt32LE(far ? limit32 : member.at, 42);
    return Buffer.concat([header, member.name, extra]);
  }

  /** Version, flags, method, date, checksum and sizes: the same run of fields in both headers. */
  #commonFields(header: Buffer, at: number, member: Written, wide: boolean): void {
    header.writeUInt16LE(wide ? 45 : 20, at);
    header.writeUInt16LE(utf8Flag, at + 2);
    header.writeUInt16LE(this.compress ? deflated : 0, at + 4);
    header.writeUInt16LE(dosDate, at + 8);
    header.writeUInt32LE(member.crc, at + 10);
    header.writeUInt32LE(wide ? limit32 : member.packed, at + 14);
    header.writeUInt32LE(wide ? limit32 : member.size, at + 18);
  }

  #end(start: number, size: number): Buffer {
    const count = this.#members.length;
    const wide = start >= limit32 || size >= limit32 || count >= 0xffff;
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(wide ? 0xffff : count, 8);
    end.writeUInt16LE(wide ? 0xffff : count, 10);
    end.writeUInt32LE(wide ? limit32 : size, 12);
    end.writeUInt32LE(wide ? limit32 : start, 16);
    if (!wide) return end;
    const end64 = Buffer.alloc(56 + 20);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeUInt16LE(45, 12);
    end64.writeUInt16LE(45, 14);
    end64.writeBigUInt64LE(BigInt(count), 24);
    end64.writeBigUInt64LE(BigInt(count), 32);
    end64.writeBigUInt64LE(BigInt(size), 40);
    end64.writeBigUInt64LE(BigInt(start), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(start + size), 64);
    end64.writeUInt32LE(1, 72);
    return Buffer.concat([end64, end]);
  }
}

function zip64Extra(values: number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  values.forEach((value, i) => extra.writeBigUInt64LE(BigInt(value), 4 + i * 8));
  return extra;
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
