/** A file that is being written, at random; synchronous, as HDF5's library is. */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import { writeFailed } from './atomicFolder';
import { readAt } from './hdf5/byteDevice';
import type { WritableDevice } from './hdf5/hdf5Module';

/** Pieces of `checksumFrom`. */
const PIECE = 4 * 1024 * 1024;

export class OutputFile implements WritableDevice {
  readonly place = null;
  readonly #handle: number;
  #size = 0;
  #isOpen = true;

  /** @param name for messages. @throws SlicerError `write-failed`. */
  constructor(
    path: string,
    readonly name: string,
  ) {
    try {
      this.#handle = openSync(path, 'wx+');
    } catch (error) {
      throw writeFailed(error, name);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** @throws SlicerError `write-failed`. */
  write(bytes: Uint8Array, offset: number): void {
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.#handle, bytes, done, bytes.length - done, offset + done);
    } catch (error) {
      throw writeFailed(error, this.name);
    }
    this.#size = Math.max(this.#size, offset + bytes.length);
  }

  append(bytes: Uint8Array): void {
    this.write(bytes, this.#size);
  }

  readInto(target: Uint8Array, offset: number): number {
    return readAt(this.#handle, target, offset);
  }

  truncate(size: number): void {
    ftruncateSync(this.#handle, size);
    this.#size = size;
  }

  /** What stands from `start` on, as a file of its own. */
  from(start: number): WritableDevice {
    const whole = (): number => this.size;
    return {
      place: null,
      get size() {
        return Math.max(0, whole() - start);
      },
      readInto: (target, offset) => this.readInto(target, start + offset),
      write: (bytes, offset) => this.write(bytes, start + offset),
      truncate: (size) => this.truncate(start + size),
    };
  }

  /** CRC-32 of all from `start` on. @throws SlicerError `cancelled`. */
  async checksumFrom(start: number, signal?: AbortSignal): Promise<number> {
    const piece = new Uint8Array(PIECE);
    let sum = 0;
    for (let at = start; at < this.#size; at += PIECE) {
      if (signal?.aborted) throw new SlicerError('cancelled');
      const count = this.readInto(piece.subarray(0, Math.min(PIECE, this.#size - at)), at);
      sum = crc32(piece.subarray(0, count), sum);
      // whoever wants to cancel must be heard
      await new Promise(setImmediate);
    }
    return sum;
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#handle);
    this.#isOpen = false;
  }
}
