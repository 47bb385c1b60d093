/** Memory of a program of layers: planned before it runs, watched while it does. */
import { SlicerError } from '../../core/errors';
import type { BackendName } from '../../protocol/engine';
import { estimateRun } from './estimate';
import type { KeptTensors } from './keptTensors';
import { overLimit } from './memoryBudget';
import { planMemory, type MemoryPlan } from './memoryPlan';
import type { Program } from './program';
import { runShapes, type FedShape } from './runShapes';
import { heapFull } from './wasmHeap';
import type { WeightStore } from './weights';

export interface LayersMemoryOptions {
  program: Program;
  /** By address. */
  fed: ReadonlyMap<string, FedShape>;
  /** What is kept or copied out. */
  wanted: ReadonlySet<string>;
  weights: WeightStore;
  backend: BackendName;
  /** Bytes that the process may take. */
  limit: number;
  /** Bytes outside of the backend, from what is wanted and the largest of it. */
  outside(need: { wanted: number; largestWanted: number }): number;
}

/**
 * Decides, and lets go of weights that are in the way.
 * @throws SlicerError `out-of-memory`, as `planMemory`.
 */
export function planLayers(options: LayersMemoryOptions): MemoryPlan {
  const { program, fed, wanted, weights, backend, limit } = options;
  const weightBytes = (entry: number): number => weights.bytesOf(entry);
  const need = estimateRun({ program, shapes: runShapes(program, fed), wanted, weightBytes, backend });
  const planWith = (beside: number): MemoryPlan =>
    planMemory(need, { limit, backend, outside: options.outside(need), beside });
  const beside = weights.bytesBeside(program.layers);
  const plan = beside > 0 ? planOrNull(() => planWith(beside)) : planWith(0);
  if (plan && !plan.streamWeights) return plan;
  weights.dispose();
  return planWith(0);
}

function planOrNull(plan: () => MemoryPlan): MemoryPlan | null {
  try {
    return plan();
  } catch (error) {
    if (error instanceof SlicerError && error.code === 'out-of-memory') return null;
    throw error;
  }
}

/**
 * For the loop's `onLive`: values whose shapes were not known take the place of kept tensors.
 * @throws SlicerError `out-of-memory` (from what it returns) when even without these there is no room.
 */
export function watchLive(
  plan: MemoryPlan,
  kept: KeptTensors | null,
  limit: number,
): (bytes: number, at: string) => void {
  return (bytes, address) => {
    const over = bytes - plan.live;
    if (over <= 0) return;
    if (over > plan.keep) throw overLimit({ bytes: limit - plan.keep + over, limit, address });
    if (over > plan.roomInBackend) throw heapFull({ address });
    kept?.shrink({ bytes: plan.keep - over, inBackend: Math.max(0, plan.keepInBackend - over) });
  };
}
