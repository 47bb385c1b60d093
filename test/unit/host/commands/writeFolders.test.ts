import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { writeFolders, type WrittenModel } from '../../../../src/host/commands/writeFolders';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'write-folders-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const parts = ['prefix', 'suffix'] as const;
const options = { force: false, protect: [] };

/** As the engine does it: the folder is made, the model named first. */
function write(name: string, folder: string): Promise<WrittenModel> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'model.json'), `new ${name}`);
  writeFileSync(path.join(folder, 'weights.bin'), `bytes of ${name}`);
  return Promise.resolve({ files: ['model.json', 'weights.bin'], bytes: 10 });
}

/** Every file below the folder with its text. */
function tree(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(folder, file), readFileSync(file, 'utf8')]),
  );
}

const whole = {
  'prefix/model.json': 'new prefix',
  'prefix/weights.bin': 'bytes of prefix',
  'suffix/model.json': 'new suffix',
  'suffix/weights.bin': 'bytes of suffix',
};

function put(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (!(error instanceof SlicerError)) return String(error);
    const { file } = error.data;
    return typeof file === 'string' ? `${error.code} ${file}` : error.code;
  }
}

describe('writeFolders', () => {
  it('makes both folders, and the folder around them', async () => {
    const written = await writeFolders(path.join(root, 'deep', 'er'), parts, options, write);
    expect(tree(path.join(root, 'deep', 'er'))).toEqual(whole);
    expect(written.suffix).toEqual({ files: ['model.json', 'weights.bin'], bytes: 10 });
    expect(readdirSync(path.join(root, 'deep', 'er')).sort()).toEqual(['prefix', 'suffix']);
  });

  it.each([
    { there: 'suffix/model.json', before: [] },
    // known only once it is written
    { there: 'suffix/weights.bin', before: ['prefix', 'suffix'] },
  ])('writes nothing over $there unasked', async ({ there, before }) => {
    put(there, 'old');
    const asked: string[] = [];
    const found = await refusal(
      writeFolders(root, parts, options, (name, folder) => {
        asked.push(name);
        return write(name, folder);
      }),
    );
    expect(found).toBe(`target-exists ${there}`);
    expect(asked).toEqual(before);
    expect(tree(root)).toEqual({ [there]: 'old' });
    expect(existsSync(path.join(root, 'prefix'))).toBe(false);
  });

  it('replaces when it is told to, and leaves other files of the folders alone', async () => {
    put('prefix/model.json', 'old');
    put('prefix/readme.md', 'mine');
    await writeFolders(root, parts, { ...options, force: true }, write);
    expect(tree(root)).toEqual({ ...whole, 'prefix/readme.md': 'mine' });
  });

  it('leaves everything as it was when the second part fails', async () => {
    put('prefix/model.json', 'old');
    const fails = (name: string, folder: string): Promise<WrittenModel> =>
      name === 'suffix' ? Promise.reject(new SlicerError('cancelled')) : write(name, folder);
    expect(await refusal(writeFolders(root, parts, { ...options, force: true }, fails))).toMatch(/^cancelled/);
    expect(tree(root)).toEqual({ 'prefix/model.json': 'old' });
    expect(readdirSync(root)).toEqual(['prefix']);
    expect(await refusal(writeFolders(path.join(root, 'a', 'b'), parts, options, fails))).toMatch(/^cancelled/);
    expect(existsSync(path.join(root, 'a'))).toBe(false);
  });

  it('puts back what it moved when a folder stands where a file is due', async () => {
    put('prefix/model.json', 'old');
    put('suffix/model.json/inside', 'not a file');
    const found = await refusal(writeFolders(root, parts, { ...options, force: true }, write));
    expect(found).toBe('target-exists suffix/model.json');
    expect(tree(root)).toEqual({ 'prefix/model.json': 'old', 'suffix/model.json/inside': 'not a file' });
  });

  it('never replaces the model itself, whatever it is called', async () => {
    put('source.json', 'the model');
    mkdirSync(path.join(root, 'suffix'));
    linkSync(path.join(root, 'source.json'), path.join(root, 'suffix', 'weights.bin'));
    const protect = [path.join(root, 'source.json')];
    expect(await refusal(writeFolders(root, parts, { force: true, protect }, write))).toBe(
      'target-exists suffix/weights.bin',
    );
    expect(tree(root)).toEqual({ 'source.json': 'the model', 'suffix/weights.bin': 'the model' });
  });

  it('says so when the folder cannot be made', async () => {
    put('file', 'text');
    expect(await refusal(writeFolders(path.join(root, 'file', 'below'), parts, options, write))).toMatch(
      /^(write-failed|target-exists) /,
    );
    expect(await refusal(writeFolders(path.join(root, 'file'), parts, options, write))).toBe('target-exists file');
    expect(tree(root)).toEqual({ file: 'text' });
  });
});
