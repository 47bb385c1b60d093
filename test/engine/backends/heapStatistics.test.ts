/** Sums in the wasm heap against the plain ones. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/engine/backends/backend';
import { heapSums, pieceSums } from '../../../src/engine/backends/heapStatistics';
import { heapView } from '../../../src/engine/backends/wasm';
import { noise } from '../noise';

beforeAll(async () => void (await useBackend('wasm')));

function sumsOf(values: number[]): ReturnType<typeof heapSums> {
  const tensor = tf.tensor1d(values);
  const view = heapView(tensor);
  if (!(view instanceof Float32Array)) throw new Error('no view');
  const sums = heapSums(view);
  tensor.dispose();
  return sums;
}

describe('heapSums', () => {
  it.each([1, 3, 4, 5, 63, 64, 1000, 4099])('agrees with plain sums over %i values', (count) => {
    const values = Array.from(
      Float32Array.from(noise(7, count), (v, i) => (i % 5 === 0 ? 0 : i % 7 === 0 ? -0 : v * 3)),
    );
    const sums = sumsOf(values);
    expect(sums?.min).toBe(Math.min(...values));
    expect(sums?.max).toBe(Math.max(...values));
    expect(sums?.nonZeros).toBe(values.filter((v) => v !== 0).length);
    expect(sums?.sum).toBeCloseTo(
      values.reduce((a, b) => a + b, 0),
      9,
    );
    expect(sums?.squares).toBeCloseTo(
      values.reduce((a, b) => a + b * b, 0),
      9,
    );
  });

  it.each([NaN, Infinity, -Infinity])('has no finite sum when a value is %d', (bad) => {
    for (const at of [0, 5, 8]) {
      const values = [1, 2, 3, 4, 5, 6, 7, 8, 9];
      values[at] = bad;
      expect(Number.isFinite(sumsOf(values)?.sum)).toBe(false);
    }
  });

  it('knows nothing of values that lie elsewhere', () => {
    expect(heapSums(new Float32Array([1, 2]))).toBeNull();
  });
});

describe('pieceSums', () => {
  it.each([0, 1, 5, 32_767, 32_768, 32_769, 100_003])(
    'agrees with plain sums over %i values that lie anywhere',
    (count) => {
      const values = Float32Array.from(noise(3, count), (v, i) => (i % 5 === 0 ? 0 : v * 3));
      const sums = pieceSums(values);
      expect(sums.min).toBe(values.reduce((least, v) => Math.min(least, v), Infinity));
      expect(sums.max).toBe(values.reduce((most, v) => Math.max(most, v), -Infinity));
      expect(sums.nonZeros).toBe(values.filter((v) => v !== 0).length);
      expect(sums.sum).toBeCloseTo(
        values.reduce((a, b) => a + b, 0),
        7,
      );
      expect(sums.squares).toBeCloseTo(
        values.reduce((a, b) => a + b * b, 0),
        7,
      );
    },
  );

  it.each([NaN, Infinity])('has no finite sum when a value is %d', (bad) => {
    for (const at of [0, 40_000, 49_999]) {
      const values = new Float32Array(50_000).fill(1);
      values[at] = bad;
      expect(Number.isFinite(pieceSums(values).sum)).toBe(false);
    }
  });
});
