/** What an export leaves when its target or its source gives way: real file systems, real limits, a real process. */
import { spawnSync, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keras } from '../../fixtures';
import { cli, type CliResult } from './cli';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5');
const bundle = path.join(__dirname, '../../../dist/cli.js');

let folder: string;
let target: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-export-'));
  target = path.join(folder, 'target');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function contents(of: string): Record<string, string> {
  return Object.fromEntries(readdirSync(of).map((name) => [name, readFileSync(path.join(of, name), 'base64')]));
}

/** Other bytes, while the size stays. */
function writeInPlace(file: string): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(1000, 1), 0, 1000, 0);
  closeSync(handle);
}

/** Runs a shell script with `$CLI`, `$TARGET`, `$OLD` and `$MODEL`; `prefix` is put before the shell. */
function shell(prefix: string[], script: string): { code: number | null; stdout: string; stderr: string } {
  const [program = 'sh', ...args] = [...prefix, 'sh', '-c', script];
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    env: {
      ...process.env,
      CLI: `${process.execPath} ${bundle}`,
      MODEL: digits,
      TARGET: target,
      OLD: path.join(folder, 'old'),
      OUT: path.join(folder, 'out'),
    },
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Whether a file system can be mounted that only this script sees. */
const canMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp'], { stdio: 'ignore' }).status === 0;
const isRoot = process.getuid?.() === 0;
/** Root may write everywhere unless it gives that right up. */
const mayNot = isRoot ? ['setpriv', '--bounding-set', '-dac_override', '--inh-caps', '-dac_override'] : [];
const canBeDenied =
  process.platform !== 'win32' &&
  (!isRoot || spawnSync('setpriv', [...mayNot.slice(1), 'true'], { stdio: 'ignore' }).status === 0);

/** An older export, to see whether it stays. */
async function exportOld(): Promise<Record<string, string>> {
  const old = path.join(folder, 'old');
  expect((await cli(['slice', digits, '--output', 'conv_1', '--to', old])).code).toBe(0);
  return contents(old);
}

const slice = '$CLI slice "$MODEL" --output output_layer --to "$TARGET"';

describe.skipIf(!canMount)('a disk (needs the right to mount one: unshare -rm)', () => {
  const mount = (script: string): ReturnType<typeof shell> => {
    mkdirSync(target);
    mkdirSync(path.join(folder, 'out'));
    return shell(
      ['unshare', '-rm'],
      `mount -t tmpfs -o size=96k tmpfs "$TARGET" && ${script}; code=$?; cp -a "$TARGET/." "$OUT"; exit $code`,
    );
  };
  test('that is full: said, and nothing is left', () => {
    const { code, stderr } = mount(slice);
    expect(stderr).toMatch(/^model-slicer: write-failed: .*group1-shard1of1\.bin .*no space is left/m);
    expect(code).toBe(2);
    expect(readdirSync(path.join(folder, 'out'))).toEqual([]);
  });
  test('that is full, over an older export: that stays whole', async () => {
    const old = await exportOld();
    const { code } = mount(`cp "$OLD"/* "$TARGET" && ${slice} --force`);
    expect(code).toBe(2);
    expect(contents(path.join(folder, 'out'))).toEqual(old);
  });
  test('with room for the weights and not for the JSON', () => {
    const { code, stderr } = mount(
      `head -c 94208 /dev/zero > "$TARGET/filler" && $CLI slice "$MODEL" --output pool_1 --to "$TARGET"`,
    );
    expect(stderr).toMatch(/write-failed: .*model\.json.*no space/);
    expect(code).toBe(2);
    expect(readdirSync(path.join(folder, 'out'))).toEqual(['filler']);
  });
  test('that is read-only', async () => {
    const old = await exportOld();
    const { code, stderr } = mount(`cp "$OLD"/* "$TARGET" && mount -o remount,ro "$TARGET" && ${slice} --force`);
    expect(stderr).toMatch(/write-failed: .*read-only/);
    expect(code).toBe(2);
    expect(contents(path.join(folder, 'out'))).toEqual(old);
  });
});

describe.skipIf(process.platform === 'win32')('a limit on the size of files', () => {
  test('said, and nothing is left', () => {
    const { code, stderr } = shell([], `ulimit -f 64; ${slice}`);
    expect(stderr).toMatch(/^model-slicer: write-failed: .*too large/m);
    expect(code).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test.skipIf(!canBeDenied)('a folder without the right to write (for root: needs setpriv)', () => {
  mkdirSync(target, { mode: 0o555 });
  const { code, stderr } = shell(mayNot, slice);
  expect(stderr).toMatch(/write-failed: .*no right to write/);
  expect(code).toBe(2);
  const deeper = shell(mayNot, `${slice}/deeper`);
  expect(deeper.stderr).toMatch(/write-failed: .*no right to write/);
  expect(readdirSync(target)).toEqual([]);
});

describe('a source that is not what its JSON says', () => {
  beforeEach(() => cpSync(digits, path.join(folder, 'source'), { recursive: true }));
  const shard = (): string => path.join(folder, 'source', 'group1-shard1of1.bin');
  test.each<[string, () => void, string]>([
    ['a shard is shorter', () => truncateSync(shard(), 1000), 'truncated-weights'],
    ['a shard is missing', () => rmSync(shard()), 'missing-file'],
    [
      'a weight is listed twice: which one is meant cannot be known',
      () => {
        const file = path.join(folder, 'source', 'model.json');
        const json = JSON.parse(readFileSync(file, 'utf8')) as { weightsManifest: { weights: { name: string }[] }[] };
        const weights = json.weightsManifest[0]?.weights ?? [];
        const [first, , third] = weights;
        if (first && third) third.name = first.name;
        writeFileSync(file, JSON.stringify(json));
      },
      'bad-weight-entry',
    ],
  ])('%s', async (_name, damage, code) => {
    damage();
    for (const command of [
      ['slice', path.join(folder, 'source'), '--output', 'conv_1', '--to', target],
      ['verify', path.join(folder, 'source'), '--output', 'conv_1'],
    ]) {
      const result = await cli([...command, '--json']);
      expect(result.json()).toMatchObject({ error: { code } });
      expect(result.code).toBe(2);
    }
    expect(readdirSync(folder)).toEqual(['source']);
  });
});

describe('a target that is the source, or in it', () => {
  beforeEach(() => cpSync(digits, path.join(folder, 'source'), { recursive: true }));
  test.each(['source', 'source/../source/model.json'])('%s: refused, also forced', async (name) => {
    const before = contents(path.join(folder, 'source'));
    for (const force of [[], ['--force']]) {
      const to = `${folder}/${name}`;
      const result = await cli([
        'slice',
        path.join(folder, 'source'),
        '--output',
        'conv_1',
        '--to',
        to,
        '--json',
        ...force,
      ]);
      expect(result.json()).toMatchObject({ error: { code: 'target-exists', reason: 'source' } });
      expect(result.code).toBe(2);
    }
    expect(contents(path.join(folder, 'source'))).toEqual(before);
  });
  test.each(['source/part.json', 'source/deeper'])('%s: allowed, and the source stays', async (name) => {
    const source = path.join(folder, 'source');
    const before = contents(source);
    const to = path.join(folder, name);
    expect((await cli(['slice', source, '--output', 'conv_1', '--to', to])).code).toBe(0);
    for (const [file, bytes] of Object.entries(before))
      expect(readFileSync(path.join(source, file), 'base64')).toBe(bytes);
    expect((await cli(['verify', source, '--slice', to])).code).toBe(0);
  });
});

describe('while it is being written', () => {
  /** Thousands of small shards take a while; the first that appears is the moment. */
  async function duringExport(source: string, act: (child: ChildProcess) => void): Promise<CliResult> {
    const before = existsSync(target) ? readdirSync(target).length : 0;
    const args = ['slice', source, '--shard-size', '128', '--to', target, '--force', '--json'];
    return cli(args, (child) => {
      const timer = setInterval(() => {
        if (!existsSync(target) || readdirSync(target).length === before) return;
        clearInterval(timer);
        act(child);
      }, 2);
      child.once('exit', () => clearInterval(timer));
    });
  }

  test('killed: what was there is whole, what is left can be recognised, and the next export works', async () => {
    const old = await exportOld();
    cpSync(path.join(folder, 'old'), target, { recursive: true });
    const { code } = await duringExport(digits, (child) => child.kill('SIGKILL'));
    expect(code).toBe(null);
    const left = contents(target);
    for (const [name, bytes] of Object.entries(old)) expect(left[name]).toBe(bytes);
    for (const name of Object.keys(left)) if (!(name in old)) expect(name).toMatch(/^\.model-slicer-.*\.tmp$/);
    expect((await cli(['verify', digits, '--slice', target])).code).toBe(0);
    expect((await cli(['slice', digits, '--output', 'conv_2', '--to', target, '--force'])).code).toBe(0);
    expect(readdirSync(target).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
    expect((await cli(['verify', digits, '--slice', target])).code).toBe(0);
  });

  test.each<[string, (shard: string, json: string) => void, RegExp]>([
    ['the source is changed', (shard) => writeInPlace(shard), /^file-changed$/],
    ["the source's JSON is changed", (_, json) => writeFileSync(json, '{}'), /^file-changed$/],
    ['the source becomes shorter', (shard) => truncateSync(shard, 100), /^(truncated-weights|file-changed)$/],
    ['the source is deleted', (shard) => rmSync(shard), /^(missing-file|file-changed)$/],
  ])('%s: said, and what was there stays', async (_name, change, expected) => {
    const old = await exportOld();
    cpSync(path.join(folder, 'old'), target, { recursive: true });
    const source = path.join(folder, 'source');
    cpSync(digits, source, { recursive: true });
    const result = await duringExport(source, () =>
      change(path.join(source, 'group1-shard1of1.bin'), path.join(source, 'model.json')),
    );
    expect((result.json().error as { code: string }).code).toMatch(expected);
    expect(result.code).toBe(2);
    expect(contents(target)).toEqual(old);
  });
});

describe('over an older export', () => {
  test('its shards go, what others put there stays', async () => {
    const export_ = (...more: string[]): ReturnType<typeof cli> =>
      cli(['slice', digits, '--output', 'output_layer', '--to', target, ...more]);
    expect((await export_('--shard-size', '20000')).code).toBe(0);
    expect(readdirSync(target).length).toBe(8);
    writeFileSync(path.join(target, 'notes.txt'), 'mine');
    writeFileSync(path.join(target, 'group1-shard9of9.bin'), 'not named by model.json');
    expect((await export_()).code).toBe(2);
    expect((await export_('--force')).code).toBe(0);
    expect(readdirSync(target).sort()).toEqual(
      ['group1-shard1of1.bin', 'group1-shard9of9.bin', 'model.json', 'notes.txt'].sort(),
    );
    expect((await cli(['verify', digits, '--slice', target])).code).toBe(0);
  });
  test("another program's model: its shards stay", async () => {
    cpSync(
      path.join(
        keras,
        'many-shards',
        readdirSync(path.join(keras, 'many-shards')).find((name) => name.startsWith('tfjs')) ?? '',
      ),
      target,
      {
        recursive: true,
      },
    );
    const before = readdirSync(target);
    expect((await cli(['slice', digits, '--output', 'conv_1', '--to', target, '--force'])).code).toBe(0);
    expect(readdirSync(target)).toEqual(expect.arrayContaining(before));
    expect((await cli(['verify', digits, '--slice', target])).code).toBe(0);
  });
});
