/** That a proof finds what is wrong, says where, and says so when it proves little. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/core/model/json';
import type { Cut, LayersSlice } from '../../../src/core/slicing/slice';
import { closeCut } from '../../../src/core/slicing/closeCut';
import { sliceModel } from '../../../src/core/slicing/sliceModel';
import { useBackend } from '../../../src/engine/backends/backend';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { Part } from '../../../src/engine/run/part';
import { proofData } from '../../../src/engine/run/proofData';
import { openSliceInMemory } from '../../../src/engine/run/sliceInMemory';
import { verifySlice } from '../../../src/engine/run/verify';
import { tensorOf, WeightStore } from '../../../src/engine/run/weights';
import type { InputSpec, VerifyResult } from '../../../src/protocol/engine';
import { keras } from '../../fixtures';
import { engineSession, type EngineSession } from '../session';
import { editJson, editWeight, layerOf, writeTinyModel, type WrittenModel } from './tinyModel';

const temporary = mkdtempSync(path.join(tmpdir(), 'slicer-verify-'));
const tiny = path.join(temporary, 'tiny');
beforeAll(async () => {
  await useBackend('cpu');
  await writeTinyModel(tiny);
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const random = (...seeds: number[]): InputSpec[][] =>
  seeds.map((seed) => [{ input: 'image', source: { kind: 'random', seed } }]);

let count = 0;
/** A saved slice of the model in `source`, opened beside it; `edit` may damage it. */
async function savedSlice(
  cut: Cut,
  edit: (folder: string) => void = () => undefined,
  source = tiny,
): Promise<{ engine: EngineSession; verify(more?: object): Promise<VerifyResult> }> {
  const engine = engineSession();
  await engine.request('open', { path: source });
  const slicePath = path.join(temporary, `slice-${count++}`);
  await engine.request('save', { cut, target: slicePath, force: false });
  edit(slicePath);
  const verify = (more = {}): Promise<VerifyResult> =>
    engine.request('verify', { cut, slicePath, data: random(1), tolerance: 0, backend: 'wasm', ...more });
  return { engine, verify };
}

const all: Cut = { outputs: ['left', 'right'], inputs: [] };
const json = (edit: (model: WrittenModel) => void) => (folder: string) => editJson(folder, edit);

describe('a saved slice that is not right is found out', () => {
  test('one that is right is not', async () => {
    const { verify } = await savedSlice(all);
    expect(await verify({ data: random(1, 2) })).toMatchObject({
      passed: true,
      weak: false,
      sourceMatches: true,
      weightsMatch: true,
      outputs: [
        { address: 'left', maxAbsDiff: 0, equal: true },
        { address: 'right', maxAbsDiff: 0, equal: true },
      ],
    });
  });

  test.each<[string, (folder: string) => void, Partial<Record<'left' | 'right', unknown>>]>([
    [
      'one flipped byte of a weight',
      (folder) => editWeight(folder, 'right/kernel', (_, bytes) => (bytes[2] = (bytes[2] ?? 0) ^ 1)),
      { right: expect.any(Number) },
    ],
    [
      'two weights of equal shape swapped',
      json(({ weightsManifest }) => {
        const weights = weightsManifest[0]?.weights ?? [];
        const at = (name: string): { name: string } => weights.find((weight) => weight.name === name) ?? { name: '' };
        const [gamma, beta] = [at('bn/gamma'), at('bn/beta')];
        [gamma.name, beta.name] = [beta.name, gamma.name];
      }),
      { left: expect.any(Number), right: expect.any(Number) },
    ],
    [
      'another epsilon',
      json((model) => (layerOf(model, 'bn').config.epsilon = 1e-2)),
      { left: expect.any(Number), right: expect.any(Number) },
    ],
    [
      'other strides, the same shape',
      json((model) => (layerOf(model, 'conv').config.strides = [3, 3])),
      { left: expect.any(Number), right: expect.any(Number) },
    ],
    [
      'another activation',
      json((model) => (layerOf(model, 'act').config.activation = 'sigmoid')),
      { left: expect.any(Number), right: expect.any(Number) },
    ],
    [
      'an activation of one output only',
      json((model) => (layerOf(model, 'right').config.activation = 'relu')),
      { right: expect.any(Number) },
    ],
    [
      'outputs swapped',
      json(({ modelTopology }) => modelTopology.model_config.config.output_layers.reverse()),
      { left: expect.any(Number), right: expect.any(Number) },
    ],
    ['NaN on one side', (folder) => editWeight(folder, 'left/bias', (values) => (values[1] = NaN)), { left: 'NaN' }],
    [
      'an infinity on one side',
      (folder) => editWeight(folder, 'left/bias', (values) => (values[1] = Infinity)),
      { left: 'Infinity' },
    ],
  ])('%s', async (_name, edit, expected) => {
    const { verify } = await savedSlice(all, edit);
    const { outputs, passed } = await verify();
    expect(passed).toBe(false);
    const found = Object.fromEntries(outputs.map(({ address, maxAbsDiff }) => [address, maxAbsDiff]));
    expect(found).toEqual({ left: 0, right: 0, ...expected });
    for (const { maxAbsDiff, equal } of outputs) expect(equal).toBe(maxAbsDiff === 0);
  });

  test('an infinity of the other sign; the same sign is equal', async () => {
    const infinite = path.join(temporary, 'infinite');
    cpSync(tiny, infinite, { recursive: true });
    editWeight(infinite, 'right/bias', (values) => (values[0] = Infinity));
    const same = await savedSlice(all, undefined, infinite);
    expect(await same.verify()).toMatchObject({ passed: true, nonFinite: { original: 1, slice: 1 } });
    const other = await savedSlice(
      all,
      (folder) => editWeight(folder, 'right/bias', (values) => (values[0] = -Infinity)),
      infinite,
    );
    expect(await other.verify({ tolerance: 1e30 })).toMatchObject({
      passed: false,
      outputs: [{ equal: true }, { address: 'right', maxAbsDiff: 'Infinity', equal: false }],
    });
  });

  test('strides that change the shape', async () => {
    const { verify } = await savedSlice({ outputs: ['act'], inputs: [] }, (folder) =>
      editJson(folder, (model) => (layerOf(model, 'conv').config.strides = [1, 1])),
    );
    expect(await verify()).toMatchObject({ passed: false, outputs: [{ address: 'act', maxAbsDiff: 'shape' }] });
  });

  test('in the middle: what comes after shows it, too', async () => {
    const cut = { outputs: ['act'], inputs: ['conv'] };
    const right = await savedSlice(cut);
    expect(await right.verify()).toMatchObject({ passed: true, wholeFromParts: { maxAbsDiff: 0 } });
    const wrong = await savedSlice(cut, (folder) => editWeight(folder, 'bn/beta', (values) => (values[0] = 9)));
    const { wholeFromParts, outputs } = await wrong.verify();
    expect(outputs[0]).toMatchObject({ address: 'act', equal: false });
    expect(wholeFromParts?.maxAbsDiff).toBeGreaterThan(0);
  });

  test('a difference that only one set of data shows', async () => {
    const { verify } = await savedSlice(all, (folder) => editWeight(folder, 'conv/kernel', (values) => values.fill(1)));
    const zeros: InputSpec[] = [{ input: 'image', source: { kind: 'zeros' } }];
    const { data, passed, outputs } = await verify({ data: [zeros, ...random(3)] });
    expect(data.map(({ label, outputs: found }) => [label, found.map(({ equal }) => equal)])).toEqual([
      ['zeros', [true, true]],
      ['random:3', [false, false]],
    ]);
    expect(passed).toBe(false);
    expect(outputs.map(({ maxAbsDiff }) => maxAbsDiff)).toEqual(data[1]?.outputs.map(({ maxAbsDiff }) => maxAbsDiff));
  });
});

describe('a slice in memory that is not right is found out, too', () => {
  const cut: Cut = { outputs: ['act'], inputs: ['conv'] };
  const act = { address: 'act', equal: false };
  const swapped = (slice: LayersSlice, a: string, b: string): LayersSlice => {
    const entry = (name: string): number => slice.weights.find((weight) => weight.name === name)?.entry ?? -1;
    const weights = slice.weights.map(({ name }) => ({ name, entry: entry(name === a ? b : name === b ? a : name) }));
    return { ...slice, weights };
  };
  const configured = (slice: LayersSlice, text: string, by: string): LayersSlice => {
    const before = JSON.stringify(slice.modelConfig);
    expect(before).toContain(text);
    return { ...slice, modelConfig: JSON.parse(before.replace(text, by)) as JsonObject };
  };
  test.each<[string, (slice: LayersSlice) => LayersSlice, object[]]>([
    ['as it is', (slice) => slice, [{ address: 'act', equal: true }]],
    ['two weights of equal shape swapped', (slice) => swapped(slice, 'bn/gamma', 'bn/moving_mean'), [act]],
    ['another activation', (slice) => configured(slice, '"tanh"', '"relu"'), [act]],
    ['another epsilon', (slice) => configured(slice, '"epsilon":0.001', '"epsilon":0.002'), [act]],
  ])('%s', async (_name, damage, outputs) => {
    const opened = await openModelFile(tiny);
    await useBackend('wasm');
    const slice = sliceModel(opened.model, cut);
    if (slice.format !== 'layers-model') throw new Error('a layers-model');
    const weights = new WeightStore(opened);
    const result = await verifySlice({
      original: { source: opened, weights, graphRunner: () => Promise.reject(new Error('no graph')) },
      slice: new Part(slice.plan, () => openSliceInMemory(damage(slice), opened)),
      data: [() => proofData(random(4)[0] ?? [], opened, tensorOf)],
      tolerance: 0,
      backend: 'wasm',
      signal: { aborted: false },
    });
    weights.dispose();
    await opened.close();
    expect(result.outputs).toMatchObject(outputs);
    expect(result.wholeFromParts?.maxAbsDiff === 0).toBe(result.passed);
  });
});

/** Keras 3 declares for both what they do not compute; the goldens have the values. */
test.each([
  ['activations-all', 'act_glu', { declared: [null, 6], actual: [2, 3] }],
  ['decoder-attention', 'cross_attention:1', { declared: [null, 3, 4, 4], actual: [2, 3, 4, 5] }],
])('a tensor of %s whose declared shape is wrong is no input', async (fixture, address, facts) => {
  const engine = engineSession();
  const { model } = await engine.request('open', { path: path.join(keras, fixture, 'tfjs-keras3', 'model.json') });
  const cut = closeCut(model, { outputs: [], inputs: [address] });
  const inputs = model.graph.inputs.map(({ name }, i): InputSpec => ({
    input: name,
    source: { kind: 'array', path: path.join(keras, fixture, `input-${i}.npy`), name, format: 'npy' },
  }));
  await expect(engine.request('verify', { cut, data: [inputs], tolerance: 0, backend: 'wasm' })).rejects.toMatchObject({
    code: 'unsupported',
    data: { reason: 'cut-shape', address, ...facts },
  });
});

describe('a saved slice that is of something else', () => {
  const input = json(({ modelTopology }) => {
    const [first] = modelTopology.model_config.config.layers;
    if (first) first.config.batch_input_shape = [null, 4, 4, 1];
  });
  test.each<[string, Cut, (folder: string) => void, object]>([
    [
      'an input of another shape',
      { outputs: ['act'], inputs: [] },
      input,
      { reason: 'input-shape', input: 'image', address: 'image', expected: [1, 5, 5, 1], actual: [null, 4, 4, 1] },
    ],
    [
      'an input of another type',
      all,
      json((model) => (layerOf(model, 'image').config.dtype = 'int32')),
      { reason: 'input-dtype', input: 'image', address: 'image', expected: 'float32', actual: 'int32' },
    ],
    [
      'fewer outputs',
      all,
      json(({ modelTopology }) => modelTopology.model_config.config.output_layers.pop()),
      { reason: 'outputs', expected: 2, actual: 1 },
    ],
    [
      'more inputs',
      all,
      json(({ modelTopology }) => {
        const { layers, input_layers } = modelTopology.model_config.config;
        const more = structuredClone(layers[0]);
        if (!more) throw new Error('no layers');
        more.name = more.config.name = 'more';
        layers.push(more);
        input_layers.push(['more', 0, 0]);
      }),
      { reason: 'inputs', expected: 1, actual: 2 },
    ],
  ])('%s: said, not run', async (_name, cut, edit, data) => {
    const { verify } = await savedSlice(cut, edit);
    await expect(verify()).rejects.toMatchObject({ code: 'verification-failed', data });
  });

  test('weights that are cut off: as for any file', async () => {
    const { verify } = await savedSlice(all, (folder) =>
      editJson(folder, ({ weightsManifest }) =>
        (weightsManifest[0]?.weights ?? []).forEach(({ shape }) => shape.push(2)),
      ),
    );
    await expect(verify()).rejects.toMatchObject({ code: 'truncated-weights' });
  });

  test('another model says so, and differs', async () => {
    const other = path.join(temporary, 'other');
    cpSync(tiny, other, { recursive: true });
    editJson(other, (model) => {
      const config = model.modelTopology as unknown as {
        config?: WrittenModel['modelTopology']['model_config']['config'];
      };
      const layers = (config.config ?? model.modelTopology.model_config.config).layers;
      for (const layer of layers) if (layer.config.name === 'act') layer.config.activation = 'relu';
    });
    const { engine } = await savedSlice(all, undefined, other);
    await engine.request('open', { path: tiny });
    const slicePath = path.join(temporary, `slice-${count - 1}`);
    const result = await engine.request('verify', {
      cut: all,
      slicePath,
      data: random(1),
      tolerance: 0,
      backend: 'wasm',
    });
    expect(result).toMatchObject({ passed: false, sourceMatches: false, weightsMatch: true });
  });

  test('weights that are not those that were written', async () => {
    const { verify } = await savedSlice(all, (folder) =>
      editWeight(folder, 'left/bias', (values) => (values[0] = (values[0] ?? 0) + 1)),
    );
    expect(await verify()).toMatchObject({ passed: false, sourceMatches: true, weightsMatch: false });
  });

  test('one that says nothing of itself', async () => {
    const { verify } = await savedSlice(all, (folder) => editJson(folder, (model) => delete model.userDefinedMetadata));
    expect(await verify()).toMatchObject({ passed: true, sourceMatches: null, weightsMatch: null });
  });
});

describe('the parts and the whole', () => {
  async function proof(folder: string, cut: Cut, more: object = {}): Promise<VerifyResult> {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: path.join(keras, folder) });
    const data = [
      model.graph.inputs.map(({ name }): InputSpec => ({ input: name, source: { kind: 'random', seed: 5 } })),
    ];
    const result = await engine.request('verify', { cut, data, tolerance: 0, backend: 'wasm', ...more });
    await engine.request('close', {});
    return result;
  }

  test.each<[string, Cut, string | null]>([
    ['digits-cnn/tfjs-keras2-h5', { outputs: ['conv_2'], inputs: [] }, 'a suffix'],
    ['digits-cnn/tfjs-keras2-h5', { outputs: ['conv_2'], inputs: ['pool_1'] }, 'both'],
    ['digits-cnn/tfjs-keras2-h5', { outputs: [], inputs: ['pool_1'] }, 'a prefix'],
    ['digits-cnn/tfjs-keras2-h5', { outputs: [], inputs: [] }, null],
    ['digits-cnn/tfjs-keras2-h5', { outputs: ['output_layer'], inputs: ['image'] }, null],
    ['nested-functional/tfjs-keras3', { outputs: [], inputs: [] }, null],
    // the model's end is among the outputs: nothing comes after
    ['digits-cnn/tfjs-keras2-h5', { outputs: ['conv_2', 'output_layer'], inputs: [] }, null],
  ])('%s %j: %s', async (folder, cut, parts) => {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: path.join(keras, folder) });
    const known = new Set(model.graph.layers.map(({ name }) => name));
    const inputs = cut.inputs.map((name) => (known.has(name) ? name : (model.graph.inputs[0]?.layer ?? '')));
    const { wholeFromParts, passed } = await proof(folder, { ...cut, inputs });
    expect(passed).toBe(true);
    expect(wholeFromParts === null ? null : wholeFromParts.maxAbsDiff).toBe(parts === null ? null : 0);
  });

  test('a part that would be open is left out', async () => {
    // what runs beside conv_2 into the addition is missing after it
    const engine = engineSession();
    const { model } = await engine.request('open', { path: path.join(keras, 'residual-block/tfjs-keras2-h5') });
    const add = model.graph.layers.find(({ className }) => className === 'Add');
    const [beside] = add?.calls[0]?.inputs ?? [];
    const result = await proof('residual-block/tfjs-keras2-h5', { outputs: [beside?.layer ?? ''], inputs: [] });
    expect(result).toMatchObject({ passed: true });
  });

  test('nothing is left behind, also after several sets, and after a cancelled proof', async () => {
    const { engine, verify } = await savedSlice({ outputs: ['act'], inputs: ['conv'] });
    await verify();
    const before = tf.memory().numTensors;
    const { data } = await verify({ data: random(1, 2, 3) });
    expect(data.map(({ label }) => label)).toEqual(['random:1', 'random:2', 'random:3']);
    expect(tf.memory().numTensors).toBe(before);
    const controller = new AbortController();
    const params = { cut: all, data: random(1, 2, 3), tolerance: 0, backend: 'wasm' as const };
    const cancelled = engine.request('verify', params, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    await verify();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('progress covers all parts of all sets, and ends at the end', async () => {
    const engine = engineSession();
    await engine.request('open', { path: tiny });
    const seen: number[] = [];
    await engine.request(
      'verify',
      { cut: { outputs: ['act'], inputs: ['conv'] }, data: random(1, 2), tolerance: 0, backend: 'wasm' },
      { onProgress: ({ done, total }) => seen.push(done / total) },
    );
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
    expect(Math.max(...seen.slice(0, seen.length / 2))).toBeLessThan(0.6);
  });
});
