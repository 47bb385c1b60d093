/** Layers that move values without computing. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { channelsToEnd, channelsToFront, range, sizeAt, type Kernel, type KernelCall } from './kernel';
import { resize } from './resizing';

const flatten: Kernel = {
  run(call) {
    const x = call.input();
    const last = call.config.channelsFirst() && x.rank > 2 ? channelsToEnd(x) : x;
    return tf.reshape(last, [sizeAt(x, 0), x.rank === 1 ? 1 : last.shape.slice(1).reduce((a, b) => a * b, 1)]);
  },
  mask: 'drop',
};

const reshape: Kernel = {
  run(call) {
    const x = call.input();
    // a null in the target (Keras 3) is the one dimension to be found, as -1 is
    const target = (call.config.dimensions('target_shape') ?? []).map((size) => size ?? -1);
    return tf.reshape(x, [sizeAt(x, 0), ...target]);
  },
  mask: 'drop',
};

const permute: Kernel = {
  run: (call) => tf.transpose(call.input(), [0, ...(call.config.list('dims') ?? [])]),
  mask: 'drop',
};

const repeatVector: Kernel = {
  run: (call) => tf.tile(tf.expandDims(call.input(), 1), [1, call.config.integer('n'), 1]),
  mask: 'drop',
};

/** First spatial axis of the call's tensor. */
function spaceFrom(call: KernelCall): number {
  return call.config.channelsFirst() ? 2 : 1;
}

function zeroPadding(rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const x = call.input();
      const from = spaceFrom(call);
      const pairs = call.config.pairs('padding', rank, 1);
      return tf.pad(
        x,
        x.shape.map((_, axis): [number, number] => pairs[axis - from] ?? [0, 0]),
      );
    },
    mask: 'drop',
  };
}

function cropping(rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const x = call.input();
      const from = spaceFrom(call);
      const pairs = call.config.pairs('cropping', rank, 1);
      const before = x.shape.map((_, axis) => pairs[axis - from]?.[0] ?? 0);
      const size = x.shape.map((all, axis) => all - (pairs[axis - from]?.[0] ?? 0) - (pairs[axis - from]?.[1] ?? 0));
      if (size.some((s) => s <= 0))
        throw new SlicerError('shape-mismatch', { actual: [...x.shape], reason: 'nothing is left after cropping' });
      return tf.slice(x, before, size);
    },
    mask: 'drop',
  };
}

/** Repeats each element `times` times along `axis`. */
export function repeatAlong(x: tf.Tensor, axis: number, times: number): tf.Tensor {
  if (times === 1) return x;
  const index = range(0, sizeAt(x, axis) * times).map((i) => Math.floor(i / times));
  return tf.gather(x, tf.tensor1d(index, 'int32'), axis);
}

function upSampling(rank: 1 | 2 | 3): Kernel {
  return {
    run(call) {
      const { config } = call;
      const size = config.integers('size', rank, 2);
      const mode = config.text('interpolation', 'nearest');
      const from = spaceFrom(call);
      if (mode === 'nearest' || rank !== 2) {
        return size.reduce((x, times, axis) => repeatAlong(x, from + axis, times), call.input());
      }
      const first = config.channelsFirst();
      const x = first ? channelsToEnd(call.input()) : call.input();
      const y = resize(x, sizeAt(x, 1) * (size[0] as number), sizeAt(x, 2) * (size[1] as number), mode);
      return first ? channelsToFront(y) : y;
    },
    mask: 'drop',
    refuses: (config) => (rank === 2 ? refusesInterpolation(config.text('interpolation', 'nearest')) : null),
  };
}

const INTERPOLATIONS = new Set([
  ...['nearest', 'bilinear', 'bicubic', 'lanczos3', 'lanczos5'],
  // Keras 2's
  ...['gaussian', 'mitchellcubic', 'area'],
]);

export function refusesInterpolation(mode: string): string | null {
  return INTERPOLATIONS.has(mode) ? null : `interpolation ${mode}`;
}

export const reshapingKernels: Record<string, Kernel> = {
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  RepeatVector: repeatVector,
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  ZeroPadding3D: zeroPadding(3),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  Cropping3D: cropping(3),
  UpSampling1D: upSampling(1),
  UpSampling2D: upSampling(2),
  UpSampling3D: upSampling(3),
};
