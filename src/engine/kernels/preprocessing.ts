/** Preprocessing of pictures: sizes and values. */
import * as tf from '@tensorflow/tfjs-core';
import { channelsToEnd, channelsToFront, floating, sizeAt, type Kernel, type KernelCall } from './kernel';
import { refusesInterpolation } from './reshaping';
import { resize } from './resizing';

/** Gives `f` a channels-last batch of pictures, whatever the layout and whether there is a batch. */
function onPictures(call: KernelCall, f: (x: tf.Tensor) => tf.Tensor): tf.Tensor {
  const given = floating(call.input());
  const batched = given.rank === 3 ? tf.expandDims(given, 0) : given;
  const first = call.config.channelsFirst();
  const y = f(first ? channelsToEnd(batched) : batched);
  const laid = first ? channelsToFront(y) : y;
  return given.rank === 3 ? tf.squeeze(laid, [0]) : laid;
}

function cropTo(x: tf.Tensor, height: number, width: number): tf.Tensor {
  const top = Math.floor((sizeAt(x, 1) - height) / 2);
  const left = Math.floor((sizeAt(x, 2) - width) / 2);
  return tf.slice(x, [0, top, left, 0], [sizeAt(x, 0), height, width, sizeAt(x, 3)]);
}

/** Resizes after cutting the middle part with the target's proportions. */
function resizeCropped(x: tf.Tensor, height: number, width: number, mode: string, antialias: boolean): tf.Tensor {
  const [h, w] = [sizeAt(x, 1), sizeAt(x, 2)];
  const cropHeight = Math.max(1, Math.min(h, Math.floor((w * height) / width)));
  const cropWidth = Math.max(1, Math.min(w, Math.floor((h * width) / height)));
  return resize(cropTo(x, cropHeight, cropWidth), height, width, mode, antialias);
}

function resizePadded(
  x: tf.Tensor,
  height: number,
  width: number,
  mode: string,
  antialias: boolean,
  fill: number,
): tf.Tensor {
  const [h, w] = [sizeAt(x, 1), sizeAt(x, 2)];
  const padHeight = Math.max(h, Math.floor((w * height) / width));
  const padWidth = Math.max(w, Math.floor((h * width) / height));
  const [top, left] = [Math.floor((padHeight - h) / 2), Math.floor((padWidth - w) / 2)];
  const padded = tf.pad(
    x,
    [
      [0, 0],
      // the same on both sides, as Keras does, also where one more is missing
      [top, top],
      [left, left],
      [0, 0],
    ],
    fill,
  );
  return resize(padded, height, width, mode, antialias);
}

const resizing: Kernel = {
  run(call) {
    const { config } = call;
    const [height, width] = [config.integer('height'), config.integer('width')];
    const mode = config.text('interpolation', 'bilinear');
    const antialias = config.flag('antialias', false);
    return onPictures(call, (x) => {
      if (config.flag('crop_to_aspect_ratio', false)) return resizeCropped(x, height, width, mode, antialias);
      if (config.flag('pad_to_aspect_ratio', false)) {
        return resizePadded(x, height, width, mode, antialias, config.number('fill_value', 0));
      }
      return resize(x, height, width, mode, antialias);
    });
  },
  mask: 'drop',
  refuses: (config) => refusesInterpolation(config.text('interpolation', 'bilinear')),
};

/** Cuts the middle out, or resizes when the picture is too small. */
const centerCrop: Kernel = {
  run(call) {
    const [height, width] = [call.config.integer('height'), call.config.integer('width')];
    return onPictures(call, (x) => {
      if (sizeAt(x, 1) >= height && sizeAt(x, 2) >= width) return cropTo(x, height, width);
      return resizeCropped(x, height, width, 'bilinear', false);
    });
  },
  mask: 'drop',
};

/** In inference Keras 2 resizes the middle part, Keras 3 does nothing. */
const randomCrop: Kernel = {
  run(call) {
    if (call.keras === 3) return call.input();
    const [height, width] = [call.config.integer('height'), call.config.integer('width')];
    return onPictures(call, (x) => resizeCropped(x, height, width, 'bilinear', false));
  },
  mask: 'drop',
};

const rescaling: Kernel = {
  run(call) {
    const x = floating(call.input());
    const value = (key: string, fallback: number): tf.Tensor | number => {
      const given = call.config.raw(key);
      return Array.isArray(given) ? tf.tensor1d(given as number[]) : call.config.number(key, fallback);
    };
    return tf.add(tf.mul(x, value('scale', 1)), value('offset', 0));
  },
  mask: 'drop',
};

export const preprocessingKernels: Record<string, Kernel> = {
  Resizing: resizing,
  CenterCrop: centerCrop,
  RandomCrop: randomCrop,
  Rescaling: rescaling,
};
