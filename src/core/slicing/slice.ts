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

/** What a sub-model will be, said before anything is run or written. */
export interface SlicePlan {
  cut: Cut;
  inputs: InspectTensor[];
  outputs: InspectTensor[];
  /** Addresses of the layers in it, in model order; nested ones included. */
  layers: string[];
  params: ParamCounts;
  macs: number | null;
  weightBytes: number;
  calls: number;
  boundary: Boundary;
  /** What keeps it from being saved as something that plain TF.js computes right; empty = can be saved. */
  notExportable: { address: string; reason: string }[];
  /** What was rewritten so that plain TF.js computes it right, and other things worth a line. */
  notes: { address: string | null; message: string }[];
}

/** The sub-model itself: topology in Keras 2's shape, and the weight entries it needs, by index in the source's `weightEntries`. */
export interface Slice {
  plan: SlicePlan;
  /** `{class_name, config}` */
  modelConfig: JsonObject;
  weights: { name: string; entry: number }[];
}
