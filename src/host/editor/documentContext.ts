/** What the parts of a model document share. */
import type { LogOutputChannel, Uri } from 'vscode';
import type { InspectDocument } from '../../core/model/inspectDocument';
import type { ModelFile } from '../../core/model/modelFile';
import type { HostContract } from '../../protocol/viewer';
import type { Preferences } from '../preferences';
import type { EngineSession } from './engineSession';
import type { TensorShapes } from './viewerModel';

/** A model as it stands in the engine now. */
export interface LoadedModel {
  model: ModelFile;
  rows: InspectDocument;
  shapes: TensorShapes;
  /** Only the structure could be read: nothing of it runs. */
  structureOnly: boolean;
}

export type StateChange = HostContract['events']['state'];
export type ActivationBatch = HostContract['events']['activations'];

export interface DocumentContext {
  readonly uri: Uri;
  readonly engine: EngineSession;
  readonly log: LogOutputChannel;
  loaded(): LoadedModel | null;
  preferences(): Preferences;
  /** What every editor of this document shows from now on. */
  publish(change: StateChange): void;
  /** Runs, proofs and exports take turns: two at once would need the memory of both. */
  inTurn<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  /** Marks or input changed: they outlive the window. */
  persist(): void;
}
