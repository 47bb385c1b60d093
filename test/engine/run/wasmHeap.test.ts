/** The end of the wasm backend's heap, met for real: pages that nobody writes to cost nothing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/engine/backends/backend';
import { guardHeap } from '../../../src/engine/run/wasmHeap';
import type { InputSpec } from '../../../src/protocol/engine';
import { failure } from '../../failure';
import { engineSession } from '../session';
import { writeDeepModel } from './deepModel';

const folder = mkdtempSync(path.join(tmpdir(), 'heap-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Wasm {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

describe('the heap', () => {
  let wasm: Wasm;
  const taken: number[] = [];
  let allocate: Wasm['_malloc'];

  beforeAll(async () => {
    await useBackend('wasm');
    wasm = (tf.backend() as unknown as { wasm: Wasm }).wasm;
    allocate = wasm._malloc.bind(wasm);
    writeDeepModel(folder, { layers: 6, side: 512, channels: 8 });
  });

  it('gives null at its end, which TF.js would take for an address', () => {
    for (const size of [2 ** 28, 2 ** 26, 2 ** 24, 2 ** 22]) {
      for (let address = allocate(size); address !== 0; address = allocate(size)) taken.push(address);
    }
    expect(taken.length).toBeGreaterThan(14);
    expect(wasm._malloc(2 ** 23)).toBe(0);
  });

  it('ends an operation instead, once it is guarded, and leaves what it holds alone', () => {
    const small = tf.tensor1d([1, 2, 3]);
    guardHeap();
    expect(() => tf.ones([2 ** 21])).toThrow(expect.objectContaining({ code: 'out-of-memory' }) as Error);
    expect(Array.from(small.dataSync())).toEqual([1, 2, 3]);
    small.dispose();
  });

  it('refuses on wasm, and runs on the cpu, visibly, where that was not asked for', async () => {
    const engine = engineSession();
    await engine.request('open', { path: folder });
    const inputs: InputSpec[] = [{ input: 'input', source: { kind: 'random', seed: 2 } }];
    const run = (backend: 'auto' | 'wasm' | 'cpu') =>
      engine.request('run', { inputs, want: ['layer_2'], backend, thumbnails: false, colorMap: 'viridis', keep: true });
    expect(await failure(run('wasm'))).toMatchObject({ code: 'out-of-memory', data: { reason: 'heap' } });
    const moved = await run('auto');
    expect(moved.backend).toBe('cpu');
    expect(moved.fallbacks).toEqual([
      { address: '', backend: 'cpu', reason: expect.stringContaining('memory') as string },
    ]);
    const cpu = await run('cpu');
    expect(moved.outputs).toEqual(cpu.outputs);
    // room again: wasm again
    for (const address of taken) wasm._free(address);
    expect((await run('auto')).backend).toBe('wasm');
    await engine.request('close', {});
  });
});

it('refuses before it runs what the heap cannot hold, and says what it would take', async () => {
  const wide = path.join(folder, 'wide');
  writeDeepModel(wide, { layers: 2, side: 64, channels: 8 });
  const file = path.join(wide, 'model.json');
  // from 64 × 64 to 2048 × 2048, 128 MB an example
  const text = readFileSync(file, 'utf8')
    .replace('"class_name":"Activation"', '"class_name":"UpSampling2D"')
    .replace('"activation":"tanh"', '"size":[32,32]');
  writeFileSync(file, text);
  const engine = engineSession();
  await engine.request('open', { path: wide });
  const inputs: InputSpec[] = [{ input: 'input', source: { kind: 'zeros' }, dims: { 0: 24 } }];
  const options = { inputs, want: 'all', thumbnails: false, colorMap: 'viridis', keep: true } as const;
  const error = await failure(engine.request('run', { ...options, backend: 'wasm', memoryLimit: 2 ** 40 }));
  expect(error).toMatchObject({ code: 'out-of-memory', data: { reason: 'heap', address: 'layer_2' } });
  expect(Number(error.data.bytes)).toBeGreaterThan(24 * 2 ** 27);
  const little = await failure(engine.request('run', { ...options, backend: 'auto', memoryLimit: 2 ** 30 }));
  expect(little).toMatchObject({ code: 'out-of-memory', data: { reason: 'live', limit: 2 ** 30, allowed: 1024 } });
  expect(Number(little.data.bytes)).toBeGreaterThan(24 * 2 ** 27);
  await engine.request('close', {});
});
