/** A model whose tensors do not fit together, and an engine's process over many runs. */
import { fork, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { readNpy } from '../../../src/engine/files/npy';
import { Channel, type EmptyContract } from '../../../src/protocol/channel';
import type { EngineContract, InputSpec, RunResult } from '../../../src/protocol/engine';
import { failure } from '../../failure';
import { keras } from '../../fixtures';
import { buildEngine } from '../bundle';
import { engineSession } from '../session';
import { writeDeepModel } from './deepModel';

const folder = mkdtempSync(path.join(tmpdir(), 'deep-'));
const MB = 2 ** 20;
const inputs: InputSpec[] = [{ input: 'input', source: { kind: 'random', seed: 9 } }];
const options = { inputs, want: 'all', backend: 'wasm', thumbnails: true, colorMap: 'viridis', keep: true } as const;
const previewOptions = { colorMap: 'viridis', scale: 'channel', example: 0, offset: 0, limit: 4 } as const;
const children: ChildProcess[] = [];
let enginePath: string;

beforeAll(async () => {
  enginePath = await buildEngine('memory');
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

type Forked = { child: ChildProcess; channel: Channel<EmptyContract, EngineContract> };

function forked(execArgv: string[] = []): Forked {
  const stdio: StdioOptions = ['ignore', 'ignore', 'inherit', 'ipc'];
  const child = fork(enginePath, [], { serialization: 'advanced', stdio, execArgv });
  children.push(child);
  const channel = new Channel<EmptyContract, EngineContract>(
    {
      post: (message) => child.send(message as object, () => undefined),
      onMessage: (listener) => child.on('message', listener),
      onClose: (listener) => child.on('exit', () => listener(new SlicerError('closed'))),
    },
    {},
  );
  return { child, channel };
}

/** Of a process, in MB; `VmHWM` is the most that it ever had. */
function memoryOf({ child }: Forked, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

const statisticsOf = ({ activations }: RunResult): unknown =>
  activations.map(({ address, statistics, thumbnail }) => ({ address, statistics, thumbnail }));

describe('200 layers', () => {
  it.skipIf(process.platform !== 'linux')(
    'of 8 MB each stay within 1 GB, and each can be looked at afterwards',
    async () => {
      const file = path.join(folder, 'large');
      writeDeepModel(file, { layers: 200, side: 512, channels: 8 });
      const engine = forked();
      const { channel } = engine;
      await channel.request('open', { path: file });
      const run = await channel.request('run', { ...options, memoryLimit: 1024 * MB });
      expect(run.activations).toHaveLength(201);
      const { epoch, runId } = run;
      for (const i of [200, 1, 2, 51, 99, 100, 150, 3, 197]) {
        const address = `layer_${i}`;
        const handle = { epoch, runId, address };
        const { statistics } = await channel.request('preview', { handle, options: previewOptions });
        const said = run.activations.find((activation) => activation.address === address)?.statistics;
        expect(statistics.first).toEqual(said?.first);
        expect([statistics.min, statistics.max, statistics.zeros]).toEqual([said?.min, said?.max, said?.zeros]);
      }
      expect(memoryOf(engine, 'VmHWM')).toBeLessThan(1024);
      engine.child.kill();
    },
    180_000,
  );

  it('that are smaller give what plain TF.js gives, each of them, however little memory there is', async () => {
    const file = path.join(folder, 'small');
    writeDeepModel(file, { layers: 200, side: 24, channels: 4 });
    const engine = engineSession();
    await engine.request('open', { path: file });
    const free = await engine.request('run', { ...options, memoryLimit: 2 ** 40 });
    const least = Number((await failure(engine.request('run', { ...options, memoryLimit: 1 }))).data.bytes);
    const tight = await engine.request('run', { ...options, memoryLimit: least + 20 * 24 * 24 * 4 * 4 });
    expect(statisticsOf(tight)).toEqual(statisticsOf(free));

    const { epoch, runId } = tight;
    const target = path.join(folder, 'small.npz');
    await engine.request('exportActivations', { epoch, runId, addresses: 'all', target, png: false, force: false });
    const files = unzipSync(readFileSync(target));
    const fed = tf.tensor4d(
      readNpy(files['input.npy'] ?? new Uint8Array(), 'input').data as Float32Array,
      [1, 24, 24, 4],
    );
    const plain = await loadPlain(file);
    const outputs = tf.model({
      inputs: plain.inputs,
      outputs: plain.layers
        .slice(1)
        .map(({ output }) => output)
        .flat(),
    });
    const expected = outputs.predict(fed) as tf.Tensor[];
    expect(expected).toHaveLength(200);
    for (const [i, tensor] of expected.entries()) {
      const address = `layer_${i + 1}`;
      const values = Array.from(tensor.dataSync());
      expect(Array.from(readNpy(files[`${address}.npy`] ?? new Uint8Array(), address).data as Float32Array)).toEqual(
        values,
      );
      const handle = { epoch, runId, address };
      const asked = await engine.request('values', { handle, example: 0, channel: null });
      expect(Array.from(asked.values)).toEqual(values);
    }
    tf.dispose([expected, fed]);
    plain.dispose();
    await engine.request('close', {});
  });

  it('are gone with the next run, and with nothing else', async () => {
    const engine = engineSession();
    await engine.request('open', { path: path.join(folder, 'small') });
    const least = Number((await failure(engine.request('run', { ...options, memoryLimit: 1 }))).data.bytes);
    const first = await engine.request('run', { ...options, memoryLimit: least });
    const handle = { epoch: first.epoch, runId: first.runId, address: 'layer_120' };
    const look = (): Promise<unknown> => engine.request('preview', { handle, options: previewOptions });
    const before = await look();
    await engine.request('verify', {
      cut: { outputs: ['layer_9'], inputs: [] },
      data: [inputs],
      tolerance: 0,
      backend: 'cpu',
    });
    expect(await look()).toEqual(before);
    // asked for while the next run is already under way
    const controller = new AbortController();
    const second = engine.request('run', { ...options, memoryLimit: least });
    const late = failure(engine.request('preview', { handle, options: previewOptions }));
    const stopped = engine.request(
      'preview',
      { handle: { ...handle, runId: handle.runId + 1 }, options: previewOptions },
      { signal: controller.signal },
    );
    controller.abort();
    expect((await failure(stopped)).code).toMatch(/cancelled|handle-gone/);
    expect((await late).code).toBe('handle-gone');
    await second;
    await engine.request('close', {});
  });
});

describe('50 runs in one document', () => {
  const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5');

  it('leave as many tensors as one', async () => {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: digits });
    const specs = model.graph.inputs.map(({ name }): InputSpec => ({
      input: name,
      source: { kind: 'random', seed: 1 },
    }));
    const least = Number(
      (await failure(engine.request('run', { ...options, inputs: specs, memoryLimit: 1 }))).data.bytes,
    );
    for (const memoryLimit of [least, least + 40_000, 2 ** 40]) {
      const counts = new Set<number>();
      for (let round = 0; round < 50; round++) {
        const { epoch, runId, activations } = await engine.request('run', { ...options, inputs: specs, memoryLimit });
        for (const { address } of activations.slice(0, 4))
          await engine.request('preview', { handle: { epoch, runId, address }, options: previewOptions });
        if (round > 0) counts.add(tf.memory().numTensors);
      }
      expect(counts.size).toBe(1);
    }
    await engine.request('close', {});
  });

  it.skipIf(process.platform !== 'linux')(
    'take no more memory at the end than at the beginning, and the process ends with the document',
    async () => {
      const file = path.join(folder, 'rounds');
      writeDeepModel(file, { layers: 24, side: 256, channels: 8 });
      // V8 collects when it likes: measured is what stays
      const collector = path.join(folder, 'collect.cjs');
      writeFileSync(collector, 'setInterval(() => globalThis.gc(), 200).unref();');
      const engine = forked(['--expose-gc', '--require', collector]);
      const { channel, child } = engine;
      await channel.request('open', { path: file });
      const least = Number((await failure(channel.request('run', { ...options, memoryLimit: 1 }))).data.bytes);
      const memory: number[] = [];
      for (let round = 0; round < 50; round++) {
        const { epoch, runId } = await channel.request('run', { ...options, memoryLimit: least + 24 * MB });
        for (const address of ['layer_3', 'layer_11', 'layer_22'])
          await channel.request('preview', { handle: { epoch, runId, address }, options: previewOptions });
        memory.push(memoryOf(engine, 'VmRSS'));
      }
      const early = Math.min(...memory.slice(2, 8));
      const late = Math.min(...memory.slice(44));
      expect(late).toBeLessThanOrEqual(1.1 * early);
      child.disconnect();
      const [code] = (await once(child, 'exit')) as [number];
      expect(code).toBe(0);
    },
    120_000,
  );
});

it('gives a batch of many examples the same numbers as with plenty of memory', async () => {
  const file = path.join(folder, 'batch');
  writeDeepModel(file, { layers: 12, side: 16, channels: 4 });
  const engine = engineSession();
  await engine.request('open', { path: file });
  const many = inputs.map((spec) => ({ ...spec, dims: { 0: 64 } }));
  const run = (memoryLimit: number, specs: InputSpec[] = many): Promise<RunResult> =>
    engine.request('run', { ...options, inputs: specs, memoryLimit });
  const one = Number((await failure(run(1, inputs))).data.bytes);
  const least = Number((await failure(run(1))).data.bytes);
  expect(least - one).toBeGreaterThan(63 * 2 * 16 * 16 * 4 * 4);
  const free = await run(2 ** 40);
  const tight = await run(least);
  expect(statisticsOf(tight)).toEqual(statisticsOf(free));
  const { epoch, runId } = tight;
  const handle = { epoch, runId, address: 'layer_7' };
  const { shape } = await engine.request('preview', { handle, options: { ...previewOptions, example: 63 } });
  expect(shape).toEqual([64, 16, 16, 4]);
  await engine.request('close', {});
});

/** A small model with a class of the user's own, whose body is given, in the place of its activations. */
function writeOwnClass(name: string, body: string): { path: string; customLayers: string[] } {
  const file = path.join(folder, name);
  writeDeepModel(file, { layers: 3, side: 8, channels: 2 });
  const json = path.join(file, 'model.json');
  writeFileSync(json, readFileSync(json, 'utf8').replace('"class_name":"Activation"', `"class_name":"${name}"`));
  const module = path.join(folder, `${name}.cjs`);
  writeFileSync(
    module,
    `module.exports = (tf) => {
      class ${name} extends tf.layers.Layer {
        static get className() { return '${name}'; }
        ${body}
      }
      tf.serialization.registerClass(${name});
    };`,
  );
  return { path: file, customLayers: [module] };
}

describe('what is never handed out', () => {
  it('is a value that the model does not give twice', async () => {
    const model = writeOwnClass(
      'Moody',
      `static calls = 0;
       computeOutputShape(shape) { return shape; }
       call(x) { Moody.calls += 1; return tf.add(Array.isArray(x) ? x[0] : x, Moody.calls); }`,
    );
    const engine = engineSession();
    await engine.request('open', model);
    const least = Number((await failure(engine.request('run', { ...options, memoryLimit: 1 }))).data.bytes);
    const { epoch, runId } = await engine.request('run', { ...options, memoryLimit: least });
    const look = (address: string): Promise<unknown> =>
      engine.request('preview', { handle: { epoch, runId, address }, options: previewOptions });
    await look('layer_1');
    expect(await failure(look('layer_2'))).toMatchObject({
      code: 'handle-gone',
      data: { reason: 'not-repeatable', address: 'layer_2' },
    });
    await engine.request('close', {});
  });

  it('is anything from a process whose WebAssembly has failed: it answers, and ends', async () => {
    // a module whose one function is `unreachable`
    const model = writeOwnClass(
      'Trap',
      `call() {
         const bytes = [0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,97,0,0,10,5,1,3,0,0,11];
         new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes))).exports.a();
       }`,
    );
    const { child, channel } = forked();
    await channel.request('open', model);
    const ended = once(child, 'exit');
    const error = await failure(channel.request('run', options));
    expect(error).toMatchObject({ code: 'out-of-memory', data: { address: 'layer_2' } });
    expect(await ended).toEqual([86, null]);
  });
});

async function loadPlain(file: string): Promise<tf.LayersModel> {
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(path.join(file, 'model.json'), 'utf8')) as {
    modelTopology: object;
    weightsManifest: { weights: tf.io.WeightsManifestEntry[] }[];
  };
  const weightData = Uint8Array.from(readFileSync(path.join(file, 'weights.bin'))).buffer;
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  return tf.loadLayersModel({ load: () => Promise.resolve({ modelTopology, weightSpecs, weightData }) });
}
