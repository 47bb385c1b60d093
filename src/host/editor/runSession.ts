/** The input, the run, and what came of it: statistics, thumbnails, previews. */
import { SlicerError } from '../../core/errors';
import { resolveAddress } from '../../core/model/address';
import type { ModelFile } from '../../core/model/modelFile';
import type {
  Activation,
  EngineContract,
  InputSpec,
  PreviewOptions,
  PreviewResult,
  RunResult,
  TensorHandle,
} from '../../protocol/engine';
import { noRun, type InputState, type RunState } from '../../protocol/viewer';
import { errorSentence, isCancelled } from '../sentences';
import type { ActivationBatch, DocumentContext } from './documentContext';
import { ownBytes } from './ownBytes';
import { PictureCache } from './pictureCache';
import { suggestedPictures } from './suggestedPictures';

const PICTURE_BYTES = 16 * 1024 * 1024;
/** Progress is drawn, not read: more often than this it only costs. */
const PROGRESS_MS = 100;
const TOP_CLASSES = 5;

type Values = EngineContract['requests']['values']['result'];
type Cached = { kind: 'thumbnail' } | { kind: 'preview'; result: PreviewResult };

export class RunSession {
  private input: InputState = { specs: [], resolved: null, error: null, suggestions: [] };
  private run: RunState = noRun;
  private readonly shown = new Map<string, Activation>();
  private readonly pictures = new PictureCache<Cached>(PICTURE_BYTES, (key) => this.forget(key));
  private controller: AbortController | null = null;
  private resolving: AbortController | null = null;
  private kept: { epoch: number; runId: number } | null = null;
  private progressShown = 0;
  /** Inner tensors that every run computes besides, while the document is open. */
  private inner: readonly string[] = [];

  constructor(
    private readonly context: DocumentContext,
    private readonly publishActivations: (batch: ActivationBatch) => void,
  ) {}

  get inputState(): InputState {
    return this.input;
  }

  get runState(): RunState {
    return this.run;
  }

  get activations(): Activation[] {
    return [...this.shown.values()];
  }

  get specs(): InputSpec[] {
    return this.input.specs;
  }

  /** Identifies the tensors that the engine holds; null when there are none. */
  get keptRun(): { epoch: number; runId: number } | null {
    return this.run.live ? this.kept : null;
  }

  restore(specs: readonly InputSpec[]): void {
    this.input = { ...this.input, specs: [...specs] };
  }

  /** The model was read anew: specs of inputs that it lacks go, new inputs get seeded noise, and all is resolved again. */
  async modelChanged(model: ModelFile | null): Promise<void> {
    this.cancel('file-changed');
    this.loseTensors();
    this.inner = this.inner.filter((address) => model && isInner(model, address));
    const known = new Map(this.input.specs.map((spec) => [spec.input, spec]));
    const specs = model?.graph.inputs.map(({ name }) => known.get(name) ?? defaultSpec(name)) ?? this.input.specs;
    this.publishInput({ specs, resolved: null, error: null });
    if (!model) return;
    await Promise.all([this.resolve(), this.suggest()]);
  }

  /** @throws SlicerError `bad-input` when the model has no such input. */
  async setInput(spec: InputSpec): Promise<void> {
    const { specs } = this.input;
    if (!specs.some(({ input }) => input === spec.input)) {
      throw new SlicerError('bad-input', {
        reason: 'unknown-input',
        input: spec.input,
        inputs: specs.map(({ input }) => input),
      });
    }
    this.publishInput({
      specs: specs.map((old) => (old.input === spec.input ? spec : old)),
      resolved: null,
      error: null,
    });
    this.context.persist();
    await this.resolve();
  }

  /** Runs all layers. A run that is under way is given up. @throws SlicerError, `cancelled` among them. */
  async start(): Promise<RunResult> {
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    const current = (): boolean => this.controller === controller;
    this.loseTensors();
    this.shown.clear();
    this.pictures.clear();
    this.publishRun({ ...noRun, state: 'running' });
    this.publishActivations({ reset: true, items: [] });
    try {
      const { backend, native, memoryLimit, colorMap } = this.context.preferences();
      const params = {
        inputs: this.specs,
        want: 'all',
        ...(this.inner.length > 0 ? { inner: [...this.inner] } : {}),
        backend,
        native,
        memoryLimit,
        thumbnails: true,
        colorMap,
        keep: true,
      } as const;
      const result = await this.context.inTurn(controller.signal, () =>
        this.context.engine.request('run', params, {
          signal: controller.signal,
          onProgress: ({ activations, done, total, at }) => {
            if (!current()) return;
            this.add(activations);
            this.showProgress(done, total, at);
          },
        }),
      );
      if (!current()) throw new SlicerError('cancelled');
      await this.finish(result);
      return result;
    } catch (error) {
      if (current()) {
        this.publishRun(
          isCancelled(error)
            ? { ...noRun, state: 'cancelled' }
            : { ...noRun, state: 'failed', message: errorSentence(error) },
        );
      }
      throw error;
    } finally {
      if (current()) this.controller = null;
    }
  }

  /**
   * Runs all layers and this inner tensor, in this run and in later ones.
   * @throws SlicerError `unknown-address`, and as `start`; what cannot be computed is left out of the next run.
   */
  async startWithInner(text: string): Promise<RunResult> {
    const model = this.context.loaded()?.model;
    if (!model) throw new SlicerError('closed');
    const { address } = resolveAddress(model.graph, text);
    const before = this.inner;
    if (!before.includes(address) && isInner(model, address)) this.inner = [...before, address];
    try {
      return await this.start();
    } catch (error) {
      if (!isCancelled(error) && !before.includes(address)) this.inner = this.inner.filter((own) => own !== address);
      throw error;
    }
  }

  /** `file-changed`: the model under the run is no longer the one that was asked about. */
  cancel(reason: 'cancelled' | 'file-changed' = 'cancelled'): void {
    const { controller } = this;
    if (!controller) return;
    if (reason === 'file-changed') {
      this.controller = null;
      this.publishRun({
        ...noRun,
        state: 'failed',
        message: errorSentence(new SlicerError('file-changed', { file: this.context.loaded()?.model.file ?? '' })),
      });
    }
    controller.abort();
  }

  /** The engine dropped its tensors; statistics and pictures stay. */
  loseTensors(): void {
    this.kept = null;
    if (this.run.live) this.publishRun({ ...this.run, live: false });
  }

  /** @throws SlicerError `handle-gone` when it needs tensors that are no longer there. */
  async preview(address: string, options: PreviewOptions): Promise<PreviewResult> {
    const key = `preview ${address} ${JSON.stringify(options)}`;
    const known = this.pictures.get(key);
    if (known?.kind === 'preview') return known.result;
    const handle = this.handle(address);
    const result = ownBytes(await this.context.engine.request('preview', { handle, options }));
    if (this.kept?.runId === handle.runId) this.pictures.set(key, { kind: 'preview', result }, previewBytes(result));
    return result;
  }

  async values(address: string, example: number, channel: number | null): Promise<Values> {
    return ownBytes(await this.context.engine.request('values', { handle: this.handle(address), example, channel }));
  }

  dispose(): void {
    this.controller?.abort();
    this.resolving?.abort();
  }

  private handle(address: string): TensorHandle {
    const kept = this.keptRun;
    if (!kept) throw new SlicerError('handle-gone', { address });
    return { ...kept, address };
  }

  private async resolve(): Promise<void> {
    this.resolving?.abort();
    const resolving = (this.resolving = new AbortController());
    if (this.context.loaded()?.structureOnly !== false) return;
    let change: Partial<InputState>;
    try {
      const params = { inputs: this.specs };
      const { inputs } = await this.context.engine.request('resolveInputs', params, { signal: resolving.signal });
      change = { resolved: ownBytes(inputs), error: null };
    } catch (error) {
      change = { resolved: null, error: errorSentence(error) };
    }
    if (this.resolving === resolving && !resolving.signal.aborted) this.publishInput(change);
  }

  private async suggest(): Promise<void> {
    try {
      this.publishInput({ suggestions: await suggestedPictures(this.context.uri) });
    } catch (error) {
      this.context.log.warn(`pictures near the model: ${String(error)}`);
    }
  }

  private async finish(result: RunResult): Promise<void> {
    this.add(result.activations.filter(({ address }) => !this.shown.has(address)));
    const { epoch, runId, backend, fallbacks, predictMs, layersMs, firstNonFinite, attributes } = result;
    this.kept = { epoch, runId };
    const total = this.shown.size;
    const done: RunState = {
      ...noRun,
      state: 'done',
      done: total,
      total,
      backend,
      fallbacks,
      predictMs,
      layersMs,
      firstNonFinite,
      attributes,
      live: true,
    };
    this.publishInput({ resolved: ownBytes(result.inputs), error: null });
    this.publishRun(done);
    const outputs = await this.topClasses(result);
    if (this.kept?.runId === runId) this.publishRun({ ...this.run, outputs });
  }

  /** The largest scores of each output that the engine takes for classes, with the names it found for them. */
  private async topClasses({ outputs }: RunResult): Promise<RunState['outputs']> {
    const options: PreviewOptions = { colorMap: 'auto', scale: 'tensor', example: 0, offset: 0, limit: TOP_CLASSES };
    const tops: RunState['outputs'] = [];
    for (const { address } of outputs) {
      try {
        const { preview } = await this.preview(address, options);
        if (preview.kind === 'classes') tops.push({ address, top: preview.top.slice(0, TOP_CLASSES) });
      } catch (error) {
        this.context.log.warn(errorSentence(error));
      }
    }
    return tops;
  }

  private add(items: readonly Activation[]): void {
    if (items.length === 0) return;
    const own = ownBytes(items.slice());
    for (const item of own) {
      this.shown.set(item.address, item);
      if (item.thumbnail)
        this.pictures.set(`thumbnail ${item.address}`, { kind: 'thumbnail' }, item.thumbnail.rgba.byteLength);
    }
    this.publishActivations({ reset: false, items: own });
  }

  /** Statistics stay when a thumbnail has to go. */
  private forget(key: string): void {
    if (!key.startsWith('thumbnail ')) return;
    const address = key.slice('thumbnail '.length);
    const item = this.shown.get(address);
    if (item) this.shown.set(address, { ...item, thumbnail: null });
  }

  private showProgress(done: number, total: number, at: string): void {
    const now = Date.now();
    if (now - this.progressShown < PROGRESS_MS) return;
    this.progressShown = now;
    this.publishRun({ ...this.run, done, total, at });
  }

  private publishRun(run: RunState): void {
    this.run = run;
    this.context.publish({ run });
  }

  private publishInput(change: Partial<InputState>): void {
    this.input = { ...this.input, ...change };
    this.context.publish({ input: this.input });
  }
}

/** Noise, not zeros: with zeros a wrong slice can look right. */
function defaultSpec(input: string): InputSpec {
  return { input, source: { kind: 'random', seed: 7 } };
}

/** Whether the model has a tensor of this address inside one of its layers, not between them. */
function isInner(model: ModelFile, text: string): boolean {
  try {
    const { address, inner } = resolveAddress(model.graph, text);
    return inner !== null && address === text;
  } catch (error) {
    if (error instanceof SlicerError) return false;
    throw error;
  }
}

function previewBytes({ preview }: PreviewResult): number {
  if (preview.kind === 'heatmap') return preview.picture.rgba.byteLength;
  if (preview.kind === 'channels' || preview.kind === 'matrix') {
    return preview.tiles.reduce((sum, { picture }) => sum + picture.rgba.byteLength, 0);
  }
  return 4096;
}
