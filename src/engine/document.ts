/** The one open model of the process, and what can be asked of it. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../core/errors';
import { resolveAddress } from '../core/model/address';
import type { Problem } from '../core/model/modelFile';
import { sliceModel } from '../core/slicing/sliceModel';
import type { Handlers, RequestContext } from '../protocol/channel';
import type { Activation, EngineContract, InputSpec, Progress, ResolvedInput } from '../protocol/engine';
import { openModelFile, type OpenedModel } from './files/openModelFile';
import { originOf } from './files/sliceOrigin';
import { openWhole, readOther, withParts } from './files/openParts';
import { clearLeftoversOf } from './files/leftovers';
import { writeComposed } from './files/writeComposed';
import { writeSlice } from './files/writeSlice';
import { inputInfo } from './inputs/inputInfo';
import { findLabels } from './inputs/labels';
import { resolveInput } from './inputs/resolveInput';
import { makePreview } from './previews/preview';
import { computeStatistics, emptyStatistics, histogram } from './previews/statistics';
import { channelValues } from './run/channelValues';
import { exportActivations } from './run/exportActivations';
import type { GraphRunner } from './run/graphRun';
import { KeptTensors } from './run/keptTensors';
import type { WeightSource } from './run/openedModel';
import { proofData } from './run/proofData';
import { openSliceInMemory } from './run/sliceInMemory';
import type { WeightStore } from './run/weights';

type Requests = EngineContract['requests'];
type Params<M extends keyof Requests> = Requests[M]['params'];
type Result<M extends keyof Requests> = Promise<Requests[M]['result']>;

/**
 * What computes with tensors. Loading TensorFlow.js takes longer than opening a model, so a model opens without it:
 * nothing that imports it may be imported at the top of this file.
 */
async function tensorWork() {
  const [{ useBackend }, { runModel }, { verifySlice }, { Part }, { tensorOf, WeightStore }] = await Promise.all([
    import('./backends/backend'),
    import('./run/runModel'),
    import('./run/verify'),
    import('./run/part'),
    import('./run/weights'),
  ]);
  return { useBackend, runModel, verifySlice, Part, tensorOf, WeightStore };
}

/** Loads the user's own layers; returns what adds to a model's problems what is to be said about them. */
async function loadModules(
  files: readonly string[],
  onLoading: (file: string | null) => void,
): Promise<(problems: Problem[]) => Problem[]> {
  if (files.length === 0) return (problems) => problems;
  const { loadCustomLayers, sayRegistered } = await import('./customLayers');
  const own = await loadCustomLayers(files, onLoading);
  return (problems) => [...sayRegistered(problems), ...own];
}

interface Open {
  opened: OpenedModel;
  /** Null before the first run. */
  weights: WeightStore | null;
  graph: Promise<GraphRunner> | null;
  labels: Promise<string[] | null> | null;
}

export class EngineDocument {
  private current: Open | null = null;
  private readonly kept: KeptTensors;
  /** What uses the backend goes one after the other. */
  private queue: Promise<unknown> = Promise.resolve();

  /** @param epoch number of this process among those of its document; handles of another one are dead. */
  constructor(private readonly epoch: number) {
    this.kept = new KeptTensors(epoch);
  }

  handlers(): Handlers<EngineContract> {
    return {
      open: (params, context) => this.exclusive(() => this.open(params, context)),
      resolveInputs: ({ inputs }) => this.resolveInputs(inputs),
      run: (params, context) => this.exclusive(() => this.run(params, context), context),
      preview: (params) => this.preview(params),
      values: ({ handle, example, channel }) => channelValues(this.kept.get(handle), example, channel),
      weightStatistics: ({ address }) => this.weightStatistics(address),
      verify: (params, context) => this.exclusive(() => this.verify(params, context), context),
      save: (params, context) => this.save(params, context),
      readOther: ({ path }) => readOther(path),
      saveComposed: (params, context) => this.saveComposed(params, context),
      verifyComposed: (params, context) => this.exclusive(() => this.verifyComposed(params, context), context),
      exportActivations: (params, context) => this.exclusive(() => this.exportActivations(params, context), context),
      close: () => this.exclusive(() => this.close()),
      tidy: ({ targets }) => clearLeftoversOf(targets).then(() => null),
      ping: () => null,
    };
  }

  private async open(
    { path, customLayers, structureOnly }: Params<'open'>,
    { progress, signal }: RequestContext<Requests['open']['progress']>,
  ): Result<'open'> {
    await this.close();
    const say = await loadModules(customLayers ?? [], (loading) => progress({ loading }));
    const onUnpack = (unpacking: Progress): void => progress({ loading: null, unpacking });
    const opened = await openModelFile(path, { signal, onUnpack });
    opened.model.problems = say(opened.model.problems);
    const fatal = opened.model.problems.find(({ severity }) => severity === 'error');
    if (fatal && structureOnly !== true) {
      await opened.close();
      throw new SlicerError(fatal.code, fatal.data);
    }
    this.current = { opened, weights: null, graph: null, labels: null };
    return { model: opened.model, epoch: this.epoch };
  }

  private async resolveInputs(specs: InputSpec[]): Result<'resolveInputs'> {
    const { opened } = this.document();
    const inputs: ResolvedInput[] = [];
    for (const spec of specs)
      inputs.push((await resolveInput(spec, inputInfo(opened.model, spec.input), opened.model)).resolved);
    return { inputs };
  }

  private async run(
    params: Params<'run'>,
    { signal, progress }: RequestContext<Progress & { activations: Activation[] }>,
  ): Result<'run'> {
    const document = this.document();
    const { model } = document.opened;
    const addressesOf = (texts: string[]): string[] => texts.map((text) => resolveAddress(model.graph, text).address);
    const want = params.want === 'all' ? 'all' : addressesOf(params.want);
    const inner = addressesOf(params.inner ?? []);
    const { useBackend, runModel, tensorOf, WeightStore } = await tensorWork();
    const backend = await useBackend(params.backend);
    document.weights ??= new WeightStore(document.opened);
    const { resolved, feeds } = await this.feeds(params.inputs, tensorOf);
    const runId = this.kept.begin();
    try {
      const facts = await runModel({
        source: document.opened,
        weights: document.weights,
        graphRunner: () => this.graphRunner(document),
        feeds,
        want,
        inner,
        backend,
        thumbnails: params.thumbnails,
        colorMap: params.colorMap,
        kept: params.keep ? this.kept : null,
        signal,
        onProgress: progress,
      });
      return { runId, epoch: this.epoch, inputs: resolved, ...facts };
    } catch (error) {
      // a run that failed has no tensors
      this.kept.dispose();
      for (const feed of feeds.values()) feed.dispose();
      throw error;
    }
  }

  private async preview({ handle, options }: Params<'preview'>): Result<'preview'> {
    const document = this.document();
    const tensor = this.kept.get(handle);
    const { address, shape, dtype, layer, channelAxis } = tensor;
    document.labels ??= findLabels(document.opened.folder);
    const labels = await document.labels;
    const made = makePreview(this.kept.get(handle).values(), shape, dtype, {
      ...options,
      layout: channelAxis === 1 ? 'channels_first' : 'channels_last',
      labels,
      className:
        layer.className === 'Activation' && layer.config.activation === 'softmax' ? 'Softmax' : layer.className,
      isOutput: this.isOutput(document, address),
      matrix: /Attention/.test(layer.className) && shape.length === 4 && channelAxis === 1,
    });
    return { address, shape, dtype, ...made };
  }

  private isOutput({ opened: { model } }: Open, address: string): boolean {
    const { layer, graph, call, output, inner } = resolveAddress(model.graph, address);
    return (
      graph === model.graph &&
      inner === null &&
      graph.outputs.some((ref) => ref.layer === layer.name && ref.call === call && ref.output === output)
    );
  }

  private async weightStatistics(address: string): Result<'weightStatistics'> {
    const { opened } = this.document();
    const { layer } = resolveAddress(opened.model.graph, address);
    const weights: Requests['weightStatistics']['result']['weights'] = [];
    for (const { name, entry, shape } of layer.weights) {
      const found = entry === null ? undefined : opened.model.weightEntries[entry];
      if (!found) continue;
      const values = await opened.readWeight(found);
      if (Array.isArray(values)) {
        weights.push({ name, statistics: emptyStatistics(values.length), histogram: { counts: [], min: 0, max: 0 } });
        continue;
      }
      const statistics = computeStatistics(
        values,
        shape.map((size) => size ?? 1),
        -1,
      );
      weights.push({ name, statistics, histogram: histogram(values, statistics.min, statistics.max) });
    }
    return { weights };
  }

  private async verify(params: Params<'verify'>, { signal, progress }: RequestContext<Progress>): Result<'verify'> {
    const document = this.document();
    const { opened } = document;
    const { useBackend, verifySlice, Part, tensorOf, WeightStore } = await tensorWork();
    const slice = sliceModel(opened.model, params.cut);
    const saved = params.slicePath === undefined ? null : await openModelFile(params.slicePath);
    try {
      const fatal = saved?.model.problems.find(({ severity }) => severity === 'error');
      if (fatal) throw new SlicerError(fatal.code, fatal.data);
      const open = (): Promise<WeightSource> => (saved ? Promise.resolve(saved) : openSliceInMemory(slice, opened));
      const backend = await useBackend(params.backend);
      document.weights ??= new WeightStore(opened);
      const [first = [], ...others] = params.data;
      const dataOf = (specs: InputSpec[]) => () => proofData(specs, opened, tensorOf);
      const result = await verifySlice({
        original: { source: opened, weights: document.weights, graphRunner: () => this.graphRunner(document) },
        slice: new Part(slice.plan, open),
        data: [dataOf(first), ...others.map(dataOf)],
        tolerance: params.tolerance,
        backend,
        signal,
        onProgress: progress,
      });
      // weights are read as they are needed: those of another file than the one that was opened prove nothing
      if ((await opened.identity()) !== opened.openedAs)
        throw new SlicerError('file-changed', { file: opened.model.file });
      return { ...result, ...(saved ? await originOf(saved, opened.model) : { sourceMatches: null }) };
    } finally {
      await saved?.close();
    }
  }

  private async save(params: Params<'save'>, { signal, progress }: RequestContext<Progress>): Result<'save'> {
    const { opened } = this.document();
    const slice = sliceModel(opened.model, params.cut, params.format);
    const { name, force, shardBytes } = params;
    return writeSlice(slice, opened, params.target, {
      force,
      ...(name === undefined ? {} : { name }),
      ...(shardBytes === undefined ? {} : { shardBytes }),
      signal: signal,
      onProgress: progress,
    });
  }

  private async saveComposed(
    { composition, secondPath, target, force, shardBytes }: Params<'saveComposed'>,
    { signal, progress }: RequestContext<Progress>,
  ): Result<'saveComposed'> {
    const { opened } = this.document();
    return withParts(opened, composition, secondPath, (composed, sources) =>
      writeComposed(composed, composition, sources, target, {
        force,
        ...(shardBytes === undefined ? {} : { shardBytes }),
        signal: signal,
        onProgress: progress,
      }),
    );
  }

  private async verifyComposed(
    { composition, secondPath, savedPath, data, tolerance, backend: wanted }: Params<'verifyComposed'>,
    { signal, progress }: RequestContext<Progress>,
  ): Result<'verifyComposed'> {
    const { opened } = this.document();
    const [{ useBackend, tensorOf }, { openComposed, verifyComposed }] = await Promise.all([
      tensorWork(),
      import('./run/verifyComposed'),
    ]);
    return withParts(opened, composition, secondPath, async (composed, sources) => {
      const saved = savedPath === undefined ? null : await openWhole(savedPath);
      try {
        const whole = saved ?? (await openComposed(composed, sources));
        const backend = await useBackend(wanted);
        const [first = [], ...others] = data;
        const dataOf = (specs: InputSpec[]) => () => proofData(specs, whole, tensorOf);
        return await verifyComposed({
          composed,
          sources,
          whole,
          data: [dataOf(first), ...others.map(dataOf)],
          tolerance,
          backend,
          signal,
          onProgress: progress,
        });
      } finally {
        await saved?.close();
      }
    });
  }

  private async exportActivations(
    params: Params<'exportActivations'>,
    { signal, progress }: RequestContext<Progress>,
  ): Result<'exportActivations'> {
    const { epoch, runId, target, png, force } = params;
    this.kept.check({ epoch, runId });
    const { model } = this.document().opened;
    const addresses =
      params.addresses === 'all'
        ? this.kept.addresses
        : params.addresses.map((text) => resolveAddress(model.graph, text).address);
    const tensors = addresses.map((address) => () => this.kept.get({ epoch, runId, address }));
    return exportActivations({ target, tensors, addresses, png, force, signal, onProgress: progress });
  }

  private async close(): Promise<null> {
    const document = this.current;
    this.current = null;
    this.kept.begin();
    if (document) {
      document.weights?.dispose();
      const runner = await document.graph?.catch(() => null);
      runner?.dispose();
      await document.opened.close();
    }
    return null;
  }

  private document(): Open {
    if (!this.current) throw new SlicerError('closed');
    return this.current;
  }

  private graphRunner(document: Open): Promise<GraphRunner> {
    document.graph ??= import('./run/graphRun').then(({ GraphRunner: runner }) => runner.load(document.opened));
    return document.graph;
  }

  /** The values of the given inputs as tensors, by input name. */
  private async feeds(
    specs: InputSpec[],
    tensorOf: Awaited<ReturnType<typeof tensorWork>>['tensorOf'],
  ): Promise<{ resolved: ResolvedInput[]; feeds: Map<string, tf.Tensor> }> {
    const { opened } = this.document();
    const values = [];
    for (const spec of specs) values.push(await resolveInput(spec, inputInfo(opened.model, spec.input), opened.model));
    const feeds = new Map(
      values.map(({ resolved, data, shape, dtype }) => [resolved.input, tensorOf(data, shape, dtype)]),
    );
    return { resolved: values.map(({ resolved }) => resolved), feeds };
  }

  private exclusive<T>(work: () => Promise<T>, context?: { signal: { readonly aborted: boolean } }): Promise<T> {
    const turn = this.queue.then(() => {
      if (context?.signal.aborted) throw new SlicerError('cancelled');
      return work();
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}
