/**
 * Every id that `package.json` and the code must agree on, and what each command takes.
 * `test/unit/host/contributions.test.ts` holds the two together.
 */
import type { Uri } from 'vscode';
import type { Composition } from '../core/composing/composition';
import type { SliceFormat } from '../core/slicing/slice';
import type { BackendName, InputSpec } from '../protocol/engine';

/** Selectors and priority belong to the view type: offered for any JSON, the default for Keras's own files. */
export const viewTypes = { json: 'modelSlicer.json', model: 'modelSlicer.model' } as const;

/** A file that is a Keras model by its name. */
export const KERAS_NAME = /\.(keras|h5|hdf5)$/i;

/** The editor in which a model opens. */
export function viewTypeOf({ path }: Pick<Uri, 'path'>): string {
  return KERAS_NAME.test(path) ? viewTypes.model : viewTypes.json;
}

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
  markInput: 'modelSlicer.markInput',
  addMissingInputs: 'modelSlicer.addMissingInputs',
  clearMarks: 'modelSlicer.clearMarks',
  undoMarks: 'modelSlicer.undoMarks',
  redoMarks: 'modelSlicer.redoMarks',
  sliceToLayer: 'modelSlicer.sliceToLayer',
  sliceBeforeLayer: 'modelSlicer.sliceBeforeLayer',
  splitAtLayer: 'modelSlicer.splitAtLayer',
  verifySlice: 'modelSlicer.verifySlice',
  saveSlice: 'modelSlicer.saveSlice',
  compose: 'modelSlicer.compose',
  insertExtractionCode: 'modelSlicer.insertExtractionCode',
  insertModelAsLayerCode: 'modelSlicer.insertModelAsLayerCode',
  createCustomLayer: 'modelSlicer.createCustomLayer',
  exportActivations: 'modelSlicer.exportActivations',
  exportSummary: 'modelSlicer.exportSummary',
  selectBackend: 'modelSlicer.selectBackend',
  installNativeBackend: 'modelSlicer.installNativeBackend',
  showLog: 'modelSlicer.showLog',
} as const;
export type CommandId = (typeof commands)[keyof typeof commands];

/** Without their prefix `modelSlicer.`, as `getConfiguration('modelSlicer')` takes them. */
export const settings = {
  backend: 'backend',
  nativeBackendPath: 'nativeBackendPath',
  verifyAutomatically: 'verifyAutomatically',
  colorMap: 'colorMap',
  customLayers: 'customLayers',
  memoryLimit: 'engine.memoryLimit',
  codeHelp: 'codeHelp',
} as const;
export const settingsSection = 'modelSlicer';

/** Context keys that menus and keybindings read. They speak of the active model editor. */
export const contextKeys = {
  hasModel: 'modelSlicer.hasModel',
  hasMarks: 'modelSlicer.hasMarks',
  /** The cut that is marked lacks tensors. */
  cutIsOpen: 'modelSlicer.cutIsOpen',
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
export interface MarkInputArgs extends AddressArgs {
  /** `start`, the default: what the layer reads becomes inputs. `input`: the tensor itself is supplied from outside. */
  kind?: 'start' | 'input';
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
  /** Default: what the target's name says, else TF.js's for the model. */
  format?: SliceFormat;
  name?: string;
  /** Largest size of a weights file, in bytes; default: 4 MiB. */
  shardBytes?: number;
}
/** With `target` or `planOnly` nothing is asked. `addresses`: what the layer gives; default: the marks, else the whole model. */
export interface ComposeArgs extends TargetArgs {
  /** The whole model, whatever is marked. */
  whole?: boolean;
  planOnly?: boolean;
  /** Default: true. */
  verify?: boolean;
  frozen?: boolean;
  /** Name of the layer, and of the new model. */
  asLayer?: string;
  name?: string;
  /** Shape of the new input without the batch, and layers before the model. */
  inputShape?: (number | null)[];
  before?: Composition['before'];
  head?: Composition['head'];
  /** A second model, read after this one (`sequence`, the default) or beside it. */
  with?: Uri | string;
  join?: 'sequence' | 'concat';
  sameInputs?: boolean;
  /** This one beside itself, with the same weights. */
  shared?: boolean;
  /** Layers between where something does not fit; default: true. */
  adapt?: boolean;
  seed?: number;
  shardBytes?: number;
}
/** `target` is a folder: the parts are written into `prefix` and `suffix` in it. */
export interface SplitArgs extends TargetArgs {
  shardBytes?: number;
  /** Hand over what else the second part needs; default: a question, or `cut-open` when `target` is given. */
  close?: boolean;
}
/** Values for all inputs; `current` is what the editor shows as the input. */
export type ProofData = 'current' | 'zeros' | 'ones' | 'random' | `random:${number}`;
export interface VerifySliceArgs extends ModelArgs {
  /** One proof for each; default: `current`. */
  inputs?: ProofData | ProofData[];
  /** A saved sub-model, by its folder or model file, to be proven in the place of the one that would be saved. */
  slice?: Uri | string;
}
export interface CodeArgs extends AddressArgs {
  /** An id of `model-slicer code --list`, or `last` for what was chosen last; default: a list with a preview. */
  recipe?: string;
  /** `typescript` or `python`; default: that of the code editor used last, else what was written last. */
  language?: string;
  /** Where TypeScript gets TF.js: `tfjs`, `tfjs-node` or `browser`; default: what the file imports, or its package.json says. */
  runtime?: string;
  /** Where the code goes; default: the cursor of the code editor used last, else a new document. */
  to?: 'editor' | 'document' | 'clipboard';
}
/** One address: of a layer whose class is to be written. */
export interface CustomLayerArgs extends TargetArgs {
  /** Default: as the target's name says, else a question. */
  language?: 'typescript' | 'javascript';
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
export interface InstallNativeArgs {
  /** Whether the user is asked first; default: true. */
  ask?: boolean;
}
export type SummaryFormat = 'markdown' | 'csv' | 'json';
export type BackendChoice = 'auto' | BackendName;

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
  [commands.markInput]: MarkInputArgs;
  [commands.addMissingInputs]: ModelArgs;
  [commands.clearMarks]: ModelArgs;
  [commands.undoMarks]: ModelArgs;
  [commands.redoMarks]: ModelArgs;
  [commands.sliceToLayer]: AddressArgs;
  [commands.sliceBeforeLayer]: AddressArgs;
  [commands.splitAtLayer]: SplitArgs;
  [commands.verifySlice]: VerifySliceArgs;
  [commands.saveSlice]: SaveSliceArgs;
  [commands.compose]: ComposeArgs;
  [commands.insertExtractionCode]: CodeArgs;
  [commands.insertModelAsLayerCode]: CodeArgs;
  [commands.createCustomLayer]: CustomLayerArgs;
  [commands.exportActivations]: TargetArgs;
  [commands.exportSummary]: ExportSummaryArgs;
  [commands.selectBackend]: BackendArgs;
  [commands.installNativeBackend]: InstallNativeArgs;
  [commands.showLog]: Record<string, never>;
}
