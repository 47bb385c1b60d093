/** The layer catalogue: for each Keras layer class its output shape, weight shapes and MACs. */
import type { JsonObject } from '../model/json';
import type { CallArgument, TensorInfo } from '../model/layerGraph';

/** What the catalogue needs to know of a call. */
export interface CallContext {
  className: string;
  /** After the repairs: Keras 2's shape where both exist; Keras 3's own keys are understood too. */
  config: JsonObject;
  /** Major version of the Keras that wrote the file: some defaults differ. */
  keras: 2 | 3;
  inputs: TensorInfo[];
  args: CallArgument[];
  kwargs: Record<string, CallArgument>;
}

export interface WeightSpec {
  /** Path below the layer, as Keras 3 writes it: `kernel`, `lstm_cell/recurrent_kernel`, `forward_lstm/lstm_cell/kernel`. */
  name: string;
  shape: number[];
  dtype: string;
  /** The variable's own: moving statistics are never trainable. */
  trainable: boolean;
}

export interface LayerFacts {
  outputs: TensorInfo[];
  /** In the order of Keras's `layer.weights`; `null` where an input dimension that they need is unknown. */
  weights: WeightSpec[] | null;
  /** Multiply-accumulates for one example. */
  macs: number | null;
}

/**
 * What plain `@tensorflow/tfjs` makes of a layer's config.
 * `same`: identical numbers with the config as it is.
 * `rewritten`: identical numbers (in inference) with this class and config. The class is another one where TF.js has the
 * computation under another name (`Identity` → a linear `Activation`).
 * `lacks`: TF.js throws, or computes something else, and no config changes that.
 */
export type PlainTfjs =
  | { state: 'same'; config: JsonObject }
  | { state: 'rewritten'; className: string; config: JsonObject; note: string }
  | { state: 'lacks'; reason: string };

export interface TfjsLayer {
  className: string;
  config: JsonObject;
  /** Keyword arguments of the call: a tensor among them (a mask) cannot be given in plain TF.js. */
  kwargs?: Record<string, CallArgument>;
  /** Whether a mask reaches the layer (`Embedding` with `mask_zero`, `Masking`), which its config does not show. */
  masked?: boolean;
}
