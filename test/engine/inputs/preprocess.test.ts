import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodePicture } from '../../../src/engine/inputs/images/decodePicture';
import { loadPicture, type LoadedPicture } from '../../../src/engine/inputs/images/loadPicture';
import { preprocess } from '../../../src/engine/inputs/preprocess';
import type { Preprocessing } from '../../../src/protocol/engine';
import { images } from '../../fixtures';

type Family = { mean: number; min: number; max: number; first: number[] };
const golden = JSON.parse(readFileSync(path.join(images, 'golden.json'), 'utf8')) as {
  preprocess: { families: Record<string, Family> };
};
const ranges: Record<string, Preprocessing['range']> = { tf: 'signed', caffe: 'caffe', torch: 'torch', none: 'none' };

describe("Keras's preprocess_input", () => {
  it.each(Object.entries(golden.preprocess.families))('%s', async (mode, family) => {
    const pixels = await decodePicture(readFileSync(path.join(images, 'jpeg-420.jpg')));
    const loaded = loadPicture(pixels, {
      size: { width: 32, height: 24 },
      resize: 'pillow',
      interpolation: 'nearest',
      colorMode: 'rgb',
    });
    const values = preprocess(loaded, { range: ranges[mode] ?? 'none', colorMode: 'rgb', layout: 'channels_last' });
    // float32 values, written in full: exact.
    expect(Array.from(values.subarray(0, 9))).toEqual(family.first);
    expect([Math.min(...values), Math.max(...values)]).toEqual([family.min, family.max]);
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(family.mean, 4);
  });
});

describe('preprocess', () => {
  const picture: LoadedPicture = { width: 2, height: 1, channels: 3, values: Float32Array.of(255, 51, 0, 0, 102, 204) };
  const options = { colorMode: 'rgb', layout: 'channels_last', range: 'none' } as const;

  it.each([
    ['unit', { range: 'unit' }, [1, 0.2, 0, 0, 0.4, 0.8]],
    ['blue first', { colorMode: 'bgr' }, [0, 51, 255, 204, 102, 0]],
    ['channels first', { layout: 'channels_first' }, [255, 0, 51, 102, 0, 204]],
    ['both', { layout: 'channels_first', colorMode: 'bgr' }, [0, 204, 51, 102, 255, 0]],
    ['custom', { range: 'custom', scale: 1 / 51, offset: 1, mean: [1, 0, 0], std: [1, 2, 0.5] }, [5, 1, 2, 0, 1.5, 10]],
    ['custom with one mean for all', { range: 'custom', mean: [1], std: [2] }, [127, 25, -0.5, -0.5, 50.5, 101.5]],
    [
      'custom, in the order of the tensor',
      { range: 'custom', colorMode: 'bgr', mean: [0, 0, 255] },
      [0, 51, 0, 204, 102, -255],
    ],
    ['a deviation of 0 divides nothing', { range: 'custom', std: [0, 0, 0] }, [255, 51, 0, 0, 102, 204]],
  ] as const)('%s', (_name, change, expected) => {
    const values = preprocess(picture, { ...options, ...(change as Partial<Preprocessing>) });
    values.forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 5));
  });

  it('caffe is blue first whatever the colour mode says', () => {
    const [a, b] = (['rgb', 'bgr'] as const).map((colorMode) =>
      preprocess(picture, { ...options, colorMode, range: 'caffe' }),
    );
    expect(a).toEqual(b);
    expect(a?.[0]).toBeCloseTo(-103.939, 4);
  });

  it('works on grey pictures and keeps alpha last', () => {
    const grey: LoadedPicture = { width: 1, height: 1, channels: 1, values: Float32Array.of(100) };
    for (const range of ['unit', 'signed', 'caffe', 'torch', 'none'] as const) {
      expect(preprocess(grey, { ...options, range, colorMode: 'grayscale' })[0]).not.toBeNaN();
    }
    const rgba: LoadedPicture = { width: 1, height: 1, channels: 4, values: Float32Array.of(1, 2, 3, 4) };
    expect(Array.from(preprocess(rgba, { ...options, colorMode: 'bgr' }))).toEqual([3, 2, 1, 4]);
  });
});
