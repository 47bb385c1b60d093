/** Where Keras files keep weights, however they are stored; and slices of such files in plain TF.js. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { unzipSync, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sliceModel } from '../../../src/core/slicing/sliceModel';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { writeSlice } from '../../../src/engine/files/writeSlice';
import { keras } from '../../fixtures';

const bad = path.join(keras, 'bad');
const digits = path.join(keras, 'digits-cnn', 'model.keras');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-keras-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Values of all weights by layer and name. */
async function weightsOf(file: string): Promise<{ format: string; kinds: string[]; values: Record<string, number[]> }> {
  const opened = await openModelFile(file);
  try {
    const { model } = opened;
    expect(model.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    const values: Record<string, number[]> = {};
    for (const { name: layer, weights } of model.graph.layers) {
      for (const { name, entry } of weights) {
        const found = entry === null ? undefined : model.weightEntries[entry];
        if (found) values[`${layer}/${name}`] = Array.from((await opened.readWeight(found)) as Float32Array);
      }
    }
    const kinds = [...new Set(model.weightEntries.map(({ locator }) => locator.kind))];
    return { format: model.format, kinds, values };
  } finally {
    await opened.close();
  }
}

describe('one model, stored in many ways', () => {
  test.each([
    ['h5-gzip-filter.h5', 'dataset', 0],
    ['h5-big-endian.h5', 'dataset', 0],
    ['h5-float64.h5', 'dataset', 0],
    ['h5-float16.h5', 'segments', 1e-3],
    ['h5-user-block.h5', 'segments', 0],
    ['h5-latest-format.h5', 'segments', 0],
    ['h5-bytes-config.h5', 'segments', 0],
    ['h5-chunked-attributes.h5', 'segments', 0],
    ['h5-soft-link.h5', 'segments', 0],
    ['h5-is-zip.h5', 'segments', 0],
    ['keras-is-h5.keras', 'segments', 0],
    ['keras-deflated.keras', 'dataset', 0],
    ['keras-comment.keras', 'dataset', 0],
    ['keras-in-folder.keras', 'dataset', 0],
    ['base/model.keras', 'segments', 0],
    ['base/keras3.h5', 'segments', 0],
  ])('%s: %s', async (file, kind, tolerance) => {
    const expected = await weightsOf(path.join(bad, 'base', 'keras2.h5'));
    const { kinds, values } = await weightsOf(path.join(bad, file));
    expect(kinds).toContain(kind);
    expect(Object.keys(values).sort()).toEqual(Object.keys(expected.values).sort());
    for (const [name, numbers] of Object.entries(expected.values)) {
      const own = values[name] ?? [];
      expect(own).toHaveLength(numbers.length);
      numbers.forEach((value, i) => expect(Math.abs((own[i] ?? NaN) - value)).toBeLessThanOrEqual(tolerance));
    }
  });
});

describe('weights beside a configuration', () => {
  const members = (): Record<string, Uint8Array> => unzipSync(readFileSync(digits));

  test('an unpacked .keras, as a folder', async () => {
    for (const [name, bytes] of Object.entries(members())) writeFileSync(path.join(folder, name), bytes);
    const expected = await weightsOf(digits);
    for (const target of [folder, path.join(folder, 'config.json'), path.join(folder, 'model.weights.h5')]) {
      expect(await weightsOf(target)).toEqual({ ...expected, format: 'weights-h5' });
    }
  });

  test('weights alone are none', async () => {
    writeFileSync(path.join(folder, 'model.weights.h5'), members()['model.weights.h5'] ?? new Uint8Array());
    await expect(openModelFile(path.join(folder, 'model.weights.h5'))).rejects.toMatchObject({ code: 'weights-only' });
  });

  test('a whole model in a folder of other files', async () => {
    cpSync(digits, path.join(folder, 'digits.keras'));
    writeFileSync(path.join(folder, 'labels.json'), '["a", "b"]');
    expect((await weightsOf(folder)).format).toBe('keras-v3');
  });
});

test('packed weights of more than their bytes allow are refused', async () => {
  const parts = unzipSync(readFileSync(digits));
  const zeros = new Uint8Array(96 * 1024 * 1024);
  writeFileSync(path.join(folder, 'a.keras'), zipSync({ ...parts, 'model.weights.h5': zeros }, { level: 1 }));
  const opened = await openModelFile(path.join(folder, 'a.keras'));
  expect(opened.model.problems[0]).toMatchObject({ code: 'too-large', severity: 'error' });
  await opened.close();
});

test('a file that changes is another one', async () => {
  const file = path.join(folder, 'a.keras');
  cpSync(digits, file);
  const opened = await openModelFile(file);
  expect(await opened.identity()).toBe(opened.openedAs);
  writeFileSync(file, Buffer.concat([readFileSync(digits), Buffer.from('x')]));
  expect(await opened.identity()).not.toBe(opened.openedAs);
  await opened.close();
});

describe('plain TF.js loads a slice of', () => {
  test.each([
    [digits, 'conv_2', 'tfjs-keras2-h5'],
    [path.join(keras, 'digits-cnn', 'keras2.h5'), 'conv_2', 'tfjs-keras2-h5'],
    [path.join(bad, 'h5-gzip-filter.h5'), 'hidden', null],
  ])('%s', async (file, output, other) => {
    const source = await openModelFile(file);
    const target = path.join(folder, 'slice');
    try {
      await writeSlice(sliceModel(source.model, { outputs: [output], inputs: [] }), source, target, { force: false });
    } finally {
      await source.close();
    }
    const model = await plain(target);
    const reference = other === null ? null : await plain(path.join(keras, 'digits-cnn', other));
    const shape = model.inputs[0]?.shape.slice(1) as number[];
    const input = tf.randomUniform([1, ...shape], 0, 1, 'float32', 7);
    const own = (model.predict(input) as tf.Tensor).dataSync();
    expect(own.every(Number.isFinite)).toBe(true);
    if (!reference) return;
    const part = tf.model({
      inputs: reference.inputs,
      outputs: reference.getLayer(output).output,
    });
    expect(Array.from(own)).toEqual(Array.from((part.predict(input) as tf.Tensor).dataSync()));
  });
});

async function plain(of: string): Promise<tf.LayersModel> {
  const json = JSON.parse(readFileSync(path.join(of, 'model.json'), 'utf8')) as {
    weightsManifest: tf.io.WeightsManifestConfig;
    modelTopology: object;
  };
  const [group] = json.weightsManifest;
  const bytes = Buffer.concat((group?.paths ?? []).map((name) => readFileSync(path.join(of, name))));
  const weightData = Uint8Array.from(bytes).buffer;
  const { modelTopology } = json;
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs: group?.weights, weightData }));
}
