/** Host or CLI ↔ engine. Handles and pictures cross, tensors do not. */
import type { Composition } from '../core/composing/composition';
import type { ErrorData } from '../core/errors';
import type { ModelFile } from '../core/model/modelFile';
import type { Preprocessing } from '../core/model/preprocessing';
import type { Cut, SliceFormat } from '../core/slicing/slice';
import type { Contract } from './channel';

export type BackendName = 'wasm' | 'cpu' | 'tensorflow';

/** Where the native library of the backend `tensorflow` may be. */
export interface NativeSearch {
  /** What the user named: the package's own folder, or one with it in `node_modules`. Comes first. */
  named: string | null;
  /** Absolute folders whose `node_modules` may hold the package, in this order. */
  folders: string[];
  /** Without trust nothing native is loaded. */
  trusted: boolean;
}

export type { Preprocessing };

/** Where an input's values come from. `bytes` instead of `path`: dropped or pasted. */
export type InputSource =
  | { kind: 'zeros' | 'ones' }
  | { kind: 'random'; seed: number }
  | { kind: 'picture'; path?: string; bytes?: Uint8Array; name: string; preprocessing?: Partial<Preprocessing> }
  | { kind: 'array'; path?: string; bytes?: Uint8Array; name: string; format: 'npy' | 'npz' | 'json'; member?: string };

export interface InputSpec {
  /** The model input's name. */
  input: string;
  source: InputSource;
  /** Values for unknown dimensions, axis → size (the batch is axis 0, default 1). */
  dims?: Record<number, number>;
}

/** What an input spec comes to: shown before and after a run. */
export interface ResolvedInput {
  input: string;
  label: string;
  shape: number[];
  dtype: string;
  /** For pictures. */
  preprocessing?: Preprocessing;
  /** The picture as loaded and resized, before the range step. */
  picture?: Picture;
  /** "Batch dimension added" and the like, as codes for `core/messages`. */
  notes: { code: string; data: ErrorData }[];
}

/** Ready pixels: 8 bits RGBA, rows top to bottom. */
export interface Picture {
  width: number;
  height: number;
  rgba: Uint8Array<ArrayBuffer>;
}

/** Over finite values; `std` is the population's; `zeros`, `nan`, `inf` are counts. */
export interface Statistics {
  min: number;
  max: number;
  mean: number;
  std: number;
  l2: number;
  zeros: number;
  nan: number;
  inf: number;
  /** Channels (last axis, or axis 1 for channels_first) that are all zero for this input. */
  deadChannels: number;
  channels: number;
  /** Channels whose values are all the same, not zero. */
  constantChannels: number;
  count: number;
  first: number[];
}

export interface Activation {
  address: string;
  shape: number[];
  dtype: string;
  statistics: Statistics;
  /** A small picture for the row; null for tensors with none (strings). */
  thumbnail: Picture | null;
  /** ms of the call itself. */
  ms: number;
  backend: BackendName;
}

export interface RunResult {
  runId: number;
  epoch: number;
  backend: BackendName;
  /** Calls that ran elsewhere because the backend lacks a kernel: address → why. */
  fallbacks: { address: string; backend: BackendName; reason: string }[];
  inputs: ResolvedInput[];
  /** ms of the calls alone, and with statistics and thumbnails. */
  predictMs: number;
  layersMs: number;
  outputs: { address: string; shape: number[]; dtype: string; values: (number | string)[] }[];
  activations: Activation[];
  firstNonFinite: string | null;
  /** Tensors that layers of the user's own set on themselves (`my_layer@feature_output`), as far as they were called. */
  attributes: { address: string; shape: number[]; dtype: string }[];
}

/**
 * A tensor of the last run: kept in the engine, or computed again when it is asked for. Dead after the next run, close or
 * restart (`handle-gone`; with `reason` `not-repeatable` where the model's own code gives other values each time).
 */
export interface TensorHandle {
  epoch: number;
  runId: number;
  address: string;
}

export interface PreviewOptions {
  colorMap: string;
  /** Each channel on its own scale, or all on one. */
  scale: 'channel' | 'tensor';
  /** Which example of the batch. */
  example: number;
  /** First tile, for more channels than fit. */
  offset: number;
  limit: number;
}

/** What the activation pane shows. Pictures are ready; numbers are few. */
export type Preview =
  | {
      kind: 'channels' | 'matrix';
      tileWidth: number;
      tileHeight: number;
      /** Channels in the tensor, and those here. */
      channels: number;
      tiles: { channel: number; picture: Picture; min: number; max: number; mean: number; dead: boolean }[];
    }
  | { kind: 'bars'; values: number[]; total: number; offset: number }
  | { kind: 'heatmap'; picture: Picture; rows: number; columns: number; min: number; max: number }
  | { kind: 'classes'; top: { index: number; value: number; label: string | null }[]; total: number }
  | { kind: 'scalar'; value: number }
  | { kind: 'strings'; values: string[]; total: number };

export interface PreviewResult {
  address: string;
  shape: number[];
  dtype: string;
  statistics: Statistics;
  /** 32 equal bins from min to max over finite values. */
  histogram: { counts: number[]; min: number; max: number };
  preview: Preview;
}

/** What one proof found: `maxAbsDiff` is a number, or text where numbers cannot say it (`NaN`, `shape` …). */
export interface ProofFindings {
  outputs: { address: string; maxAbsDiff: number | string; equal: boolean }[];
  /** The parts one after the other against the whole, and where they differ most; null where the cut has no other part. */
  wholeFromParts: { maxAbsDiff: number | string; address?: string } | null;
  nonFinite: { slice: number; original: number };
  /** Every output is constant, so that agreement proves little. */
  weak: boolean;
}

/** The worst over all data, and each by itself. */
export interface VerifyResult extends ProofFindings {
  backend: BackendName;
  passed: boolean;
  /** One for each set of inputs; `label` says which (`zeros`, `random:7`, a file's name). */
  data: (ProofFindings & { label: string; inputs?: Omit<ResolvedInput, 'picture'>[] })[];
  /** For a saved slice: whether it says that it was cut from this model; null when it says nothing. */
  sourceMatches: boolean | null;
  /** For a saved slice: whether its weights are still the bytes that were written; null when it says nothing. */
  weightsMatch?: boolean | null;
}

/** `outputs`: the parts one after the other against the new model. `wholeFromParts`: what parts give apart and inside it. */
export type ComposedProof = Omit<VerifyResult, 'sourceMatches' | 'weightsMatch'>;

export interface Progress {
  done: number;
  total: number;
  /** Address or file that is worked on. */
  at: string;
}

export interface EngineContract extends Contract {
  requests: {
    /** Reads topology and weight index of the file at `path` (a file or a folder). */
    open: {
      params: { path: string; customLayers?: string[]; structureOnly?: boolean };
      result: { model: ModelFile; epoch: number };
      /**
       * `loading`: the module of custom layers that is being loaded, which may never end; null when it did.
       * `unpacking`: how far packed weights are that must be unpacked first, in bytes.
       */
      progress: { loading: string | null; unpacking?: Progress };
    };
    resolveInputs: { params: { inputs: InputSpec[] }; result: { inputs: ResolvedInput[] } };
    /** Runs the model. `want`: addresses whose activations are wanted, or all. Batches come as progress while it runs. */
    run: {
      params: {
        inputs: InputSpec[];
        want: 'all' | string[];
        /** Inner tensors (`conv_1@pre`) that are computed besides. */
        inner?: string[];
        backend: 'auto' | BackendName;
        native?: NativeSearch;
        thumbnails: boolean;
        colorMap: string;
        /** Whether tensors can be asked for afterwards; those that do not fit into memory are then computed again. */
        keep: boolean;
        /** Bytes that the engine's process may take; 0 or none: what the machine has decides. */
        memoryLimit?: number;
      };
      result: RunResult;
      progress: Progress & { activations: Activation[] };
    };
    preview: { params: { handle: TensorHandle; options: PreviewOptions }; result: PreviewResult };
    /** Single values under the pointer: one channel of one example, row by row. */
    values: {
      params: { handle: TensorHandle; example: number; channel: number | null };
      result: { width: number; height: number; values: Float32Array<ArrayBuffer> };
    };
    weightStatistics: {
      params: { address: string };
      result: {
        weights: { name: string; statistics: Statistics; histogram: { counts: number[]; min: number; max: number } }[];
      };
    };
    /** Builds the slice from its own serialized topology and bytes (or the saved one at `slicePath`) and runs it against the original. */
    verify: {
      params: {
        cut: Cut;
        slicePath?: string;
        /** Sets of inputs of the original, at least one; each is a proof of its own. */
        data: InputSpec[][];
        tolerance: number;
        backend: 'auto' | BackendName;
        native?: NativeSearch;
        /** Bytes that the engine's process may take; 0 or none: what the machine has decides. */
        memoryLimit?: number;
      };
      result: VerifyResult;
      progress: Progress;
    };
    save: {
      params: {
        cut: Cut;
        /** Without it TF.js's for the model. */
        format?: SliceFormat;
        target: string;
        name?: string;
        force: boolean;
        shardBytes?: number;
      };
      result: { files: string[]; bytes: number };
      progress: Progress;
    };
    /** Reads the structure of another file: a model that is to be joined to the open one. */
    readOther: { params: { path: string }; result: { model: ModelFile } };
    /** Writes the open model (what a cut takes of it) as a layer of a new one; `secondPath` as the composition needs it. */
    saveComposed: {
      params: { composition: Composition; secondPath?: string; target: string; force: boolean; shardBytes?: number };
      result: { files: string[]; bytes: number };
      progress: Progress;
    };
    /** Runs the new model, from its own serialized topology and bytes (or the saved one), against its parts one by one. */
    verifyComposed: {
      params: {
        composition: Composition;
        secondPath?: string;
        savedPath?: string;
        /** Sets of inputs of the new model, at least one; each is a proof of its own. */
        data: InputSpec[][];
        tolerance: number;
        backend: 'auto' | BackendName;
        native?: NativeSearch;
        /** Bytes that the engine's process may take; 0 or none: what the machine has decides. */
        memoryLimit?: number;
      };
      result: ComposedProof;
      progress: Progress;
    };
    /** Writes the activations of a kept run: `.npz`, or a folder of `.npy` (`png`: their pictures too). */
    exportActivations: {
      params: {
        epoch: number;
        runId: number;
        addresses: 'all' | string[];
        target: string;
        png: boolean;
        force: boolean;
      };
      result: { files: string[]; bytes: number };
      progress: Progress;
    };
    close: { params: Record<string, never>; result: null };
    /** Whether the native library is there and loads (tried in a process of its own), or why not. Needs no model. */
    findNative: {
      params: NativeSearch;
      /** `problems`: what an error of the backend says of it. */
      result: { folder: string; version: string } | { problems: [ErrorData, ...ErrorData[]] };
    };
    /** Removes what a process that ended has left of files that it was writing. `targets`: as `save` takes them. */
    tidy: { params: { targets: string[] }; result: null };
    /** Answered whenever the engine is not in the middle of an operation. */
    ping: { params: Record<string, never>; result: null };
  };
  events: {
    log: { level: 'info' | 'warn' | 'error'; text: string };
  };
}
