/** Packed weights that are too large for memory: a temporary file, which nobody leaves behind. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { temporaryName, WriterId } from '../../../src/engine/files/leftovers';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { keras } from '../../fixtures';
import { buildZip, type Entry } from './zipBuilder';

const MB = 1024 * 1024;
const members = unzipSync(readFileSync(path.join(keras, 'bad', 'base', 'model.keras')));

let folder: string;
let temporary: string;
const before = process.env.TMPDIR;
/** What follows the end of an HDF5 file is nobody's: it makes the file large. */
let entries: Entry[];

beforeAll(() => {
  const noise = randomBytes(MB);
  const content = Buffer.concat([members['model.weights.h5'] as Uint8Array, ...Array<Buffer>(66).fill(noise)]);
  const packed = deflateRawSync(content, { level: 1 });
  entries = [
    { name: 'config.json', content: members['config.json'] as Uint8Array },
    { name: 'model.weights.h5', content: packed, method: 8, size: content.length, crc: crc32(content) },
  ];
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-unpack-'));
  temporary = path.join(folder, 'tmp');
  mkdirSync(temporary);
  process.env.TMPDIR = temporary;
});
afterEach(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => {
  entries = [];
});

function written(change: Partial<Entry> = {}): string {
  const [config, weights] = entries as [Entry, Entry];
  const file = path.join(folder, 'model.keras');
  writeFileSync(file, buildZip([config, { ...weights, ...change }]));
  return file;
}

async function valuesOf(opened: OpenedModel): Promise<unknown[]> {
  const values = [];
  for (const entry of opened.model.weightEntries) values.push(await opened.readWeight(entry));
  return values;
}

test('is unpacked as it is told, read, and gone', async () => {
  const told: number[] = [];
  // of a process that was killed: its number is nobody's any more
  const left = temporaryName(new WriterId(), 0).replace(`-${process.pid}-`, '-4194303-');
  writeFileSync(path.join(temporary, left), 'left behind');
  const opened = await openModelFile(written(), { onUnpack: ({ done, total }) => told.push(done / total) });
  try {
    expect(opened.model.problems).toEqual([]);
    const plain = await openModelFile(path.join(keras, 'bad', 'base', 'model.keras'));
    expect(await valuesOf(opened)).toEqual(await valuesOf(plain));
    await plain.close();
    expect(opened.model.weightEntries.every((entry) => opened.storedRanges(entry) === null)).toBe(true);
  } finally {
    await opened.close();
  }
  expect(readdirSync(temporary)).toEqual([]);
  expect(told.length).toBeGreaterThan(2);
  expect(told).toEqual([...told].sort((a, b) => a - b));
});

test('nothing stays when it is cancelled', async () => {
  const controller = new AbortController();
  const work = openModelFile(written(), { signal: controller.signal, onUnpack: () => controller.abort() });
  await expect(work).rejects.toMatchObject({ code: 'cancelled' });
  expect(readdirSync(temporary)).toEqual([]);
});

test.each<[string, Partial<Entry>, string]>([
  ['a wrong checksum', { crc: 1 }, 'not-zip'],
  ['more than is declared', { size: 65 * MB }, 'not-zip'],
  ['less than is declared', { size: 70 * MB }, 'not-zip'],
])('%s: %s', async (_what, change, code) => {
  const opened = await openModelFile(written(change));
  await opened.close();
  expect(opened.model.problems).toMatchObject([{ code, severity: 'error' }]);
  expect(readdirSync(temporary)).toEqual([]);
});
