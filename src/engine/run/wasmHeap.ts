/** The wasm backend's heap ends at 4 GB, never shrinks, and says nothing of it when it is full. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';

/**
 * What a run may plan to hold in the heap. The rest is for what cannot be foreseen: gaps between values, and scratch
 * memory of single operations, whose failing allocations are not reported.
 */
export const heapLimit = 3.25 * 2 ** 30;

/** The heap itself ends here, less the 64 KB that it grows by. */
const heapEnd = 4 * 2 ** 30 - 2 ** 16;

interface WasmModule {
  _malloc(bytes: number): number;
  readonly HEAPU8: Uint8Array;
}

const guarded = new WeakSet<WasmModule>();

/**
 * Makes the heap's end an error of the operation that met it. TF.js takes the null pointer of a failed allocation for an
 * address and writes a tensor's values over whatever is there.
 */
export function guardHeap(): void {
  const found = wasmModule();
  if (!found || guarded.has(found)) return;
  guarded.add(found);
  const allocate = found._malloc.bind(found);
  found._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) throw heapFull({ bytes, limit: heapEnd });
    return address;
  };
}

/** Whether the heap has grown to its end. */
export function isHeapFull(): boolean {
  const found = wasmModule();
  return found !== null && found.HEAPU8.length >= heapEnd;
}

/** `out-of-memory` with the reason `heap`: on another backend there may be room. */
export function heapFull(data: { bytes?: number; limit?: number; address?: string }): SlicerError {
  return new SlicerError('out-of-memory', { reason: 'heap', ...data });
}

function wasmModule(): WasmModule | null {
  if (tf.getBackend() !== 'wasm') return null;
  const { wasm } = tf.backend() as unknown as { wasm?: WasmModule };
  return typeof wasm?._malloc === 'function' ? wasm : null;
}
