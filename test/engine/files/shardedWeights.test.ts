/** Weights in several files, written by Keras; `golden/sharded/generate.py` made them. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeCode } from '../../../src/core/codegen/writeCode';
import { useBackend } from '../../../src/engine/backends/backend';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { collect } from '../../../src/engine/run/collect';
import { WeightStore } from '../../../src/engine/run/weights';

const golden = JSON.parse(readFileSync(path.join(__dirname, 'golden/sharded.json'), 'utf8')) as {
  input: number[][];
  output: number[];
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-sharded-'));
  cpSync(path.join(__dirname, 'golden/sharded'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

async function withOpen<T>(file: string, work: (opened: OpenedModel) => Promise<T>): Promise<T> {
  const opened = await openModelFile(file);
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}

const index = (): { weight_map: Record<string, string | string[]> } =>
  JSON.parse(readFileSync(at('model.weights.json'), 'utf8')) as { weight_map: Record<string, string | string[]> };
const writeIndex = (map: object): void => writeFileSync(at('model.weights.json'), JSON.stringify({ weight_map: map }));
const problemsOf = (file: string) => withOpen(file, (opened) => Promise.resolve(opened.model.problems));

test('a layer has its variables in two files', () => {
  expect(Object.values(index().weight_map).some((files) => Array.isArray(files) && files.length > 1)).toBe(true);
});

test.each(['.', 'config.json', 'model.weights.json', 'model_00001.weights.h5'])('opened as %s', async (name) => {
  await useBackend('cpu');
  await withOpen(at(name), async (opened) => {
    expect(opened.model.problems).toEqual([]);
    expect(opened.model.format).toBe('weights-h5');
    expect(opened.shardFiles).toHaveLength(5);
    const weights = new WeightStore(opened);
    const runnable = { source: opened, weights, graphRunner: () => Promise.reject(new Error('no graph')) };
    const feeds = new Map([['x', tf.tensor(golden.input)]]);
    const run = { backend: 'cpu' as const, signal: { aborted: false }, onPause: () => undefined };
    const values = Array.from((await collect(runnable, feeds, ['out'], run)).get('out')?.values as Float32Array);
    expect(values).toHaveLength(golden.output.length);
    golden.output.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 5));
    weights.dispose();
    const ranges = opened.model.weightEntries.flatMap((entry) => opened.storedRanges(entry) ?? []);
    expect(new Set(ranges.map(({ path: file }) => path.dirname(file)))).toEqual(new Set([folder]));
  });
});

test('another name beside config.json, if it is the only one', async () => {
  const { weight_map: map } = index();
  rmSync(at('model.weights.json'));
  writeFileSync(at('epoch_12.weights.json'), JSON.stringify({ weight_map: map }));
  for (const name of ['config.json', 'epoch_12.weights.json']) expect(await problemsOf(at(name))).toEqual([]);
});

test('a change in any of the files is seen', async () => {
  await withOpen(at('config.json'), async (opened) => {
    expect(await opened.identity()).toBe(opened.openedAs);
    truncateSync(at('model_00002.weights.h5'), 5000);
    expect(await opened.identity()).not.toBe(opened.openedAs);
    const [entry] = opened.model.weightEntries;
    if (!entry) throw new Error('no weights');
    await expect(opened.readWeight(entry)).rejects.toMatchObject({ code: 'file-changed' });
  });
});

describe('what is wrong', () => {
  test('a shard is not there', async () => {
    rmSync(at('model_00002.weights.h5'));
    const problems = await problemsOf(at('config.json'));
    expect(problems[0]).toMatchObject({ code: 'missing-file', data: { shard: 'model_00002.weights.h5' } });
  });

  test('a shard is cut off', async () => {
    truncateSync(at('model_00002.weights.h5'), 5000);
    expect((await problemsOf(at('config.json')))[0]).toMatchObject({ code: 'truncated-hdf5' });
  });

  test.each(['../secret.weights.h5', '/etc/passwd', '..\\secret.h5', 'C:secret.h5', 'a/b.h5', '..', 'x\0.h5', ''])(
    'a shard is said to be at %j',
    async (shard) => {
      writeIndex({ ...index().weight_map, '/layers/dense/vars': shard });
      expect((await problemsOf(at('config.json')))[0]).toMatchObject({ code: 'unsafe-path', data: { shard } });
    },
  );

  test.skipIf(process.platform === 'win32')('a shard is a link out of the folder', async () => {
    const outside = mkdtempSync(path.join(tmpdir(), 'slicer-outside-'));
    cpSync(at('model_00001.weights.h5'), path.join(outside, 'secret.h5'));
    rmSync(at('model_00001.weights.h5'));
    symlinkSync(path.join(outside, 'secret.h5'), at('model_00001.weights.h5'));
    expect((await problemsOf(at('config.json')))[0]).toMatchObject({ code: 'unsafe-path' });
    rmSync(outside, { recursive: true });
  });

  test('shards of the optimizer alone are not missed', async () => {
    writeIndex({ ...index().weight_map, '/optimizer/vars': 'gone.weights.h5' });
    expect(await problemsOf(at('config.json'))).toEqual([]);
  });

  test('a variable that the index puts elsewhere is missing', async () => {
    writeIndex({ ...index().weight_map, '/layers/dense/vars': 'model_00003.weights.h5' });
    expect((await problemsOf(at('config.json')))[0]).toMatchObject({ code: 'missing-weight' });
  });

  test.each([
    ['no map', '{"metadata": {}}', 'not-a-model'],
    ['a list', '[]', 'not-a-model'],
    ['cut off', '{"weight_map": {', 'not-json'],
    ['too deep', '['.repeat(200_000), 'too-deep'],
  ])('the index is %s', async (_what, text, code) => {
    writeFileSync(at('model.weights.json'), text);
    await expect(openModelFile(at('config.json'))).rejects.toMatchObject({ code });
  });

  test('without a configuration', async () => {
    rmSync(at('config.json'));
    await expect(openModelFile(at('model.weights.json'))).rejects.toMatchObject({ code: 'weights-only' });
  });
});

test('weights as pickled objects are refused by name', async () => {
  rmSync(at('model.weights.json'));
  writeFileSync(at('model.weights.npz'), 'PK');
  expect((await problemsOf(at('config.json')))[0]).toMatchObject({
    code: 'unsupported',
    data: { reason: 'keras-npz', member: 'model.weights.npz' },
  });
});

test('Python loads the configuration, then the weights by their index', async () => {
  await withOpen(at('model.weights.json'), (opened) => {
    const { text } = writeCode(opened.model, {
      recipe: 'functional-by-name',
      language: 'python',
      cut: { outputs: [], inputs: [] },
      modelPath: './saved/model.weights.json',
    });
    expect(text).toContain('config: str = "saved/config.json"');
    expect(text).toContain('weights: str = "saved/model.weights.json"');
    expect(text).toContain('model = keras.models.model_from_json(file.read())\n    model.load_weights(weights)\n');
    return Promise.resolve();
  });
});
