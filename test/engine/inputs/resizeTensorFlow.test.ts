import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { resizeTensorFlow } from '../../../src/engine/inputs/images/resizeTensorFlow';

const channels = 3;
function raster(
  width: number,
  height: number,
): { values: Float32Array; width: number; height: number; channels: number } {
  const values = Float32Array.from({ length: width * height * channels }, (_, i) =>
    Math.floor((Math.sin(i * 78.233) * 0.5 + 0.5) * 256),
  );
  return { values, width, height, channels };
}

const sizes = [
  [13, 17, 32, 24],
  [160, 107, 32, 24],
  [5, 5, 224, 224],
  [4, 4, 1, 1],
  [1, 1, 3, 3],
  [7, 9, 7, 4],
] as const;

describe("TensorFlow's resize, against tfjs with half-pixel centres", () => {
  it.each(sizes)('%i × %i → %i × %i', async (width, height, toWidth, toHeight) => {
    await tf.setBackend('cpu');
    const source = raster(width, height);
    const x = tf.tensor3d(source.values, [height, width, channels]);
    for (const method of ['bilinear', 'nearest'] as const) {
      const resize = method === 'bilinear' ? tf.image.resizeBilinear : tf.image.resizeNearestNeighbor;
      const expected = resize(x, [toHeight, toWidth], false, true).dataSync();
      const actual = resizeTensorFlow(source, toWidth, toHeight, method);
      const difference = actual.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))),
        0,
      );
      // TensorFlow computes positions in float32, tfjs in float64: up to 1.3e-3 of 255 apart.
      expect(difference, method).toBeLessThan(method === 'nearest' ? 1e-9 : 2e-3);
    }
    x.dispose();
  });

  // tf.image.resize([[0, 10, 20, 30]], (1, 8), 'bicubic')[0]: Keys' kernel by hand, borders weighed up again.
  it('bicubic reproduces a ramp inside and keeps constants', () => {
    const ramp = { values: Float32Array.from({ length: 16 }, (_, i) => i * 10), width: 16, height: 1, channels: 1 };
    const doubled = resizeTensorFlow(ramp, 32, 1, 'bicubic');
    for (let i = 4; i < 28; i++) expect(doubled[i]).toBeCloseTo(((i + 0.5) / 2 - 0.5) * 10, 3);
    const flat = { values: new Float32Array(25).fill(7), width: 5, height: 5, channels: 1 };
    for (const value of resizeTensorFlow(flat, 13, 3, 'bicubic')) expect(value).toBeCloseTo(7, 5);
  });

  it('leaves pictures of the right size alone', () => {
    const source = raster(4, 3);
    expect(resizeTensorFlow(source, 4, 3, 'bicubic')).toBe(source.values);
  });
});
