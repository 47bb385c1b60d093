import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { fork } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Channel, type EmptyContract } from '../../../src/protocol/channel';
import type { EngineContract } from '../../../src/protocol/engine';
import { SlicerError } from '../../../src/core/errors';
import { copyShards } from '../../../src/engine/files/copyShards';
import { buildEngine } from '../bundle';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'copy-shards-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As gzip writes it behind the data. */
const crc32 = (bytes: Uint8Array): string => gzipSync(bytes).subarray(-8, -4).reverse().toString('hex');

describe('copyShards', () => {
  it('puts ranges of several files one after the other, and hashes what it wrote', async () => {
    const source = path.join(folder, 'source.bin');
    const bytes = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 7) % 251);
    writeFileSync(source, bytes);
    const range = (offset: number, length: number) => ({ path: source, name: 'source.bin', offset, length });
    const targets = ['a', 'b'].map((name) => path.join(folder, name));
    let copied = 0;
    const hashes = await copyShards(
      [
        { target: targets[0] as string, ranges: [range(999_000, 1000), range(0, 600_000)] },
        { target: targets[1] as string, ranges: [range(5, 0), range(3, 4)] },
      ],
      { onBytes: (count) => (copied += count) },
    );
    const written = targets.map((target) => readFileSync(target));
    expect(written[0]).toEqual(Buffer.concat([bytes.subarray(999_000), bytes.subarray(0, 600_000)]));
    expect(written[1]).toEqual(Buffer.from(bytes.subarray(3, 7)));
    expect(hashes).toEqual(written.map(crc32));
    expect(copied).toBe(601_004);
  });

  it('says which file ended too early', async () => {
    const source = path.join(folder, 'source.bin');
    writeFileSync(source, new Uint8Array(10));
    const job = { target: path.join(folder, 'a'), ranges: [{ path: source, name: 'one.bin', offset: 4, length: 9 }] };
    await expect(copyShards([job], {})).rejects.toMatchObject({
      code: 'truncated-weights',
      data: { shard: 'one.bin', expected: 13, actual: 10 },
    });
  });
});

describe('a large export, in the real engine', () => {
  const units = 1024;
  const layers = 20;

  function largeModel(): string {
    const source = path.join(folder, 'source');
    const names = Array.from({ length: layers }, (_, i) => `dense_${i}`);
    const kernel = new Float32Array(units * units);
    const all = names.map((_, layer) => Buffer.from(kernel.fill(layer / 7).slice().buffer));
    const model = {
      format: 'layers-model',
      modelTopology: {
        keras_version: '2.15.0',
        backend: 'tensorflow',
        model_config: {
          class_name: 'Sequential',
          config: {
            name: 'large',
            layers: [
              { class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, units] } },
              ...names.map((name) => ({ class_name: 'Dense', config: { name, units, use_bias: false } })),
            ],
          },
        },
      },
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: names.map((name) => ({ name: `${name}/kernel`, shape: [units, units], dtype: 'float32' })),
        },
      ],
    };
    writeFileSync(`${source}.json`, JSON.stringify(model));
    writeFileSync(path.join(folder, 'weights.bin'), Buffer.concat(all));
    return `${source}.json`;
  }

  async function withEngine(work: (channel: Channel<EmptyContract, EngineContract>) => Promise<void>): Promise<void> {
    const child = fork(await buildEngine('copy-shards'), [], { serialization: 'advanced' });
    const channel = new Channel<EmptyContract, EngineContract>(
      {
        post: (message) => child.send(message as object),
        onMessage: (listener) => child.on('message', listener),
        onClose: (listener) => child.on('exit', () => listener(new SlicerError('closed'))),
      },
      {},
    );
    try {
      await work(channel);
    } finally {
      child.kill();
    }
  }

  it('is copied on threads, the same bytes in the same order, each shard with its hash', async () => {
    const file = largeModel();
    await withEngine(async (channel) => {
      await channel.request('open', { path: file });
      const target = path.join(folder, 'slice');
      const seen: number[] = [];
      const shardBytes = 7_000_001;
      const { files } = await channel.request(
        'save',
        { cut: { outputs: [], inputs: [] }, target, force: false, shardBytes },
        { onProgress: ({ done, total }) => seen.push(done / total) },
      );
      const [json = '', ...shards] = files;
      expect(shards).toHaveLength(Math.ceil((units * units * 4 * layers) / shardBytes));
      const written = shards.map((name) => readFileSync(path.join(target, name)));
      expect(Buffer.concat(written).equals(readFileSync(path.join(folder, 'weights.bin')))).toBe(true);
      const { userDefinedMetadata } = JSON.parse(readFileSync(path.join(target, json), 'utf8')) as {
        userDefinedMetadata: { modelSlicer: { shards: unknown } };
      };
      expect(userDefinedMetadata.modelSlicer.shards).toEqual(
        shards.map((name, i) => ({ file: name, crc32: crc32(written[i] as Buffer) })),
      );
      expect(seen.at(-1)).toBe(1);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
    });
  });

  it('that is cancelled leaves nothing', async () => {
    const file = largeModel();
    await withEngine(async (channel) => {
      await channel.request('open', { path: file });
      const controller = new AbortController();
      const target = path.join(folder, 'slice');
      const saved = channel.request(
        'save',
        { cut: { outputs: [], inputs: [] }, target, force: false },
        { signal: controller.signal, onProgress: () => controller.abort() },
      );
      await expect(saved).rejects.toMatchObject({ code: 'cancelled' });
      expect(() => readFileSync(path.join(target, 'model.json'))).toThrow('ENOENT');
    });
  });
});
