import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { sliceModel } from '../../../src/core/slicing/sliceModel';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { writeSlice, type WeightSource } from '../../../src/engine/files/writeSlice';
import { keras } from '../../fixtures';
import { segmentsOf } from '../../../src/core/model/weightFiles';

const digits = path.join(keras, 'digits-cnn', 'tfjs-keras2-h5');

let folder: string;
let source: OpenedModel;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-write-'));
  cpSync(digits, path.join(folder, 'source'), { recursive: true });
  source = await openModelFile(path.join(folder, 'source', 'model.json'));
});
afterEach(async () => {
  await source.close();
  rmSync(folder, { recursive: true, force: true });
});

const cut = { outputs: ['conv_2', 'output_layer'], inputs: [] };

async function code(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof SlicerError ? error.code : String(error)),
  );
}

/** A folder's files with their contents. */
function snapshot(of: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(of).map((name) => [name, readFileSync(path.join(of, name)).toString('base64')]),
  );
}

/** A source whose bytes end with an error half-way. */
function failing(after: number, error: Error): WeightSource {
  let given = 0;
  return {
    model: source.model,
    path: source.path,
    shardFiles: source.shardFiles,
    async *readStored(entry) {
      for await (const piece of source.readStored(entry)) {
        given += piece.length;
        if (given > after) throw error;
        yield piece;
      }
    },
  };
}

describe('writeSlice', () => {
  test('plain TF.js loads what was written', async () => {
    const target = path.join(folder, 'slice');
    const slice = sliceModel(source.model, cut);
    const written = await writeSlice(slice, source, target, { force: false });
    expect(written.files).toEqual(['model.json', 'group1-shard1of1.bin']);
    expect(readdirSync(target).sort()).toEqual([...written.files].sort());
    const json = JSON.parse(readFileSync(path.join(target, 'model.json'), 'utf8')) as {
      weightsManifest: tf.io.WeightsManifestConfig;
      modelTopology: object;
    };
    const weightData = Uint8Array.from(readFileSync(path.join(target, 'group1-shard1of1.bin'))).buffer;
    const model = await tf.loadLayersModel(
      tf.io.fromMemory({
        modelTopology: json.modelTopology,
        weightSpecs: json.weightsManifest[0]?.weights,
        weightData,
      }),
    );
    expect(model.outputs.map(({ shape }) => shape)).toEqual([
      [null, 11, 11, 64],
      [null, 10],
    ]);
    const stored = readFileSync(path.join(digits, 'group1-shard1of1.bin'));
    const [first] = slice.weights;
    const entry = source.model.weightEntries[first?.entry ?? 0];
    const [segment] = entry ? segmentsOf(entry.locator) : [];
    expect(
      Buffer.from(weightData)
        .subarray(0, entry?.bytes)
        .equals(stored.subarray(segment?.offset, (segment?.offset ?? 0) + (segment?.length ?? 0))),
    ).toBe(true);
  });

  test('same cut, same bytes, whatever the size of the shards', async () => {
    const slice = sliceModel(source.model, cut);
    await writeSlice(slice, source, path.join(folder, 'a'), { force: false });
    await writeSlice(slice, source, path.join(folder, 'b'), { force: false });
    expect(snapshot(path.join(folder, 'a'))).toEqual(snapshot(path.join(folder, 'b')));
    const { files } = await writeSlice(slice, source, path.join(folder, 'c'), {
      force: false,
      shardBytes: 10_000,
    });
    const [, ...shards] = files;
    expect(shards.length).toBe(Math.ceil(slice.plan.weightBytes / 10_000));
    const joined = Buffer.concat(shards.map((name) => readFileSync(path.join(folder, 'c', name))));
    expect(joined.equals(readFileSync(path.join(folder, 'a', 'group1-shard1of1.bin')))).toBe(true);
  });

  test('a record says where it came from, without time and path', async () => {
    await writeSlice(sliceModel(source.model, cut), source, path.join(folder, 'slice'), {
      force: false,
      name: 'features',
    });
    const text = readFileSync(path.join(folder, 'slice', 'model.json'), 'utf8');
    const { userDefinedMetadata, modelTopology } = JSON.parse(text) as {
      userDefinedMetadata: { modelSlicer: Record<string, unknown> };
      modelTopology: { model_config: { config: { name: string } } };
    };
    expect(userDefinedMetadata.modelSlicer).toMatchObject({ cut, source: { file: 'model.json' } });
    expect(modelTopology.model_config.config.name).toBe('features');
    expect(text).not.toContain(folder);
  });

  test('quantization stays', async () => {
    const quantized = await openModelFile(path.join(keras, 'quantized-tfjs', 'tfjs-uint8', 'model.json'));
    await writeSlice(sliceModel(quantized.model, { outputs: [], inputs: [] }), quantized, path.join(folder, 'q'), {
      force: false,
    });
    const again = await openModelFile(path.join(folder, 'q'));
    expect(
      again.model.weightEntries
        .map(({ name, quantization, bytes }) => ({ name, quantization, bytes }))
        .sort((a, b) => a.name.localeCompare(b.name)),
    ).toEqual(
      quantized.model.weightEntries
        .map(({ name, quantization, bytes }) => ({ name, quantization, bytes }))
        .sort((a, b) => a.name.localeCompare(b.name)),
    );
    await quantized.close();
    await again.close();
  });

  test('a file name that ends in .json', async () => {
    const target = path.join(folder, 'deep', 'er', 'features.json');
    const { files } = await writeSlice(sliceModel(source.model, cut), source, target, { force: false });
    expect(files).toEqual(['features.json', 'features.group1-shard1of1.bin']);
    const again = await openModelFile(target);
    expect(again.model.problems).toEqual([]);
    await again.close();
  });

  test('an existing target stays unless forced', async () => {
    const target = path.join(folder, 'slice');
    mkdirSync(target);
    writeFileSync(path.join(target, 'model.json'), 'mine');
    const slice = sliceModel(source.model, cut);
    expect(await code(writeSlice(slice, source, target, { force: false }))).toBe('target-exists');
    expect(snapshot(target)).toEqual({ 'model.json': Buffer.from('mine').toString('base64') });
    await writeSlice(slice, source, target, { force: true });
    expect(readdirSync(target).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
  });

  test('never onto the source, not even forced', async () => {
    const before = snapshot(path.join(folder, 'source'));
    for (const target of [path.join(folder, 'source'), path.join(folder, 'source', 'model.json')]) {
      expect(await code(writeSlice(sliceModel(source.model, cut), source, target, { force: true }))).toBe(
        'target-exists',
      );
    }
    expect(snapshot(path.join(folder, 'source'))).toEqual(before);
    // beside it is fine
    await writeSlice(sliceModel(source.model, cut), source, path.join(folder, 'source', 'part.json'), {
      force: false,
    });
    expect(readFileSync(path.join(folder, 'source', 'model.json')).toString('base64')).toBe(before['model.json']);
  });

  test.each([
    [
      'the source fails',
      (): Promise<unknown> =>
        writeSlice(
          sliceModel(source.model, cut),
          failing(30_000, new SlicerError('truncated-weights')),
          path.join(folder, 'slice'),
          { force: true },
        ),
      'truncated-weights',
    ],
    [
      'cancelled',
      (): Promise<unknown> => {
        const controller = new AbortController();
        return writeSlice(sliceModel(source.model, cut), source, path.join(folder, 'slice'), {
          force: true,
          signal: controller.signal,
          onProgress: () => controller.abort(),
        });
      },
      'cancelled',
    ],
    [
      'the source changed',
      (): Promise<unknown> => {
        let calls = 0;
        const changing: WeightSource = {
          ...failing(Infinity, new Error()),
          identity: () => Promise.resolve(String(calls++)),
        };
        return writeSlice(sliceModel(source.model, cut), changing, path.join(folder, 'slice'), { force: true });
      },
      'file-changed',
    ],
  ])('%s: what was there stays, nothing else is left', async (_name, work, expected) => {
    const target = path.join(folder, 'slice');
    expect(await code(work())).toBe(expected);
    expect(existsSync(target)).toBe(false);
    mkdirSync(target);
    writeFileSync(path.join(target, 'model.json'), 'mine');
    writeFileSync(path.join(target, 'group1-shard1of1.bin'), 'mine too');
    const before = snapshot(target);
    expect(await code(work())).toBe(expected);
    expect(snapshot(target)).toEqual(before);
  });

  test('a rename that fails puts back what was there', async () => {
    const target = path.join(folder, 'slice');
    mkdirSync(target);
    writeFileSync(path.join(target, 'model.json'), 'mine');
    const before = snapshot(target);
    const blocking: WeightSource = {
      ...failing(Infinity, new Error()),
      // after the check, before the rename: the shard's name is taken by a folder that is not empty
      async *readStored(entry) {
        if (!existsSync(path.join(target, 'group1-shard1of1.bin'))) {
          mkdirSync(path.join(target, 'group1-shard1of1.bin'));
          writeFileSync(path.join(target, 'group1-shard1of1.bin', 'x'), '');
        }
        yield* source.readStored(entry);
      },
    };
    expect(await code(writeSlice(sliceModel(source.model, cut), blocking, target, { force: true }))).toBe(
      'target-exists',
    );
    rmSync(path.join(target, 'group1-shard1of1.bin'), { recursive: true });
    expect(snapshot(target)).toEqual(before);
  });

  test('what plain TF.js cannot compute is refused', async () => {
    const lambda = await openModelFile(path.join(keras, 'lambda-layers', 'tfjs-keras2-h5', 'model.json'));
    const slice = sliceModel(lambda.model, { outputs: [], inputs: [] });
    expect(await code(writeSlice(slice, lambda, path.join(folder, 'l'), { force: false }))).toBe('not-exportable');
    expect(existsSync(path.join(folder, 'l'))).toBe(false);
    await lambda.close();
  });
});
