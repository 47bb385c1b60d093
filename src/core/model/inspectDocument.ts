/** The shape of `model-slicer inspect --json`; the editor's tree is drawn from the same rows. */
import type { JsonObject } from './json';
import type { DType, Shape, TensorInfo } from './layerGraph';
import type { ModelFormat, Producer, Quantization } from './modelFile';

export interface InspectTensor {
  name: string;
  address: string;
  shape: Shape | null;
  dtype: DType | null;
}

export interface InspectCall {
  address: string;
  /** Canonical addresses of the tensors it reads. */
  inputs: string[];
  outputs: TensorInfo[];
  macs: number | null;
}

export interface ParamCounts {
  total: number;
  trainable: number;
  nonTrainable: number;
}

export interface InspectWeight {
  name: string;
  shape: Shape;
  dtype: DType;
  quantization: Quantization | null;
  bytes: number;
  /** Addresses of other layers that use the same bytes. */
  sharedWith: string[];
}

/** A tensor inside the layer (`conv_1@pre`); `cut` says whether it can be cut and saved, `reason` why not. */
export interface InnerTensor {
  name: string;
  cut: boolean;
  reason?: string;
}

export interface InspectLayer {
  address: string;
  parent: string | null;
  name: string;
  class: string;
  depth: number;
  isLayer: boolean;
  index: { keras: number | null; tfjs: number | null };
  calls: InspectCall[];
  params: ParamCounts;
  trainable: boolean;
  weights: InspectWeight[];
  inner: InnerTensor[];
  /** Its class is the user's own. */
  custom?: true;
  config: JsonObject;
}

export interface InspectNote {
  code: string;
  address: string | null;
  message: string;
}

export interface InspectDocument {
  file: string;
  format: ModelFormat;
  kind: 'sequential' | 'functional' | 'graph' | 'subclassed';
  name: string;
  producer: Producer;
  repairs: InspectNote[];
  problems: (InspectNote & { severity: 'error' | 'warning' })[];
  inputs: InspectTensor[];
  outputs: InspectTensor[];
  layers: InspectLayer[];
  totals: {
    layers: number;
    params: number;
    trainable: number;
    nonTrainable: number;
    /** `null` when no part is known; `macsUnknown` > 0 says how many calls are missing from the sum. */
    macs: number | null;
    macsUnknown: number;
    weightBytes: number;
  };
}
