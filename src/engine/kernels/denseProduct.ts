/** The product that Dense is, and what is made of it. */
import * as tf from '@tensorflow/tfjs-core';
import { sizeAt } from './kernel';

/** `x · kernel + bias` over the last axis; relu and linear fused exactly as tfjs-layers fuses them. */
export function dense(
  x: tf.Tensor,
  kernel: tf.Tensor,
  bias: tf.Tensor | null,
  activation: 'relu' | 'linear' = 'linear',
): tf.Tensor {
  const flat = x.rank === 2 ? x : tf.reshape(x, [-1, sizeAt(x, -1)]);
  const y = tf.fused.matMul({
    a: flat,
    b: kernel,
    ...(bias ? { bias } : {}),
    activation,
  });
  return x.rank === 2 ? y : tf.reshape(y, [...x.shape.slice(0, -1), sizeAt(kernel, -1)]);
}
