/** Generated code prepares pictures as the preview does; where TF.js cannot, it says by how much it differs. */
import type * as tf from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resizerDifference } from '../../../../src/core/codegen/languages/resizerDifference';
import { writeCode } from '../../../../src/core/codegen/writeCode';
import type { Preprocessing } from '../../../../src/core/model/preprocessing';
import { decodePicture } from '../../../../src/engine/inputs/images/decodePicture';
import { loadPicture } from '../../../../src/engine/inputs/images/loadPicture';
import { preprocess } from '../../../../src/engine/inputs/preprocess';
import { images } from '../../../fixtures';
import { openJson } from '../formats/openFixture';
import { compileErrors, runModule } from './compile';

const plain = createRequire(path.join(__dirname, 'x.js'))('@tensorflow/tfjs') as typeof tf;
beforeAll(async () => {
  await plain.setBackend('cpu');
});

const texts = new Map<string, string>();
afterAll(() => expect(compileErrors(texts)).toEqual([]), 120_000);

const base: Preprocessing = {
  width: 40,
  height: 24,
  resize: 'pillow',
  interpolation: 'nearest',
  colorMode: 'rgb',
  layout: 'channels_last',
  range: 'unit',
  reason: null,
};

function prepareOf(how: Preprocessing, runtime: 'tfjs' | 'tfjs-node' | 'browser', dtype = 'float32'): string {
  const channels = how.colorMode === 'grayscale' ? 1 : 3;
  const [height, width] = [how.height, how.width];
  const shape = how.layout === 'channels_first' ? [null, channels, height, width] : [null, height, width, channels];
  const model = openJson({
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.15.0',
      model_config: {
        class_name: 'Sequential',
        config: {
          name: 'pictures',
          layers: [
            { class_name: 'InputLayer', config: { name: 'photo', batch_input_shape: shape, dtype, sparse: false } },
            { class_name: 'Flatten', config: { name: 'flat', trainable: true, dtype: 'float32' } },
          ],
        },
      },
    },
    weightsManifest: [],
  });
  const { text } = writeCode(model, {
    recipe: 'functional-by-name',
    language: 'typescript',
    cut: { outputs: ['flat'], inputs: [] },
    options: { runtime, preparation: { photo: how } },
  });
  texts.set(`picture-${texts.size}.ts`, text);
  return text;
}

/** What the code makes of the picture, what the preview makes of it, and the unit of the range. */
async function both(file: string, how: Preprocessing): Promise<{ made: number[]; preview: Float32Array }> {
  const text = prepareOf(how, 'tfjs');
  const pixels = await decodePicture(readFileSync(path.join(images, file)));
  const colors = loadPicture(pixels, { resize: 'pillow', interpolation: 'nearest', colorMode: 'rgba' });
  const picture = {
    width: colors.width,
    height: colors.height,
    data: Uint8Array.from(colors.values),
  };
  const prepare = runModule(text).prepareImage as (picture: unknown) => tf.Tensor;
  const before = plain.memory().numTensors;
  const made = prepare(picture);
  expect(plain.memory().numTensors - before).toBe(1);
  const values = Array.from(made.dataSync());
  made.dispose();
  const size = { width: how.width, height: how.height };
  const colorMode = how.colorMode === 'grayscale' ? 'grayscale' : 'rgb';
  const loaded = loadPicture(pixels, { size, resize: how.resize, interpolation: how.interpolation, colorMode });
  return { made: values, preview: preprocess(loaded, how) };
}

function differences(a: ArrayLike<number>, b: ArrayLike<number>): { largest: number; mean: number } {
  let largest = a.length === b.length ? 0 : Infinity;
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    largest = Math.max(largest, difference);
    sum += difference;
  }
  return { largest, mean: sum / a.length };
}

describe('as in the preview', () => {
  test.each<[string, Partial<Preprocessing>]>([
    ['unit', {}],
    ['signed', { range: 'signed' }],
    ['none', { range: 'none' }],
    ['torch', { range: 'torch' }],
    ['torch, blue first', { range: 'torch', colorMode: 'bgr' }],
    ['caffe', { range: 'caffe', colorMode: 'bgr' }],
    ['caffe, grey', { range: 'caffe', colorMode: 'grayscale' }],
    ['torch, grey', { range: 'torch', colorMode: 'grayscale' }],
    ['grey', { colorMode: 'grayscale' }],
    ['channels first', { layout: 'channels_first', colorMode: 'bgr' }],
    ['larger than the picture', { width: 301, height: 203 }],
    ['bilinear as TensorFlow', { resize: 'tensorflow', interpolation: 'bilinear' }],
    ['nearest as TensorFlow', { resize: 'tensorflow' }],
    ['own scale and offset', { range: 'custom', scale: 0.5, offset: -3 }],
    ['own mean and deviation', { range: 'custom', scale: 1 / 255, mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 2] }],
  ])('%s', async (_, changed) => {
    const how = { ...base, ...changed };
    for (const file of ['jpeg-420.jpg', 'png-rgb.png', 'png-odd-13x17.png']) {
      const { made, preview } = await both(file, how);
      const scale = preview.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      expect(differences(made, preview).largest / scale, file).toBeLessThanOrEqual(1e-5);
    }
  });

  test('whole numbers for an input of whole numbers', () => {
    expect(prepareOf({ ...base, range: 'none' }, 'tfjs', 'int32')).toContain('.toInt() as tf.Tensor4D');
  });
});

test.each(['bilinear', 'bicubic'] as const)(
  '%s as Pillow: the difference that the code names',
  async (interpolation) => {
    const how: Preprocessing = { ...base, interpolation, range: 'none' };
    const found: { largest: number; mean: number }[] = [];
    for (const file of ['jpeg-420.jpg', 'jpeg-444-progressive.jpg', 'png-rgb.png'])
      for (const [width, height] of [
        [224, 224],
        [64, 64],
        [28, 28],
      ] as const) {
        const { made, preview } = await both(file, { ...how, width, height });
        found.push(differences(made, preview));
      }
    const mean = Math.ceil(Math.max(...found.map((one) => one.mean)));
    const largest = Math.ceil(Math.max(...found.map((one) => one.largest)));
    expect(resizerDifference[interpolation]).toEqual({ mean, largest });
    const text = prepareOf(how, 'tfjs');
    expect(text).toContain(`up to ${largest} of 255, on average ${mean} at most`);
    expect(text).toContain(`Pillow does (${interpolation}`);
  },
);

describe('where pictures come from', () => {
  test('Node', () => {
    const text = prepareOf(base, 'tfjs-node');
    expect(text).toContain("import * as tf from '@tensorflow/tfjs-node';");
    expect(text).toContain("tf.node.decodeImage(picture, 3, 'int32', false)");
    expect(text).toContain("= 'file://model.json'");
  });
  test('the browser', () => {
    const text = prepareOf(base, 'browser');
    expect(text).toContain('picture: tf.PixelData | ImageData | HTMLImageElement');
    expect(text).toContain('`source` is a URL');
  });
});
