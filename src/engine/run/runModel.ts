/** One run of a model: inputs in, statistics, pictures and kept tensors out. */
import type { RunFacts, RunOptions } from './runFacts';
import { runGraph } from './runGraph';
import { runLayers } from './runLayers';

/** @throws SlicerError `out-of-memory` before anything ran where the run cannot fit, and as what runs it. */
export function runModel(options: RunOptions): Promise<RunFacts> {
  return options.source.model.format === 'graph-model' ? runGraph(options) : runLayers(options);
}
