/** What an engine does besides computing right: proofs, handles, exports, refusals, cancelling, no leaks. */
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { unzipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { readNpy } from '../../src/engine/files/npy';
import type { InputSpec } from '../../src/protocol/engine';
import { keras } from '../fixtures';
import { engineSession, type EngineSession } from './session';
import { failure } from '../failure';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5');
const temporary = mkdtempSync(path.join(tmpdir(), 'engine-'));
afterAll(() => rmSync(temporary, { recursive: true }));

const options = { backend: 'wasm', thumbnails: false, colorMap: 'viridis', keep: true } as const;

async function open(
  folder: string,
  extra: { customLayers?: string[] } = {},
): Promise<{ engine: EngineSession; inputs: InputSpec[] }> {
  const engine = engineSession();
  const { model } = await engine.request('open', { path: folder, ...extra });
  const inputs = model.graph.inputs.map(({ name }): InputSpec => ({
    input: name,
    source: { kind: 'random', seed: 5 },
  }));
  return { engine, inputs };
}

describe('run', () => {
  it('gives outputs only, when nothing else is wanted', async () => {
    const { engine, inputs } = await open(digits);
    const run = await engine.request('run', { ...options, inputs, want: [] });
    expect(run.activations).toEqual([]);
    expect(run.outputs[0]?.shape).toEqual([1, 10]);
    expect(run.inputs[0]?.shape.length).toBe(4);
  });

  it('takes addresses by index, and knows an address that is not there', async () => {
    const { engine, inputs } = await open(digits);
    const run = await engine.request('run', { ...options, inputs, want: ['conv_1'] });
    expect(run.activations.map(({ address }) => address)).toEqual(['conv_1']);
    const error = await failure(engine.request('run', { ...options, inputs, want: ['conv_9'] }));
    expect(error.code).toBe('unknown-address');
  });

  it('names an input that is missing, and one that the model does not have', async () => {
    const { engine, inputs } = await open(digits);
    expect((await failure(engine.request('run', { ...options, inputs: [], want: 'all' }))).code).toBe('bad-input');
    const wrong = [{ ...(inputs[0] as InputSpec), input: 'nobody' }];
    const error = await failure(engine.request('run', { ...options, inputs: wrong, want: 'all' }));
    expect(error).toMatchObject({ code: 'bad-input', data: { reason: 'unknown-input', input: 'nobody' } });
  });

  it('says that the native backend is not there', async () => {
    const { engine, inputs } = await open(digits);
    const error = await failure(engine.request('run', { ...options, backend: 'tensorflow', inputs, want: 'all' }));
    expect(error).toMatchObject({ code: 'unsupported', data: { reason: 'backend', backend: 'tensorflow' } });
  });

  it('falls back to the cpu, visibly, for an operation that wasm lacks', async () => {
    const { engine, inputs } = await open(path.join(keras, 'ops-as-layers/tfjs-keras3'));
    const run = await engine.request('run', { ...options, inputs, want: 'all' });
    expect(run.fallbacks.every(({ backend, reason }) => backend === 'cpu' && reason !== '')).toBe(true);
    const cpu = await engine.request('run', { ...options, backend: 'cpu', inputs, want: 'all' });
    expect(cpu.fallbacks).toEqual([]);
    run.outputs.forEach(({ values }, i) =>
      values.forEach((value, at) => expect(Number(cpu.outputs[i]?.values[at])).toBeCloseTo(Number(value), 4)),
    );
  });

  it('stops between two calls when it is cancelled', async () => {
    const { engine, inputs } = await open(path.join(keras, 'text-lstm/tfjs-keras2-h5'));
    const long = inputs.map((spec) => ({ ...spec, dims: { 0: 4000 } }));
    const controller = new AbortController();
    let seen = 0;
    const run = engine.request(
      'run',
      { ...options, inputs: long, want: 'all' },
      {
        signal: controller.signal,
        onProgress: ({ done }) => {
          seen = done;
          controller.abort();
        },
      },
    );
    expect((await failure(run)).code).toBe('cancelled');
    expect(seen).toBeGreaterThan(0);
  });

  it('leaves no tensors behind', async () => {
    const { engine, inputs } = await open(path.join(keras, 'time-distributed/tfjs-keras3'));
    await engine.request('run', { ...options, inputs, want: 'all' });
    const before = tf.memory().numTensors;
    await engine.request('run', { ...options, inputs, want: 'all' });
    await engine.request('run', { ...options, inputs, want: 'all' });
    expect(tf.memory().numTensors).toBe(before);
    await engine.request('close', {});
    const empty = tf.memory().numTensors;
    const again = await open(path.join(keras, 'text-gru/tfjs-keras3'));
    await again.engine.request('run', { ...options, inputs: again.inputs, want: 'all' });
    await again.engine.request('verify', {
      cut: { outputs: ['gru_reset_after'], inputs: [] },
      data: [again.inputs],
      tolerance: 0,
      backend: 'wasm',
    });
    await again.engine.request('close', {});
    expect(tf.memory().numTensors).toBe(empty);
  });

  it('gives the same in two runs of a stateful model', async () => {
    const { engine, inputs } = await open(path.join(keras, 'stateful-rnn/tfjs-keras2-h5'));
    const first = await engine.request('run', { ...options, inputs, want: [] });
    const second = await engine.request('run', { ...options, inputs, want: [] });
    expect(second.outputs).toEqual(first.outputs);
  });
});

describe('refusals', () => {
  it('names every layer that nobody can compute, before it runs', async () => {
    const { engine, inputs } = await open(path.join(keras, 'lambda-layers/tfjs-keras3'));
    const error = await failure(engine.request('run', { ...options, inputs, want: 'all' }));
    expect(error.code).toBe('not-runnable');
    expect(new Set(error.data.classes as string[])).toEqual(new Set(['Lambda']));
    const [lambda] = error.data.layers as string[];
    expect(lambda).toBeDefined();
    // what lies before them can be looked at
    const before = inputs[0]?.input ?? '';
    const run = await engine.request('run', { ...options, inputs, want: [before] });
    expect(run.activations.map(({ address }) => address)).toEqual([before]);
    expect(run.outputs).toEqual([]);
  });

  it('does not open a model whose weights are missing, but its structure; running that is refused', async () => {
    const engine = engineSession();
    const folder = path.join(temporary, 'weightless');
    cpSync(digits, folder, { recursive: true });
    const json = JSON.parse(readFileSync(path.join(folder, 'model.json'), 'utf8')) as {
      weightsManifest: { weights: unknown[] }[];
    };
    json.weightsManifest[0]?.weights.pop();
    writeFileSync(path.join(folder, 'model.json'), JSON.stringify(json));
    expect((await failure(engine.request('open', { path: folder }))).code).toBe('missing-weight');
    const { model } = await engine.request('open', { path: folder, structureOnly: true });
    const inputs = model.graph.inputs.map(({ name }): InputSpec => ({ input: name, source: { kind: 'zeros' } }));
    const error = await failure(engine.request('run', { ...options, inputs, want: 'all' }));
    expect(error.code).toBe('missing-weight');
    expect((error.data.layers as string[]).length).toBeGreaterThan(0);
  });

  it('answers `closed` while nothing is open', async () => {
    expect((await failure(engineSession().request('weightStatistics', { address: 'x' }))).code).toBe('closed');
  });
});

describe('custom layers', () => {
  const folder = path.join(keras, 'tutorial-custom-layer');

  it('runs classes that a module registers with the engine’s own tfjs', async () => {
    const module = path.join(temporary, 'with-require.cjs');
    // the module may also require tfjs itself: it gets the same copy
    writeFileSync(
      module,
      `const tf = require('@tensorflow/tfjs');\nconst register = require(${JSON.stringify(path.join(folder, 'custom-layers.js'))});\n` +
        `module.exports = (given) => { if (given.layers !== tf.layers) throw new Error('another copy'); register(tf); };\n`,
    );
    const golden = JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8')) as {
      example: { layer: string; file: string }[];
      activations: Record<string, { first: number[] }>;
      outputs: { tensor: string }[];
    };
    for (const format of ['tfjs-keras3', 'tfjs-keras3-h5']) {
      const { engine, inputs } = await open(path.join(folder, format), { customLayers: [module] });
      const example = golden.example[0];
      const source = {
        kind: 'array',
        path: path.join(folder, example?.file ?? ''),
        name: 'input',
        format: 'npy',
      } as const;
      const run = await engine.request('run', {
        ...options,
        inputs: [{ input: inputs[0]?.input ?? '', source }],
        want: 'all',
      });
      const expected = golden.activations[golden.outputs[0]?.tensor ?? '']?.first ?? [];
      expected.forEach((value, i) => expect(Number(run.outputs[0]?.values[i])).toBeCloseTo(value, 4));
      await engine.request('close', {});
    }
  });

  it('gives custom layers the chained operations that @tensorflow/tfjs has', async () => {
    const module = path.join(temporary, 'chained.cjs');
    writeFileSync(
      module,
      `module.exports = (tf) => { globalThis.chained = Array.from(tf.tensor1d([1, 4]).add(1).square().concat(tf.tensor1d([3])).flatten().dataSync()); };\n`,
    );
    await open(path.join(folder, 'tfjs-keras3'), { customLayers: [module] });
    expect((globalThis as { chained?: number[] }).chained).toEqual([4, 25, 3]);
  });

  it('names a module that does not export a function', async () => {
    const module = path.join(temporary, 'nothing.cjs');
    writeFileSync(module, 'module.exports = 3;\n');
    const error = await failure(open(path.join(folder, 'tfjs-keras3'), { customLayers: [module] }));
    expect(error).toMatchObject({ code: 'not-runnable', data: { reason: 'custom-layers', file: module } });
  });
});

describe('handles', () => {
  it('are dead after the next run, and of another process', async () => {
    const { engine, inputs } = await open(digits);
    const first = await engine.request('run', { ...options, inputs, want: 'all' });
    const handle = { epoch: first.epoch, runId: first.runId, address: 'conv_1' };
    const view = { colorMap: 'viridis', scale: 'channel', example: 0, offset: 0, limit: 4 } as const;
    const preview = await engine.request('preview', { handle, options: view });
    expect(preview.preview).toMatchObject({ kind: 'channels', channels: preview.shape.at(-1) });
    const { width, height, values } = await engine.request('values', { handle, example: 0, channel: 1 });
    expect([height, width]).toEqual(preview.shape.slice(1, 3));
    expect(Math.max(...values)).toBeLessThanOrEqual(preview.statistics.max);
    await engine.request('run', { ...options, inputs, want: [] });
    expect((await failure(engine.request('preview', { handle, options: view }))).code).toBe('handle-gone');
    const other = { ...handle, epoch: 99, runId: 2 };
    expect((await failure(engine.request('values', { handle: other, example: 0, channel: 0 }))).code).toBe(
      'handle-gone',
    );
  });

  it('name a tensor that was not kept, and a channel that is not there', async () => {
    const { engine, inputs } = await open(digits);
    const run = await engine.request('run', { ...options, inputs, want: ['conv_1'] });
    const handle = { epoch: run.epoch, runId: run.runId, address: 'conv_2' };
    expect((await failure(engine.request('values', { handle, example: 0, channel: 0 }))).code).toBe('unknown-tensor');
    const wide = { handle: { ...handle, address: 'conv_1' }, example: 0, channel: 999 };
    expect((await failure(engine.request('values', wide))).code).toBe('bad-input');
  });
});

describe('weightStatistics', () => {
  it('agrees with what Keras says of the weights', async () => {
    const { engine } = await open(digits);
    const golden = JSON.parse(readFileSync(path.join(digits, '../golden.json'), 'utf8')) as {
      layers: { address: string; weights: { name: string; l2: number; first: number[] }[] }[];
    };
    for (const { address, weights } of golden.layers) {
      const found = await engine.request('weightStatistics', { address });
      expect(found.weights.length).toBe(weights.length);
      weights.forEach(({ l2, first }, i) => {
        expect(found.weights[i]?.statistics.l2).toBeCloseTo(l2, 3);
        first.forEach((value, at) => expect(found.weights[i]?.statistics.first[at]).toBeCloseTo(value, 5));
        expect(found.weights[i]?.histogram.counts.length).toBe(32);
      });
    }
  });
});

describe('verify', () => {
  it.each([
    ['digits-cnn/tfjs-keras2-h5', ['conv_2']],
    ['digits-cnn/tfjs-uint8', ['conv_2', 'conv_1']],
    ['two-inputs-two-outputs/tfjs-keras3', []],
    ['nested-functional/tfjs-keras3', []],
    ['text-lstm/tfjs-keras3', []],
    ['siamese/tfjs-keras2-h5', []],
    ['mobilenet-block/tfjs-keras2-h5', []],
  ])('%s %j: the slice from its own text and bytes computes the same', async (folder, outputs) => {
    const { engine, inputs } = await open(path.join(keras, folder));
    const seen: number[] = [];
    const result = await engine.request(
      'verify',
      { cut: { outputs, inputs: [] }, data: [inputs], tolerance: 0, backend: 'wasm' },
      { onProgress: ({ done, total }) => seen.push(done / total) },
    );
    expect(result.outputs.map(({ maxAbsDiff }) => maxAbsDiff)).toEqual(result.outputs.map(() => 0));
    expect(result).toMatchObject({ passed: true, weak: false, nonFinite: { slice: 0, original: 0 } });
    expect(seen.at(-1)).toBe(1);
  });

  it('finds one flipped byte in the saved weights', async () => {
    const { engine, inputs } = await open(digits);
    const cut = { outputs: ['conv_2'], inputs: [] };
    const target = path.join(temporary, 'slice');
    const { files } = await engine.request('save', { cut, target, force: false });
    const params = { cut, slicePath: target, data: [inputs], tolerance: 0, backend: 'wasm' as const };
    expect((await engine.request('verify', params)).passed).toBe(true);
    const broken = path.join(temporary, 'broken');
    cpSync(target, broken, { recursive: true });
    const shard = path.join(broken, path.basename(files.find((file) => file.endsWith('.bin')) ?? ''));
    const bytes = readFileSync(shard);
    bytes[3] = (bytes[3] as number) ^ 0x80;
    writeFileSync(shard, bytes);
    const result = await engine.request('verify', { ...params, slicePath: broken });
    expect(result.passed).toBe(false);
    expect(result.outputs[0]?.equal).toBe(false);
  });

  it('calls a proof weak whose outputs are all the same', async () => {
    const { engine, inputs } = await open(path.join(keras, 'activations-all/tfjs-keras3'));
    const zeros = inputs.map((spec): InputSpec => ({ ...spec, source: { kind: 'zeros' }, dims: { 0: 1 } }));
    const cut = { outputs: ['act_relu'], inputs: [] };
    const result = await engine.request('verify', { cut, data: [zeros], tolerance: 0, backend: 'wasm' });
    expect(result).toMatchObject({ passed: true, weak: true });
  });
});

describe('exportActivations', () => {
  it('writes an npz, a folder of npy, and pictures', async () => {
    const { engine, inputs } = await open(digits);
    const { runId, epoch, activations } = await engine.request('run', { ...options, inputs, want: 'all' });
    const npz = path.join(temporary, 'all.npz');
    const written = await engine.request('exportActivations', {
      epoch,
      runId,
      addresses: 'all',
      target: npz,
      png: false,
      force: false,
    });
    expect(written.files).toEqual([npz]);
    const members = unzipSync(new Uint8Array(readFileSync(npz)));
    expect(Object.keys(members).sort()).toEqual(activations.map(({ address }) => `${address}.npy`).sort());
    const conv = readNpy(members['conv_1.npy'] as Uint8Array);
    expect(conv.shape).toEqual(activations.find(({ address }) => address === 'conv_1')?.shape);
    const { values } = await engine.request('values', {
      handle: { epoch, runId, address: 'conv_1' },
      example: 0,
      channel: null,
    });
    expect(Array.from(conv.data)).toEqual(Array.from(values));

    const folder = path.join(temporary, 'arrays');
    const params = { epoch, runId, addresses: ['conv_1', 'conv_2'], target: folder, png: true, force: false };
    await engine.request('exportActivations', params);
    expect(readdirSync(folder).sort()).toEqual(['conv_1.npy', 'conv_1.png', 'conv_2.npy', 'conv_2.png']);
    expect((await failure(engine.request('exportActivations', params))).code).toBe('target-exists');
    await engine.request('exportActivations', { ...params, force: true });
    const gone = { ...params, runId: runId + 1 };
    expect((await failure(engine.request('exportActivations', gone))).code).toBe('handle-gone');
  });
});
