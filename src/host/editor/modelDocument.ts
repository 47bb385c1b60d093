/** One open model: what all its editors show. Lives as long as one of them. */
import path from 'node:path';
import { EventEmitter, l10n, Uri, workspace, type Disposable, type LogOutputChannel } from 'vscode';
import { SlicerError, type ErrorCode } from '../../core/errors';
import { inspectModel } from '../../core/model/inspect';
import type { InspectLayer } from '../../core/model/inspectDocument';
import type { ModelFile } from '../../core/model/modelFile';
import { weightFiles } from '../../core/model/weightFiles';
import type { Cut, SliceFormat } from '../../core/slicing/slice';
import { tensorsAround, type TensorAround } from '../../core/slicing/tensorsAround';
import type { ComposedProof, EngineContract, Progress } from '../../protocol/engine';
import type { ErrorPage, ViewerModel, ViewerState } from '../../protocol/viewer';
import { Disposables } from '../disposables';
import { preferencesFor, type Preferences } from '../preferences';
import { errorSentence, translate } from '../sentences';
import { CutSession } from './cutSession';
import type { ActivationBatch, DocumentContext, LoadedModel, StateChange } from './documentContext';
import type { DocumentMemory } from './documentMemory';
import { EngineSession } from './engineSession';
import { sourceOf, type ModelSource } from './modelSource';
import { ModelWatcher } from './modelWatcher';
import { RunSession } from './runSession';
import { Turns } from './turns';
import { tensorShapes, viewerModel } from './viewerModel';

/** With these the topology is fine: it can be shown without weights and without the user's own layers. */
const STRUCTURE_REMAINS: ReadonlySet<ErrorCode> = new Set([
  'not-runnable',
  'truncated-weights',
  'missing-file',
  'missing-weight',
  'shape-mismatch',
  'bad-weight-entry',
  'unsafe-path',
  'unsafe-link',
  'link-loop',
]);

export interface DocumentServices {
  /** `dist/engine.js`. */
  engineEntry: string;
  /** Where the native backend was installed on request. */
  nativeHome: string;
  log: LogOutputChannel;
  memory: DocumentMemory;
  onDidChangeState: (document: ModelDocument, change: StateChange) => void;
}

export class ModelDocument implements Disposable {
  readonly cut: CutSession;
  readonly run: RunSession;
  private readonly stateChanged = new EventEmitter<StateChange>();
  private readonly activationsCame = new EventEmitter<ActivationBatch>();
  private readonly disposables = new Disposables();
  private readonly engine: EngineSession;
  private readonly watcher = new ModelWatcher();
  private readonly context: DocumentContext;
  private source: ModelSource | null = null;
  private loadedModel: LoadedModel | null = null;
  private viewer: ViewerModel | null = null;
  private error: ErrorPage | null = null;
  private loading: AbortController | null = null;
  /** Collects changes that are published as one. */
  private together: StateChange | null = null;

  /** What changed for every editor of this document. */
  readonly onDidChangeState = this.stateChanged.event;
  readonly onActivations = this.activationsCame.event;

  constructor(
    readonly uri: Uri,
    private readonly services: DocumentServices,
  ) {
    const turns = new Turns();
    this.engine = new EngineSession({
      enginePath: services.engineEntry,
      log: services.log,
      onGone: () => this.run.loseTensors(),
      onOtherFile: () => this.watcher.check(),
    });
    this.context = {
      uri,
      engine: this.engine,
      log: services.log,
      loaded: () => this.loadedModel,
      preferences: () => this.preferences,
      publish: (change) => this.publish(change),
      inTurn: (signal, task) => turns.take(signal, task),
      persist: () => services.memory.remember(uri, { marks: this.cut.placed, inputs: this.run.specs }),
    };
    this.run = new RunSession(this.context, (batch) => this.activationsCame.fire(batch));
    this.cut = new CutSession(this.context, () => this.run.specs);
    const remembered = services.memory.recall(uri);
    if (remembered) {
      this.cut.restore(remembered.marks);
      this.run.restore(remembered.inputs);
    }
    this.disposables.add(this.stateChanged);
    this.disposables.add(this.activationsCame);
    this.disposables.add(this.engine);
    this.disposables.add(this.watcher);
    this.disposables.add(this.run);
    this.disposables.add(this.cut);
    this.onDidChangeState((change) => services.onDidChangeState(this, change));
    this.watcher.onDidChange(() => void this.reload());
    void this.watcher.begin([uri]);
    this.watcher.watch([uri], Date.now(), false);
  }

  get loaded(): LoadedModel | null {
    return this.loadedModel;
  }

  get preferences(): Preferences {
    return preferencesFor(this.uri, this.services.nativeHome);
  }

  get fileName(): string {
    return path.posix.basename(this.uri.path);
  }

  /** All that a fresh editor needs. */
  get state(): ViewerState {
    return {
      fileName: this.fileName,
      loading: this.loading !== null,
      model: this.viewer,
      error: this.error,
      slice: this.cut.state,
      input: this.run.inputState,
      run: this.run.runState,
      activations: this.run.activations,
      settings: this.settings,
      l10n: l10n.bundle ?? null,
    };
  }

  /** Reads the file, or reads it again. What is wrong with it becomes the editor's error page. */
  async load({ structureOnly = false } = {}): Promise<void> {
    this.loading?.abort();
    const loading = (this.loading = new AbortController());
    this.publish({ loading: true });
    const started = Date.now();
    const noted = this.watcher.begin([this.uri]);
    let loaded: LoadedModel | null = null;
    // The structure alone is shown with the reason why it is alone.
    let error: ErrorPage | null = structureOnly ? this.error : null;
    try {
      const model = await this.open(structureOnly, loading.signal);
      const rows = inspectModel(model, translate);
      const broken = model.problems.find(({ code, severity }) => severity === 'error' && STRUCTURE_REMAINS.has(code));
      if (broken && !error) error = this.errorPage(new SlicerError(broken.code, broken.data));
      loaded = { model, rows, shapes: tensorShapes(rows), structureOnly: structureOnly || broken !== undefined };
      this.services.log.info(
        `${this.uri.toString(true)}: ${model.format}, ${rows.layers.length} rows, ${Date.now() - started} ms`,
      );
    } catch (thrown) {
      if (loading.signal.aborted) return;
      error = this.errorPage(thrown);
      this.services.log.error(
        `${this.uri.toString(true)}: ${error.message}`,
        thrown instanceof Error ? (thrown.stack ?? '') : '',
      );
    }
    await noted;
    if (loading.signal.aborted || this.disposables.disposed) return;
    this.loading = null;
    this.loadedModel = loaded;
    this.viewer = loaded ? viewerModel(loaded.rows) : null;
    this.error = error;
    this.watcher.watch(this.watchedFiles(loaded?.model ?? null), started, error === null);
    // Tree, marks and input change together: nobody sees the marks of one model beside the rows of another.
    this.together = { loading: false, model: this.viewer, error };
    const resolved = this.run.modelChanged(loaded?.model ?? null);
    this.cut.modelChanged();
    const change = this.together;
    this.together = null;
    this.publish(change);
    await resolved;
  }

  /** The file changed, or the user asks for it. A structure opened without its weights is tried whole again. */
  async reload(): Promise<void> {
    this.run.cancel('file-changed');
    await this.load();
  }

  /** Config, weights and inner tensors of one row. @throws SlicerError `unknown-address`. */
  details(address: string): InspectLayer {
    const layer = this.loadedModel?.rows.layers.find(
      (row) => row.address === address || row.calls.some((call) => call.address === address),
    );
    if (!layer) throw new SlicerError('unknown-address', { address });
    return layer;
  }

  /** @throws SlicerError `unknown-address`. */
  tensorsAround(address: string): TensorAround[] {
    if (!this.loadedModel) throw new SlicerError('closed');
    return tensorsAround(this.loadedModel.model.graph, address);
  }

  weightStatistics(address: string): Promise<EngineContract['requests']['weightStatistics']['result']> {
    return this.engine.request('weightStatistics', { address });
  }

  /** Writes a slice of this model. Asks nothing; `target-exists` without `force`. */
  save(
    cut: Cut,
    params: { target: string; format?: SliceFormat; name?: string; force: boolean; shardBytes?: number },
    options: { signal: AbortSignal; onProgress?: (progress: Progress) => void },
  ): Promise<{ files: string[]; bytes: number }> {
    return this.context.inTurn(options.signal, () => this.engine.request('save', { cut, ...params }, options));
  }

  /** The structure of another file, read by the engine as the model itself is. */
  async readOther(path: string): Promise<ModelFile> {
    return (await this.engine.request('readOther', { path })).model;
  }

  /** Writes a new model with this one in it. Asks nothing; `target-exists` without `force`. */
  saveComposed(
    params: EngineContract['requests']['saveComposed']['params'],
    options: { signal: AbortSignal; onProgress?: (progress: Progress) => void },
  ): Promise<{ files: string[]; bytes: number }> {
    return this.context.inTurn(options.signal, () => this.engine.request('saveComposed', params, options));
  }

  verifyComposed(
    params: EngineContract['requests']['verifyComposed']['params'],
    options: { signal: AbortSignal; onProgress?: (progress: Progress) => void },
  ): Promise<ComposedProof> {
    return this.context.inTurn(options.signal, () => this.engine.request('verifyComposed', params, options));
  }

  exportActivations(
    params: { addresses: 'all' | string[]; target: string; png: boolean; force: boolean },
    options: { signal: AbortSignal; onProgress?: (progress: Progress) => void },
  ): Promise<{ files: string[]; bytes: number }> {
    const kept = this.run.keptRun;
    if (!kept) throw new SlicerError('handle-gone');
    return this.context.inTurn(options.signal, () =>
      this.engine.request('exportActivations', { ...kept, ...params }, options),
    );
  }

  /** Modules with layers are read once in the life of an engine: other modules need another engine. */
  async customLayersChanged(): Promise<void> {
    this.engine.restart();
    await this.reload();
  }

  settingsChanged(): void {
    this.publish({ settings: this.settings });
  }

  /** The input is another one: what was proven with the old one is out of date. */
  async setInput(spec: Parameters<RunSession['setInput']>[0]): Promise<void> {
    await this.run.setInput(spec);
    this.cut.inputChanged();
  }

  dispose(): void {
    this.loading?.abort();
    this.disposables.dispose();
    void this.source?.dispose();
  }

  private async open(structureOnly: boolean, signal: AbortSignal): Promise<ModelFile> {
    const before = this.source;
    this.source = await sourceOf(this.uri);
    await before?.dispose();
    const customLayers = structureOnly ? [] : this.preferences.customLayers;
    const model = await this.engine.openModel({ path: this.source.path, customLayers, structureOnly }, signal);
    const foreign = model.problems.some(({ code }) => code === 'unknown-class' || code === 'holds-code');
    if (foreign && !workspace.isTrusted)
      model.problems.push({ code: 'custom-layers', severity: 'warning', address: null, data: { reason: 'untrusted' } });
    return model;
  }

  private publish(change: StateChange): void {
    if (this.together) Object.assign(this.together, change);
    else this.stateChanged.fire(change);
  }

  private errorPage(error: unknown): ErrorPage {
    const code = error instanceof SlicerError ? error.code : 'internal';
    const own = error instanceof SlicerError && error.data['file'] === this.fileName;
    return {
      code,
      message: errorSentence(error),
      canOpenStructure: STRUCTURE_REMAINS.has(code) && !(code === 'missing-file' && own),
      canReopenAsText: !(code === 'missing-file' && own),
    };
  }

  /** The model and its shards. While something is missing the folder's likely names are watched, too: they come with the next reading. */
  private watchedFiles(model: ModelFile | null): Uri[] {
    const shards = model ? weightFiles(model) : [];
    const named =
      this.error === null ? [] : [...this.error.message.matchAll(/[\w.-]+\.(?:bin|json)/g)].map(([name]) => name);
    const others = new Set([...shards, ...named]);
    return [this.uri, ...[...others].map((name) => Uri.joinPath(this.uri, '..', name))];
  }

  private get settings(): ViewerState['settings'] {
    const reduceMotion = workspace.getConfiguration('workbench').get('reduceMotion') === 'on';
    return { colorMap: this.preferences.colorMap, reduceMotion };
  }
}
