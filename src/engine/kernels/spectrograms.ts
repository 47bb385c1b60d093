/** Sound to spectrograms: Fourier transforms as matrix products, since no backend but cpu has them all. */
import * as tf from '@tensorflow/tfjs-core';
import type { JsonValue } from '../../core/model/json';
import { convolve } from './convolution';
import { floating, range, sizeAt, type Kernel, type KernelCall } from './kernel';

const EPSILON = 1e-7;
const LOG10 = Math.log(10);

/** `[length]`, as `tf.signal` makes periodic windows. */
function windowOf(window: JsonValue | undefined, length: number): Float32Array {
  if (Array.isArray(window)) return Float32Array.from(window, Number);
  const [base, swing] = window === 'hamming' ? [0.54, 0.46] : [0.5, 0.5];
  if (window === null) return new Float32Array(length).fill(1);
  return Float32Array.from(range(0, length), (i) => base - swing * Math.cos((2 * Math.PI * i) / length));
}

/** Cosines and sines of a transform of `length` values, each `[length, bins]`, with the window in them. */
function fourier(window: Float32Array, length: number): { real: tf.Tensor2D; imaginary: tf.Tensor2D } {
  const bins = Math.floor(length / 2) + 1;
  const before = Math.floor((length - window.length) / 2);
  const [cosines, sines] = [new Float32Array(length * bins), new Float32Array(length * bins)];
  window.forEach((weight, i) => {
    const at = before + i;
    for (let bin = 0; bin < bins; bin++) {
      // the remainder keeps the angle exact for long windows
      const angle = (2 * Math.PI * ((at * bin) % length)) / length;
      cosines[at * bins + bin] = weight * Math.cos(angle);
      sines[at * bins + bin] = -weight * Math.sin(angle);
    }
  });
  return { real: tf.tensor2d(cosines, [length, bins]), imaginary: tf.tensor2d(sines, [length, bins]) };
}

/** Frames of `[batch, samples]`, reflected at both ends: `[batch, frames, length]`. */
function framesOf(x: tf.Tensor, length: number, stride: number): tf.Tensor {
  const half = Math.floor(length / 2);
  const padded = tf.mirrorPad(
    x,
    [
      [0, 0],
      [half, half],
    ],
    'reflect',
  );
  const count = Math.max(0, Math.floor((sizeAt(padded, 1) - length) / stride) + 1);
  const indices = range(0, count).flatMap((frame) => range(frame * stride, frame * stride + length));
  return tf.reshape(tf.gather(padded, tf.tensor1d(indices, 'int32'), 1), [sizeAt(x, 0), count, length]);
}

const mel = (hertz: number): number => 1127 * Math.log(1 + hertz / 700);

/** Triangles on the mel scale, `[bins, bands]`; the first bin belongs to none. */
function melMatrix({ config }: KernelCall, bins: number): tf.Tensor2D {
  const rate = config.number('sampling_rate', 16000);
  const bands = config.integer('num_mel_bins', 128);
  const from = mel(config.number('min_freq', 20));
  const to = mel(config.lacks('max_freq') ? Math.trunc(rate / 2) : config.number('max_freq'));
  const edges = range(0, bands + 2).map((i) => from + ((to - from) * i) / (bands + 1));
  const values = new Float32Array(bins * bands);
  for (let bin = 1; bin < bins; bin++) {
    const at = mel((rate / 2) * (bin / (bins - 1)));
    for (let band = 0; band < bands; band++) {
      const [low, centre, high] = edges.slice(band, band + 3) as [number, number, number];
      const slope = Math.min((at - low) / (centre - low), (high - at) / (high - centre));
      values[bin * bands + band] = Math.max(0, slope);
    }
  }
  return tf.tensor2d(values, [bins, bands]);
}

const log10 = (x: tf.Tensor): tf.Tensor => tf.div(tf.log(x), LOG10);

const melSpectrogram: Kernel = {
  run(call) {
    const { config } = call;
    const length = config.integer('fft_length', 2048);
    const window = windowOf(config.raw('window') ?? null, config.integer('sequence_length', length));
    const given = floating(call.input());
    const x = given.rank === 1 ? tf.expandDims(given, 0) : given;
    const frames = framesOf(x, length, config.integer('sequence_stride', 512));
    const { real, imaginary } = fourier(window, length);
    const [batch, count] = [sizeAt(frames, 0), sizeAt(frames, 1)];
    const flat = tf.reshape<tf.Rank.R2>(frames, [-1, length]);
    const power = tf.add(tf.square(tf.matMul(flat, real)), tf.square(tf.matMul(flat, imaginary)));
    const exponent = config.number('mag_exp', 2);
    const magnitude = exponent === 2 ? power : tf.pow(power, exponent / 2);
    const bands = tf.matMul(magnitude, melMatrix(call, sizeAt(real, 1)));
    const scaled = config.flag('power_to_db', true) ? decibels(call, bands) : bands;
    const y = tf.transpose(tf.reshape(scaled, [batch, count, -1]), [0, 2, 1]);
    return given.rank === 1 ? tf.squeeze(y, [0]) : y;
  },
  mask: 'drop',
};

/** Not more than `top_db` below the loudest of the whole batch, as Keras has it. */
function decibels({ config }: KernelCall, x: tf.Tensor): tf.Tensor {
  const least = config.number('min_power', 1e-10);
  const reference = Math.max(Math.abs(config.number('ref_power', 1)), least);
  const level = tf.sub(tf.mul(log10(tf.maximum(x, least)), 10), 10 * Math.log10(reference));
  return tf.maximum(level, tf.sub(tf.max(level), config.number('top_db', 80)));
}

/** The kernels hold window and scale. `x`: `[batch, samples, channels]`, or channels first. */
const stftSpectrogram: Kernel = {
  run(call) {
    const { config } = call;
    const first = config.channelsFirst();
    const given = floating(call.input());
    const signal = first ? given : tf.transpose(given, [0, 2, 1]);
    const [batch, channels] = [sizeAt(signal, 0), sizeAt(signal, 1)];
    const length = config.integer('frame_length', 256);
    const stride = config.integer('frame_step', Math.floor(length / 2));
    const padding = config.choice('padding', ['valid', 'same'], 'valid');
    const mode = config.text('mode', 'log');
    // [batch, channels, frames, bins]
    const part = (kernel: tf.Tensor): tf.Tensor => {
      const flat = tf.reshape(signal, [batch * channels, -1, 1]);
      const y = convolve(flat, kernel, { strides: [stride], padding, dilation: [1] });
      return tf.reshape(y, [batch, channels, sizeAt(y, 1), sizeAt(y, 2)]);
    };
    const parts = call.parts.weights.map((_, i) => part(call.weight(i)));
    return laidOut(spectrum(mode, parts as [tf.Tensor, tf.Tensor]), first, config.flag('expand_dims', false));
  },
  mask: 'drop',
};

function spectrum(mode: string, [real, imaginary]: [tf.Tensor, tf.Tensor]): tf.Tensor {
  if (mode === 'real' || mode === 'imag') return real;
  if (mode === 'angle') return tf.atan2(imaginary, real);
  if (mode === 'stft') return tf.concat([real, imaginary], 3);
  const power = tf.add(tf.square(real), tf.square(imaginary));
  if (mode === 'psd') {
    // all bins but the first and the last stand for two
    const bins = sizeAt(power, 3);
    const twice = Array.from({ length: bins }, (_, i) => (i === 0 || i === bins - 1 ? 1 : 2));
    return tf.mul(power, tf.tensor1d(twice));
  }
  const magnitude = tf.sqrt(tf.maximum(power, EPSILON));
  return mode === 'magnitude' ? magnitude : tf.log(tf.maximum(magnitude, EPSILON));
}

function laidOut(x: tf.Tensor, first: boolean, expanded: boolean): tf.Tensor {
  const [batch, channels, frames, bins] = x.shape as [number, number, number, number];
  if (expanded) return first ? x : tf.transpose(x, [0, 2, 3, 1]);
  const merged = tf.reshape(tf.transpose(x, [0, 1, 3, 2]), [batch, channels * bins, frames]);
  return first ? merged : tf.transpose(merged, [0, 2, 1]);
}

export const spectrogramKernels: Record<string, Kernel> = {
  MelSpectrogram: melSpectrogram,
  STFTSpectrogram: stftSpectrogram,
};
