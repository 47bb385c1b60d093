/** Repeatable numbers: the same seed and input name give the same values on every machine and in every version. */
import { crc32 } from 'node:zlib';

/**
 * Value `index` of a stream: uniform in [0, 1), 24 bits, so that it is exact in float32 and never rounds up to 1.
 * The index and the seed are mixed by the finalizer of MurmurHash3 (public domain): no state, any order.
 */
export function uniform(stream: number, index: number): number {
  let h = (Math.imul(index, 0x9e3779b1) + stream) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 8) / 2 ** 24;
}

/** The stream of an input: two inputs of one model must not get the same values, or a difference between them would hide. */
export function streamOf(seed: number, inputName: string): number {
  return (Math.imul(seed | 0, 0x27d4eb2f) ^ crc32(inputName)) | 0;
}
