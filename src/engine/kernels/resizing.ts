/** Resizing with half-pixel centres, as `tf.image.resize` does: a matrix product per axis. */
import * as tf from '@tensorflow/tfjs-core';
import { range, sizeAt } from './kernel';

/** `x`: `[batch, height, width, channels]`. `mode`: nearest, bilinear, bicubic, lanczos3, lanczos5, gaussian, mitchellcubic, area; `antialias` widens the filter when shrinking. */
export function resize(x: tf.Tensor, height: number, width: number, mode: string, antialias = false): tf.Tensor {
  const rows = weights(sizeAt(x, 1), height, mode, antialias);
  const columns = weights(sizeAt(x, 2), width, mode, antialias);
  return alongAxis(alongAxis(x, rows, 1), columns, 2);
}

function alongAxis(
  x: tf.Tensor,
  matrix: { values: Float32Array; size: [number, number] } | Int32Array,
  axis: 1 | 2,
): tf.Tensor {
  if (matrix instanceof Int32Array) return tf.gather(x, tf.tensor1d(matrix, 'int32'), axis);
  const [out, length] = matrix.size;
  const shape = x.shape;
  const before = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const after = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const flat = tf.reshape(x, [before, length, after]);
  const product = tf.matMul(tf.tile(tf.tensor3d(matrix.values, [1, out, length]), [before, 1, 1]), flat);
  return tf.reshape(product, [...shape.slice(0, axis), out, ...shape.slice(axis + 1)]);
}

/** Row `i` holds what output `i` takes from each input; for nearest just the indices. */
function weights(
  length: number,
  out: number,
  mode: string,
  antialias: boolean,
): { values: Float32Array; size: [number, number] } | Int32Array {
  const scale = length / out;
  if (mode === 'nearest') {
    return Int32Array.from(range(0, out), (i) => Math.min(length - 1, Math.floor((i + 0.5) * scale)));
  }
  if (mode === 'area') return areas(length, out);
  const { radius, f } = filterOf(mode);
  const wide = antialias ? Math.max(scale, 1) : 1;
  const values = new Float32Array(out * length);
  for (let i = 0; i < out; i++) {
    const centre = tabulated((i + 0.5) * scale - 0.5, mode, antialias);
    const from = Math.ceil(centre - radius * wide);
    const to = Math.floor(centre + radius * wide);
    let total = 0;
    for (let j = from; j <= to; j++) {
      const inside = j >= 0 && j < length;
      const weight = f((j - centre) / wide);
      // bilinear repeats the border; wider filters leave out what is behind it, and are normalized
      if (!inside && (mode !== 'bilinear' || antialias)) continue;
      const at = i * length + Math.min(length - 1, Math.max(0, j));
      values[at] = (values[at] as number) + weight;
      total += weight;
    }
    for (let j = 0; total !== 0 && j < length; j++) values[i * length + j] = (values[i * length + j] as number) / total;
  }
  return { values, size: [out, length] };
}

function filterOf(mode: string): { radius: number; f: (x: number) => number } {
  if (mode === 'bilinear') return { radius: 1, f: (x) => Math.max(0, 1 - Math.abs(x)) };
  if (mode === 'bicubic') return { radius: 2, f: cubic };
  if (mode === 'mitchellcubic') return { radius: 2, f: mitchell };
  if (mode === 'gaussian') return { radius: 1.5, f: (x) => (Math.abs(x) >= 1.5 ? 0 : Math.exp(-2 * x * x)) };
  const radius = mode === 'lanczos5' ? 5 : 3;
  return { radius, f: (x) => (x === 0 ? 1 : Math.abs(x) >= radius ? 0 : sinc(x) * sinc(x / radius)) };
}

function sinc(x: number): number {
  return Math.sin(Math.PI * x) / (Math.PI * x);
}

/** TensorFlow reads its cubic weights from a table of 1024 steps a pixel. */
function tabulated(centre: number, mode: string, antialias: boolean): number {
  if (mode !== 'bicubic' || antialias) return centre;
  const whole = Math.floor(centre);
  return whole + Math.round((centre - whole) * 1024) / 1024;
}

/** Each output is the mean of what it covers. */
function areas(length: number, out: number): { values: Float32Array; size: [number, number] } {
  const scale = length / out;
  const values = new Float32Array(out * length);
  for (let i = 0; i < out; i++) {
    for (let j = Math.floor(i * scale); j < Math.min(length, Math.ceil((i + 1) * scale)); j++) {
      values[i * length + j] = (Math.min(j + 1, (i + 1) * scale) - Math.max(j, i * scale)) / scale;
    }
  }
  return { values, size: [out, length] };
}

/** Mitchell and Netravali's cubic with B = C = 1/3. */
function mitchell(x: number): number {
  const a = Math.abs(x);
  if (a >= 2) return 0;
  return a >= 1 ? (((-7 / 18) * a + 2) * a - 10 / 3) * a + 16 / 9 : ((7 / 6) * a - 2) * a * a + 8 / 9;
}

/** Keys' cubic with a = -0.5. */
function cubic(x: number): number {
  const a = Math.abs(x);
  if (a >= 2) return 0;
  return a >= 1 ? ((-0.5 * a + 2.5) * a - 4) * a + 2 : (1.5 * a - 2.5) * a * a + 1;
}
