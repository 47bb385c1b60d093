/** What a new model with a model as a layer in it is to be, and what it will be. Plain data. */
import type { ErrorData } from '../errors';
import type { InspectTensor, ParamCounts } from '../model/inspectDocument';
import type { Shape } from '../model/layerGraph';
import type { Cut } from '../slicing/slice';

/** A model, or what a cut takes of it, as one layer. */
export interface PartChoice {
  cut: Cut;
  /** Training leaves its weights alone. */
  frozen: boolean;
  /** Name of the layer; default: the model's. */
  name?: string;
}

export interface SecondPart extends PartChoice {
  /** `sequence`: it reads what the first one gives. `concat`: both are read side by side, joined after them. */
  join: 'sequence' | 'concat';
  /** For `concat`: both read the same inputs, or each its own. */
  inputs: 'own' | 'same';
  /** It is the first part once more, with the same weights: one layer that is called twice. */
  shared?: boolean;
}

/** Fixed layers that make one tensor of another; what is fixed in them is not trained (`project` is). */
export type Adapter =
  | { kind: 'rescale'; scale: number; offset: number }
  /** `(value * scale - mean) / std` for each channel; `reverse`: blue first, before the means. */
  | { kind: 'normalize'; scale: number; mean: number[]; std: number[]; reverse: boolean }
  | { kind: 'resize'; height: number; width: number; interpolation: 'nearest' | 'bilinear' }
  /** Grey to colours, colours to grey, without the alpha channel. */
  | { kind: 'channels'; to: number }
  /** Without the batch. */
  | { kind: 'reshape'; shape: number[] }
  /** Axes counted from 1, as Keras does. */
  | { kind: 'permute'; order: number[] }
  /** Whole numbers or truth values as float32. */
  | { kind: 'cast' }
  /** One vector of each example: averages. */
  | { kind: 'pool' }
  /** A dense layer without activation, that is to be trained. */
  | { kind: 'project'; units: number };

export type HeadLayer =
  | { kind: 'dense'; units: number; activation: string }
  | { kind: 'dropout'; rate: number }
  | { kind: 'activation'; activation: string };

export interface Head {
  /** How what the parts give becomes a vector; `none`: as it is. */
  pooling: 'avg' | 'max' | 'flatten' | 'none';
  layers: HeadLayer[];
}

export interface Composition {
  /** Name of the new model. */
  name?: string;
  base: PartChoice;
  second: SecondPart | null;
  /** Shape of the new input, without the batch, where it is another than the first part's. */
  inputShape: (number | null)[] | null;
  before: Adapter[];
  head: Head;
  /** Put adapters where something does not fit. */
  adapt: boolean;
  /** New weights are the same for the same seed. */
  seed: number;
}

/** Something of one part that does not fit the next. */
export interface Finding {
  kind: 'rank' | 'shape' | 'channels' | 'dtype' | 'range';
  /** `reason` picks the sentence among those of `does-not-fit`. */
  data: ErrorData;
  /** What would make it fit; null where nothing does. */
  adapter: Adapter[] | null;
  /** The model cannot be made, or computes nonsense, unless this is adapted. */
  blocks: boolean;
  /** The adapter stands in the model. */
  adapted: boolean;
}

export type LayerRole = 'input' | 'adapter' | 'base' | 'second' | 'join' | 'head';

/** A layer of the new model. */
export interface ComposedLayer {
  name: string;
  className: string;
  role: LayerRole;
  /** Of its last call. */
  shape: Shape | null;
}

/** What became of a part. */
export interface ComposedPart {
  /** Its layer's name. */
  name: string;
  file: string;
  frozen: boolean;
  cut: Cut;
}

export interface ComposePlan {
  name: string;
  inputs: InspectTensor[];
  outputs: InspectTensor[];
  layers: ComposedLayer[];
  parts: ComposedPart[];
  findings: Finding[];
  /** Layers of parts that had to get other names. */
  renamed: { part: string; from: string; to: string }[];
  params: ParamCounts;
  macs: number | null;
  weightBytes: number;
  calls: number;
  /** What keeps it from being saved as something that plain TF.js computes right. */
  notExportable: { address: string; reason: string }[];
  /** For `noteSentence`. */
  notes: { code: string; data: ErrorData }[];
  /** What the parts' own slices say. */
  partNotes: { part: string; message: string }[];
}
