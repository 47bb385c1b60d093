/** What a run is given, and what it says when it is done. */
import type { Activation, BackendName, RunResult } from '../../protocol/engine';
import type { Collector } from './collector';
import type { Feed } from './feed';
import type { GraphRunner } from './graphRun';
import type { KeptTensors } from './keptTensors';
import type { Fallback } from './loop';
import type { WeightSource } from './openedModel';
import type { WeightStore } from './weights';

export interface RunOptions {
  source: WeightSource;
  weights: WeightStore;
  /** For graph-models. */
  graphRunner(): Promise<GraphRunner>;
  /** By the model input's name. */
  feeds: ReadonlyMap<string, Feed>;
  /** Canonical addresses; `all`: every layer's outputs. */
  want: 'all' | string[];
  /** Canonical addresses of inner tensors that are wanted besides. */
  inner: string[];
  backend: BackendName;
  thumbnails: boolean;
  colorMap: string;
  /** Where wanted tensors go that are to be kept. */
  kept: KeptTensors | null;
  /** Bytes that the process may take. */
  memoryLimit: number;
  signal: { readonly aborted: boolean };
  onProgress?(progress: { done: number; total: number; at: string; activations: Activation[] }): void;
}

export type RunFacts = Omit<RunResult, 'runId' | 'epoch' | 'inputs'>;

export function runFacts(
  collector: Collector,
  outputs: readonly string[],
  backend: BackendName,
  fallbacks: Fallback[],
  times: { predictMs: number; layersMs: number },
): RunFacts {
  return {
    backend,
    fallbacks,
    ...times,
    outputs: outputs.flatMap((address) => collector.outputs.get(address) ?? []),
    activations: collector.activations,
    firstNonFinite: collector.firstNonFinite,
    attributes: collector.attributes,
  };
}
