import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { writeNpy } from '../../../src/engine/files/npy';
import { NpzWriter, readNpz } from '../../../src/engine/files/npz';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'npz-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function failure(action: () => unknown): Promise<SlicerError> {
  try {
    await action();
  } catch (caught) {
    if (caught instanceof SlicerError) return caught;
    throw caught;
  }
  throw new Error('nothing was thrown');
}

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe('NpzWriter', () => {
  it.each([false, true])('writes what readers of zip and npy read (deflated: %s)', async (compress) => {
    const target = path.join(folder, `out-${compress}.npz`);
    const writer = await NpzWriter.create(target, { compress });
    await writer.add('outer/conv#2:1', Float32Array.of(1, 2, 3, NaN), [2, 2]);
    await writer.add('größe@pre', Int32Array.of(-5), []);
    await writer.add('mask', Uint8Array.of(1, 0), [2], true);
    const { bytes, files } = await writer.finish();
    const content = readFileSync(target);
    expect([files, bytes]).toEqual([[target], content.length]);
    const npz = readNpz(content);
    expect(npz.names).toEqual(['outer/conv#2:1', 'größe@pre', 'mask']);
    expect(npz.read('outer/conv#2:1')).toEqual({
      shape: [2, 2],
      dtype: 'float32',
      data: Float32Array.of(1, 2, 3, NaN),
    });
    expect(npz.read('größe@pre').shape).toEqual([]);
    expect(npz.read('mask').dtype).toBe('bool');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.skipIf(!hasPython)("passes the test of Python's zipfile", async () => {
    const target = path.join(folder, 'python.npz');
    const writer = await NpzWriter.create(target);
    await writer.add('a/b', Float32Array.of(1, 2), [2]);
    await writer.finish();
    const script = `import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(z.testzip(), z.namelist(), len(z.read('a/b.npy')))`;
    expect(spawnSync('python3', ['-c', script, target]).stdout.toString().trim()).toBe("None ['a/b.npy'] 136");
  });

  it('gives the same bytes for the same tensors', async () => {
    const write = async (name: string): Promise<Buffer> => {
      const writer = await NpzWriter.create(path.join(folder, name));
      await writer.add('x', Float32Array.of(1), [1]);
      await writer.finish();
      return readFileSync(path.join(folder, name));
    };
    expect((await write('one.npz')).equals(await write('two.npz'))).toBe(true);
  });

  it('keeps an existing file unless it is told otherwise', async () => {
    const target = path.join(folder, 'there.npz');
    writeFileSync(target, 'mine');
    expect((await failure(() => NpzWriter.create(target))).code).toBe('target-exists');
    const writer = await NpzWriter.create(target, { force: true });
    await writer.add('x', Float32Array.of(1), [1]);
    expect(readFileSync(target, 'utf8')).toBe('mine');
    await writer.finish();
    expect(readNpz(readFileSync(target)).names).toEqual(['x']);
  });

  it('leaves nothing behind when it is given up', async () => {
    const target = path.join(folder, 'aborted.npz');
    const writer = await NpzWriter.create(target);
    await writer.add('x', new Float32Array(1000), [1000]);
    await writer.abort();
    await writer.abort();
    expect(readdirSync(folder).filter((name) => name.startsWith('aborted'))).toEqual([]);
  });

  it('says that a folder is missing', async () => {
    expect((await failure(() => NpzWriter.create(path.join(folder, 'no/such/x.npz')))).code).toBe('write-failed');
  });
});

describe('readNpz', () => {
  const one = writeNpy(Float32Array.of(1, 2), [2]);

  it('reads what another zip writer wrote, deflated or stored', () => {
    const bytes = zipSync({
      'a.npy': [one, { level: 6 }],
      'b.npy': [one, { level: 0 }],
      'notes.txt': new Uint8Array(3),
    });
    const npz = readNpz(bytes);
    expect(npz.names).toEqual(['a', 'b']);
    expect(npz.read('a').data).toEqual(npz.read('b').data);
  });

  it('names the members when one is missing', async () => {
    const missing = await failure(() => readNpz(zipSync({ 'a.npy': one }), 'x.npz').read('toString'));
    expect(missing.data).toMatchObject({ reason: 'npz-member', names: ['a'], file: 'x.npz' });
  });

  const valid = Buffer.from(zipSync({ 'a.npy': [one, { level: 6 }] }));
  const patched = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(valid);
    change(bytes);
    return bytes;
  };
  const central = valid.indexOf('PK\x01\x02', 0, 'latin1');
  it.each([
    ['not a zip', Buffer.from('hello'), 'not-npz'],
    ['empty', Buffer.alloc(0), 'not-npz'],
    ['without arrays', Buffer.from(zipSync({ 'a.txt': one })), 'not-npz'],
    ['cut in the middle', valid.subarray(0, valid.length - 30), 'not-npz'],
    ['directory elsewhere', patched((bytes) => bytes.writeUInt32LE(7, bytes.length - 6)), 'npz-broken'],
    ['more members than there are', patched((bytes) => bytes.writeUInt16LE(9, bytes.length - 12)), 'npz-broken'],
    ['flipped data', patched((bytes) => bytes.writeUInt8(bytes.readUInt8(60) ^ 0xff, 60)), 'npz-broken'],
    ['wrong checksum', patched((bytes) => bytes.writeUInt32LE(1, central + 16)), 'npz-broken'],
    ['encrypted', patched((bytes) => bytes.writeUInt16LE(1, central + 8)), 'npz-broken'],
    ['unknown method', patched((bytes) => bytes.writeUInt16LE(12, central + 10)), 'npz-broken'],
    ['declares less than it holds', patched((bytes) => bytes.writeUInt32LE(10, central + 24)), 'npz-broken'],
    ['header beyond the end', patched((bytes) => bytes.writeUInt32LE(0x7fffffff, central + 42)), 'npz-broken'],
    ['member beyond the end', patched((bytes) => bytes.writeUInt32LE(0x7fffffff, central + 20)), 'npy-truncated'],
  ])('refuses: %s', async (_name, bytes, reason) => {
    const refused = await failure(() => readNpz(bytes, 'x.npz').read('a'));
    expect([refused.code, refused.data.reason]).toEqual(['bad-input', reason]);
  });

  it('does not inflate a bomb beyond what it declares', async () => {
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    const zip = Buffer.from(zipSync({ 'a.npy': [new Uint8Array(bomb), { level: 0 }] }));
    const at = zip.indexOf('PK\x01\x02', 0, 'latin1');
    zip.writeUInt16LE(8, at + 10);
    zip.writeUInt32LE(1000, at + 24);
    expect((await failure(() => readNpz(zip).read('a'))).data.reason).toBe('npz-broken');
    zip.writeUInt32LE(0x7ffffff0, at + 24);
    expect((await failure(() => readNpz(zip).read('a'))).code).toBe('too-large');
  });
});
