/** One run of a model: inputs in, statistics, pictures and kept tensors out. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import { expandCalls, type ExpandedCall } from '../../core/model/traversal';
import type { Activation, BackendName, RunResult } from '../../protocol/engine';
import { activationOf, channelAxisOf } from './activation';
import { nodeTensor, type GraphRunner } from './graphRun';
import type { KeptTensors, TensorValues } from './keptTensors';
import { runLoop, type Fallback, type LoopOptions } from './loop';
import { buildProgram, layersApart, portAddresses, type Program } from './program';
import type { WeightSource } from './openedModel';
import { sizeOf, type WeightStore } from './weights';

export interface RunOptions {
  source: WeightSource;
  weights: WeightStore;
  /** For graph-models. */
  graphRunner(): Promise<GraphRunner>;
  /** By the model input's name; the run disposes them. */
  feeds: Map<string, tf.Tensor>;
  /** Canonical addresses; `all`: every layer's outputs. */
  want: 'all' | string[];
  /** Canonical addresses of inner tensors that are wanted besides. */
  inner: string[];
  backend: BackendName;
  thumbnails: boolean;
  colorMap: string;
  /** Where wanted tensors go that are to be kept. */
  kept: KeptTensors | null;
  signal: { readonly aborted: boolean };
  onProgress?(progress: { done: number; total: number; at: string; activations: Activation[] }): void;
}

export type RunFacts = Omit<RunResult, 'runId' | 'epoch' | 'inputs'>;

/** Values of one output that cross the process border; previews show the rest. */
const maxOutputValues = 65_536;

export function runModel(options: RunOptions): Promise<RunFacts> {
  return options.source.model.format === 'graph-model' ? runGraph(options) : runLayers(options);
}

class Collector {
  readonly activations: Activation[] = [];
  readonly outputs = new Map<string, RunResult['outputs'][number]>();
  firstNonFinite: string | null = null;
  /** Of layers of the user's own, wanted or not. */
  readonly attributes: RunResult['attributes'] = [];
  private sent = 0;
  private readonly axes = new Map<string, number>();

  /** @param wanted null for everything that is computed. */
  constructor(
    private readonly options: RunOptions,
    private readonly outputAddresses: Set<string>,
    private readonly wanted: ReadonlySet<string> | null,
  ) {}

  wants(address: string): boolean {
    return this.wanted === null || this.wanted.has(address);
  }

  /** Looks at a value; true when the tensor was kept. */
  take(address: string, tensor: tf.Tensor, call: ExpandedCall, ms: number, backend: BackendName): boolean {
    const { thumbnails, colorMap, kept } = this.options;
    const output = call.outputs.indexOf(address);
    const channelAxis = channelAxisOf(call.layer, output, tensor.rank, this.axes.get(call.inputs[0] ?? ''));
    this.axes.set(address, channelAxis);
    if (this.outputAddresses.has(address)) this.outputs.set(address, outputOf(address, tensor));
    if (!this.wants(address)) return false;
    const activation = activationOf(address, tensor, channelAxis, { ms, backend }, { thumbnails, colorMap });
    this.activations.push(activation);
    const { nan, inf } = activation.statistics;
    if (this.firstNonFinite === null && nan + inf > 0) this.firstNonFinite = address;
    return kept !== null && kept.add({ address, layer: call.layer, channelAxis }, tensor);
  }

  report(done: number, total: number, at: string): void {
    const activations = this.activations.slice(this.sent);
    this.sent = this.activations.length;
    this.options.onProgress?.({ done, total, at, activations });
  }
}

function outputOf(address: string, tensor: tf.Tensor): RunResult['outputs'][number] {
  const values = (tensor.dataSync() as TensorValues).slice(0, maxOutputValues);
  const list: (number | string)[] = Array.isArray(values) ? values : Array.from(values);
  return { address, shape: tensor.shape.slice(), dtype: tensor.dtype, values: list };
}

async function runLayers(options: RunOptions): Promise<RunFacts> {
  const { source, weights, feeds, want, inner, backend, signal, kept } = options;
  const { model } = source;
  const calls = expandCalls(model.graph);
  const outputs = portAddresses(model, calls, 'outputs');
  const everything = [...(want === 'all' ? calls.flatMap((call) => call.outputs) : want), ...inner];
  const wanted = new Set(everything);
  const program = programFor(model, everything, outputs, want === 'all');
  if (kept) refuseTooLarge(expandCalls(model.graph, layersApart(model, everything)), wanted, feeds);
  const total = program.steps.length;
  await weights.load(program.layers, () => {
    if (signal.aborted) throw new SlicerError('cancelled');
  });
  const collector = new Collector(options, new Set(outputs), wanted);
  const loop: LoopOptions = {
    program,
    weights,
    feeds: new Map(
      program.inputs.flatMap(({ name, address }) => {
        const feed = feeds.get(name);
        return feed ? [[address, feed] as const] : [];
      }),
    ),
    backend,
    signal,
    observe: ({ address, tensor, step, ms, backend: where }) => collector.take(address, tensor, step.call, ms, where),
    onPause: (done, at) => collector.report(done, total, at),
    onAttributes: (call, found) => {
      for (const { name, shape, dtype } of found)
        collector.attributes.push({ address: `${call}@${name}`, shape, dtype });
    },
  };
  const start = performance.now();
  const { predictMs, fallbacks } = await runLoop(loop);
  const layersMs = performance.now() - start;
  const computed = new Set(program.steps.flatMap(({ call }) => call.outputs));
  for (const { name, address } of program.inputs) if (!computed.has(address)) feeds.get(name)?.dispose();
  return facts(collector, outputs, backend, fallbacks, { predictMs, layersMs });
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

/** Everything of a graph-model comes at once; then it is looked at node by node. */
async function runGraph(options: RunOptions): Promise<RunFacts> {
  const { source, feeds, want, backend, signal } = options;
  const { model } = source;
  const calls = expandCalls(model.graph);
  const outputs = portAddresses(model, calls, 'outputs');
  const runner = await options.graphRunner();
  const byNode = new Map(
    model.graph.inputs.flatMap(({ name, layer }) => {
      const feed = feeds.get(name);
      return feed ? [[layer, feed] as const] : [];
    }),
  );
  const outputSet = new Set(outputs);
  const wantsNodes = want === 'all' || want.some((address) => !outputSet.has(address));
  const start = performance.now();
  const result = await runner.run(byNode, wantsNodes, backend);
  const collector = new Collector(options, outputSet, want === 'all' ? null : new Set(want));
  const keptTensors = new Set<tf.Tensor>();
  let lastPause = performance.now();
  try {
    for (const [i, call] of calls.entries()) {
      for (const [output, address] of call.outputs.entries()) {
        const tensor =
          (call.kind === 'input' ? byNode.get(call.layer.name) : null) ??
          nodeTensor(result, call, output) ??
          outputTensor(result.outputs, outputs, address);
        if (
          tensor &&
          (collector.wants(address) || outputSet.has(address)) &&
          collector.take(address, tensor, call, 0, result.backend)
        )
          keptTensors.add(tensor);
      }
      if (performance.now() - lastPause > 30) {
        collector.report(i + 1, calls.length, call.address);
        await new Promise((resume) => setImmediate(resume));
        lastPause = performance.now();
        if (signal.aborted) throw new SlicerError('cancelled');
      }
    }
    collector.report(calls.length, calls.length, calls.at(-1)?.address ?? '');
  } finally {
    for (const tensor of [...result.outputs, ...[...result.nodes.values()].flat(), ...byNode.values()]) {
      if (tensor && !keptTensors.has(tensor) && !tensor.isDisposed) tensor.dispose();
    }
  }
  return facts(collector, outputs, backend, result.fallbacks, {
    predictMs: result.predictMs,
    layersMs: performance.now() - start,
  });
}

function outputTensor(tensors: tf.Tensor[], outputs: string[], address: string): tf.Tensor | null {
  return tensors[outputs.indexOf(address)] ?? null;
}

function facts(
  collector: Collector,
  outputs: string[],
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

/** Node's own memory takes what does not fit the heap; beyond this a run would only end in a crash. */
const maxKeptBytes = 8 * 2 ** 30;

/** A lower bound from the known shapes: refuses before anything ran. */
function refuseTooLarge(calls: readonly ExpandedCall[], wanted: Set<string>, feeds: Map<string, tf.Tensor>): void {
  const batch = Math.max(1, ...[...feeds.values()].map((feed) => feed.shape[0] ?? 1));
  let bytes = 0;
  for (const call of calls) {
    if (call.kind === 'alias') continue;
    call.outputs.forEach((address, i) => {
      const shape = call.layer.calls[call.call]?.outputs[i]?.shape;
      if (wanted.has(address) && shape) bytes += 4 * sizeOf(shape) * (shape[0] === null ? batch : 1);
    });
  }
  if (bytes > maxKeptBytes)
    throw new SlicerError('out-of-memory', { reason: 'activations', bytes, limit: maxKeptBytes });
}
