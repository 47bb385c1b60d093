import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import type { SliceFormat } from '../../../src/core/slicing/slice';
import { sliceModel } from '../../../src/core/slicing/sliceModel';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { originOf } from '../../../src/engine/files/sliceOrigin';
import { writeSlice, type WeightSource, type WriteOptions } from '../../../src/engine/files/writeSlice';
import { keras } from '../../fixtures';

const FORMATS = [
  ['keras-v3', 'slice.keras'],
  ['keras-h5', 'slice.h5'],
] as const;
const cut = { outputs: ['conv_2', 'output_layer'], inputs: [] };

let folder: string;
let source: OpenedModel;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-keras-'));
  cpSync(path.join(keras, 'digits-cnn', 'model.keras'), path.join(folder, 'source.keras'));
  source = await openModelFile(path.join(folder, 'source.keras'));
});
afterEach(async () => {
  await source.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(
  format: SliceFormat,
  name: string,
  options: Partial<WriteOptions> = {},
  from: WeightSource = source,
): Promise<{ files: string[]; bytes: number }> {
  const slice = sliceModel(source.model, cut, format);
  return writeSlice(slice, from, path.join(folder, name), { force: false, ...options });
}

async function code(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof SlicerError ? error.code : String(error)),
  );
}

async function bytesOf(opened: OpenedModel, name: string): Promise<Buffer> {
  const entry = opened.model.weightEntries.find((item) => item.name === name);
  const pieces: Uint8Array[] = [];
  if (entry) for await (const piece of opened.readStored(entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe.each(FORMATS)('%s', (format, name) => {
  test('holds the layers and the very bytes of their weights, and says where they come from', async () => {
    const { files, bytes } = await write(format, name);
    expect(files).toEqual([name]);
    const file = path.join(folder, name);
    expect(bytes).toBe(readFileSync(file).length);
    const opened = await openModelFile(file);
    try {
      expect(opened.model.format).toBe(format);
      expect(opened.model.problems).toEqual([]);
      expect(opened.model.graph.layers.map((layer) => layer.name)).toEqual(
        source.model.graph.layers.map((layer) => layer.name),
      );
      for (const layer of opened.model.graph.layers) {
        const original = source.model.graph.layers.find((other) => other.name === layer.name);
        for (const [i, { entry }] of layer.weights.entries()) {
          const own = opened.model.weightEntries[entry ?? -1]?.name ?? '';
          const theirs = source.model.weightEntries[original?.weights[i]?.entry ?? -1]?.name ?? '-';
          expect((await bytesOf(opened, own)).equals(await bytesOf(source, theirs)), own).toBe(true);
        }
      }
      expect(await originOf(opened, source.model)).toEqual({ sourceMatches: true, weightsMatch: true });
    } finally {
      await opened.close();
    }
  });

  test('the same cut gives the same bytes, whenever it is made', async () => {
    await write(format, name);
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2031-05-06') });
    try {
      await write(format, `again-${name}`);
    } finally {
      vi.useRealTimers();
    }
    expect(readFileSync(path.join(folder, `again-${name}`)).equals(readFileSync(path.join(folder, name)))).toBe(true);
  });

  test('a changed weight is noticed', async () => {
    await write(format, name);
    const file = path.join(folder, name);
    const opened = await openModelFile(file);
    const segment = opened.model.weightEntries
      .map(({ locator }) => (locator.kind === 'segments' ? locator.segments[0] : undefined))
      .find((item) => item !== undefined);
    await opened.close();
    const bytes = readFileSync(file);
    const at = (segment?.offset ?? 0) + 1;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const changed = await openModelFile(file);
    expect((await originOf(changed, source.model)).weightsMatch).toBe(false);
    await changed.close();
  });

  test('what is there stays without force, and with it until the new file is whole', async () => {
    writeFileSync(path.join(folder, name), 'mine');
    expect(await code(write(format, name))).toBe('target-exists');
    const failing: WeightSource = {
      ...sourceOf(),
      // eslint-disable-next-line require-yield -- it ends before the first
      async *readStored() {
        await Promise.resolve();
        throw new SlicerError('truncated-weights', {});
      },
    };
    expect(await code(write(format, name, { force: true }, failing))).toBe('truncated-weights');
    const controller = new AbortController();
    controller.abort();
    expect(await code(write(format, name, { force: true, signal: controller.signal }))).toBe('cancelled');
    expect(readFileSync(path.join(folder, name), 'utf8')).toBe('mine');
    expect(readdirSync(folder).sort()).toEqual([name, 'source.keras'].sort());
    expect(await code(write(format, name, { force: true }))).toBe('done');
  });

  test('bytes that end early leave nothing', async () => {
    const short: WeightSource = {
      ...sourceOf(),
      async *readStored(entry) {
        for await (const piece of source.readStored(entry)) yield piece.subarray(0, piece.length - 4);
      },
    };
    expect(await code(write(format, name, {}, short))).toBe('missing-weight');
    expect(existsSync(path.join(folder, name))).toBe(false);
  });
});

function sourceOf(): WeightSource {
  const { model, path: file, shardFiles } = source;
  return { model, path: file, shardFiles, readStored: (entry) => source.readStored(entry) };
}

test('never over the source', async () => {
  expect(await code(write('keras-v3', 'source.keras', { force: true }))).toBe('target-exists');
});

test('the archive is stored, has no dates, and its checksums are right', async () => {
  await write('keras-v3', 'slice.keras');
  const bytes = readFileSync(path.join(folder, 'slice.keras'));
  const names: string[] = [];
  for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50;) {
    const size = bytes.readUInt32LE(at + 18);
    const length = bytes.readUInt16LE(at + 26);
    const start = at + 30 + length + bytes.readUInt16LE(at + 28);
    names.push(bytes.toString('utf8', at + 30, at + 30 + length));
    expect(bytes.readUInt16LE(at + 8)).toBe(0);
    expect(bytes.readUInt32LE(at + 10)).toBe(0x00210000);
    expect(crc32(bytes.subarray(start, start + size))).toBe(bytes.readUInt32LE(at + 14));
    at = start + size;
  }
  expect(names).toEqual(['config.json', 'model.weights.h5', 'metadata.json']);
});

test('quantized weights become the values that TF.js makes of them', async () => {
  const quantized = await openModelFile(path.join(keras, 'quantized-tfjs', 'tfjs-uint8', 'model.json'));
  try {
    const target = path.join(folder, 'plain.keras');
    const slice = sliceModel(quantized.model, { outputs: [], inputs: [] }, 'keras-v3');
    expect(slice.plan.notes.some(({ message }) => /quantized/.test(message))).toBe(true);
    await writeSlice(slice, quantized, target, { force: false });
    const opened = await openModelFile(target);
    const [layer] = quantized.model.graph.layers.filter(({ weights }) => weights.length > 0);
    const copy = opened.model.graph.layers.find(({ name }) => name === layer?.name);
    const [theirs, ours] = [
      quantized.model.weightEntries[layer?.weights[0]?.entry ?? -1],
      opened.model.weightEntries[copy?.weights[0]?.entry ?? -1],
    ];
    if (!theirs || !ours) throw new Error('no weights');
    expect(await opened.readWeight(ours)).toEqual(await quantized.readWeight(theirs));
    await opened.close();
  } finally {
    await quantized.close();
  }
});
