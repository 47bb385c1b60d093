/** `x.add(y)` for custom layers: the split tfjs packages have only `tf.add(x, y)`, and most code on the web is written with the former. */
import * as tf from '@tensorflow/tfjs-core';

/** Methods whose first argument is the tensor itself, as `@tensorflow/tfjs` defines them. */
const methods = (
  'abs acos acosh add all any argMax argMin asin asinh atan atan2 atanh avgPool batchNorm batchToSpaceND broadcastTo cast ceil ' +
  'clipByValue conv1d conv2d conv2dTranspose cos cosh cumprod cumsum depthToSpace depthwiseConv2d dilation2d div divNoNan ' +
  'dot elu equal erf euclideanNorm exp expandDims expm1 fft floor floorDiv gather greater greaterEqual ifft irfft isFinite isInf ' +
  'isNaN leakyRelu less lessEqual localResponseNormalization log log1p logSigmoid logSoftmax logSumExp logicalAnd logicalNot ' +
  'logicalOr logicalXor matMul max maxPool maximum mean min minimum mirrorPad mod mul neg norm notEqual oneHot onesLike pad pool ' +
  'pow prelu prod reciprocal relu relu6 reshape reverse rfft round rsqrt selu separableConv2d sigmoid sign sin sinh slice softmax ' +
  'softplus spaceToBatchND split sqrt square squaredDifference squeeze step stridedSlice sub sum tan tanh tile topk transpose ' +
  'unique unsortedSegmentSum unstack zerosLike'
).split(' ');

type Method = (this: tf.Tensor, ...args: unknown[]) => unknown;

let added = false;

/** Adds the methods to all tensors of the engine's tfjs. */
export function addChainedOperations(): void {
  if (added) return;
  added = true;
  const operations = tf as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  const own: Record<string, Method> = {
    concat(others, axis) {
      return tf.concat([this, ...[others as tf.Tensor].flat()], axis as number);
    },
    stack(others, axis) {
      return tf.stack([this, ...[others as tf.Tensor].flat()], axis as number);
    },
    where(condition, other) {
      return tf.where(condition as tf.Tensor, this, other as tf.Tensor);
    },
    flatten() {
      return tf.reshape(this, [this.size]);
    },
    asScalar() {
      return tf.reshape(this, []);
    },
    asType(dtype) {
      return tf.cast(this, dtype as tf.DataType);
    },
    reshapeAs(other) {
      return tf.reshape(this, (other as tf.Tensor).shape);
    },
    toFloat() {
      return tf.cast(this, 'float32');
    },
    toInt() {
      return tf.cast(this, 'int32');
    },
    toBool() {
      return tf.cast(this, 'bool');
    },
    resizeBilinear(...args) {
      return tf.image.resizeBilinear(this as tf.Tensor4D, ...(args as [[number, number]]));
    },
    resizeNearestNeighbor(...args) {
      return tf.image.resizeNearestNeighbor(this as tf.Tensor4D, ...(args as [[number, number]]));
    },
  };
  for (const rank of [1, 2, 3, 4, 5]) {
    own[`as${rank}D`] = function as(...shape) {
      return tf.reshape(this, rank === 1 ? [this.size] : (shape as number[]));
    };
  }
  const prototype = tf.Tensor.prototype as unknown as Record<string, unknown>;
  for (const name of methods) {
    const operation = operations[name];
    if (operation && prototype[name] === undefined) {
      prototype[name] = function chained(this: tf.Tensor, ...args: unknown[]) {
        return operation(this, ...args);
      };
    }
  }
  for (const [name, method] of Object.entries(own)) prototype[name] ??= method;
}
