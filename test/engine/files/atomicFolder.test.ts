import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { AtomicFolder } from '../../../src/engine/files/atomicFolder';
import { temporaryName, WriterId } from '../../../src/engine/files/leftovers';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-atomic-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = { force: false, protect: [] };

function contents(of = folder): Record<string, string> {
  return Object.fromEntries(readdirSync(of).map((name) => [name, readFileSync(path.join(of, name), 'utf8')]));
}

async function code(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof SlicerError ? error.code : String(error)),
  );
}

async function write(output: AtomicFolder, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await (await output.create(name)).write(Buffer.from(text));
}

describe('AtomicFolder', () => {
  test('nothing has its name before the end, then everything has', async () => {
    const target = path.join(folder, 'deep', 'er');
    const output = await AtomicFolder.open(target, ['a.bin', 'b.bin', 'model.json'], options);
    await write(output, { 'a.bin': 'a' });
    writeFileSync(output.reserve('b.bin'), 'b');
    await write(output, { 'model.json': '{}' });
    expect(readdirSync(target).every((name) => /^\.model-slicer-.*\.tmp$/.test(name))).toBe(true);
    await output.commit();
    expect(contents(target)).toEqual({ 'a.bin': 'a', 'b.bin': 'b', 'model.json': '{}' });
  });

  test('given up: folders that it made go, too, others stay', async () => {
    const output = await AtomicFolder.open(path.join(folder, 'deep', 'er'), ['a'], options);
    await write(output, { a: 'a' });
    await output.abort();
    await output.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a thousand files need one handle', async () => {
    const names = Array.from({ length: 1500 }, (_, i) => `${i}`);
    const output = await AtomicFolder.open(folder, names, options);
    await write(output, Object.fromEntries(names.map((name) => [name, name])));
    await output.commit();
    expect(readdirSync(folder)).toHaveLength(1500);
  });

  test('cancelled between two renames: as it was', async () => {
    writeFileSync(path.join(folder, 'a'), 'old');
    const output = await AtomicFolder.open(folder, ['a', 'b', 'model.json'], { force: true, protect: [] });
    await write(output, { a: 'new', b: 'new', 'model.json': 'new' });
    let left = 3;
    const signal = {
      get aborted() {
        return left-- <= 0;
      },
    };
    expect(await code(output.commit(signal))).toBe('cancelled');
    expect(contents()).toEqual({ a: 'old' });
  });

  test('what came meanwhile is not replaced', async () => {
    const output = await AtomicFolder.open(folder, ['a', 'model.json'], options);
    await write(output, { a: 'new', 'model.json': 'new' });
    writeFileSync(path.join(folder, 'model.json'), 'theirs');
    expect(await code(output.commit())).toBe('target-exists');
    expect(contents()).toEqual({ 'model.json': 'theirs' });
  });

  test('obsolete files go with the commit, and only then', async () => {
    writeFileSync(path.join(folder, 'model.json'), 'old');
    writeFileSync(path.join(folder, 'old.bin'), 'old');
    writeFileSync(path.join(folder, 'mine.bin'), 'mine');
    const forced = { force: true, protect: [path.join(folder, 'mine.bin')], obsolete: ['old.bin', 'mine.bin', 'none'] };
    const first = await AtomicFolder.open(folder, ['model.json'], forced);
    await write(first, { 'model.json': 'new' });
    await first.abort();
    expect(contents()).toEqual({ 'model.json': 'old', 'old.bin': 'old', 'mine.bin': 'mine' });
    const second = await AtomicFolder.open(folder, ['model.json'], forced);
    await write(second, { 'model.json': 'new' });
    await second.commit();
    expect(contents()).toEqual({ 'model.json': 'new', 'mine.bin': 'mine' });
  });

  test.each([
    ['itself', (): string => path.join(folder, 'model.json')],
    [
      'by a link',
      (): string => {
        symlinkSync('model.json', path.join(folder, 'link.json'));
        return path.join(folder, 'link.json');
      },
    ],
    [
      'by another name of the same file',
      (): string => {
        linkSync(path.join(folder, 'model.json'), path.join(folder, 'other.json'));
        return path.join(folder, 'other.json');
      },
    ],
  ])('a protected file is never replaced: %s', async (_name, target) => {
    const source = path.join(folder, 'model.json');
    writeFileSync(source, 'source');
    const opened = AtomicFolder.open(folder, [path.basename(target())], { force: true, protect: [source] });
    await expect(opened).rejects.toMatchObject({ code: 'target-exists', data: { reason: 'source' } });
    expect(readFileSync(source, 'utf8')).toBe('source');
  });

  test('a file where the folder should be', async () => {
    writeFileSync(path.join(folder, 'file'), '');
    expect(await code(AtomicFolder.open(path.join(folder, 'file'), ['a'], options))).toBe('target-exists');
    expect(await code(AtomicFolder.open(path.join(folder, 'file', 'in'), ['a'], options))).toBe('write-failed');
  });
});

describe('a writer that was killed', () => {
  let script: string;
  beforeAll(async () => {
    const result = await build({
      entryPoints: [path.join(__dirname, 'killedWriter.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      write: false,
      logLevel: 'error',
    });
    script = result.outputFiles[0]?.text ?? '';
  });

  const old = { 'a.bin': 'old a', 'c.bin': 'old c', 'model.json': 'old json', 'notes.txt': 'mine' };
  const fresh = { 'a.bin': 'new a.bin', 'b.bin': 'new b.bin', 'model.json': 'new model.json', 'notes.txt': 'mine' };

  // three are moved aside (model.json, a.bin, c.bin), three get their names
  test.each([0, 1, 2, 3, 4, 5, 6])(
    'at rename %i: the next writer finds the old files whole, or the new ones',
    async (at) => {
      for (const [name, text] of Object.entries(old)) writeFileSync(path.join(folder, name), text);
      const child = spawnSync(process.execPath, ['-', folder, String(at), 'a.bin', 'b.bin', 'model.json'], {
        input: script,
      });
      expect(child.signal).toBe(at < 6 ? 'SIGKILL' : null);
      const between = contents();
      if (between['model.json'] !== undefined) {
        // what names the others is there only while they are what it names
        const expected = between['model.json'] === 'old json' ? old : fresh;
        expect(between).toMatchObject(expected);
      }
      const next = await AtomicFolder.open(folder, ['another.json'], options);
      await next.abort();
      const after = contents();
      // a new file that replaced none cannot be told from others: it stays
      if (after['model.json'] === 'old json') delete after['b.bin'];
      expect(after).toEqual(at < 6 ? old : fresh);
    },
  );

  test('temporary files of one that lives stay', async () => {
    const living = temporaryName(new WriterId(), 0);
    const elsewhere = '.model-slicer-0-999999999-0123456789ab-0.tmp';
    const ended = living.replace(`-${process.pid}-`, '-999999999-');
    for (const name of [living, elsewhere, ended, '.mine.tmp']) writeFileSync(path.join(folder, name), '');
    const next = await AtomicFolder.open(folder, ['a'], options);
    await next.abort();
    expect(readdirSync(folder).sort()).toEqual([living, elsewhere, '.mine.tmp'].sort());
    expect(existsSync(path.join(folder, ended))).toBe(false);
  });
});

test('a folder that is not there is not made by looking for leftovers', async () => {
  mkdirSync(path.join(folder, 'there'));
  const output = await AtomicFolder.open(path.join(folder, 'there', 'not'), ['a'], options);
  await output.abort();
  expect(readdirSync(path.join(folder, 'there'))).toEqual([]);
});
