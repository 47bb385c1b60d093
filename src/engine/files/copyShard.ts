/** One shard of an export: ranges of bytes copied into one new file. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { SlicerError } from '../../core/errors';
import { Checksum } from './checksum';

/** Bytes of a file as they are stored. */
export interface ByteRange {
  path: string;
  /** What messages call the file. */
  name: string;
  offset: number;
  length: number;
}

export interface ShardJob {
  /** Made new; what is there is never written over. */
  target: string;
  ranges: readonly ByteRange[];
}

/** Small enough to stay in a core's cache from reading to writing: twice as fast as 1 MB. */
const BUFFER_BYTES = 256 * 1024;

/**
 * Copies step by step: each `next` moves at most 256 KB and says how many bytes it moved. It reads and writes
 * synchronously, which is what makes it as fast as `cp`; who runs it decides how often to look up.
 * @returns CRC-32 of the written file, in hex.
 * @throws SlicerError `missing-file`, `truncated-weights`; what the system says when writing fails.
 */
export function* copyShard({ target, ranges }: ShardJob): Generator<number, string> {
  const checksum = new Checksum();
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const output = openSync(target, 'wx');
  try {
    for (const { path, name, offset, length } of ranges) {
      const input = openSource(path, name);
      try {
        for (let done = 0; done < length;) {
          const count = readSync(input, buffer, 0, Math.min(buffer.length, length - done), offset + done);
          if (count === 0) {
            const { size } = fstatSync(input);
            throw new SlicerError('truncated-weights', { shard: name, expected: offset + length, actual: size });
          }
          const part = buffer.subarray(0, count);
          checksum.update(part);
          for (let written = 0; written < count;) written += writeSync(output, part, written);
          done += count;
          yield count;
        }
      } finally {
        closeSync(input);
      }
    }
  } finally {
    closeSync(output);
  }
  return checksum.digest();
}

function openSource(path: string, name: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new SlicerError('missing-file', { file: name }, { cause });
  }
}
