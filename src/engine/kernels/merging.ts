/** Layers that put several tensors together. Their masks differ between Keras 2 and 3. */
import * as tf from '@tensorflow/tfjs-core';
import { range, sizeAt, type Kernel, type KernelCall } from './kernel';

/** Keras lets inputs of lower rank take part: their missing axes go in behind the batch. */
function aligned(tensors: tf.Tensor[]): tf.Tensor[] {
  const rank = Math.max(...tensors.map((x) => x.rank));
  const floats = tensors.some((x) => x.dtype === 'float32');
  return tensors.map((x) => {
    const same = floats && x.dtype !== 'float32' ? tf.cast(x, 'float32') : x;
    if (same.rank === rank || same.rank === 0) return same;
    return tf.reshape(same, [sizeAt(same, 0), ...range(same.rank, rank).map(() => 1), ...same.shape.slice(1)]);
  });
}

function elementwise(
  f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  finish?: (y: tf.Tensor, count: number) => tf.Tensor,
): Kernel {
  return {
    run(call) {
      const inputs = aligned(call.inputs);
      const y = inputs.reduce((a, b) => f(a, b));
      return finish ? finish(y, inputs.length) : y;
    },
    mask: mergedMask,
  };
}

/** Keras 2: steps that all masked inputs have. Keras 3: steps that any has, and no mask if one input has none. */
function mergedMask(call: KernelCall): (tf.Tensor | null)[] {
  const all = call.positional.map((_, i) => call.maskOf(i));
  const given = all.filter((mask) => mask !== null);
  if (given.length === 0) return [null];
  if (call.keras === 3) return [given.length < all.length ? null : given.reduce((a, b) => tf.logicalOr(a, b))];
  return [given.reduce((a, b) => tf.logicalAnd(a, b))];
}

const concatenate: Kernel = {
  run: (call) => {
    const inputs = call.inputs;
    const axis = call.config.integer('axis', -1, -Infinity);
    const floats = inputs.some((x) => x.dtype === 'float32');
    return tf.concat(
      inputs.map((x) => (floats && x.dtype !== 'float32' ? tf.cast(x, 'float32') : x)),
      axis,
    );
  },
  mask: (call) => {
    const inputs = call.inputs;
    const masks = inputs.map((_, i) => call.maskOf(i));
    if (masks.every((mask) => mask === null)) return [null];
    const full = inputs.map((x, i): tf.Tensor => {
      const mask = masks[i] ?? null;
      if (mask === null) return tf.ones(x.shape, 'bool');
      if (mask.rank < x.rank)
        return tf.cast(tf.mul(tf.expandDims(tf.cast(mask, 'int32'), -1), tf.ones(x.shape, 'int32')), 'bool');
      return tf.cast(mask, 'bool');
    });
    const joined = tf.concat(full, call.config.integer('axis', -1, -Infinity));
    return [call.keras === 3 ? tf.any(joined, -1) : tf.all(joined, -1)];
  },
};

function normalized(x: tf.Tensor, axis: number): tf.Tensor {
  return tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), axis, true), 1e-12)));
}

function dotAxes(call: KernelCall): [number, number] {
  const axes = call.config.list('axes') ?? [-1];
  const first = axes[0] ?? -1;
  return [first, axes[1] ?? first];
}

/** Contracts one axis of each; the result keeps a last axis of 1 when nothing else is left. */
const dot: Kernel = {
  run(call) {
    let [a, b] = [call.input(0), call.input(1)];
    const axes = dotAxes(call);
    const axisA = axes[0] < 0 ? axes[0] + a.rank : axes[0];
    const axisB = axes[1] < 0 ? axes[1] + b.rank : axes[1];
    if (call.config.flag('normalize', false)) [a, b] = [normalized(a, axisA), normalized(b, axisB)];
    const batch = sizeAt(a, 0);
    const length = sizeAt(a, axisA);
    const restA = range(1, a.rank).filter((axis) => axis !== axisA);
    const restB = range(1, b.rank).filter((axis) => axis !== axisB);
    const x = tf.reshape(tf.transpose(a, [0, ...restA, axisA]), [batch, -1, length]);
    const y = tf.reshape(tf.transpose(b, [0, axisB, ...restB]), [batch, length, -1]);
    const shape = [...restA.map((axis) => sizeAt(a, axis)), ...restB.map((axis) => sizeAt(b, axis))];
    return tf.reshape(tf.matMul(x, y), [batch, ...(shape.length === 0 ? [1] : shape)]);
  },
  mask: 'drop',
};

export const mergingKernels: Record<string, Kernel> = {
  Add: elementwise((a, b) => tf.add(a, b)),
  Subtract: elementwise((a, b) => tf.sub(a, b)),
  Multiply: elementwise((a, b) => tf.mul(a, b)),
  Average: elementwise(
    (a, b) => tf.add(a, b),
    (y, count) => tf.mul(y, 1 / count),
  ),
  Maximum: elementwise((a, b) => tf.maximum(a, b)),
  Minimum: elementwise((a, b) => tf.minimum(a, b)),
  Concatenate: concatenate,
  Dot: dot,
};
