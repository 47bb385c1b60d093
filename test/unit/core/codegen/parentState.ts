/** What a model is like before and after somebody worked with it. */
import type * as tf from '@tensorflow/tfjs';
import { createHash } from 'node:crypto';

export interface ParentState {
  /** Of every layer, nested ones included: flag, outputs that can be asked for, weights. */
  layers: { name: string; trainable: boolean; output: string; variables: string }[];
  predictions: number[][];
}

/** @param inputs what the predictions are for; none: they are not made. */
export function parentState(model: tf.LayersModel, inputs: tf.Tensor[] | null): ParentState {
  return { layers: layersOf(model), predictions: inputs === null ? [] : predictions(model, inputs) };
}

function layersOf(model: tf.LayersModel): ParentState['layers'] {
  return model.layers.flatMap((layer) => {
    const own = {
      name: layer.name,
      trainable: layer.trainable,
      output: outputOf(layer),
      variables: layer.weights.map((weight) => `${weight.originalName} ${String(weight.trainable)}`).join(),
    };
    return [own, ...('layers' in layer ? layersOf(layer as tf.LayersModel) : [])];
  });
}

/** Which tensors `layer.output` is; or that it cannot be asked for. */
function outputOf(layer: tf.layers.Layer): string {
  try {
    return [layer.output]
      .flat()
      .map(({ id }) => id)
      .join();
  } catch {
    return 'ambiguous';
  }
}

export function predictions(model: tf.LayersModel, inputs: tf.Tensor[]): number[][] {
  model.resetStates();
  const result = model.predict(inputs.length === 1 && inputs[0] ? inputs[0] : inputs);
  return [result].flat().map((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

/** All weights' values as a hash: one string to compare. */
export function weightValues(model: tf.LayersModel): string {
  const hash = createHash('sha256');
  for (const weight of model.weights) hash.update(Buffer.from(weight.read().dataSync().slice().buffer));
  return hash.digest('hex');
}
