/** Pooling: windows, the whole space, and Keras 3's adaptive kind. */
import * as tf from '@tensorflow/tfjs-core';
import { inChannelsLast, settlePadding } from './convolution';
import { floating, range, sizeAt, type Kernel } from './kernel';

type Kind = 'max' | 'average';

/** Windows at the border count only what is there. */
function pool(given: tf.Tensor, kind: Kind, size: number[], strides: number[], wanted: 'valid' | 'same'): tf.Tensor {
  const dilation = size.map(() => 1);
  const options = { strides, padding: wanted, dilation };
  const { x, padding } = settlePadding(given, size, options, kind === 'max' ? -Infinity : 0);
  if (kind === 'average' && x !== given) {
    const { x: ones } = settlePadding(tf.onesLike(given), size, options);
    return tf.div(windows(x, kind, size, strides, padding), windows(ones, kind, size, strides, padding));
  }
  return windows(x, kind, size, strides, padding);
}

function windows(x: tf.Tensor, kind: Kind, size: number[], strides: number[], padding: 'valid' | 'same'): tf.Tensor {
  if (size.length === 1) {
    return tf.squeeze(windows(tf.expandDims(x, 1), kind, [1, ...size], [1, ...strides], padding), [1]);
  }
  if (size.length === 3) {
    const [window, steps] = [size as [number, number, number], strides as [number, number, number]];
    return kind === 'max'
      ? maxPool3d(x, window, steps, padding)
      : tf.avgPool3d(x as tf.Tensor5D, window, steps, padding);
  }
  const [window, steps] = [size as [number, number], strides as [number, number]];
  return kind === 'max'
    ? tf.maxPool(x as tf.Tensor4D, window, steps, padding)
    : tf.avgPool(x as tf.Tensor4D, window, steps, padding);
}

/**
 * The largest over height and width, then over depth: `maxPool3d` of the wasm backend starts from the smallest positive
 * number, so that a window of negative values gives 1.2e-38.
 */
function maxPool3d(x: tf.Tensor, size: number[], strides: number[], padding: 'valid' | 'same'): tf.Tensor {
  const [batch, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  const [deep, tall, wide] = size as [number, number, number];
  const [stepDeep, stepTall, stepWide] = strides as [number, number, number];
  const slices = tf.reshape<tf.Rank.R4>(x, [batch * depth, height, width, channels]);
  const flat = tf.maxPool(slices, [tall, wide], [stepTall, stepWide], padding);
  const [rows, columns] = [sizeAt(flat, 1), sizeAt(flat, 2)];
  const stacked = tf.reshape<tf.Rank.R4>(flat, [batch, depth, rows * columns, channels]);
  const y = tf.maxPool(stacked, [deep, 1], [stepDeep, 1], padding);
  return tf.reshape(y, [batch, sizeAt(y, 1), rows, columns, channels]);
}

function windowPooling(kind: Kind, rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const { config } = call;
      const size = config.integers('pool_size', rank, 2);
      const strides = config.lacks('strides') ? size : config.integers('strides', rank);
      const padding = config.choice('padding', ['valid', 'same'] as const, 'valid');
      return inChannelsLast(call, rank, config.channelsFirst(), (x) => pool(x, kind, size, strides, padding));
    },
    mask: 'drop',
  };
}

function globalPooling(kind: Kind, rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const { config } = call;
      const x = floating(call.input());
      const first = config.channelsFirst();
      const axes = first ? range(2, rank + 2) : range(1, rank + 1);
      const keep = config.flag('keepdims', false);
      const mask = kind === 'average' && rank === 1 ? call.mask() : null;
      if (mask) {
        // only the steps that are there count
        const weights = tf.expandDims(tf.cast(mask, 'float32'), first ? 1 : 2);
        return tf.div(tf.sum(tf.mul(x, weights), axes, keep), tf.sum(weights, axes, keep));
      }
      return kind === 'max' ? tf.max(x, axes, keep) : tf.mean(x, axes, keep);
    },
    mask: 'drop',
  };
}

/** Windows of nearly equal size that cover the axis: `floor(i·n/out)` to `ceil((i+1)·n/out)`. */
function adaptiveAxis(x: tf.Tensor, axis: number, out: number, kind: Kind): tf.Tensor {
  const length = sizeAt(x, axis);
  const parts = range(0, out).map((i) => {
    const from = Math.floor((i * length) / out);
    const to = Math.ceil(((i + 1) * length) / out);
    const begin = x.shape.map((_, at) => (at === axis ? from : 0));
    const size = x.shape.map((all, at) => (at === axis ? to - from : all));
    const window = tf.slice(x, begin, size);
    return kind === 'max' ? tf.max(window, axis, true) : tf.mean(window, axis, true);
  });
  return tf.concat(parts, axis);
}

function adaptivePooling(kind: Kind, rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const size = call.config.integers('output_size', rank);
      return inChannelsLast(call, rank, call.config.channelsFirst(), (x) =>
        size.reduce((y, out, axis) => adaptiveAxis(y, axis + 1, out, kind), x),
      );
    },
    mask: 'drop',
  };
}

const ranks = [1, 2, 3] as const;

export const poolingKernels: Record<string, Kernel> = Object.fromEntries(
  ranks.flatMap((rank) => [
    [`MaxPooling${rank}D`, windowPooling('max', rank)],
    [`AveragePooling${rank}D`, windowPooling('average', rank)],
    [`GlobalMaxPooling${rank}D`, globalPooling('max', rank)],
    [`GlobalAveragePooling${rank}D`, globalPooling('average', rank)],
    [`AdaptiveMaxPooling${rank}D`, adaptivePooling('max', rank)],
    [`AdaptiveAveragePooling${rank}D`, adaptivePooling('average', rank)],
  ]),
);
