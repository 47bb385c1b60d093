/** Archives that somebody made to be misread: each gives one clear sentence, or opens as what it is. */
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { sentence } from '../../../src/core/messages';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { keras } from '../../fixtures';
import { noise } from '../noise';
import { buildZip, type Entry } from './zipBuilder';

const healthy = path.join(keras, 'bad', 'base', 'model.keras');
const members = unzipSync(readFileSync(healthy));
const config = members['config.json'] as Uint8Array;
const weights = members['model.weights.h5'] as Uint8Array;
const own: Entry[] = [
  { name: 'config.json', content: config },
  { name: 'model.weights.h5', content: weights },
];
const [configEntry, weightsEntry] = own as [Entry, Entry];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-hostile-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(content: Uint8Array, name = 'model.keras'): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** The first code, `opens` where every weight can be read. */
async function outcome(file: string): Promise<string> {
  let opened: OpenedModel;
  try {
    opened = await openModelFile(file);
  } catch (error) {
    return codeOf(error);
  }
  try {
    const fatal = opened.model.problems.find(({ severity }) => severity === 'error');
    for (const problem of opened.model.problems) expect(sentence(problem)).toMatch(/^[^{}\n]{20,}$/);
    if (fatal) return fatal.code;
    for (const entry of opened.model.weightEntries) await opened.readWeight(entry);
    return 'opens';
  } catch (error) {
    return codeOf(error);
  } finally {
    await opened.close();
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof SlicerError)) throw error;
  expect(sentence(error)).toMatch(/^[^{}\n]{20,}$/);
  return error.code;
}

const big = new Uint8Array(100 * 1024 * 1024).fill(0x20);

describe('archives', () => {
  test.each<[string, string, () => Buffer]>([
    ['as it should be', 'opens', () => buildZip(own)],
    ['a bomb for its configuration', 'too-large', () => buildZip([{ ...configEntry, content: big, deflate: true }])],
    [
      'a bomb that says it is small',
      'not-zip',
      () => buildZip([{ ...configEntry, content: big, deflate: true, size: 1000 }, weightsEntry]),
    ],
    [
      'a size that no packing reaches',
      'not-zip',
      () => buildZip([{ ...configEntry, deflate: true, size: 60 * 1024 * 1024 }, weightsEntry]),
    ],
    ['brackets only', 'too-deep', () => buildZip([{ ...configEntry, content: bytes('['.repeat(1e6)), deflate: true }])],
    ['encrypted', 'unsupported', () => buildZip([{ ...configEntry, flags: 1 }, weightsEntry])],
    ['encrypted weights', 'unsupported', () => buildZip([configEntry, { ...weightsEntry, flags: 1 }])],
    ['encrypted by the header alone', 'unsupported', () => buildZip([{ ...configEntry, localFlags: 1 }, weightsEntry])],
    ['strongly encrypted', 'unsupported', () => buildZip([{ ...configEntry, flags: 0x41 }, weightsEntry])],
    ['an unknown way of packing', 'unsupported', () => buildZip([{ ...configEntry, method: 93 }, weightsEntry])],
    [
      'two configurations',
      'opens',
      () => buildZip([{ name: 'config.json', content: bytes('{}') }, weightsEntry, configEntry]),
    ],
    [
      'two configurations, the last one nonsense',
      'not-a-model',
      () => buildZip([...own, { name: 'config.json', content: bytes('{}') }]),
    ],
    [
      'another name in the header',
      'not-zip',
      () => buildZip([{ ...configEntry, localName: 'konfig.json' }, weightsEntry]),
    ],
    ['another method in the header', 'not-zip', () => buildZip([{ ...configEntry, localMethod: 8 }, weightsEntry])],
    ["one entry's bytes for two", 'not-zip', () => buildZip([configEntry, { ...weightsEntry, at: { entry: 0 } }])],
    [
      'an entry that reaches into the next',
      'not-zip',
      () => buildZip([{ ...configEntry, size: config.length + 64, packed: config.length + 64 }, weightsEntry]),
    ],
    [
      'weights that reach into the directory',
      'not-zip',
      () => buildZip([configEntry, { ...weightsEntry, size: weights.length + 20, packed: weights.length + 20 }]),
    ],
    ['an entry in the directory', 'not-zip', () => buildZip([{ ...configEntry, at: 10 }, weightsEntry])],
    ['an entry behind the end', 'not-zip', () => buildZip([{ ...configEntry, at: 0x7fffffff }, weightsEntry])],
    [
      'weights behind the end',
      'truncated-zip',
      () => buildZip([configEntry, { ...weightsEntry, size: 0x7ffffff0, packed: 0x7ffffff0 }]),
    ],
    ['a wrong checksum', 'not-zip', () => buildZip([{ ...configEntry, crc: 1 }, weightsEntry])],
    ['more entries than there are', 'truncated-zip', () => buildZip(own, { count: 60_000 })],
    ['one entry more', 'truncated-zip', () => buildZip(own, { count: 3 })],
    [
      'weights as pickled objects',
      'unsupported',
      () => buildZip([configEntry, { name: 'model.weights.npz', content: buildZip([]) }]),
    ],
    ['no entries', 'not-zip', () => buildZip([])],
    ['a directory elsewhere', 'truncated-zip', () => buildZip(own, { directoryStart: 7 })],
    [
      'a comment of ends',
      'opens',
      () => buildZip(own, { comment: Buffer.alloc(60_000, Buffer.from('504b0506ffffffffffffffff', 'hex')) }),
    ],
    [
      'ends that lead to each other',
      'opens',
      () => buildZip(own, { comment: Buffer.alloc(60_000, Buffer.from('504b060700000000ffffffffffffff7f', 'hex')) }),
    ],
    [
      'many entries',
      'opens',
      () => buildZip([...Array.from({ length: 20_000 }, (_, i) => ({ name: `x${i}`, content: bytes('') })), ...own]),
    ],
  ])('%s: %s', async (_what, code, make) => {
    expect(await outcome(written(make()))).toBe(code);
  });

  test.each([
    '../config.json',
    '/etc/cron.d/job',
    'C:\\windows\\job',
    '..\\..\\job',
    'assets/../../job',
    'config.json\0.txt',
    'a/../../b',
  ])('an entry %j is left alone, and said', async (name) => {
    const file = written(buildZip([...own, { name, content: bytes('x') }]));
    const opened = await openModelFile(file);
    await opened.close();
    expect(opened.model.problems).toMatchObject([{ code: 'unsafe-path', severity: 'warning', data: { member: name } }]);
  });

  test('an asset that leads out of the archive is none', async () => {
    const file = written(buildZip([...own, { name: 'assets/../../secret', content: bytes('x') }]));
    const opened = await openModelFile(file);
    await expect((async () => opened.readAsset?.('assets/../config.json'))()).rejects.toMatchObject({
      code: 'missing-file',
    });
    await opened.close();
  });
});

describe('weights in an archive that lead out of it', () => {
  test.each([
    ['h5-soft-link-loop.h5', 'link-loop'],
    ['h5-external-link.h5', 'unsafe-link'],
    ['h5-external-link-group.h5', 'unsafe-link'],
    ['h5-external-storage.h5', 'unsafe-link'],
    ['h5-virtual-dataset.h5', 'unsafe-link'],
    ['h5-hard-link-loop.h5', 'missing-weight'],
    ['h5-truncated-half.h5', 'truncated-hdf5'],
    ['h5-flipped-bytes.h5', 'not-hdf5'],
    ['h5-text.h5', 'not-hdf5'],
  ])('%s: %s', async (name, code) => {
    const content = readFileSync(path.join(keras, 'bad', name));
    for (const deflate of [false, true])
      expect(await outcome(written(buildZip([configEntry, { ...weightsEntry, content, deflate }])))).toBe(code);
  });
});

describe('a file that changes while it is open', () => {
  const files = [
    ['model.keras', () => buildZip(own)],
    ['packed.keras', () => buildZip(own.map((entry) => ({ ...entry, deflate: true })))],
    ['model.h5', () => readFileSync(path.join(keras, 'bad', 'base', 'keras2.h5'))],
    ['gzip.h5', () => readFileSync(path.join(keras, 'bad', 'h5-gzip-filter.h5'))],
  ] as const;

  async function whileOpen(file: string, work: (opened: OpenedModel) => Promise<void>): Promise<void> {
    const opened = await openModelFile(file);
    try {
      await work(opened);
    } finally {
      await opened.close();
    }
  }

  const readAll = async ({ model, readWeight }: OpenedModel, opened: OpenedModel): Promise<unknown[]> => {
    const values = [];
    for (const entry of model.weightEntries) values.push(await readWeight.call(opened, entry));
    return values;
  };

  test.each(files)('%s is cut off', async (name, make) => {
    const file = written(make(), name);
    await whileOpen(file, async (opened) => {
      truncateSync(file, 1000);
      await expect(readAll(opened, opened)).rejects.toMatchObject({ code: 'file-changed' });
    });
  });

  test.each(files)('%s is written over', async (name, make) => {
    const file = written(make(), name);
    await whileOpen(file, async (opened) => {
      writeFileSync(file, Buffer.alloc(make().length, 7));
      await expect(readAll(opened, opened)).rejects.toMatchObject({ code: 'file-changed' });
    });
  });

  test.skipIf(process.platform === 'win32').each(files)('%s is replaced: what was open is read', async (name, make) => {
    const file = written(make(), name);
    await whileOpen(file, async (opened) => {
      const before = await readAll(opened, opened);
      renameSync(written(Buffer.alloc(500, 7), 'other'), file);
      expect(await readAll(opened, opened)).toEqual(before);
      expect(await opened.identity()).not.toBe(opened.openedAs);
    });
  });
});

describe('heaps without an end, which HDF5 itself follows for ever', () => {
  test.each([0xfffffff0, 0, 8])('an object of %i bytes in a global heap', async (size) => {
    const content = readFileSync(path.join(keras, 'bad', 'base', 'keras3.h5'));
    const heap = content.indexOf('GCOL');
    content.writeUInt16LE(size < 16 ? 0 : 1, heap + 16);
    content.writeBigUInt64LE(BigInt(size), heap + 24);
    expect(await outcome(written(content, 'model.h5'))).toBe('not-hdf5');
  });
});

describe('bytes changed at random', () => {
  const archive = readFileSync(healthy);
  const hdf5 = readFileSync(path.join(keras, 'bad', 'base', 'keras2.h5'));
  test.each([
    ['model.keras', archive],
    ['model.h5', hdf5],
  ])('%s: it opens, or says what is wrong', async (name, content) => {
    for (let seed = 0; seed < 60; seed += 1) {
      const changed = Buffer.from(content);
      const random = noise(seed, 12);
      for (let i = 0; i < 6; i += 1) {
        const at = Math.floor(((random[2 * i] ?? 0) + 0.5) * changed.length);
        changed.writeUInt8(Math.floor(((random[2 * i + 1] ?? 0) + 0.5) * 256) & 255, Math.min(at, changed.length - 1));
      }
      expect(await outcome(written(changed, name))).toMatch(/^[a-z0-9-]+$/);
    }
  });
});
