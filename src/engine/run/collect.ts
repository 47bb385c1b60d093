/** Runs a model and copies the wanted values out, whatever executes it. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import { expandCalls } from '../../core/model/traversal';
import { collectGraph } from './collectGraph';
import type { GraphRunner } from './graphRun';
import { planLayers, watchLive } from './layersMemory';
import { runLoop } from './loop';
import { memoryLimit } from './memoryBudget';
import type { WeightSource } from './openedModel';
import { buildProgram } from './program';
import { loadWeights } from './runLayers';
import { snapshotOf, type CollectRun, type Snapshot } from './snapshot';
import type { WeightStore } from './weights';

/** A model with what was loaded of it, so that it can run again and again. */
export interface Runnable {
  readonly source: WeightSource;
  /** For layers-models. */
  readonly weights: WeightStore;
  /** For graph-models; loaded with the first call, the same one afterwards. */
  graphRunner(): Promise<GraphRunner>;
}

/**
 * @param feeds by the canonical address of what they supply; disposed here, also when this throws.
 * @param wanted canonical addresses.
 * @returns a value for each of `wanted`.
 * @throws SlicerError `cancelled`, `not-runnable`, `missing-weight`, `bad-input`, `out-of-memory`, `unknown-address`.
 */
export async function collect(
  runnable: Runnable,
  feeds: ReadonlyMap<string, tf.Tensor>,
  wanted: readonly string[],
  run: CollectRun,
): Promise<Map<string, Snapshot>> {
  try {
    const found =
      runnable.source.model.graph.kind === 'graph'
        ? await collectGraph(runnable.source, await runnable.graphRunner(), feeds, wanted, run)
        : await collectLayers(runnable, feeds, wanted, run);
    const lost = wanted.find((address) => !found.has(address));
    if (lost !== undefined) throw new SlicerError('internal', { reason: `${lost} was not computed` });
    return found;
  } finally {
    for (const feed of feeds.values()) if (!feed.isDisposed) feed.dispose();
  }
}

async function collectLayers(
  { source, weights }: Runnable,
  feeds: ReadonlyMap<string, tf.Tensor>,
  wanted: readonly string[],
  run: CollectRun,
): Promise<Map<string, Snapshot>> {
  const program = buildProgram(source.model, wanted);
  const asked = new Set(wanted);
  const found = new Map<string, Snapshot>();
  const { backend, signal, onPause } = run;
  const limit = memoryLimit(run.memoryLimit);
  const plan = planLayers({
    program,
    fed: feeds,
    wanted: asked,
    weights,
    backend,
    limit,
    // what is wanted is copied out, and then given to the parts of a proof
    outside: ({ wanted: bytes }) => bytes,
  });
  const { streamWeights } = plan;
  await loadWeights(program, { weights, streamWeights, signal });
  await runLoop({
    program,
    weights,
    streamWeights,
    backend,
    signal,
    onPause,
    onLive: watchLive(plan, null, limit),
    feed: (address) => feeds.get(address) ?? null,
    observe: ({ address, tensor }) => {
      if (asked.has(address)) found.set(address, snapshotOf(tensor));
    },
  });
  return found;
}

/**
 * How many calls computing `wanted` takes.
 * @throws SlicerError `not-runnable`, `missing-weight`, `unknown-address`, as `collect` will.
 */
export function callCount(model: ModelFile, wanted: readonly string[]): number {
  return model.graph.kind === 'graph' ? expandCalls(model.graph).length : buildProgram(model, wanted).steps.length;
}
