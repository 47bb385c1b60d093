/** What a cut is and what it yields. See DESIGN: cut, boundary, slice. */
import type { JsonObject } from '../model/json';
import type { InspectTensor, ParamCounts } from '../model/inspectDocument';
import type { Shape } from '../model/layerGraph';

/** The user's wish. Addresses in canonical form. Empty `outputs`: the model's own; empty `inputs`: the model's own that are needed. */
export interface Cut {
  outputs: string[];
  inputs: string[];
}

export interface MissingTensor {
  address: string;
  shape: Shape | null;
  neededBy: string[];
}

export interface Boundary {
  closed: boolean;
  missing: MissingTensor[];
  suggestions: { inputs: string[]; why: string }[];
}

/** What a slice can be saved as. */
export type SliceFormat = 'layers-model' | 'graph-model' | 'keras-v3' | 'keras-h5';

/** What a sub-model will be, said before anything is run or written. */
export interface SlicePlan {
  cut: Cut;
  /** What it is saved as. */
  format: SliceFormat;
  inputs: InspectTensor[];
  outputs: InspectTensor[];
  /** Addresses of the layers in it, in model order; nested ones included. */
  layers: string[];
  params: ParamCounts;
  macs: number | null;
  weightBytes: number;
  calls: number;
  boundary: Boundary;
  /** What keeps it from being saved as something that its reader, plain TF.js or Keras, computes right; empty = can be saved. */
  notExportable: { address: string; reason: string }[];
  /** What was rewritten so that its reader computes it right, and other things worth a line. */
  notes: { address: string | null; message: string }[];
}

/** A weight of a slice: its name there, and its index in the source's `weightEntries`. */
export interface SliceWeight {
  name: string;
  entry: number;
}

/** A sub-model of a layers-model: topology in Keras 2's shape. */
export interface LayersSlice {
  format: 'layers-model';
  plan: SlicePlan;
  /** `{class_name, config}` */
  modelConfig: JsonObject;
  weights: SliceWeight[];
  /** Layers that have another name in it: their addresses in the source, calls left out, and the new names. */
  renamed: readonly { address: string; name: string }[];
}

/** A sub-model of a graph-model. */
export interface GraphSlice {
  format: 'graph-model';
  plan: SlicePlan;
  /** `{node, library?, versions?}` as the file's `modelTopology`. */
  modelTopology: JsonObject;
  /** `{inputs, outputs}` */
  signature: JsonObject;
  /** `modelInitializer` and `initializerSignature` as in the file, where the slice reads tables that they fill. */
  initializer: JsonObject;
  /** Names of the outputs for those who want a dict of them; null where the file has none for these. */
  structuredOutputKeys: string[] | null;
  weights: SliceWeight[];
}

/** A group of a Keras file's weights. */
export interface KerasGroup {
  /** `.h5`: the layer's name, below `model_weights`. `.keras`: the folder that holds `vars`. */
  path: string;
  /** The layer's own name. */
  layer: string;
  /** In the order in which Keras takes them; `name` is the path below the group. */
  weights: SliceWeight[];
}

/** A sub-model of a layers-model or of a Keras file, as Keras itself would save it. */
export interface KerasSlice {
  format: 'keras-v3' | 'keras-h5';
  plan: SlicePlan;
  /** `{module, class_name, config …}` of `config.json`, or `{class_name, config}` of the attribute `model_config`. */
  modelConfig: JsonObject;
  /** Version of the Keras whose way of writing this is. */
  kerasVersion: string;
  groups: KerasGroup[];
  /** Those of all groups. */
  weights: SliceWeight[];
  renamed: readonly { address: string; name: string }[];
}

/** A sub-model as TF.js reads it. */
export type TfjsSlice = LayersSlice | GraphSlice;

/** The sub-model itself: its topology and the weight entries it needs. No bytes. */
export type Slice = LayersSlice | GraphSlice | KerasSlice;
