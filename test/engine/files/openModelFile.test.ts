import { copyFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { walkLayers } from '../../../src/core/model/traversal';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { keras, teachableMachine } from '../../fixtures';
import { readGolden, readManifest } from '../../unit/core/formats/openFixture';

const manifest = readManifest(keras);
const models = manifest.fixtures.flatMap(({ name, formats }) =>
  Object.entries(formats).flatMap(([format, { golden, error }]) =>
    format.startsWith('tfjs') && !format.includes('graph') && !format.includes('weights-only') && golden && !error
      ? [{ name, format, golden: path.join(keras, name, golden) }]
      : [],
  ),
);
/** Half of a step of the quantization, over the range of these weights. */
const TOLERANCE: Record<string, number> = { 'tfjs-uint8': 0.01, 'tfjs-uint16': 1e-4, 'tfjs-float16': 1e-3 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'open-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function codeOf(target: string): Promise<string> {
  try {
    const opened = await openModelFile(target);
    await opened.close();
    return opened.model.problems.find(({ severity }) => severity === 'error')?.code ?? 'opens';
  } catch (error) {
    if (error instanceof SlicerError) return error.code;
    throw error;
  }
}

describe('weights against what Keras says', () => {
  it.each(models)('$name $format', async ({ name, format, golden: file }) => {
    const golden = readGolden(file);
    const opened = await openModelFile(path.join(keras, name, format));
    try {
      const layers = new Map(
        walkLayers(opened.model.graph).map(({ address, layer }) => [address.replace(/\\/g, ''), layer]),
      );
      for (const { address, weights } of golden.layers) {
        for (const [i, expected] of weights.entries()) {
          const index = layers.get(address)?.weights[i]?.entry;
          const entry = index === null || index === undefined ? undefined : opened.model.weightEntries[index];
          if (!entry) throw new Error(`${address} has no ${expected.name}`);
          const values = (await opened.readWeight(entry)) as Float32Array;
          const tolerance = TOLERANCE[format] ?? (expected.dtype === 'float16' ? 1e-3 : 1e-6);
          expect(values.length).toBe(expected.shape.reduce((product, dim) => product * dim, 1));
          expected.first.forEach((value, at) => {
            expect(Math.abs((values[at] ?? Number.NaN) - value), `${expected.name}[${at}]`).toBeLessThanOrEqual(
              tolerance * Math.max(1, Math.abs(value)),
            );
          });
          const l2 = Math.hypot(...values);
          expect(Math.abs(l2 - expected.l2), expected.name).toBeLessThanOrEqual(
            10 * tolerance * Math.max(1, expected.l2),
          );
        }
      }
    } finally {
      await opened.close();
    }
  });
});

describe('bytes as stored', () => {
  it.each(['tfjs-keras2-h5', 'tfjs-sharded', 'tfjs-by-layer'])(
    'many-shards %s are those of one shard',
    async (format) => {
      const one = await openModelFile(path.join(keras, 'many-shards', 'tfjs-keras2-h5'));
      const opened = await openModelFile(path.join(keras, 'many-shards', format));
      for (const entry of opened.model.weightEntries) {
        const same = one.model.weightEntries.find(({ name }) => name === entry.name);
        if (!same) throw new Error(entry.name);
        const read = async (model: typeof one, what: typeof entry): Promise<Buffer> => {
          const pieces: Uint8Array[] = [];
          for await (const piece of model.readStored(what)) pieces.push(piece);
          return Buffer.concat(pieces);
        };
        expect((await read(opened, entry)).equals(await read(one, same))).toBe(true);
      }
      await Promise.all([one.close(), opened.close()]);
    },
  );

  it('come in pieces of at most 4 MB', async () => {
    const size = 9 * 1024 * 1024;
    await writeFile(path.join(folder, 'w.bin'), Buffer.alloc(size, 7));
    const weights = [{ name: 'a/kernel', shape: [size / 4], dtype: 'float32' }];
    const layer = { class_name: 'Foo', config: { name: 'a', batch_input_shape: [null, 1] } };
    await writeFile(
      path.join(folder, 'model.json'),
      JSON.stringify({
        modelTopology: { class_name: 'Sequential', config: { name: 's', layers: [layer] } },
        weightsManifest: [{ paths: ['w.bin'], weights }],
      }),
    );
    const opened = await openModelFile(folder);
    const [entry] = opened.model.weightEntries;
    const sizes: number[] = [];
    if (entry) for await (const piece of opened.readStored(entry)) sizes.push(piece.length);
    expect(sizes).toEqual([4_194_304, 4_194_304, 1_048_576]);
    await opened.close();
  });
});

describe('files that other programs left', () => {
  const shard = 'group1-shard1of1.bin';
  const base = path.join(keras, 'bad', 'base', 'tfjs');
  const copyBase = async (): Promise<void> => {
    for (const name of ['model.json', shard]) await copyFile(path.join(base, name), path.join(folder, name));
  };

  it('finds the model in a folder, by name or as the only one', async () => {
    expect((await openModelFile(path.join(teachableMachine, 'tiny-image'))).model.file).toBe('model.json');
    await copyFile(path.join(base, 'model.json'), path.join(folder, 'net.json'));
    await writeFile(path.join(folder, 'labels.json'), '["a"]');
    expect((await openModelFile(folder)).model.file).toBe('net.json');
    await copyFile(path.join(base, 'model.json'), path.join(folder, 'other.json'));
    expect(await codeOf(folder)).toBe('not-a-model');
  });

  it('says what an empty folder, a missing file and a special file are', async () => {
    expect(await codeOf(folder)).toBe('not-a-model');
    expect(await codeOf(path.join(folder, 'none.json'))).toBe('missing-file');
    expect(await codeOf('/dev/null')).toBe('missing-file');
  });

  it.each([
    ['\x89HDF\r\n\x1a\n', 'not-hdf5'],
    ['PK\x03\x04', 'truncated-zip'],
  ])('goes by the content: %j in a model.json', async (signature, code) => {
    await writeFile(path.join(folder, 'model.json'), `${signature}${'x'.repeat(100)}`, 'latin1');
    expect(await codeOf(folder)).toBe(code);
  });

  it('refuses a JSON beyond the limit without reading it', async () => {
    await writeFile(path.join(folder, 'model.json'), '{}');
    await truncate(path.join(folder, 'model.json'), 2000);
    await expect(openModelFile(folder, { maxJsonBytes: 1000 })).rejects.toMatchObject({
      code: 'too-large',
      data: { bytes: 2000, limit: 1000 },
    });
  });

  it('follows links that stay, or that lead where the JSON itself is linked to, and no others', async () => {
    await mkdir(path.join(folder, 'store'));
    await mkdir(path.join(folder, 'view'));
    await copyFile(path.join(base, 'model.json'), path.join(folder, 'store', 'x1'));
    await copyFile(path.join(base, shard), path.join(folder, 'store', 'x2'));
    await symlink('../store/x1', path.join(folder, 'view', 'model.json'));
    await symlink('../store/x2', path.join(folder, 'view', shard));
    expect(await codeOf(path.join(folder, 'view'))).toBe('opens');
    await rm(path.join(folder, 'view', 'model.json'));
    await copyFile(path.join(base, 'model.json'), path.join(folder, 'view', 'model.json'));
    expect(await codeOf(path.join(folder, 'view'))).toBe('unsafe-path');
  });

  it('takes a folder, a missing shard and a link to nothing as missing', async () => {
    await copyBase();
    expect(await codeOf(folder)).toBe('opens');
    await rm(path.join(folder, shard));
    expect(await codeOf(folder)).toBe('missing-file');
    await mkdir(path.join(folder, shard));
    expect(await codeOf(folder)).toBe('missing-file');
    await rm(path.join(folder, shard), { recursive: true });
    await symlink('nothing', path.join(folder, shard));
    expect(await codeOf(folder)).toBe('missing-file');
  });

  it('says when a shard shrinks after it was opened', async () => {
    await copyBase();
    const opened = await openModelFile(folder);
    const before = await opened.identity();
    expect(await opened.identity()).toBe(before);
    await truncate(path.join(folder, shard), 20);
    expect(await opened.identity()).not.toBe(before);
    const [entry] = opened.model.weightEntries;
    if (!entry) throw new Error('no entry');
    await expect(opened.readWeight(entry)).rejects.toMatchObject({
      code: 'truncated-weights',
      data: { shard, actual: 20 },
    });
    await opened.close();
  });

  it('keeps the structure where weights cannot be read', async () => {
    const opened = await openModelFile(path.join(keras, 'bad', 'tfjs-missing-shard'));
    expect(opened.model.graph.layers.map(({ name }) => name)).toEqual(['x', 'hidden', 'out']);
    const [entry] = opened.model.weightEntries;
    if (!entry) throw new Error('no entry');
    await expect(opened.readWeight(entry)).rejects.toMatchObject({ code: 'missing-file' });
  });

  it('reads string weights of any length, over the ends of shards, and what stands behind them', async () => {
    const words = ['', 'é', 'x'.repeat(70_000)];
    const stored = Buffer.concat(
      words.map((word) => {
        const text = Buffer.from(word);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(text.length);
        return Buffer.concat([length, text]);
      }),
    );
    const bytes = Buffer.concat([
      Buffer.from(new Int32Array([5]).buffer),
      stored,
      stored,
      Buffer.from(new Int32Array([7, 8]).buffer),
    ]);
    await writeFile(path.join(folder, 's1'), bytes.subarray(0, 70_003));
    await writeFile(path.join(folder, 's2'), bytes.subarray(70_003));
    const weights = [
      { name: 'a', shape: [1], dtype: 'int32' },
      { name: 'w1', shape: [3], dtype: 'string' },
      { name: 'w2', shape: [3, 1], dtype: 'string' },
      { name: 'b', shape: [2], dtype: 'int32' },
    ];
    const node = weights.map(({ name }) => ({ name, op: 'Const', attr: {} }));
    await writeFile(
      path.join(folder, 'model.json'),
      JSON.stringify({ modelTopology: { node }, weightsManifest: [{ paths: ['s1', 's2'], weights }] }),
    );
    const opened = await openModelFile(folder);
    const [, w1, w2, b] = opened.model.weightEntries;
    if (!w1 || !w2 || !b) throw new Error('no entries');
    for (const entry of [w1, w2]) {
      const values = (await opened.readWeight(entry)) as Uint8Array[];
      expect(values.map((value) => new TextDecoder().decode(value))).toEqual(words);
    }
    expect(await opened.readWeight(b)).toEqual(new Int32Array([7, 8]));
    await opened.close();
  });

  it.each([
    [
      'float16',
      new Uint16Array([0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x8000]),
      new Float32Array([1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, -0]),
    ],
    ['bfloat16', new Uint16Array([0x3f80, 0xc000]), new Float32Array([1, -2])],
    ['bool', new Uint8Array([1, 0]), new Uint8Array([1, 0])],
    ['uint16', new Uint16Array([1, 65535]), new Int32Array([1, 65535])],
  ])('reads %s', async (dtype, stored, values) => {
    await writeFile(path.join(folder, 'w'), Buffer.from(stored.buffer));
    const weights = [{ name: 'a', shape: [stored.length], dtype }];
    await writeFile(
      path.join(folder, 'model.json'),
      JSON.stringify({
        modelTopology: { node: [{ name: 'a', op: 'Const' }] },
        weightsManifest: [{ paths: ['w'], weights }],
      }),
    );
    const opened = await openModelFile(folder);
    const [entry] = opened.model.weightEntries;
    if (!entry) throw new Error('no entry');
    expect(await opened.readWeight(entry)).toEqual(values);
    await opened.close();
  });
});
