/** What opening a model file yields: plain data, no weight bytes. */
import type { ErrorCode, ErrorData } from '../errors';
import type { JsonObject } from './json';
import type { DType, LayerGraph } from './layerGraph';

export type ModelFormat = 'layers-model' | 'graph-model' | 'keras-v3' | 'keras-h5' | 'weights-h5' | 'weights-manifest';

/** TF.js's affine quantization (`value = quantized * scale + min`) or float16 storage. */
export interface Quantization {
  dtype: 'uint8' | 'uint16' | 'float16';
  scale?: number;
  min?: number;
  originalDtype: DType;
}

/**
 * Where a weight's bytes are. Opaque outside of `engine/files`.
 * `segments`: runs of bytes, in order, in files beside the model (paths relative to its folder, checked to stay inside).
 * `dataset`: values of an HDF5 file that must be unpacked or converted on the way.
 */
export type WeightLocator =
  | { kind: 'segments'; segments: { file: string; offset: number; length: number }[] }
  | { kind: 'dataset'; file: string; path: string };

export interface WeightEntry {
  /** The name in the file: `conv_1/kernel`. */
  name: string;
  shape: number[];
  dtype: DType;
  quantization: Quantization | null;
  /** Bytes as stored; as handed out, where they are converted. */
  bytes: number;
  locator: WeightLocator;
}

/** A change made in memory so that a file opens; always listed to the user. `code` is kebab-case and stable. */
export interface Repair {
  code: string;
  address: string | null;
  data: ErrorData;
}

/** Something that is wrong with the file but did not keep its structure from opening. */
export interface Problem {
  code: ErrorCode;
  severity: 'error' | 'warning';
  address: string | null;
  data: ErrorData;
}

export interface Producer {
  keras: string | null;
  converter: string | null;
  backend: string | null;
}

export interface ModelFile {
  /** File name without its folder: `model.json`. */
  file: string;
  format: ModelFormat;
  name: string;
  producer: Producer;
  graph: LayerGraph;
  weightEntries: WeightEntry[];
  repairs: Repair[];
  problems: Problem[];
  /**
   * The topology as it stands after the repairs. Layers-model: `{class_name, config}` in Keras 2's shape.
   * Graph-model: the whole `modelTopology`, with the file's `signature`, `modelInitializer` and `initializerSignature`
   * beside it where it has them.
   */
  topology: JsonObject;
  /** Total bytes of the file and its shards that are there. */
  fileBytes: number;
  /** `userDefinedMetadata` of the file, or null. */
  metadata: JsonObject | null;
}
