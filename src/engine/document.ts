/** The one open model of the process, and what can be asked of it. */
import { SlicerError } from '../core/errors';
import { resolveAddress } from '../core/model/address';
import type { Problem } from '../core/model/modelFile';
import { sliceModel } from '../core/slicing/sliceModel';
import type { Handlers, RequestContext } from '../protocol/channel';
import type { Activation, EngineContract, InputSpec, Progress, ResolvedInput, TensorHandle } from '../protocol/engine';
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
import { weightStatistics } from './previews/weightStatistics';
import { channelValues } from './run/channelValues';
import { exportActivations } from './run/exportActivations';
import type { GraphRunner } from './run/graphRun';
import { KeptTensors, type KeptTensor } from './run/keptTensors';
import type { Feed } from './run/feed';
import { memoryLimit } from './run/memoryBudget';
import type { WeightSource } from './run/openedModel';
import { proofData } from './run/proofData';
import { openSliceInMemory } from './run/sliceInMemory';
import { isWasmTrap } from './run/wasmTrap';
import type { WeightStore } from './run/weights';

type Requests = EngineContract['requests'];
type Params<M extends keyof Requests> = Requests[M]['params'];
type Result<M extends keyof Requests> = Promise<Requests[M]['result']>;

/**
 * What computes with tensors. Loading TensorFlow.js takes longer than opening a model, so a model opens without it:
 * nothing that imports it may be imported at the top of this file.
 */
async function tensorWork() {
  const [{ movedForMemory, onLargerBackend }, { runModel }, { verifySlice }, { Part }, { tensorOf, WeightStore }] =
    await Promise.all([
      import('./run/largerBackend'),
      import('./run/runModel'),
      import('./run/verify'),
      import('./run/part'),
      import('./run/weights'),
    ]);
  return { movedForMemory, onLargerBackend, runModel, verifySlice, Part, tensorOf, WeightStore };
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
  /** Nothing that the backend holds is to be trusted any more. */
  private broken = false;

  /**
   * @param epoch number of this process among those of its document; handles of another one are dead.
   * @param onBroken called when what the backend holds is no longer to be trusted; the request that showed it is answered.
   */
  constructor(
    private readonly epoch: number,
    private readonly onBroken: () => void = () => undefined,
  ) {
    this.kept = new KeptTensors(epoch);
  }

  handlers(): Handlers<EngineContract> {
    return {
      open: (params, context) => this.exclusive(() => this.open(params, context)),
      resolveInputs: ({ inputs }) => this.resolveInputs(inputs),
      run: (params, context) => this.exclusive(() => this.run(params, context), context),
      preview: (params, context) => this.preview(params, context),
      values: ({ handle, example, channel }, context) =>
        this.withTensor(handle, context, (tensor) => channelValues(tensor, example, channel)),
      weightStatistics: ({ address }) => weightStatistics(this.document().opened, address),
      verify: (params, context) => this.exclusive(() => this.verify(params, context), context),
      save: (params, context) => this.save(params, context),
      readOther: ({ path }) => readOther(path),
      saveComposed: (params, context) => this.saveComposed(params, context),
      verifyComposed: (params, context) => this.exclusive(() => this.verifyComposed(params, context), context),
      exportActivations: (params, context) => this.exclusive(() => this.exportActivations(params, context), context),
      close: () => this.exclusive(() => this.close()),
      findNative: async (search) => (await import('./backends/findNative')).findNative(search),
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
    const { movedForMemory, onLargerBackend, runModel, tensorOf, WeightStore } = await tensorWork();
    document.weights ??= new WeightStore(document.opened);
    const { weights } = document;
    const { resolved, feeds } = await this.feeds(params.inputs, tensorOf);
    const runId = this.kept.begin();
    try {
      const facts = await onLargerBackend(params.backend, params.native, async (backend, moved) => {
        this.kept.dispose();
        const found = await runModel({
          source: document.opened,
          weights,
          graphRunner: () => this.graphRunner(document),
          feeds,
          want,
          inner,
          backend,
          thumbnails: params.thumbnails,
          colorMap: params.colorMap,
          kept: params.keep ? this.kept : null,
          memoryLimit: memoryLimit(params.memoryLimit),
          signal,
          onProgress: progress,
        });
        return moved ? { ...found, fallbacks: [movedForMemory, ...found.fallbacks] } : found;
      });
      return { runId, epoch: this.epoch, inputs: resolved, ...facts };
    } catch (error) {
      // a run that failed has no tensors
      this.kept.dispose();
      throw error;
    }
  }

  /** What `use` makes of a tensor of the last run, which is computed again first where it was dropped. */
  private async withTensor<T>(
    handle: TensorHandle,
    context: RequestContext,
    use: (tensor: KeptTensor) => T,
  ): Promise<T> {
    const there = this.kept.find(handle);
    if (there) return use(there);
    return this.exclusive(async () => use(await this.kept.restore(handle, context.signal)), context);
  }

  private async preview({ handle, options }: Params<'preview'>, context: RequestContext): Result<'preview'> {
    const document = this.document();
    this.kept.check(handle);
    document.labels ??= findLabels(document.opened.folder);
    const labels = await document.labels;
    return this.withTensor(handle, context, (tensor) => {
      const { address, shape, dtype, layer, channelAxis } = tensor;
      const made = makePreview(tensor.values(), shape, dtype, {
        ...options,
        layout: channelAxis === 1 ? 'channels_first' : 'channels_last',
        labels,
        className:
          layer.className === 'Activation' && layer.config.activation === 'softmax' ? 'Softmax' : layer.className,
        isOutput: this.isOutput(document, address),
        matrix: /Attention/.test(layer.className) && shape.length === 4 && channelAxis === 1,
      });
      return { address, shape, dtype, ...made };
    });
  }

  private isOutput({ opened: { model } }: Open, address: string): boolean {
    const { layer, graph, call, output, inner } = resolveAddress(model.graph, address);
    return (
      graph === model.graph &&
      inner === null &&
      graph.outputs.some((ref) => ref.layer === layer.name && ref.call === call && ref.output === output)
    );
  }

  private async verify(params: Params<'verify'>, { signal, progress }: RequestContext<Progress>): Result<'verify'> {
    const document = this.document();
    const { opened } = document;
    const { onLargerBackend, verifySlice, Part, tensorOf, WeightStore } = await tensorWork();
    const slice = sliceModel(opened.model, params.cut);
    const saved = params.slicePath === undefined ? null : await openModelFile(params.slicePath);
    try {
      const fatal = saved?.model.problems.find(({ severity }) => severity === 'error');
      if (fatal) throw new SlicerError(fatal.code, fatal.data);
      const open = (): Promise<WeightSource> => (saved ? Promise.resolve(saved) : openSliceInMemory(slice, opened));
      document.weights ??= new WeightStore(opened);
      const { weights } = document;
      const [first = [], ...others] = params.data;
      const dataOf = (specs: InputSpec[]) => () => proofData(specs, opened, tensorOf);
      const result = await onLargerBackend(params.backend, params.native, (backend) =>
        verifySlice({
          original: { source: opened, weights, graphRunner: () => this.graphRunner(document) },
          slice: new Part(slice.plan, open),
          data: [dataOf(first), ...others.map(dataOf)],
          tolerance: params.tolerance,
          backend,
          memoryLimit: memoryLimit(params.memoryLimit),
          signal,
          onProgress: progress,
        }),
      );
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
    { composition, secondPath, savedPath, data, tolerance, ...params }: Params<'verifyComposed'>,
    { signal, progress }: RequestContext<Progress>,
  ): Result<'verifyComposed'> {
    const { opened } = this.document();
    const [{ onLargerBackend, tensorOf }, { openComposed, verifyComposed }] = await Promise.all([
      tensorWork(),
      import('./run/verifyComposed'),
    ]);
    return withParts(opened, composition, secondPath, async (composed, sources) => {
      const saved = savedPath === undefined ? null : await openWhole(savedPath);
      try {
        const whole = saved ?? (await openComposed(composed, sources));
        const [first = [], ...others] = data;
        const dataOf = (specs: InputSpec[]) => () => proofData(specs, whole, tensorOf);
        return await onLargerBackend(params.backend, params.native, (backend) =>
          verifyComposed({
            composed,
            sources,
            whole,
            data: [dataOf(first), ...others.map(dataOf)],
            tolerance,
            backend,
            memoryLimit: memoryLimit(params.memoryLimit),
            signal,
            onProgress: progress,
          }),
        );
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
    const asked =
      params.addresses === 'all'
        ? this.kept.addresses
        : params.addresses.map((text) => resolveAddress(model.graph, text).address);
    const wanted = new Set(asked);
    const addresses = this.kept.inOrder(wanted);
    const each = (visit: (tensor: KeptTensor) => Promise<void>): Promise<void> => this.kept.each(wanted, visit, signal);
    return exportActivations({ target, addresses, each, png, force, signal, onProgress: progress });
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

  /** The values of the given inputs, by input name. */
  private async feeds(
    specs: InputSpec[],
    tensorOf: Awaited<ReturnType<typeof tensorWork>>['tensorOf'],
  ): Promise<{ resolved: ResolvedInput[]; feeds: Map<string, Feed> }> {
    const { opened } = this.document();
    const values = [];
    for (const spec of specs) values.push(await resolveInput(spec, inputInfo(opened.model, spec.input), opened.model));
    const feeds = new Map(
      values.map(({ resolved, data, shape, dtype }) => [
        resolved.input,
        { shape, dtype, make: () => tensorOf(data, shape, dtype) },
      ]),
    );
    return { resolved: values.map(({ resolved }) => resolved), feeds };
  }

  private exclusive<T>(work: () => Promise<T>, context?: { signal: { readonly aborted: boolean } }): Promise<T> {
    const turn = this.queue.then(async () => {
      if (this.broken) throw new SlicerError('engine-crashed', { reason: 'memory' });
      if (context?.signal.aborted) throw new SlicerError('cancelled');
      try {
        return await work();
      } catch (error) {
        throw this.examined(error);
      }
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  /** What the caller hears of a failure; one of WebAssembly itself is the last thing that this process does. */
  private examined(error: unknown): unknown {
    if (!isWasmTrap(error)) return error;
    this.broken = true;
    this.onBroken();
    return error instanceof SlicerError
      ? error
      : new SlicerError('out-of-memory', { reason: 'backend' }, { cause: error });
  }
}
