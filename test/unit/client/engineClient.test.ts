/** The client with real engine processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
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
