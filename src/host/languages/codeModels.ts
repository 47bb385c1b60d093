/** What all helpers in code share: which layer a place in a program names, in which model. */
import { EventEmitter, workspace, type Disposable, type TextDocument, type Uri } from 'vscode';
import { findLayer, type Counting, type Found } from '../../core/userCode/layerIndex';
import type { LayerUse } from '../../core/userCode/programModels';
import type { ModelLoad } from '../../core/userCode/values';
import { settings, settingsSection } from '../contributions';
import { Disposables } from '../disposables';
import type { ModelLayers, ModelLayersCache } from './modelLayers';
import { fileAt, placesOf, type ProgramFile } from './programFiles';
import { UserPrograms, type DocumentModels } from './userPrograms';

export interface LoadedFile {
  uri: Uri;
  layers: ModelLayers;
}

export class CodeModels implements Disposable {
  private readonly programs = new UserPrograms();
  private readonly files = new WeakMap<DocumentModels, Map<ModelLoad, Promise<LoadedFile | null>>>();
  private readonly disposables = new Disposables();
  private readonly changed = new EventEmitter<void>();

  /** The setting, a model or the workspace is another one: what was said of programs may be wrong by now. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly cache: ModelLayersCache) {
    const fire = (): void => this.changed.fire();
    this.disposables.add(this.changed);
    this.disposables.add(cache.onDidChange(fire));
    this.disposables.add(workspace.onDidChangeWorkspaceFolders(fire));
    this.disposables.add(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(`${settingsSection}.${settings.codeHelp}`)) fire();
      }),
    );
  }

  /** Null where there is nothing to say: another language, no model, the setting is off. */
  async modelsIn(document: TextDocument): Promise<DocumentModels | null> {
    const isOn = workspace.getConfiguration(settingsSection, document).get(settings.codeHelp, true);
    return isOn && !document.isClosed ? this.programs.modelsIn(document) : null;
  }

  /** The file that a program loads; null when there is none. */
  async fileOf(load: ModelLoad, { document }: DocumentModels): Promise<Uri | null> {
    return (await this.find(load, document))?.uri ?? null;
  }

  /** Null when there is no such file. Asked once for each answer about a document, however many layers it names. */
  layersOf(load: ModelLoad, program: DocumentModels): Promise<LoadedFile | null> {
    const known = this.files.get(program) ?? new Map<ModelLoad, Promise<LoadedFile | null>>();
    this.files.set(program, known);
    const file = known.get(load) ?? this.open(load, program.document);
    known.set(load, file);
    return file;
  }

  /** What stands at a place that names a layer; null when nothing is known of its model. */
  async found(use: LayerUse, program: DocumentModels): Promise<{ uri: Uri; found: Found; counting: Counting } | null> {
    const file = await this.layersOf(use.load, program);
    if (file?.layers.kind !== 'layers' || !file.layers.list) return null;
    const counting = countingOf(program.language);
    return { uri: file.uri, found: findLayer(file.layers.list, use.steps, counting), counting };
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private async open(load: ModelLoad, document: TextDocument): Promise<LoadedFile | null> {
    const file = await this.find(load, document);
    return file && { uri: file.uri, layers: await this.cache.layersOf(file) };
  }

  private find(load: ModelLoad, document: TextDocument): Promise<ProgramFile | null> {
    const places = placesOf(load.path, document);
    this.cache.watch(places);
    return fileAt(places);
  }
}

export function countingOf(language: DocumentModels['language']): Counting {
  return language === 'python' ? 'keras' : 'tfjs';
}
