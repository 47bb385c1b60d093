/** That adapters compute what TF.js's own operations do, and that a proof finds what is wrong. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Adapter, Composition } from '../../../src/core/composing/composition';
import { namedScaling } from '../../../src/core/composing/scalings';
import { useBackend } from '../../../src/engine/backends/backend';
import type { InputSpec } from '../../../src/protocol/engine';
import { keras } from '../../fixtures';
import { engineSession, type EngineSession } from '../session';
import { editWeight } from './tinyModel';

const temporary = mkdtempSync(path.join(tmpdir(), 'slicer-verify-composed-'));
const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5');
beforeAll(() => useBackend('cpu'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const plain: Composition = {
  base: { cut: { outputs: [], inputs: [] }, frozen: false },
  second: null,
  inputShape: null,
  before: [],
  head: { pooling: 'none', layers: [] },
  adapt: true,
  seed: 0,
};

let count = 0;
async function saved(
  composition: Composition,
  secondPath?: string,
): Promise<{ engine: EngineSession; target: string }> {
  const engine = engineSession();
  await engine.request('open', { path: digits });
  const target = path.join(temporary, String(count++));
  await engine.request('saveComposed', { composition, target, force: false, ...(secondPath ? { secondPath } : {}) });
  return { engine, target };
}

/** What stands before the model, from what comes in to what goes into it. */
async function adapted(inputShape: number[], before: Adapter[], input: tf.Tensor): Promise<tf.Tensor> {
  const { target } = await saved({ ...plain, inputShape, before });
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(path.join(target, 'model.json'), 'utf8')) as {
    modelTopology: object;
    weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
  };
  const [group] = weightsManifest;
  const bytes = Buffer.concat((group?.paths ?? []).map((name) => readFileSync(path.join(target, name))));
  const weightData = new Uint8Array(bytes).buffer;
  const model = await tf.loadLayersModel({
    load: () => Promise.resolve({ modelTopology, weightSpecs: group?.weights ?? [], weightData }),
  });
  const fed = model.getLayer('digits_cnn').getInputAt(1) as tf.SymbolicTensor;
  return tf.model({ inputs: model.inputs, outputs: fed }).predict(input) as tf.Tensor;
}

function picture(height: number, width: number, channels: number): tf.Tensor4D {
  return tf.randomUniform([2, height, width, channels], 0, 255, 'float32', 7);
}

async function apart(actual: tf.Tensor, expected: tf.Tensor): Promise<number> {
  expect(actual.shape).toEqual(expected.shape);
  return (await tf.max(tf.abs(tf.sub(actual, expected))).data())[0] ?? NaN;
}

describe('adapters', () => {
  test.each([
    [40, 50, 'bilinear'],
    [9, 11, 'bilinear'],
    [28, 60, 'bilinear'],
    [40, 50, 'nearest'],
    [13, 9, 'nearest'],
    [14, 7, 'nearest'],
  ] as const)('resize from %i × %i, %s', async (height, width, interpolation) => {
    const input = picture(height, width, 1);
    const before: Adapter[] = [{ kind: 'resize', height: 28, width: 28, interpolation }];
    const expected =
      interpolation === 'bilinear'
        ? tf.image.resizeBilinear(input, [28, 28], false, true)
        : tf.image.resizeNearestNeighbor(input, [28, 28], false, true);
    expect(await apart(await adapted([height, width, 1], before, input), expected)).toBeLessThan(1e-4);
  });

  test('colours to grey as TF.js does, by itself', async () => {
    const input = picture(28, 28, 3);
    const expected = tf.image.rgbToGrayscale(input);
    expect(await apart(await adapted([28, 28, 3], [], input), expected)).toBeLessThan(1e-3);
  });

  test.each(['torch', 'caffe'])('%s: each channel with its own mean', async (name) => {
    const input = picture(28, 28, 3);
    const before = [namedScaling(name) as Adapter];
    const [mean, std] = [tf.tensor([0.485, 0.456, 0.406]), tf.tensor([0.229, 0.224, 0.225])];
    const scaled =
      name === 'torch'
        ? tf.div(tf.sub(tf.div(input, 255), mean), std)
        : tf.sub(tf.reverse(input, -1), tf.tensor([103.939, 116.779, 123.68]));
    expect(
      await apart(await adapted([28, 28, 3], before, input), tf.image.rgbToGrayscale(scaled as tf.Tensor4D)),
    ).toBeLessThan(1e-3);
  });
});

describe('a proof', () => {
  const composition: Composition = {
    ...plain,
    base: { cut: { outputs: ['pool_1'], inputs: [] }, frozen: true },
    head: { pooling: 'max', layers: [{ kind: 'dense', units: 4, activation: 'tanh' }] },
  };
  const data: InputSpec[][] = [[{ input: 'input_layer', source: { kind: 'random', seed: 1 } }]];
  const asked = { composition, data, tolerance: 0, backend: 'cpu' as const };

  test('of what was saved passes', async () => {
    const { engine, target } = await saved(composition);
    const proof = await engine.request('verifyComposed', { ...asked, savedPath: target });
    expect(proof).toMatchObject({
      passed: true,
      weak: false,
      outputs: [{ address: 'head_dense', maxAbsDiff: 0, equal: true }],
      wholeFromParts: { address: 'digits_cnn', maxAbsDiff: 0 },
    });
    expect(await engine.request('verifyComposed', asked)).toMatchObject({ passed: true });
  });

  test('finds a weight of the part that was changed', async () => {
    const { engine, target } = await saved(composition);
    editWeight(target, 'conv_1/kernel', (values) => values.fill(0.5, 0, 1));
    const proof = await engine.request('verifyComposed', { ...asked, savedPath: target });
    expect(proof.passed).toBe(false);
    expect(proof.wholeFromParts?.maxAbsDiff).not.toBe(0);
  });

  test('the same composition gives the same bytes, another seed other ones', async () => {
    const [one, two, other] = [
      await saved(composition),
      await saved(composition),
      await saved({ ...composition, seed: 1 }),
    ];
    const bytesOf = ({ target }: { target: string }): Buffer[] =>
      ['model.json', 'group1-shard1of1.bin'].map((name) => readFileSync(path.join(target, name)));
    expect(bytesOf(one)).toEqual(bytesOf(two));
    expect(bytesOf(one)[1]).not.toEqual(bytesOf(other)[1]);
  });

  test('never writes over a part, and leaves nothing behind when it may not', async () => {
    const engine = engineSession();
    await engine.request('open', { path: digits });
    const target = path.join(temporary, 'taken');
    await engine.request('saveComposed', { composition, target, force: false });
    await expect(engine.request('saveComposed', { composition, target, force: false })).rejects.toMatchObject({
      code: 'target-exists',
    });
    await expect(engine.request('saveComposed', { composition, target: digits, force: true })).rejects.toMatchObject({
      code: 'target-exists',
    });
    expect(readdirSync(target).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
    await engine.request('close', {});
  });

  test('a part that does not fit is refused with what would help', async () => {
    const engine = engineSession();
    await engine.request('open', { path: digits });
    const wrong = { ...composition, base: plain.base, inputShape: [64, 64, 1], adapt: false };
    await expect(
      engine.request('saveComposed', { composition: wrong, target: path.join(temporary, 'never'), force: false }),
    ).rejects.toMatchObject({
      code: 'does-not-fit',
      data: { reason: 'shape', adapter: 'resize to 28 × 28 (bilinear)' },
    });
  });
});
