/** Normalizations, in inference: BatchNormalization uses its moving statistics. */
import * as tf from '@tensorflow/tfjs-core';
import { floating, range, sizeAt, type Kernel, type KernelCall } from './kernel';

function axesOf(call: KernelCall, x: tf.Tensor): number[] {
  return (call.config.list('axis') ?? [-1]).map((axis) => (axis < 0 ? axis + x.rank : axis));
}

/** A weight over `axes`, shaped so that it broadcasts over the rest of `x`. */
function along(weight: tf.Tensor, x: tf.Tensor, axes: number[]): tf.Tensor {
  return tf.reshape(
    weight,
    x.shape.map((size, axis) => (axes.includes(axis) ? size : 1)),
  );
}

/** Gamma and beta, as far as the layer has them; they stand in this order. */
function scaledAndCentered(call: KernelCall, normal: tf.Tensor, x: tf.Tensor, axes: number[]): tf.Tensor {
  const scale = call.config.flag('scale', true);
  const y = scale ? tf.mul(normal, along(call.weight(0), x, axes)) : normal;
  return call.config.flag('center', true) ? tf.add(y, along(call.weight(scale ? 1 : 0), x, axes)) : y;
}

const batchNormalization: Kernel = {
  run(call) {
    const { config } = call;
    const x = floating(call.input());
    const axes = axesOf(call, x);
    let next = 0;
    const gamma = config.flag('scale', true) ? call.weight(next++) : null;
    const beta = config.flag('center', true) ? call.weight(next++) : null;
    const [mean, variance] = [call.weight(next), call.weight(next + 1)];
    const epsilon = config.number('epsilon', 1e-3);
    if (axes.length === 1 && axes[0] === x.rank - 1 && x.rank >= 2 && x.rank <= 4) {
      return tf.batchNorm(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        (beta ?? undefined) as tf.Tensor1D,
        (gamma ?? undefined) as tf.Tensor1D,
        epsilon,
      );
    }
    // the backends read one value per last axis, whatever the shape says
    const factor = tf.rsqrt(tf.add(along(variance, x, axes), epsilon));
    const y = tf.mul(tf.sub(x, along(mean, x, axes)), gamma ? tf.mul(factor, along(gamma, x, axes)) : factor);
    return beta ? tf.add(y, along(beta, x, axes)) : y;
  },
  mask: 'pass',
};

const layerNormalization: Kernel = {
  run(call) {
    const { config } = call;
    const x = floating(call.input());
    const axes = axesOf(call, x);
    const epsilon = config.number('epsilon', 1e-3);
    if (config.flag('rms_scaling', false)) {
      // Keras scales by the variance here, about the mean, and has a gamma whatever `scale` says
      const factor = tf.rsqrt(tf.add(tf.moments(x, axes, true).variance, epsilon));
      return tf.mul(tf.mul(x, factor), along(call.weight(0), x, axes));
    }
    const { mean, variance } = tf.moments(x, axes, true);
    const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
    return scaledAndCentered(call, normal, x, axes);
  },
  mask: 'pass',
};

const groupNormalization: Kernel = {
  run(call) {
    const { config } = call;
    const x = floating(call.input());
    const axis = axesOf(call, x)[0] as number;
    const channels = sizeAt(x, axis);
    const wanted = config.integer('groups', 32, -1);
    const groups = wanted === -1 ? channels : wanted;
    const grouped = tf.reshape(x, [...x.shape.slice(0, axis), groups, channels / groups, ...x.shape.slice(axis + 1)]);
    const axes = range(1, grouped.rank).filter((a) => a !== axis);
    const { mean, variance } = tf.moments(grouped, axes, true);
    const normal = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, config.number('epsilon', 1e-3))));
    return scaledAndCentered(call, tf.reshape(normal, x.shape), x, [axis]);
  },
  mask: 'pass',
};

const unitNormalization: Kernel = {
  run(call) {
    const x = floating(call.input());
    const squares = tf.sum(tf.square(x), axesOf(call, x), true);
    return tf.mul(x, tf.rsqrt(tf.maximum(squares, 1e-12)));
  },
  mask: 'pass',
};

const rmsNormalization: Kernel = {
  run(call) {
    const x = floating(call.input());
    const axes = axesOf(call, x);
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), axes, true), call.config.number('epsilon', 1e-6)));
    return tf.mul(tf.mul(x, scale), along(call.weight(0), x, axes));
  },
  mask: 'pass',
};

/** `(x - mean) / sqrt(variance)` with values of the config, or of the weights after `adapt`. */
const normalization: Kernel = {
  run(call) {
    const { config } = call;
    const x = floating(call.input());
    const axes = config.lacks('axis') ? [] : axesOf(call, x);
    const value = (key: string, index: number): tf.Tensor => {
      const given = config.raw(key);
      const tensor =
        given === undefined || given === null
          ? call.weight(index)
          : tf.tensor(given as number | number[] | number[][], undefined, 'float32');
      return tensor.size === 1 ? tf.reshape(tensor, []) : along(tensor, x, axes);
    };
    const mean = value('mean', 0);
    const deviation = tf.maximum(tf.sqrt(value('variance', 1)), 1e-7);
    return config.flag('invert', false) ? tf.add(mean, tf.mul(x, deviation)) : tf.div(tf.sub(x, mean), deviation);
  },
  mask: 'drop',
};

export const normalizationKernels: Record<string, Kernel> = {
  BatchNormalization: batchNormalization,
  BatchNormalizationV1: batchNormalization,
  SyncBatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  UnitNormalization: unitNormalization,
  RMSNormalization: rmsNormalization,
  Normalization: normalization,
};
