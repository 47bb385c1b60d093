/** Work on the chosen backend, and on another one where that has not the memory for it. */
import { SlicerError } from '../../core/errors';
import type { BackendName, NativeSearch } from '../../protocol/engine';
import { useBackend } from '../backends/backend';
import { guardHeap } from './wasmHeap';

/**
 * With `auto`, what needs more than the wasm heap holds is done in plain JavaScript, slowly. `moved` says so.
 * @throws SlicerError `out-of-memory` with `reason` `heap` where `wanted` names the wasm backend.
 */
export async function onLargerBackend<T>(
  wanted: 'auto' | BackendName,
  native: NativeSearch | undefined,
  work: (backend: BackendName, moved: boolean) => Promise<T>,
): Promise<T> {
  const backend = await useBackend(wanted, native);
  guardHeap();
  try {
    return await work(backend, false);
  } catch (error) {
    const isFull = error instanceof SlicerError && error.code === 'out-of-memory' && error.data.reason === 'heap';
    if (!isFull || wanted !== 'auto' || backend === 'cpu') throw error;
  }
  return work(await useBackend('cpu'), true);
}

/** Why a run was moved as a whole. */
export const movedForMemory = { address: '', backend: 'cpu', reason: 'more memory than WebAssembly has' } as const;
