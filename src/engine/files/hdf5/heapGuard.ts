/**
 * Heaps of an HDF5 file whose lists never end. The library follows the sizes in a global heap as they stand, for ever where
 * one of them wraps round to nothing; so they are followed here before it gets to see them. HDF5 File Format Specification
 * 3.0, III.E; with lengths of 8 bytes.
 */
import { readBytes, type ByteDevice } from './byteDevice';

/** GCOL */
const SIGNATURE = 0x4c4f4347;
/** Of a collection, and of each object in it. */
const HEADER = 16;

export class HeapGuard {
  /** Where heaps stand that were looked at. */
  readonly #seen = new Set<number>();

  constructor(private readonly device: ByteDevice) {}

  /** @returns false where bytes that the library reads at `position` begin a heap without an end. */
  allows(bytes: Uint8Array, position: number): boolean {
    if (bytes.length < HEADER || this.#seen.has(position)) return true;
    const view = viewOf(bytes);
    if (view.getUint32(0, true) !== SIGNATURE || view.getUint8(4) !== 1) return true;
    const size = Number(view.getBigUint64(8, true));
    // what the file does not hold, the library refuses
    if (position + size > this.device.size) return true;
    const heap = viewOf(readBytes(this.device, position, size));
    for (let at = HEADER; at + HEADER <= heap.byteLength;) {
      const own = Number(heap.getBigUint64(at + 8, true));
      // what is free counts its own header
      const step = heap.getUint16(at, true) === 0 ? own : HEADER + Math.ceil(own / 8) * 8;
      if (step < HEADER || at + step > heap.byteLength) return false;
      at += step;
    }
    this.#seen.add(position);
    return true;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
