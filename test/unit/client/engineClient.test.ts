/** The client with real engine processes. */
import { fork } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { EngineClient } from '../../../src/client/engineClient';
import type { SlicerError } from '../../../src/core/errors';
import type { EngineContract, InputSpec } from '../../../src/protocol/engine';
import { buildEngine } from '../../engine/bundle';
import { keras } from '../../fixtures';
import { failure } from '../../failure';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5/model.json');
const input: InputSpec = { input: 'input_1', source: { kind: 'ones' } };

let enginePath: string;
const clients: EngineClient[] = [];

beforeAll(async () => {
  enginePath = await buildEngine('client');
}, 120_000);

afterEach(() => {
  for (const client of clients.splice(0)) client.dispose();
});

function client(options: Partial<ConstructorParameters<typeof EngineClient>[0]> = {}): EngineClient {
  const made = new EngineClient({ enginePath, ...options });
  clients.push(made);
  return made;
}

async function opened(engine: EngineClient): Promise<{ name: string; epoch: number }> {
  const { model, epoch } = await engine.request('open', { path: digits });
  return { name: model.graph.inputs[0]?.name ?? '', epoch };
}

const runParams = (name: string): EngineContract['requests']['run']['params'] => ({
  inputs: [{ ...input, input: name }],
  want: 'all',
  backend: 'wasm',
  thumbnails: true,
  colorMap: 'viridis',
  keep: true,
});

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('EngineClient', () => {
  it('starts no process before the first request, runs a model, and reports progress', async () => {
    const engine = client();
    expect(engine.pid).toBeNull();
    const { name, epoch } = await opened(engine);
    expect(epoch).toBe(1);
    const seen: string[] = [];
    const run = await engine.request('run', runParams(name), {
      onProgress: ({ activations }) => seen.push(...activations.map(({ address }) => address)),
    });
    expect(run.backend).toBe('wasm');
    expect(seen).toEqual(run.activations.map(({ address }) => address));
    expect(run.activations[1]?.thumbnail?.rgba).toBeInstanceOf(Uint8Array);
  });

  it('passes errors of the engine on with code and data', async () => {
    const error = await failure(client().request('open', { path: path.join(keras, 'bad/tfjs-number/model.json') }));
    expect(error.code).toBe('not-a-model');
  });

  it('ends a process whose module of custom layers never ends, says which, and opens the model without it', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slicer-modules-'));
    try {
      // a loop when it is loaded, in what it exports, and a promise that nobody keeps
      const texts = {
        'a.cjs': 'for (;;);',
        'b.mjs': 'for (;;);',
        'c.cjs': 'module.exports = () => { for (;;); };',
        'd.cjs': 'module.exports = () => new Promise(() => undefined);',
      };
      for (const [name, text] of Object.entries(texts)) {
        const file = path.join(folder, name);
        writeFileSync(file, text);
        const engine = client({ moduleGrace: 700 });
        const error = await failure(engine.request('open', { path: digits, customLayers: [file] }));
        expect(error).toMatchObject({ code: 'not-runnable', data: { reason: 'custom-layers', file } });
        expect(error.data.why).toMatch(/still loading after 0\.7 s/);
        expect((await opened(engine)).epoch).toBe(2);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 30_000);

  it('says that the engine crashed, starts another and opens the model again; nothing is replayed', async () => {
    const exits: SlicerError[] = [];
    const engine = client({ onExit: (reason) => exits.push(reason) });
    const { name } = await opened(engine);
    const run = await engine.request('run', runParams(name));
    const first = engine.pid as number;
    const pending = failure(engine.request('weightStatistics', { address: 'conv_1' }));
    process.kill(first, 'SIGKILL');
    const error = await pending;
    expect(error.code).toBe('engine-crashed');
    expect(error.data).toEqual({ exitCode: null, signal: 'SIGKILL' });
    expect(exits).toEqual([error]);

    const { weights } = await engine.request('weightStatistics', { address: 'conv_1' });
    expect(weights.length).toBe(2);
    expect(engine.pid).not.toBe(first);
    const handle = { epoch: run.epoch, runId: run.runId, address: 'conv_1' };
    expect((await failure(engine.request('values', { handle, example: 0, channel: 0 }))).code).toBe('handle-gone');
    expect((await engine.request('run', runParams(name))).epoch).toBe(2);
  });

  it('ends an engine that does not stop when it is cancelled, and answers `cancelled`', async () => {
    const engine = client({ cancelGrace: 100 });
    const { name } = await opened(engine);
    const stuck = engine.pid as number;
    process.kill(stuck, 'SIGSTOP');
    const controller = new AbortController();
    const cancelled = failure(engine.request('run', runParams(name), { signal: controller.signal }));
    const other = failure(engine.request('weightStatistics', { address: 'conv_1' }));
    // both are on their way
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect((await cancelled).code).toBe('cancelled');
    expect((await other).code).toBe('engine-crashed');
    expect((await engine.request('run', runParams(name))).epoch).toBe(2);
  });

  it('does not try for ever what ends the engine, until the file changes', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slicer-crashes-'));
    try {
      cpSync(path.dirname(digits), folder, { recursive: true });
      const module = path.join(folder, 'aborts.cjs');
      writeFileSync(module, 'process.abort();');
      const params = { path: path.join(folder, 'model.json'), customLayers: [module] };
      const engine = client();
      const pids = new Set<number | null>();
      for (let times = 0; times < 3; times++) {
        const opening = failure(engine.request('open', params));
        await new Promise((resolve) => setImmediate(resolve));
        pids.add(engine.pid);
        expect(await opening).toMatchObject({ code: 'engine-crashed', data: { signal: 'SIGABRT' } });
      }
      const refused = await failure(engine.request('open', params));
      expect(refused).toMatchObject({ code: 'engine-crashed', data: { reason: 'repeated', times: 3 } });
      expect(engine.pid).toBeNull();
      // another question is answered, and the same one when the file is another
      expect((await engine.request('open', { path: params.path })).epoch).toBe(4);
      expect((await failure(engine.request('open', params))).data).toMatchObject({ reason: 'repeated' });
      appendFileSync(params.path, '\n');
      writeFileSync(module, 'module.exports = () => undefined;');
      expect((await engine.request('open', params)).model.graph.layers.length).toBeGreaterThan(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 30_000);

  it('removes what an engine was writing when it ended, without being asked', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slicer-unfinished-'));
    try {
      const config = {
        name: 'wide',
        layers: [
          { class_name: 'Dense', config: { name: 'd', units: 8000, use_bias: false, batch_input_shape: [null, 8000] } },
        ],
      };
      const weights = [{ name: 'd/kernel', shape: [8000, 8000], dtype: 'float32' }];
      const text = JSON.stringify({
        format: 'layers-model',
        modelTopology: { keras_version: '2.15.0', model_config: { class_name: 'Sequential', config } },
        weightsManifest: [{ paths: ['weights.bin'], weights }],
      });
      writeFileSync(path.join(folder, 'model.json'), text);
      writeFileSync(path.join(folder, 'weights.bin'), '');
      truncateSync(path.join(folder, 'weights.bin'), 4 * 8000 * 8000);
      const target = path.join(folder, 'slice');
      mkdirSync(target);
      const engine = client();
      await engine.request('open', { path: path.join(folder, 'model.json') });
      const begun = new Promise<void>((resolve) => {
        const watcher = watch(target, (_event, name) => {
          if (!name?.endsWith('.tmp')) return;
          watcher.close();
          process.kill(engine.pid as number, 'SIGKILL');
          resolve();
        });
      });
      const saving = failure(engine.request('save', { cut: { outputs: [], inputs: [] }, target, force: false }));
      await begun;
      expect((await saving).code).toBe('engine-crashed');
      await vi.waitUntil(() => readdirSync(target).length === 0, { timeout: 20_000, interval: 20 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 30_000);

  it('tells a lack of memory from other ends', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slicer-memory-'));
    try {
      const module = path.join(folder, 'grows.cjs');
      writeFileSync(module, 'const all = []; for (;;) all.push(new Array(10000).fill(all.length + 0.5));');
      const engine = client({ execArgv: ['--max-old-space-size=64'] });
      const error = await failure(engine.request('open', { path: digits, customLayers: [module] }));
      expect(error).toMatchObject({ code: 'engine-crashed', data: { reason: 'memory' } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 30_000);

  it('ends an engine that is silent while it is asked what nobody can cancel', async () => {
    const engine = client({ silenceLimit: 400 });
    const { signal } = new AbortController();
    await engine.request('open', { path: digits }, { signal });
    process.kill(engine.pid as number, 'SIGSTOP');
    const error = await failure(engine.request('weightStatistics', { address: 'conv_1' }));
    expect(error).toMatchObject({ code: 'engine-crashed', data: { reason: 'silent' } });
    const { weights } = await engine.request('weightStatistics', { address: 'conv_1' }, { signal });
    expect(weights.length).toBe(2);
  });

  it('ends a process that nothing is asked of; the next request opens the model again', async () => {
    let gone: (reason: SlicerError) => void = () => undefined;
    const exit = new Promise<SlicerError>((resolve) => (gone = resolve));
    const engine = client({ idleLimit: 30, onExit: gone });
    const { name } = await opened(engine);
    expect((await exit).code).toBe('closed');
    expect(engine.pid).toBeNull();
    expect((await engine.request('run', runParams(name))).epoch).toBe(2);
  });

  it.skipIf(process.platform === 'win32')(
    'leaves no engine behind in the middle of its work when its own process is killed',
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'slicer-orphan-'));
      try {
        const module = path.join(folder, 'loops.cjs');
        writeFileSync(module, 'console.log("looping"); process.stdout.write("looping\\n"); for (;;);');
        const parent = path.join(folder, 'parent.cjs');
        writeFileSync(
          parent,
          `const engine = require('node:child_process').fork(${JSON.stringify(enginePath)}, [], { serialization: 'advanced', stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
           engine.stdout.once('data', () => process.send(engine.pid));
           engine.send({ type: 'request', id: 1, method: 'open', params: ${JSON.stringify({ path: digits, customLayers: [module] })} });`,
        );
        const child = fork(parent, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
        const pid = await new Promise<number>((resolve) => child.once('message', (id) => resolve(id as number)));
        child.kill('SIGKILL');
        await vi.waitUntil(() => !lives(pid), { timeout: 20_000, interval: 50 });
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    30_000,
  );

  it('answers `cancelled` without asking when the signal was aborted before', async () => {
    const engine = client();
    const error = await failure(engine.request('open', { path: digits }, { signal: AbortSignal.abort() }));
    expect(error.code).toBe('cancelled');
    expect(engine.pid).toBeNull();
  });

  it('says that a file it cannot start is no engine', async () => {
    const engine = client({ enginePath: path.join(keras, 'none.js') });
    expect((await failure(engine.request('open', { path: digits }))).code).toBe('engine-crashed');
  });

  it('ends its process and what is pending on dispose', async () => {
    const engine = client();
    await opened(engine);
    const pending = failure(engine.request('weightStatistics', { address: 'conv_1' }));
    engine.dispose();
    expect((await pending).code).toBe('closed');
    expect((await failure(engine.request('close', {}))).code).toBe('closed');
  });
});
