/** Host ↔ webview. The webview speaks first (`ready`); the host then owns what both show. */
import type { ErrorCode } from '../core/errors';
import type { InspectDocument, InspectLayer } from '../core/model/inspectDocument';
import type { SlicePlan } from '../core/slicing/slice';
import type { TensorAround } from '../core/slicing/tensorsAround';
import type { Contract } from './channel';
import type {
  Activation,
  BackendName,
  InputSpec,
  PreviewOptions,
  PreviewResult,
  ResolvedInput,
  VerifyResult,
} from './engine';

/** A row of the tree: a layer without what only its details need. */
export type LayerRow = Omit<InspectLayer, 'config' | 'weights' | 'inner'> & {
  weights: number;
  /** Addresses of other layers that use the same weight bytes. */
  sharedWith?: string[];
  /** The config's `data_format` where it has one; names the axes of the shapes. */
  dataFormat?: string;
};
export type ViewerModel = Omit<InspectDocument, 'layers'> & { layers: LayerRow[] };

export interface Mark {
  /** Canonical address of a tensor; for `start` of a layer's call. */
  address: string;
  /** `output`: handed out. `start`: what this layer reads becomes an input. `input`: supplied from outside itself. */
  kind: 'output' | 'start' | 'input';
  /** The file changed and the address or shape no longer fits. */
  stale: boolean;
}

/** A page inside the editor instead of the tree: what, where, what to do. */
export interface ErrorPage {
  code: ErrorCode;
  message: string;
  /** The topology is readable although the weights are not. */
  canOpenStructure: boolean;
  canReopenAsText: boolean;
}

export interface SliceState {
  marks: Mark[];
  canUndo: boolean;
  canRedo: boolean;
  /** null: no marks. */
  plan: SlicePlan | null;
  /** The cut cannot be planned at all. */
  planError: string | null;
  verification:
    | { state: 'none' }
    | { state: 'running'; done: number; total: number }
    | { state: 'done'; result: VerifyResult; stale: boolean }
    | { state: 'failed'; message: string };
}

export interface InputState {
  specs: InputSpec[];
  /** What they come to; null while unresolved, `error` when they cannot be used. */
  resolved: ResolvedInput[] | null;
  error: string | null;
  /** Pictures of the workspace near the model that a user may pick at once. */
  suggestions: { label: string; path: string }[];
}

export interface RunState {
  state: 'none' | 'running' | 'done' | 'failed' | 'cancelled';
  done: number;
  total: number;
  at: string;
  message: string | null;
  backend: BackendName | null;
  fallbacks: { address: string; backend: BackendName; reason: string }[];
  predictMs: number | null;
  layersMs: number | null;
  firstNonFinite: string | null;
  /** What layers of the user's own set on themselves in the run. */
  attributes: { address: string; shape: number[]; dtype: string }[];
  /** false: the tensors are gone (closed, restarted): statistics stay, previews need a new run. */
  live: boolean;
  outputs: { address: string; top: { index: number; value: number; label: string | null }[] }[];
}

/** Before anything was run. */
export const noRun: Readonly<RunState> = {
  state: 'none',
  done: 0,
  total: 0,
  at: '',
  message: null,
  backend: null,
  fallbacks: [],
  predictMs: null,
  layersMs: null,
  firstNonFinite: null,
  attributes: [],
  live: false,
  outputs: [],
};

export interface ViewerSettings {
  colorMap: string;
  reduceMotion: boolean;
}

/** Everything a fresh webview needs. */
export interface ViewerState {
  fileName: string;
  loading: boolean;
  model: ViewerModel | null;
  /** Set beside `model` when only the structure could be opened. */
  error: ErrorPage | null;
  slice: SliceState;
  input: InputState;
  run: RunState;
  activations: Activation[];
  settings: ViewerSettings;
  /** vscode.l10n's bundle for the display language, or null for English. */
  l10n: Record<string, string> | null;
}

/** What the host answers and sends. */
export interface HostContract extends Contract {
  requests: {
    ready: { params: Record<string, never>; result: ViewerState };
    details: { params: { address: string }; result: InspectLayer };
    /** The tensors at a layer that a cut may mean: before its activation, before and after its BatchNorm … */
    tensorsAround: { params: { address: string }; result: { tensors: TensorAround[] } };
    weightStatistics: {
      params: { address: string };
      result: {
        weights: {
          name: string;
          statistics: Activation['statistics'];
          histogram: { counts: number[]; min: number; max: number };
        }[];
      };
    };
    /** Sets these marks or, where all of them stand already, takes them away; one undo step. */
    toggleMarks: { params: { addresses: string[]; kind: Mark['kind'] }; result: null };
    /** Puts these tensors in the place of all `start` and `input` marks; one undo step. */
    setInputs: { params: { addresses: string[] }; result: null };
    clearMarks: { params: Record<string, never>; result: null };
    undo: { params: Record<string, never>; result: null };
    redo: { params: Record<string, never>; result: null };
    setInput: { params: { spec: InputSpec }; result: null };
    /** Shows VS Code's file dialog for this input. */
    pickInput: { params: { input: string }; result: null };
    run: { params: Record<string, never>; result: null };
    /** Runs again with this inner tensor among what is computed, so that it can be previewed. */
    runInner: { params: { address: string }; result: null };
    cancelRun: { params: Record<string, never>; result: null };
    preview: { params: { address: string; options: PreviewOptions }; result: PreviewResult };
    values: {
      params: { address: string; example: number; channel: number | null };
      result: { width: number; height: number; values: Float32Array<ArrayBuffer> };
    };
    verify: { params: Record<string, never>; result: null };
    cancelVerify: { params: Record<string, never>; result: null };
    /** Each runs the command of that name for this editor. */
    command: {
      params: {
        id:
          | 'saveSlice'
          | 'insertExtractionCode'
          | 'insertModelAsLayerCode'
          | 'createCustomLayer'
          | 'exportActivations'
          | 'exportSummary'
          | 'showLog'
          | 'openStructure'
          | 'reopenAsText'
          | 'reload'
          | 'sliceToLayer'
          | 'sliceBeforeLayer'
          | 'splitAtLayer'
          | 'addMissingInputs';
        addresses?: string[];
      };
      result: null;
    };
    copy: { params: { text: string }; result: null };
    setSetting: { params: { key: 'colorMap'; value: string }; result: null };
  };
  events: {
    state: Partial<Omit<ViewerState, 'activations' | 'l10n'>>;
    /** Activations as they arrive; `reset` drops those of the run before. */
    activations: { reset: boolean; items: Activation[] };
  };
}

/** What the webview answers and sends. */
export interface WebviewContract extends Contract {
  requests: {
    /** The rows that are selected, for commands from the palette. */
    selection: { params: Record<string, never>; result: { addresses: string[] } };
    /** Commands from the palette that the view carries out. Requests, because a page that is going takes events, too. */
    reveal: { params: { address: string }; result: null };
    focusSearch: { params: Record<string, never>; result: null };
  };
  events: {
    /** First rows are on screen. */
    painted: { rows: number };
  };
}
