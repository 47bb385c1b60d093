/** The values for one input of a model, from which a tensor is made whenever one is needed. */
import type * as tf from '@tensorflow/tfjs-core';
import type { FedShape } from './runShapes';

export interface Feed extends FedShape {
  /** A new tensor; the caller disposes it. */
  make(): tf.Tensor;
}

/** Bytes of a feed's values outside of the backend. */
export function feedBytes({ shape, dtype }: FedShape): number {
  return shape.reduce((product, size) => product * size, dtype === 'bool' ? 1 : 4);
}
