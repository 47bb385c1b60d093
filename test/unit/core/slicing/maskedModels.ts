/** Models with masks as Keras 2 and Keras 3 write them, and what a mask means: as if its steps were not there. */
import * as tf from '@tensorflow/tfjs';
import { openTopology, type OpenedFile } from './plainTfjsModel';

export const STEPS = 5;
export const WIDTH = 3;
const WORDS = 7;

export type Node = object;

export function input(name: string, shape: (number | null)[], dtype = 'float32'): Node {
  const config = { name, batch_input_shape: [null, ...shape], dtype, sparse: false };
  return { class_name: 'InputLayer', name, config, inbound_nodes: [] };
}

/** A call as Keras 2 writes it. */
export function layer(class_name: string, name: string, config: object, ...from: (string | [string, number])[]): Node {
  const tensors = from.map((source) => (typeof source === 'string' ? [source, 0, 0, {}] : [...source, 0, {}]));
  return { class_name, name, config: { name, trainable: true, dtype: 'float32', ...config }, inbound_nodes: [tensors] };
}

export interface Keras3Tensor {
  name: string;
  shape: (number | null)[];
  dtype?: string;
  output?: number;
}

const written = ({ name, shape, dtype = 'float32', output = 0 }: Keras3Tensor): object => ({
  class_name: '__keras_tensor__',
  config: { shape: [null, ...shape], dtype, keras_history: [name, 0, output] },
});

/** A call as Keras 3 writes it, with a mask as its argument. */
export function layer3(
  class_name: string,
  name: string,
  config: object,
  from: Keras3Tensor | Keras3Tensor[],
  mask?: Keras3Tensor,
): Node {
  const args = [Array.isArray(from) ? from.map(written) : written(from)];
  const kwargs = mask ? { mask: written(mask) } : {};
  return {
    class_name,
    name,
    config: { name, trainable: true, dtype: 'float32', ...config },
    inbound_nodes: [{ args, kwargs }],
  };
}

/** An operation as Keras 3 writes it. */
export function operation(
  class_name: string,
  name: string,
  config: object,
  from: Keras3Tensor[],
  ...constants: unknown[]
): Node {
  const node = { args: [...from.map(written), ...constants], kwargs: {} };
  return { class_name, module: 'keras.src.ops.numpy', name, config: { name, ...config }, inbound_nodes: [node] };
}

export const embedding = { input_dim: WORDS, output_dim: WIDTH, mask_zero: true };

export const lstm = (units: number, more: object = {}): object => ({
  units,
  activation: 'tanh',
  recurrent_activation: 'sigmoid',
  use_bias: true,
  return_sequences: false,
  return_state: false,
  ...more,
});

export const embeddingWeights = (path: string): { name: string; tensor: tf.Tensor }[] => [
  { name: `${path}/embeddings`, tensor: tf.randomNormal([WORDS, WIDTH], 0, 1, 'float32', 11) },
];

export const lstmWeights = (path: string, from: number, units: number): { name: string; tensor: tf.Tensor }[] => [
  { name: `${path}/kernel`, tensor: tf.randomNormal([from, 4 * units], 0, 1, 'float32', 3) },
  { name: `${path}/recurrent_kernel`, tensor: tf.randomNormal([units, 4 * units], 0, 1, 'float32', 5) },
  { name: `${path}/bias`, tensor: tf.randomNormal([4 * units], 0, 1, 'float32', 9) },
];

export function model(
  layers: Node[],
  inputs: string[],
  outputs: string[],
  weights: { name: string; tensor: tf.Tensor }[],
  keras: 2 | 3 = 2,
): OpenedFile {
  const port = (name: string): unknown[] => {
    const [layer = '', call = '0'] = name.split('#');
    return [layer, Number(call), 0];
  };
  const config = {
    name: 'masked',
    layers,
    input_layers: inputs.map(port),
    output_layers: outputs.map(port),
  };
  return openTopology({ class_name: 'Functional', config }, weights, keras === 3 ? '3.15.1' : '2.15.0');
}

/** Rows of words, 0 where there is none: masked steps first, in the middle and last. */
export const SENTENCES = [
  [1, 2, 0, 3, 0],
  [0, 4, 5, 6, 1],
  [3, 0, 0, 0, 0],
  [1, 2, 3, 4, 5],
];

/** The rows without their masked steps, one at a time: what a layer under a mask has to give. */
export function withoutMasked(compute: (words: tf.Tensor2D) => tf.Tensor): number[] {
  return SENTENCES.flatMap((row) =>
    Array.from(compute(tf.tensor2d([row.filter((word) => word !== 0)], undefined, 'int32')).dataSync()),
  );
}

/** An LSTM of TF.js with these weights. */
export function lstmLayer(
  units: number,
  weights: { tensor: tf.Tensor }[],
  more: { returnSequences?: boolean } = {},
): (x: tf.Tensor) => tf.Tensor {
  const built = tf.layers.lstm({ units, recurrentActivation: 'sigmoid', ...more });
  return (x) => {
    const y = built.apply(x) as tf.Tensor;
    built.setWeights(weights.map(({ tensor }) => tensor));
    y.dispose();
    return built.apply(x) as tf.Tensor;
  };
}
