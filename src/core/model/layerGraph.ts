/**
 * The layer graph: plain data that says which layers a model has, how they are called,
 * and which tensors run between the calls. It survives structured clone, so that the engine
 * can hand it to the host as it is.
 */
import type { JsonObject, JsonValue } from './json';

/** One dimension; `null` is unknown (the batch, a variable length). */
export type Dim = number | null;
/** A tensor's shape, batch dimension first. */
export type Shape = readonly Dim[];
/** `float32`, `int32`, `bool`, `string`, `complex64`, and Keras's others (`float16`, `bfloat16`, `int64` …). */
export type DType = string;

/** What is known of a tensor before anything runs. `shape: null` = not even the rank is known. */
export interface TensorInfo {
  shape: Shape | null;
  dtype: DType | null;
}

/** A tensor inside one layer graph: output `output` of call `call` (both counted from 0) of layer `layer`. */
export interface TensorRef {
  layer: string;
  call: number;
  output: number;
}

/** One argument of a call: a tensor (an index into `LayerCall.inputs`), a constant, or a list or dict of these. */
export type CallArgument =
  | { kind: 'tensor'; input: number }
  | { kind: 'constant'; value: JsonValue }
  | { kind: 'list'; items: CallArgument[] }
  | { kind: 'dict'; items: Record<string, CallArgument> };

/** One call of a layer: an edge bundle of the graph ("inbound node" in Keras). */
export interface LayerCall {
  /** Every tensor the call reads, positional ones first, in the order of the file. */
  inputs: TensorRef[];
  /** Positional arguments; for most layers one tensor, or one list of tensors. */
  args: CallArgument[];
  kwargs: Record<string, CallArgument>;
  outputs: TensorInfo[];
  /** Multiply-accumulates for one example; `null` where a dimension is unknown. */
  macs: number | null;
}

/** A weight variable of a layer, in the order of Keras's `layer.weights`. */
export interface Weight {
  /** Path below the layer: `kernel`, `lstm_cell/recurrent_kernel`, `forward_lstm/lstm_cell/bias`. */
  name: string;
  shape: Shape;
  dtype: DType;
  trainable: boolean;
  /** Index into `ModelFile.weightEntries`; `null` when the file has no bytes for it. */
  entry: number | null;
}

/** A layer, a nested model, or (with `isLayer: false`) a Keras 3 operation or a node of a graph-model. */
export interface Layer {
  name: string;
  /** The class as the field writes it: `Conv2D`, `Functional`; a custom class as registered: `acme>Mystery`. */
  className: string;
  /** Keras 3's `module`, where the file has it: it tells the layer `Add` from the operation `Add`. */
  module: string | null;
  isLayer: boolean;
  config: JsonObject;
  /** Keras's own flag, not yet combined with that of the models around it. */
  trainable: boolean;
  calls: LayerCall[];
  /** The layer's own weights; a nested model has none of its own. */
  weights: Weight[];
  /** The nested model's graph; `null` for everything else. */
  graph: LayerGraph | null;
  /** Position in `model.layers` of Keras and of TF.js; `null` where that API has none. */
  index: { keras: number | null; tfjs: number | null };
}

export type GraphKind = 'sequential' | 'functional' | 'graph' | 'subclassed';

/** A model, or a nested model: its layers in model order, and how they connect. */
export interface LayerGraph {
  name: string;
  className: string;
  kind: GraphKind;
  layers: Layer[];
  /** The model's inputs, in the order in which they are passed. */
  inputs: NamedTensor[];
  outputs: NamedTensor[];
  /** All calls in an order in which each comes after what it reads. InputLayers included. */
  order: { layer: string; call: number }[];
}

/** An input or output of a model with the name that feeds and results use. */
export interface NamedTensor extends TensorRef {
  name: string;
}
