/** Convolutions that reduce space: ordinary, depthwise, separable. Kernels are `[...size, in, out]`. */
import * as tf from '@tensorflow/tfjs-core';
import { activate, activationName, unknownActivation } from './activations';
import {
  channelsToEnd,
  channelsToFront,
  floating,
  range,
  sizeAt,
  type Kernel,
  type KernelCall,
  type KernelConfig,
} from './kernel';

export interface ConvolutionOptions {
  strides: number[];
  padding: 'valid' | 'same';
  dilation: number[];
}

/**
 * `same` where the wasm backend would be wrong: with steps wider than the kernel it may want less than no padding on an
 * axis, and its library then reads from elsewhere. There the padding is made by hand and `valid` says the same.
 */
export function settlePadding(
  x: tf.Tensor,
  size: number[],
  { strides, padding, dilation }: ConvolutionOptions,
  fill = 0,
): { x: tf.Tensor; padding: 'valid' | 'same' } {
  if (padding === 'valid' || strides.every((stride, i) => stride <= (size[i] as number))) return { x, padding };
  const edges = strides.map((stride, i): [number, number] => {
    const length = sizeAt(x, i + 1);
    const wide = ((size[i] as number) - 1) * (dilation[i] as number) + 1;
    const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + wide - length);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
  const settled = edges.every(([, after]) => after === 0) ? x : tf.pad(x, [[0, 0], ...edges, [0, 0]], fill);
  return { x: settled, padding: 'valid' };
}

/** Convolves channels-last `x` of one to three spatial axes, without bias. `groups` splits the channels. */
export function convolve(x: tf.Tensor, kernel: tf.Tensor, options: ConvolutionOptions): tf.Tensor {
  const groups = sizeAt(x, -1) / sizeAt(kernel, -2);
  if (groups === 1) return convolveGroup(x, kernel, options);
  // no backend has grouped convolution
  const parts = tf.split(x, groups, -1);
  const kernels = tf.split(kernel, groups, -1);
  return tf.concat(
    parts.map((part, i) => convolveGroup(part, kernels[i] as tf.Tensor, options)),
    -1,
  );
}

function convolveGroup(given: tf.Tensor, kernel: tf.Tensor, options: ConvolutionOptions): tf.Tensor {
  const { strides, dilation } = options;
  const { x, padding } = settlePadding(given, kernel.shape.slice(0, strides.length), options);
  switch (strides.length) {
    case 1:
      return tf.conv1d(x as tf.Tensor3D, kernel as tf.Tensor3D, strides[0] as number, padding, 'NWC', dilation[0]);
    case 2:
      return tf.conv2d(
        x as tf.Tensor4D,
        kernel as tf.Tensor4D,
        strides as [number, number],
        padding,
        'NHWC',
        dilation as [number, number],
      );
    default:
      return convolve3d(x, kernel, { strides, padding, dilation });
  }
}

function convolve3d(x: tf.Tensor, kernel: tf.Tensor, { strides, padding, dilation }: ConvolutionOptions): tf.Tensor {
  // the backends ignore dilation in three dimensions
  const widened = widenKernel(kernel, dilation);
  return tf.conv3d(x as tf.Tensor5D, widened as tf.Tensor5D, strides as [number, number, number], padding);
}

/** Puts `dilation - 1` zeros between the kernel's elements along each spatial axis. */
export function widenKernel(kernel: tf.Tensor, dilation: number[]): tf.Tensor {
  return dilation.reduce((wide, rate, axis) => {
    if (rate === 1) return wide;
    const size = sizeAt(wide, axis);
    const shape = wide.shape;
    const spread = tf.pad(
      tf.reshape(wide, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]),
      [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)].map((_, i): [number, number] => [
        0,
        i === axis + 1 ? rate - 1 : 0,
      ]),
    );
    const merged = tf.reshape(spread, [...shape.slice(0, axis), size * rate, ...shape.slice(axis + 1)]);
    const length = (size - 1) * rate + 1;
    return tf.slice(
      merged,
      shape.map(() => 0),
      [...shape.slice(0, axis), length, ...shape.slice(axis + 1)],
    );
  }, kernel);
}

interface SpatialConfig extends ConvolutionOptions {
  size: number[];
  causal: boolean;
  first: boolean;
}

/** The keys that all convolutions share. */
export function spatialConfig(config: KernelConfig, rank: number): SpatialConfig {
  const padding = config.choice('padding', ['valid', 'same', 'causal'] as const, 'valid');
  return {
    size: config.integers('kernel_size', rank),
    strides: config.integers('strides', rank, 1),
    dilation: config.integers('dilation_rate', rank, 1),
    padding: padding === 'same' ? 'same' : 'valid',
    causal: padding === 'causal',
    first: config.channelsFirst(),
  };
}

/** Zeros before the first step, so that no output sees the future. */
function causalPad(x: tf.Tensor, { size, dilation }: SpatialConfig): tf.Tensor {
  const before = ((size[0] as number) - 1) * (dilation[0] as number);
  return tf.pad(x, [
    [0, 0],
    [before, 0],
    [0, 0],
  ]);
}

/** Runs `f` on channels-last input and puts the result back into the layout of the file. Further leading axes are a batch. */
export function inChannelsLast(
  call: KernelCall,
  rank: number,
  first: boolean,
  f: (x: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const given = floating(call.input());
  const leading = given.shape.slice(0, given.rank - rank - 1);
  const x = leading.length === 1 ? given : tf.reshape(given, [-1, ...given.shape.slice(leading.length)]);
  const y = first ? channelsToFront(f(channelsToEnd(x))) : f(x);
  return leading.length === 1 ? y : tf.reshape(y, [...leading, ...y.shape.slice(1)]);
}

/**
 * Adds the bias to channels-last `y`. Keras 3 on TensorFlow turns such an addition into `bias_add`, and takes the last axis
 * for the channels whenever its length is the number of filters, in channels_first too: that is what the author saw.
 */
export function addBias(y: tf.Tensor, bias: tf.Tensor, first: boolean, keras: 2 | 3): tf.Tensor {
  const space = y.rank - 2;
  if (!first || keras === 2 || sizeAt(y, space) !== bias.size) return tf.add(y, bias);
  return tf.add(y, tf.reshape(bias, [bias.size, 1]));
}

const refuses: NonNullable<Kernel['refuses']> = (config, keras) => unknownActivation(config, keras, 'activation');

function convolution(rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const { config, keras } = call;
      const spatial = spatialConfig(config, rank);
      const bias = config.flag('use_bias', true) ? call.weight(1) : null;
      const kernel = call.weight(0);
      const { name, config: options } = activationName(config.raw('activation'));
      const fused = (name === 'relu' && Object.keys(options).length === 0) || name === 'linear' ? name : null;
      return inChannelsLast(call, rank, spatial.first, (given) => {
        const x = spatial.causal ? causalPad(given, spatial) : given;
        if (rank === 2 && sizeAt(x, -1) === sizeAt(kernel, -2) && !(bias && spatial.first)) {
          // the same fused operation as tfjs-layers uses: equal to the last bit
          const settled = settlePadding(x, spatial.size, spatial);
          const y = tf.fused.conv2d({
            x: settled.x as tf.Tensor4D,
            filter: kernel as tf.Tensor4D,
            strides: spatial.strides as [number, number],
            pad: settled.padding,
            dilations: spatial.dilation as [number, number],
            ...(bias ? { bias } : {}),
            activation: fused ?? 'linear',
          });
          return fused ? y : activate(y, config, keras);
        }
        const y = convolve(x, kernel, spatial);
        return activate(bias ? addBias(y, bias, spatial.first, keras) : y, config, keras);
      });
    },
    mask: 'drop',
    refuses,
  };
}

/** Depthwise convolution of channels-last `x` with one or two spatial axes; `kernel` is `[...size, channels, multiplier]`. */
function depthwise(x: tf.Tensor, kernel: tf.Tensor, { strides, padding, dilation }: ConvolutionOptions): tf.Tensor {
  if (strides.length === 1) {
    const options = { strides: [1, ...strides], padding, dilation: [1, ...dilation] };
    return tf.squeeze(depthwise(tf.expandDims(x, 1), tf.expandDims(kernel, 0), options), [1]);
  }
  const settled = settlePadding(x, kernel.shape.slice(0, 2), { strides, padding, dilation });
  return tf.depthwiseConv2d(
    settled.x as tf.Tensor4D,
    kernel as tf.Tensor4D,
    strides as [number, number],
    settled.padding,
    'NHWC',
    dilation as [number, number],
  );
}

function depthwiseConvolution(rank: 1 | 2): Kernel {
  return {
    run(call) {
      const { config, keras } = call;
      const spatial = spatialConfig(config, rank);
      return inChannelsLast(call, rank, spatial.first, (x) => {
        const y = depthwise(spatial.causal ? causalPad(x, spatial) : x, call.weight(0), spatial);
        return activate(
          config.flag('use_bias', true) ? addBias(y, call.weight(1), spatial.first, keras) : y,
          config,
          keras,
        );
      });
    },
    mask: 'drop',
    refuses,
  };
}

function separableConvolution(rank: 1 | 2): Kernel {
  return {
    run(call) {
      const { config, keras } = call;
      const spatial = spatialConfig(config, rank);
      const ones = range(0, rank).map(() => 1);
      return inChannelsLast(call, rank, spatial.first, (x) => {
        const spread = depthwise(spatial.causal ? causalPad(x, spatial) : x, call.weight(0), spatial);
        const y = convolve(spread, call.weight(1), { strides: ones, padding: 'valid', dilation: ones });
        return activate(
          config.flag('use_bias', true) ? addBias(y, call.weight(2), spatial.first, keras) : y,
          config,
          keras,
        );
      });
    },
    mask: 'drop',
    refuses,
  };
}

export const convolutionKernels: Record<string, Kernel> = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  DepthwiseConv1D: depthwiseConvolution(1),
  DepthwiseConv2D: depthwiseConvolution(2),
  SeparableConv1D: separableConvolution(1),
  SeparableConv2D: separableConvolution(2),
};
