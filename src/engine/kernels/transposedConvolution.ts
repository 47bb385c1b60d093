/** Transposed convolutions with all of Keras's options; tfjs-layers ignores dilation and `output_padding`. */
import * as tf from '@tensorflow/tfjs-core';
import { activate, unknownActivation } from './activations';
import { addBias, inChannelsLast, spatialConfig, widenKernel } from './convolution';
import { range, sizeAt, type Kernel } from './kernel';

interface Axis {
  /** Length with every product kept. */
  full: number;
  before: number;
  out: number;
}

/** The length as TensorFlow's backend of Keras computes it, and how much of the full result is cut off in front. */
function axisOf(
  input: number,
  size: number,
  stride: number,
  dilation: number,
  same: boolean,
  outputPadding: number | null,
): Axis {
  const wide = (size - 1) * dilation + 1;
  const full = (input - 1) * stride + wide;
  let out: number;
  if (outputPadding === null) out = same ? input * stride : input * stride + Math.max(wide - stride, 0);
  else out = same ? full - 2 * Math.floor(wide / 2) + outputPadding : full + outputPadding;
  const before = same ? Math.floor(Math.max(full - out, 0) / 2) : 0;
  return { full, before, out };
}

/** `x`: channels last; `kernel`: `[...size, out, in]`. */
function transposed(
  x: tf.Tensor,
  kernel: tf.Tensor,
  strides: number[],
  dilation: number[],
  same: boolean,
  outputPadding: number[] | null,
): tf.Tensor {
  const rank = strides.length;
  if (rank === 1) {
    const y = transposed(
      tf.expandDims(x, 1),
      tf.expandDims(kernel, 0),
      [1, ...strides],
      [1, ...dilation],
      same,
      outputPadding && [0, ...outputPadding],
    );
    return tf.squeeze(y, [1]);
  }
  const axes = range(0, rank).map((i) =>
    axisOf(
      sizeAt(x, i + 1),
      sizeAt(kernel, i),
      strides[i] as number,
      dilation[i] as number,
      same,
      outputPadding ? (outputPadding[i] as number) : null,
    ),
  );
  const batch = sizeAt(x, 0);
  const filters = sizeAt(kernel, -2);
  if (rank === 2 && !outputPadding && dilation.every((d) => d === 1) && axes.every(({ full, out }) => full >= out)) {
    const shape = [batch, ...axes.map(({ out }) => out), filters] as [number, number, number, number];
    return tf.conv2dTranspose(
      x as tf.Tensor4D,
      kernel as tf.Tensor4D,
      shape,
      strides as [number, number],
      same ? 'same' : 'valid',
    );
  }
  const wide = widenKernel(kernel, dilation);
  const shape = [batch, ...axes.map(({ full }) => full), filters];
  const full =
    rank === 2
      ? tf.conv2dTranspose(
          x as tf.Tensor4D,
          wide as tf.Tensor4D,
          shape as [number, number, number, number],
          strides as [number, number],
          'valid',
        )
      : transposed3d(x, wide, strides);
  const behind = axes.map(({ full: length, before, out }): [number, number] => [0, Math.max(0, before + out - length)]);
  const padded = behind.some(([, after]) => after > 0) ? tf.pad(full, [[0, 0], ...behind, [0, 0]]) : full;
  return tf.slice(padded, [0, ...axes.map(({ before }) => before), 0], [batch, ...axes.map(({ out }) => out), filters]);
}

/** All products of a three-dimensional one, as an ordinary convolution: the wasm backend's own leaves values unset. */
function transposed3d(x: tf.Tensor, kernel: tf.Tensor, strides: number[]): tf.Tensor {
  const size = kernel.shape.slice(0, 3);
  // zeros between the values: the same as widening a kernel, one axis further on
  const spread = tf.stack(
    tf.unstack(x).map((example) => widenKernel(example, strides)),
    0,
  );
  const edges = size.map((length): [number, number] => [length - 1, length - 1]);
  const padded = tf.pad(spread, [[0, 0], ...edges, [0, 0]]);
  const flipped = tf.transpose(tf.reverse(kernel, [0, 1, 2]), [0, 1, 2, 4, 3]);
  return tf.conv3d(padded as tf.Tensor5D, flipped as tf.Tensor5D, [1, 1, 1], 'valid');
}

function transposedConvolution(rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const { config, keras } = call;
      const { strides, dilation, padding, first } = spatialConfig(config, rank);
      const outputPadding = config.lacks('output_padding')
        ? null
        : config.integers('output_padding', rank, undefined, 0);
      return inChannelsLast(call, rank, first, (x) => {
        const y = transposed(x, call.weight(0), strides, dilation, padding === 'same', outputPadding);
        return activate(config.flag('use_bias', true) ? addBias(y, call.weight(1), first, keras) : y, config, keras);
      });
    },
    mask: 'drop',
    refuses: (config, keras) => unknownActivation(config, keras, 'activation'),
  };
}

export const transposedConvolutionKernels: Record<string, Kernel> = {
  Conv1DTranspose: transposedConvolution(1),
  Conv2DTranspose: transposedConvolution(2),
  Conv3DTranspose: transposedConvolution(3),
};
