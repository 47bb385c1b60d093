/** A run of a model of layers: within its memory, and so that each of its tensors can be computed again. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import { expandCalls } from '../../core/model/traversal';
import { useBackend } from '../backends/backend';
import { Collector } from './collector';
import { feedBytes, type Feed } from './feed';
import type { KeptTensors, Recompute } from './keptTensors';
import { planLayers, watchLive } from './layersMemory';
import { runLoop, type LoopOptions } from './loop';
import { buildProgram, portAddresses, type Program } from './program';
import { refuseOthers } from './repeatable';
import { runFacts, type RunFacts, type RunOptions } from './runFacts';
import { tensorOfSnapshot } from './snapshot';

export async function runLayers(options: RunOptions): Promise<RunFacts> {
  const { source, weights, want, inner, backend, signal, kept, memoryLimit: limit } = options;
  const { model } = source;
  const calls = expandCalls(model.graph);
  const outputs = portAddresses(model, calls, 'outputs');
  const everything = [...(want === 'all' ? calls.flatMap((call) => call.outputs) : want), ...inner];
  const wanted = new Set(everything);
  const program = programFor(model, everything, outputs, want === 'all');
  const feeds = new Map(
    program.inputs.flatMap(({ name, address }) => {
      const feed = options.feeds.get(name);
      return feed ? [[address, feed] as const] : [];
    }),
  );
  const fedBytes = [...feeds.values()].reduce((sum, feed) => sum + feedBytes(feed), 0);
  const plan = planLayers({
    program,
    fed: feeds,
    wanted: kept ? wanted : new Set(),
    weights,
    backend,
    limit,
    // the inputs as they were read, and a copy of one tensor for whoever looks at it
    outside: ({ largestWanted }) => fedBytes + largestWanted,
  });
  const collector = new Collector(options, new Set(outputs), wanted);
  const loop = {
    weights,
    streamWeights: plan.streamWeights,
    backend,
    onLive: watchLive(plan, kept, limit),
  };
  kept?.allow(
    { bytes: plan.keep, inBackend: plan.keepInBackend },
    recomputeBy(loop, { model, kept, apartFor: everything, feeds }),
  );
  await loadWeights(program, { ...loop, signal });
  const start = performance.now();
  const { predictMs, fallbacks } = await runLoop({
    ...loop,
    program,
    signal,
    feed: (address) => feeds.get(address)?.make() ?? null,
    observe: ({ step, ...value }) => collector.take({ ...value, call: step.call }),
    onPause: (done, at) => collector.report(done, program.steps.length, at),
    onAttributes: (call, found) => {
      for (const { name, shape, dtype } of found)
        collector.attributes.push({ address: `${call}@${name}`, shape, dtype });
    },
  });
  return runFacts(collector, outputs, backend, fallbacks, { predictMs, layersMs: performance.now() - start });
}

/** @throws SlicerError `cancelled`. */
export async function loadWeights(
  program: Program,
  { weights, streamWeights, signal }: Pick<LoopOptions, 'weights' | 'streamWeights' | 'signal'>,
): Promise<void> {
  if (streamWeights) return;
  await weights.load(program.layers, () => {
    if (signal.aborted) throw new SlicerError('cancelled');
  });
}

/** The outputs come along unless the user asked for parts of a model whose end cannot be computed. */
function programFor(model: ModelFile, wanted: string[], outputs: string[], all: boolean): Program {
  try {
    return buildProgram(model, [...wanted, ...outputs]);
  } catch (error) {
    const refused = error instanceof SlicerError && (error.code === 'not-runnable' || error.code === 'missing-weight');
    if (!refused || all || wanted.length === 0) throw error;
    return buildProgram(model, wanted);
  }
}

interface Recomputed {
  model: ModelFile;
  kept: KeptTensors;
  /** What the run wanted: layers that it took apart are taken apart again, or their last digits would differ. */
  apartFor: readonly string[];
  feeds: ReadonlyMap<string, Feed>;
}

/** The same calls again, as far as the asked tensors need them and kept ones do not supply what they read. */
function recomputeBy(
  loop: Omit<LoopOptions, 'program' | 'signal' | 'feed' | 'observe'>,
  { model, kept, apartFor, feeds }: Recomputed,
): Recompute {
  const supplied = (address: string): tf.Tensor | null => {
    const source = kept.source(address);
    if (!source) return null;
    const { tensor, copy, shape, dtype } = source;
    if (tensor) return tf.reshape(tensor, shape);
    return copy ? tensorOfSnapshot({ values: copy, shape, dtype }) : null;
  };
  return async ({ addresses, given, visit, signal }) => {
    await useBackend(loop.backend);
    const asked = new Set(addresses);
    const program = buildProgram(model, addresses, { given, apartFor });
    await loadWeights(program, { ...loop, signal });
    await runLoop({
      ...loop,
      program,
      signal,
      feed: (address) => feeds.get(address)?.make() ?? supplied(address),
      observe: ({ address, tensor }) => {
        if (!asked.has(address)) return undefined;
        refuseOthers(kept, address, tensor);
        return visit(address, tensor);
      },
    });
  };
}
