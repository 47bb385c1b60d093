import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import type { ModelFile } from '../../../src/core/model/modelFile';
import { readNpy, writeNpy } from '../../../src/engine/files/npy';
import { uniform } from '../../../src/engine/inputs/random';
import { resolveInput, type InputValue } from '../../../src/engine/inputs/resolveInput';
import type { InputSource, InputSpec } from '../../../src/protocol/engine';
import { images, keras } from '../../fixtures';
import { openModel, sequential } from './modelFiles';

const folder = mkdtempSync(path.join(tmpdir(), 'inputs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Info = Parameters<typeof resolveInput>[1];

const plain = sequential('plain', [null, 4], [['Dense', { units: 2 }]]);

function resolve(
  source: InputSource,
  info: Partial<Info> = {},
  dims?: Record<number, number>,
  model: ModelFile = plain,
): Promise<InputValue> {
  const spec: InputSpec = { input: 'in', source, dims };
  return resolveInput(spec, { name: 'in', shape: [null, 4], dtype: 'float32', ...info }, model);
}

async function failure(action: Promise<unknown>): Promise<SlicerError> {
  const caught: unknown = await action.then(
    () => new Error('it was resolved'),
    (error: unknown) => error,
  );
  if (caught instanceof SlicerError) return caught;
  throw caught;
}

const json = (value: unknown): InputSource => ({
  kind: 'array',
  format: 'json',
  name: 'x.json',
  bytes: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
});
const npy = (...given: Parameters<typeof writeNpy>): InputSource => ({
  kind: 'array',
  format: 'npy',
  name: 'x.npy',
  bytes: writeNpy(...given),
});
const random = (seed = 1): InputSource => ({ kind: 'random', seed });

describe('values that are made', () => {
  it('zeros and ones', async () => {
    expect(await resolve({ kind: 'zeros' })).toMatchObject({
      data: new Float32Array(4),
      shape: [1, 4],
      dtype: 'float32',
      resolved: { label: 'zeros', notes: [] },
    });
    expect((await resolve({ kind: 'ones' }, { dtype: 'int32' })).data).toEqual(Int32Array.of(1, 1, 1, 1));
    expect((await resolve({ kind: 'ones' }, { dtype: 'bool' })).data).toEqual(Uint8Array.of(1, 1, 1, 1));
  });

  it('random floats: in [0, 1), repeatable, other for another seed and another input', async () => {
    const shape = [null, 5000];
    const first = await resolve(random(), { shape });
    expect((await resolve(random(), { shape })).data).toEqual(first.data);
    expect((await resolve(random(2), { shape })).data).not.toEqual(first.data);
    const other = await resolveInput({ input: 'b', source: random() }, { name: 'b', shape, dtype: 'float32' }, plain);
    expect(other.data).not.toEqual(first.data);
    const values = Array.from(first.data as Float32Array);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(values.reduce((a, b) => a + b) / values.length).toBeCloseTo(0.5, 1);
    expect(new Set(values).size).toBeGreaterThan(4990);
    expect(first.resolved.label).toBe('random:1');
  });

  // Computed by Python from the definition in random.ts.
  it('is the documented stream, for ever', () => {
    expect([0, 1, 2, 1000].map((i) => uniform(7, i))).toEqual([
      0.09682738780975342, 0.21433573961257935, 0.7814496755599976, 0.9946752190589905,
    ]);
  });

  it('keeps whole numbers below the table that they index', async () => {
    const model = sequential('text', [null, 6], [['Embedding', { input_dim: 3, output_dim: 2, input_length: 6 }]]);
    const ints = await resolve(random(), { shape: [null, 600], dtype: 'int32' }, undefined, model);
    expect([...new Set(ints.data as Int32Array)].sort()).toEqual([0, 1, 2]);
    // Keras 2 declares the input of an embedding as float32.
    const floats = await resolve(random(), { shape: [null, 600], dtype: 'float32' }, undefined, model);
    expect([...new Set(floats.data as Float32Array)].sort()).toEqual([0, 1, 2]);
    const free = await resolve(random(), { shape: [null, 600], dtype: 'int64' });
    expect(Math.max(...(free.data as Int32Array))).toBe(9);
    expect(free.resolved.notes).toEqual([{ code: 'integer-range-assumed', data: { below: 10 } }]);
  });

  it.each([
    ['text-lstm', 'tfjs-keras2-h5', 12],
    ['text-lstm', 'tfjs-keras3', 12],
    ['text-gru', 'tfjs-keras2-h5', null],
    ['transformer-block', 'tfjs-keras3', null],
    ['decoder-attention', 'tfjs-keras3', null],
  ])('finds the table in a real file: %s %s', async (name, format, limit) => {
    const model = openModel(path.join(keras, name, format));
    const golden = JSON.parse(readFileSync(path.join(keras, name, 'golden.json'), 'utf8')) as {
      example: { layer: string; dtype: string; noise: { high: number } }[];
    };
    for (const input of model.graph.inputs) {
      const example = golden.example.find((row) => row.layer === input.name);
      if (!example?.dtype.startsWith('int')) continue;
      const { data } = await resolveInput(
        { input: input.name, source: random() },
        { name: input.name, shape: [null, 4000], dtype: 'int32' },
        model,
      );
      expect(Math.max(...(data as Int32Array)) + 1).toBe(limit ?? example.noise.high);
    }
  });

  it('strings from the vocabulary, else an example', async () => {
    const model = sequential(
      'words',
      [null, 1],
      [['StringLookup', { vocabulary: ['', '[UNK]', 'red', 'green'] }]],
      'string',
    );
    const { data, dtype } = await resolve(random(), { shape: [50, 1], dtype: 'string' }, undefined, model);
    expect([dtype, [...new Set(data as string[])].sort()]).toEqual(['string', ['green', 'red']]);
    expect((await resolve(random(), { shape: [1], dtype: 'string' })).data).toEqual([
      'the quick brown fox jumps over the lazy dog',
    ]);
  });

  it.each([
    [[null, null, 3], [1, 16, 3], [1]],
    [
      [null, null, null, 3],
      [1, 64, 64, 3],
      [1, 2],
    ],
    [
      [null, null, null, null],
      [1, 64, 64, 3],
      [1, 2, 3],
    ],
    [[null, null, 8, 8, 2], [1, 16, 8, 8, 2], [1]],
    [[2, 4], [2, 4], []],
    [[], [], []],
  ])('assumes what is open in %j and says so', async (shape, expected, axes) => {
    const value = await resolve({ kind: 'zeros' }, { shape });
    expect(value.shape).toEqual(expected);
    expect(value.data).toHaveLength(expected.reduce((a, b) => a * b, 1));
    expect(value.resolved.notes.map(({ data }) => data.axis)).toEqual(axes);
  });

  it('takes dimensions that are given', async () => {
    const value = await resolve({ kind: 'zeros' }, { shape: [null, null, 3] }, { 0: 2, 1: 5 });
    expect([value.shape, value.resolved.notes]).toEqual([[2, 5, 3], []]);
    expect((await resolve({ kind: 'zeros' }, { shape: null }, { 0: 1, 1: 9 })).shape).toEqual([1, 9]);
  });

  it.each([
    [{ shape: [null, 4] }, { 1: 5 }, 'dimension-fixed'],
    [{ shape: [null, null] }, { 1: 0 }, 'bad-dimension'],
    [{ shape: [null, null] }, { 1: 1.5 }, 'bad-dimension'],
    [{ shape: [null, null] }, { 7: 2 }, 'bad-dimension'],
    [{ shape: null }, {}, 'shape-unknown'],
    [{ shape: null }, { 1: 3 }, 'shape-unknown'],
  ])('refuses dimensions that cannot be: %j %j', async (info, dims, reason) => {
    const refused = await failure(resolve({ kind: 'zeros' }, info, dims));
    expect([refused.code, refused.data.reason, refused.data.input]).toEqual(['bad-input', reason, 'in']);
  });

  it('refuses what would fill the memory', async () => {
    expect((await failure(resolve({ kind: 'zeros' }, { shape: [null, null, 1000] }, { 1: 10_000_000 }))).code).toBe(
      'too-large',
    );
  });
});

describe('values from files', () => {
  it('adds the batch dimension and says so', async () => {
    const added = await resolve(npy(Float32Array.of(1, 2, 3, 4), [4]));
    expect(added).toMatchObject({
      shape: [1, 4],
      resolved: { shape: [1, 4], label: 'x.npy', notes: [{ code: 'batch-added', data: {} }] },
    });
    expect((await resolve(npy(new Float32Array(8), [2, 4]))).resolved.notes).toEqual([]);
    expect((await resolve(json([1, 2, 3, 4]))).data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('says what was expected and what was found', async () => {
    const refused = await failure(resolve(npy(new Float32Array(6), [2, 3])));
    expect(refused.code).toBe('bad-input');
    expect(refused.data).toEqual({
      reason: 'wrong-shape',
      input: 'in',
      expected: [null, 4],
      actual: [2, 3],
      file: 'x.npy',
    });
  });

  it('turns types where nothing is lost', async () => {
    expect((await resolve(json([1, 2, 3, 4]), { dtype: 'int32' })).data).toEqual(Int32Array.of(1, 2, 3, 4));
    expect((await resolve(json([0, 2, 0, 1]), { dtype: 'bool' })).data).toEqual(Uint8Array.of(0, 1, 0, 1));
    expect((await resolve(npy(Int32Array.of(1, 2, 3, 4), [4]))).data).toEqual(Float32Array.of(1, 2, 3, 4));
    expect((await resolve(json(['a', 'b']), { shape: [null], dtype: 'string' })).data).toEqual(['a', 'b']);
    expect((await resolve(json('[NaN, "NaN", -Infinity, 1]'))).data).toEqual(Float32Array.of(NaN, NaN, -Infinity, 1));
  });

  it.each([
    [json([1, 2.5, 3, 4]), 'int32', 'not-integer'],
    [json('[NaN, 1, 2, 3]'), 'int32', 'not-integer'],
    [json([1, 2, 3, 3e9]), 'int32', 'not-integer'],
    [json(['a', 'b', 'c', 'd']), 'float32', 'not-number'],
    [json([1, 2, 3, 4]), 'string', 'not-string'],
  ])('refuses types where something would be: %#', async (source, dtype, reason) => {
    expect((await failure(resolve(source, { dtype }))).data).toMatchObject({ reason, input: 'in', file: 'x.json' });
  });

  it('finds the member of an npz: by name, by the input, the only one', async () => {
    const [a, b] = [writeNpy(Float32Array.of(1, 1, 1, 1), [1, 4]), writeNpy(Float32Array.of(2, 2, 2, 2), [1, 4])];
    const npz = (files: Record<string, Uint8Array>, member?: string): InputSource => ({
      kind: 'array',
      format: 'npz',
      name: 'x.npz',
      bytes: zipSync(files),
      member,
    });
    const first = async (source: InputSource): Promise<unknown> => (await resolve(source)).data[0];
    expect(await first(npz({ 'in.npy': a, 'other.npy': b }))).toBe(1);
    expect(await first(npz({ 'in.npy': a, 'other.npy': b }, 'other'))).toBe(2);
    expect(await first(npz({ 'arr_0.npy': b }))).toBe(2);
    expect((await failure(resolve(npz({ 'x.npy': a, 'y.npy': b })))).data).toMatchObject({
      reason: 'npz-member',
      member: 'in',
      names: ['x', 'y'],
    });
  });

  it('reads real examples', async () => {
    const model = openModel(path.join(keras, 'digits-cnn/tfjs-keras2-h5'));
    const file = path.join(keras, 'digits-cnn/input-0.npy');
    const value = await resolve(
      { kind: 'array', format: 'npy', path: file, name: 'input-0.npy' },
      { shape: [null, 28, 28, 1] },
      undefined,
      model,
    );
    expect(value.data).toEqual(Float32Array.from(readNpy(readFileSync(file)).data));
  });

  it('says that a file is missing, a folder, or too large', async () => {
    const at = (name: string): InputSource => ({ kind: 'array', format: 'json', path: path.join(folder, name), name });
    expect((await failure(resolve(at('nowhere.json')))).data).toMatchObject({
      reason: 'missing-file',
      file: 'nowhere.json',
    });
    expect((await failure(resolve(at('.')))).data).toMatchObject({ reason: 'not-a-file' });
    writeFileSync(path.join(folder, 'large.json'), Buffer.alloc(130 * 2 ** 20, ' '));
    expect((await failure(resolve(at('large.json')))).code).toBe('too-large');
    expect((await failure(resolve({ kind: 'array', format: 'json', name: 'x' }))).data.reason).toBe('missing-file');
  });
});

describe('pictures', () => {
  const digits = openModel(path.join(keras, 'digits-cnn/tfjs-keras2-h5'));
  const input = digits.graph.inputs[0]?.name ?? '';
  const shape = [null, 28, 28, 1];
  const digit: InputSource = {
    kind: 'picture',
    path: path.join(keras, 'digits-cnn/samples/digit-7-10.png'),
    name: 'digit-7-10.png',
  };
  const photo: InputSource = { kind: 'picture', path: path.join(images, 'jpeg-420.jpg'), name: 'jpeg-420.jpg' };

  it('says what was done and shows the picture as it was resized', async () => {
    const value = await resolveInput({ input, source: digit }, { name: input, shape, dtype: 'float32' }, digits);
    expect(value.shape).toEqual([1, 28, 28, 1]);
    expect(value.resolved).toMatchObject({
      label: 'digit-7-10.png',
      preprocessing: {
        width: 28,
        height: 28,
        resize: 'pillow',
        interpolation: 'nearest',
        colorMode: 'grayscale',
        layout: 'channels_last',
        range: 'unit',
      },
      notes: [],
    });
    const { picture } = value.resolved;
    expect([picture?.width, picture?.height]).toEqual([28, 28]);
    const data = value.data as Float32Array;
    Array.from(data).forEach((v, i) => expect(v).toBeCloseTo((picture?.rgba[i * 4] as number) / 255, 6));
    expect(Math.max(...data)).toBeLessThanOrEqual(1);
  });

  it('takes what the user chose instead, and then gives no reason', async () => {
    const model = sequential(
      'vgg16',
      [null, 24, 32, 3],
      [['Conv2D', { filters: 1, kernel_size: [1, 1], data_format: 'channels_last' }]],
    );
    const info = { shape: [null, 24, 32, 3] };
    const auto = await resolve(photo, info, undefined, model);
    expect(auto.resolved.preprocessing).toMatchObject({ range: 'caffe', colorMode: 'bgr' });
    expect(auto.data[0]).toBeCloseTo(128.061, 3);
    const chosen = await resolve(
      { ...photo, preprocessing: { range: 'signed', interpolation: 'bilinear', width: undefined } },
      info,
      undefined,
      model,
    );
    expect(chosen.resolved.preprocessing).toMatchObject({
      range: 'signed',
      colorMode: 'rgb',
      interpolation: 'bilinear',
      width: 32,
      reason: null,
    });
    const refused = await failure(resolve({ ...photo, preprocessing: { width: 40 } }, info, undefined, model));
    expect(refused.data).toMatchObject({ reason: 'wrong-shape', expected: [null, 24, 32, 3], actual: [1, 24, 40, 3] });
  });

  it.each([
    [[null, 3, 24, 32], [1, 3, 24, 32], 'rgb'],
    [[null, 784], [1, 784], 'grayscale'],
    [[null, 20, 30], [1, 20, 30], 'grayscale'],
    [[32, 40, 3], [32, 40, 3], 'rgb'],
    [[null, 16, 16, 4], [1, 16, 16, 4], 'rgb'],
    [[2, 8, 8, 3], [2, 8, 8, 3], 'rgb'],
    [null, [1, 224, 224, 3], 'rgb'],
    [[null, null, null, 1], [1, 224, 224, 1], 'grayscale'],
  ])('fits the picture into %j', async (wanted, fed, colorMode) => {
    const value = await resolve(
      photo,
      { shape: wanted },
      undefined,
      sequential('m', wanted ?? [null, 4], [['Activation', { activation: 'relu' }]]),
    );
    expect([value.shape, value.data.length]).toEqual([fed, fed.reduce((a, b) => a * b)]);
    expect(value.resolved.preprocessing?.colorMode).toBe(colorMode);
    if (wanted?.[0] === 2) {
      expect(value.resolved.notes).toEqual([{ code: 'batch-repeated', data: { count: 2 } }]);
      expect(value.data.slice(0, 192)).toEqual(value.data.slice(192));
    }
  });

  it('says which sides it assumed, unless they are given', async () => {
    const info = { shape: [null, null, null, 3] };
    expect((await resolve(photo, info)).resolved.notes).toEqual([
      { code: 'dimension-assumed', data: { axis: 2, size: 224 } },
      { code: 'dimension-assumed', data: { axis: 1, size: 224 } },
    ]);
    const given = await resolve(photo, info, { 1: 24, 2: 32 });
    expect([given.shape, given.resolved.notes]).toEqual([[1, 24, 32, 3], []]);
  });

  it('says what Keras does with 16-bit grey', async () => {
    const source: InputSource = { kind: 'picture', path: path.join(images, 'png-gray16.png'), name: 'png-gray16.png' };
    const grey = await resolve(source, { shape: [null, 8, 8, 1] });
    expect([grey.resolved.notes[0]?.code, Math.max(...(grey.data as Float32Array)) > 1]).toEqual([
      'picture-16-bit-grey',
      true,
    ]);
    const color = await resolve(source, { shape: [null, 8, 8, 3] });
    expect([color.resolved.notes[0]?.code, color.data[0]]).toEqual(['picture-16-bit', 1]);
  });

  it('hands whole numbers to integer inputs', async () => {
    const value = await resolve(
      { ...photo, preprocessing: { range: 'none' } },
      {
        shape: [null, 24, 32, 3],
        dtype: 'uint8',
      },
    );
    expect([value.dtype, Array.from(value.data as Int32Array).slice(0, 3)]).toEqual(['int32', [177, 202, 232]]);
  });

  it.each([
    [{ shape: [null, 7] }, 'bad-input', 'not-a-picture-input'],
    [{ shape: [null, 4, 4, 4, 1] }, 'bad-input', 'not-a-picture-input'],
    [{ shape: [null], dtype: 'string' }, 'bad-input', 'not-a-picture-input'],
    [{ shape: [null, 24, 32, 7] }, 'bad-input', 'wrong-shape'],
  ])('refuses inputs that take no picture: %j', async (info, code, reason) => {
    const refused = await failure(resolve(photo, info));
    expect([refused.code, refused.data.reason]).toEqual([code, reason]);
  });

  it('names the file that does not decode', async () => {
    const refused = await failure(
      resolve({ kind: 'picture', bytes: Buffer.from('nope'), name: 'me.png' }, { shape: [null, 8, 8, 3] }),
    );
    expect([refused.code, refused.data]).toEqual([
      'bad-picture',
      { reason: 'not-a-picture', file: 'me.png', found: 'unknown' },
    ]);
  });
});
