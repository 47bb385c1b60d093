/** WebAssembly: the default. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { SlicerError } from '../../core/errors';
import '@tensorflow/tfjs-backend-cpu';
import { bridgeMissingKernels } from './kernelBridge';

const events = ['uncaughtException', 'unhandledRejection'] as const;

export async function startWasm(): Promise<void> {
  // in the bundle the .wasm files lie in a folder beside it; from node_modules the package finds its own
  const beside = path.join(__dirname, 'wasm');
  if (existsSync(path.join(beside, 'tfjs-backend-wasm-simd.wasm'))) setWasmPaths(beside + path.sep);
  const before = events.map((event) => new Set(process.listeners(event as 'uncaughtException')));
  let ready: boolean;
  try {
    ready = await tf.setBackend('wasm');
    // what is loaded lazily is loaded now, together with the listeners it adds
    if (ready) tf.zeros([1]).dispose();
  } finally {
    // Emscripten's listeners rethrow: any unrelated rejection would end the process
    events.forEach((event, i) => {
      for (const listener of process.listeners(event as 'uncaughtException')) {
        if (!before[i]?.has(listener)) process.removeListener(event, listener);
      }
    });
  }
  if (!ready)
    throw new SlicerError('unsupported', { reason: 'backend', backend: 'wasm', why: 'WebAssembly did not start' });
  bridgeMissingKernels('wasm');
}

interface WasmHeap {
  typedArrayFromHeap(tensor: {
    shape: number[];
    dtype: string;
    dataId: object;
  }): Float32Array | Int32Array | Uint8Array;
  dataIdMap: { has(dataId: object): boolean };
}

/**
 * The values of a tensor where they lie, without a copy; valid until the next operation (the heap may move).
 * Null when they lie elsewhere.
 */
export function heapView(tensor: tf.Tensor): Float32Array | Int32Array | Uint8Array | null {
  if (tf.getBackend() !== 'wasm' || tensor.dtype === 'string' || tensor.dtype === 'complex64') return null;
  const backend = tf.backend() as unknown as WasmHeap;
  if (typeof backend.typedArrayFromHeap !== 'function' || !backend.dataIdMap?.has(tensor.dataId)) return null;
  return backend.typedArrayFromHeap({ shape: tensor.shape, dtype: tensor.dtype, dataId: tensor.dataId });
}
