/** What of a run can be in memory at once: decided before anything is computed. */
import type { BackendName } from '../../protocol/engine';
import type { MemoryNeed } from './estimate';
import { overLimit, processBytes } from './memoryBudget';
import { heapFull, heapLimit } from './wasmHeap';

export interface MemoryPlan {
  /** Weights are read when their layer's turn comes. */
  streamWeights: boolean;
  /** Bytes that the loop's values are expected to take. */
  live: number;
  /** Bytes for tensors that are kept, and how much of them may stay where the backend has them. */
  keep: number;
  keepInBackend: number;
  /** Bytes that are free in the backend while nothing is kept. */
  roomInBackend: number;
}

export interface PlanOptions {
  /** Bytes that the process may take. */
  limit: number;
  backend: BackendName;
  /** Bytes outside of the backend that stay during the run: inputs as read, copies that are handed out. */
  outside: number;
  /** Bytes in the backend that are there and not counted in the need. */
  beside: number;
}

/** Kept tensors beyond this are copied out of the wasm heap, which never shrinks again. */
const mostInHeap = 2 ** 30;

/**
 * @throws SlicerError `out-of-memory` with what the run needs at least, `reason` `live` (the limit is too small: `bytes`
 *   and `limit` of the process) or `heap` (the wasm backend's heap is too small).
 */
export function planMemory(need: MemoryNeed, { limit, backend, outside, beside }: PlanOptions): MemoryPlan {
  const budget = limit - processBytes(backend);
  const room = backend === 'wasm' ? heapLimit : Infinity;
  const resident = need.live + need.weights + beside;
  const streamed = Math.max(need.streamed, need.live);
  const fits = (inBackend: number): boolean => inBackend + outside <= budget && inBackend <= room;
  const streamWeights = !fits(resident);
  const inBackend = streamWeights ? streamed : resident;
  if (!fits(inBackend)) {
    if (inBackend + outside > budget)
      throw overLimit({ bytes: inBackend + outside + processBytes(backend), limit, address: need.at });
    throw heapFull({ bytes: inBackend, limit: room, address: need.at });
  }
  const keep = budget - inBackend - outside;
  return {
    streamWeights,
    live: need.live,
    keep,
    keepInBackend: Math.min(keep, room - inBackend, backend === 'wasm' ? mostInHeap : Infinity),
    roomInBackend: room - inBackend,
  };
}
