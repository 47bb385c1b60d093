/**
 * Every id that `package.json` and the code must agree on, and what each command takes.
 * `test/unit/host/contributions.test.ts` holds the two together.
 */
import type { Uri } from 'vscode';
import type { BackendName, InputSpec } from '../protocol/engine';

export const viewTypes = { json: 'modelSlicer.json' } as const;

export const commands = {
  open: 'modelSlicer.open',
  openAsText: 'modelSlicer.openAsText',
  openSample: 'modelSlicer.openSample',
  chooseInput: 'modelSlicer.chooseInput',
  run: 'modelSlicer.run',
  focusSearch: 'modelSlicer.focusSearch',
  previewLayer: 'modelSlicer.previewLayer',
  copyAddress: 'modelSlicer.copyAddress',
  markOutput: 'modelSlicer.markOutput',
  clearMarks: 'modelSlicer.clearMarks',
  undoMarks: 'modelSlicer.undoMarks',
  redoMarks: 'modelSlicer.redoMarks',
  sliceToLayer: 'modelSlicer.sliceToLayer',
  verifySlice: 'modelSlicer.verifySlice',
  saveSlice: 'modelSlicer.saveSlice',
  insertExtractionCode: 'modelSlicer.insertExtractionCode',
  insertModelAsLayerCode: 'modelSlicer.insertModelAsLayerCode',
  exportActivations: 'modelSlicer.exportActivations',
  exportSummary: 'modelSlicer.exportSummary',
  selectBackend: 'modelSlicer.selectBackend',
  showLog: 'modelSlicer.showLog',
} as const;
export type CommandId = (typeof commands)[keyof typeof commands];

/** Without their prefix `modelSlicer.`, as `getConfiguration('modelSlicer')` takes them. */
export const settings = {
  backend: 'backend',
  verifyAutomatically: 'verifyAutomatically',
  colorMap: 'colorMap',
  customLayers: 'customLayers',
} as const;
export const settingsSection = 'modelSlicer';

/** Context keys that menus and keybindings read. They speak of the active model editor. */
export const contextKeys = {
  hasModel: 'modelSlicer.hasModel',
  hasMarks: 'modelSlicer.hasMarks',
  /** Paths of models and of folders that hold one, as far as they are known: `resourcePath in …`. */
  modelPaths: 'modelSlicer.modelPaths',
} as const;

/** `data-vscode-context` of the webview's rows: picks the entries of `webview/context`. */
export const webviewSections = { layer: 'layer' } as const;

export interface ModelArgs {
  /** The model; default: the active model editor. Opened when it is not open yet. */
  uri?: Uri | string;
}
export interface AddressArgs extends ModelArgs {
  /** Layers or tensors by address; default: the rows that are selected, else a question. */
  addresses?: string[];
}
export interface ChooseInputArgs extends ModelArgs {
  /** Name of the model's input; default: the first. */
  input?: string;
  /** Path of a picture, npy, npz or JSON file; default: a dialog. */
  file?: string;
  /** A whole spec instead of a file. */
  source?: InputSpec['source'];
  dims?: InputSpec['dims'];
}
export interface TargetArgs extends AddressArgs {
  /** Where to write: a path or uri; default: a dialog. */
  target?: Uri | string;
  /** Replace what is there without asking. */
  overwrite?: boolean;
}
export interface SaveSliceArgs extends TargetArgs {
  name?: string;
}
export interface CodeArgs extends AddressArgs {
  recipe?: string;
  /** Where the code goes; default: the cursor of the code editor used last, else a new document. */
  to?: 'editor' | 'document' | 'clipboard';
}
export interface ExportSummaryArgs extends ModelArgs {
  format?: SummaryFormat;
  /** Default: a new untitled document. */
  target?: Uri | string;
  overwrite?: boolean;
}
export interface BackendArgs {
  backend?: BackendChoice;
}
export type SummaryFormat = 'markdown' | 'csv' | 'json';
export type BackendChoice = 'auto' | Exclude<BackendName, 'tensorflow'>;

/** What each command takes as its one argument, from keybindings, menus and scripts. */
export interface CommandArguments {
  [commands.open]: ModelArgs;
  [commands.openAsText]: ModelArgs;
  [commands.openSample]: Record<string, never>;
  [commands.chooseInput]: ChooseInputArgs;
  [commands.run]: ModelArgs;
  [commands.focusSearch]: ModelArgs;
  [commands.previewLayer]: AddressArgs;
  [commands.copyAddress]: AddressArgs;
  [commands.markOutput]: AddressArgs;
  [commands.clearMarks]: ModelArgs;
  [commands.undoMarks]: ModelArgs;
  [commands.redoMarks]: ModelArgs;
  [commands.sliceToLayer]: AddressArgs;
  [commands.verifySlice]: ModelArgs;
  [commands.saveSlice]: SaveSliceArgs;
  [commands.insertExtractionCode]: CodeArgs;
  [commands.insertModelAsLayerCode]: CodeArgs;
  [commands.exportActivations]: TargetArgs;
  [commands.exportSummary]: ExportSummaryArgs;
  [commands.selectBackend]: BackendArgs;
  [commands.showLog]: Record<string, never>;
}
