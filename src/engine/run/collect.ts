/** Runs a model and copies the wanted values out, whatever executes it. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import { expandCalls } from '../../core/model/traversal';
import { collectGraph } from './collectGraph';
import type { GraphRunner } from './graphRun';
import { runLoop } from './loop';
import type { WeightSource } from './openedModel';
import { buildProgram } from './program';
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
  await weights.load(program.layers, () => {
    if (run.signal.aborted) throw new SlicerError('cancelled');
  });
  const asked = new Set(wanted);
  const found = new Map<string, Snapshot>();
  await runLoop({
    program,
    weights,
    feeds: new Map(feeds),
    ...run,
    observe: ({ address, tensor }) => {
      if (asked.has(address)) found.set(address, snapshotOf(tensor));
      return false;
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
