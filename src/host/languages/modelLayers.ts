/** The layers of models that programs load: read by an engine that ends at once, kept while their files stay as they are. */
import { EventEmitter, workspace, type Disposable, type LogOutputChannel, type Uri } from 'vscode';
import { EngineClient } from '../../client/engineClient';
import { SlicerError, type ErrorCode } from '../../core/errors';
import type { LayerList } from '../../core/userCode/layerIndex';
import { Disposables } from '../disposables';
import { sourceOf } from '../editor/modelSource';
import { Turns } from '../editor/turns';
import { errorSentence } from '../sentences';
import type { ProgramFile } from './programFiles';

export type ModelLayers =
  /** `list` is null where no API lists the layers (graph-models). */
  | { kind: 'layers'; list: LayerList | null }
  /** `message` is null where the file is fine and we are not able to read it. */
  | { kind: 'failed'; message: string | null };

/** What these say is about us, not about the file. */
const OURS: ReadonlySet<ErrorCode> = new Set([
  'unsupported',
  'missing-file',
  'too-large',
  'engine-crashed',
  'out-of-memory',
  'cancelled',
  'closed',
  'internal',
]);

const LIMIT = 20;
const MAX_PLACES = 1000;
/** The structure of a model is read in a second at most; what takes this long holds up the others. */
const MAX_OPEN_MS = 60_000;
const WATCHED = '**/*.{json,keras,h5,hdf5}';
/** A converter writes several files, one after the other. */
const QUIET_MS = 500;

export class ModelLayersCache implements Disposable {
  private readonly known = new Map<string, { key: string; layers: Promise<ModelLayers> }>();
  /** Files that a program speaks of, there or not. */
  private readonly wanted = new Set<string>();
  private readonly turns = new Turns();
  private readonly stop = new AbortController();
  private readonly disposables = new Disposables();
  private readonly changed = new EventEmitter<void>();
  private watching = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** A file that a program speaks of came, went or changed. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly services: { engineEntry: string; log: LogOutputChannel }) {
    this.disposables.add(this.changed);
  }

  /** Tells of changes of these files from now on. */
  watch(places: readonly Uri[]): void {
    // paths that were typed halfway are among them
    if (this.wanted.size > MAX_PLACES) this.wanted.clear();
    for (const place of places) this.wanted.add(place.toString());
    if (this.watching || this.disposables.disposed) return;
    this.watching = true;
    const watcher = this.disposables.add(workspace.createFileSystemWatcher(WATCHED));
    const heard = (uri: Uri): void => {
      if (!this.wanted.has(uri.toString())) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.changed.fire(), QUIET_MS);
    };
    this.disposables.add(watcher.onDidChange(heard));
    this.disposables.add(watcher.onDidCreate(heard));
    this.disposables.add(watcher.onDidDelete(heard));
  }

  /** Does not reject. */
  layersOf({ uri, stat }: ProgramFile): Promise<ModelLayers> {
    const id = uri.toString();
    const key = `${stat.mtime} ${stat.size}`;
    const before = this.known.get(id);
    const entry = before?.key === key ? before : { key, layers: this.read(uri) };
    // the last used one is the last to go
    this.known.delete(id);
    this.known.set(id, entry);
    const [oldest] = this.known.keys();
    if (this.known.size > LIMIT && oldest !== undefined) this.known.delete(oldest);
    return entry.layers;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.stop.abort();
    this.disposables.dispose();
    this.known.clear();
  }

  private async read(uri: Uri): Promise<ModelLayers> {
    const { log } = this.services;
    try {
      const list = await this.turns.take(this.stop.signal, () => this.open(uri));
      return { kind: 'layers', list };
    } catch (error) {
      const ours = !(error instanceof SlicerError) || OURS.has(error.code);
      if (!this.stop.signal.aborted) log.info(`${uri.toString(true)}: ${errorSentence(error)}`);
      return { kind: 'failed', message: ours ? null : errorSentence(error) };
    }
  }

  private async open(uri: Uri): Promise<LayerList | null> {
    const { engineEntry, log } = this.services;
    const started = Date.now();
    const source = await sourceOf(uri, { weights: false });
    const client = new EngineClient({ enginePath: engineEntry, onLog: (level, text) => log[level](text) });
    try {
      const signal = AbortSignal.any([this.stop.signal, AbortSignal.timeout(MAX_OPEN_MS)]);
      const { model } = await client.request('open', { path: source.path, structureOnly: true }, { signal });
      const [{ inspectModel }, { layerIndex }] = await Promise.all([
        import('../../core/model/inspect'),
        import('../../core/userCode/layerIndex'),
      ]);
      const list = layerIndex(inspectModel(model));
      log.info(`${uri.toString(true)}: ${model.graph.layers.length} layers for code, ${Date.now() - started} ms`);
      return list;
    } finally {
      client.dispose();
      await source.dispose();
    }
  }
}
