/** What HDF5 and zip are read from: ranges of one opened file, or of memory. Reads are synchronous, as HDF5's library is. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SlicerError } from '../../../core/errors';

export interface ByteDevice {
  readonly size: number;
  /** Where its bytes stand on disk; null for those in memory. */
  readonly place: { path: string; offset: number } | null;
  /** Fills `target` from `offset` on as far as there are bytes. @returns how many there were. */
  readInto(target: Uint8Array, offset: number): number;
}

/** Fills `target` from an open file, as far as there are bytes. @returns how many there were. */
export function readAt(handle: number, target: Uint8Array, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const count = readSync(handle, target, done, target.length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** A regular file, held open: what is put in its place later is not read. */
export class FileDevice implements ByteDevice {
  readonly #handle: number;
  readonly size: number;
  readonly place: { path: string; offset: number };
  readonly #changed: number;
  #closed = false;

  /** @throws SlicerError `missing-file` where there is no such regular file, `empty-file`. */
  constructor(
    path: string,
    private readonly name: string,
  ) {
    try {
      this.#handle = openSync(path, 'r');
    } catch (cause) {
      throw new SlicerError('missing-file', { file: name }, { cause });
    }
    const info = fstatSync(this.#handle);
    this.size = info.size;
    this.#changed = info.mtimeMs;
    this.place = { path, offset: 0 };
    if (info.isFile() && info.size > 0) return;
    this.close();
    throw new SlicerError(info.isFile() ? 'empty-file' : 'missing-file', { file: name });
  }

  readInto(target: Uint8Array, offset: number): number {
    if (this.#closed) throw new SlicerError('closed');
    return readAt(this.#handle, target, offset);
  }

  /** @throws SlicerError `file-changed` when somebody has written into it since; a file put in its place is another. */
  check(): void {
    if (this.#closed) throw new SlicerError('closed');
    const { size, mtimeMs } = fstatSync(this.#handle);
    if (size !== this.size || mtimeMs !== this.#changed) throw new SlicerError('file-changed', { file: this.name });
  }

  close(): void {
    if (!this.#closed) closeSync(this.#handle);
    this.#closed = true;
  }
}

/** `length` bytes of another device, as if they were one of their own: a stored member of a zip archive. */
export function partOf(device: ByteDevice, start: number, length: number): ByteDevice {
  return {
    size: length,
    place: device.place && { path: device.place.path, offset: device.place.offset + start },
    readInto: (target, offset) => {
      const count = Math.max(0, Math.min(target.length, length - offset));
      return count === 0 ? 0 : device.readInto(target.subarray(0, count), start + offset);
    },
  };
}

export function memoryDevice(bytes: Uint8Array): ByteDevice {
  return {
    size: bytes.length,
    place: null,
    readInto: (target, offset) => {
      const part = bytes.subarray(Math.min(offset, bytes.length), offset + target.length);
      target.set(part);
      return part.length;
    },
  };
}

/** At most `length` bytes from `offset`; fewer at the end. Nothing is allocated beyond what the device has. */
export function readBytes(device: ByteDevice, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(0, Math.min(length, device.size - offset)));
  const count = device.readInto(bytes, offset);
  return count === bytes.length ? bytes : bytes.slice(0, count);
}
