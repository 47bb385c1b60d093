/** The installation with npm programs that fail, hang, or run no scripts: nothing half stays, whatever happens. */
import {
  chmodSync,
  existsSync,
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
import {
  installNative,
  removeLeftovers,
  type InstallOptions,
  type InstallStep,
} from '../../../../src/host/commands/nativeBackendInstall';
import { failure } from '../../../failure';

let folder: string;
let target: string;
let said: string[];
let steps: Set<InstallStep>;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'model-slicer-install-'));
  target = path.join(folder, 'storage', 'tfjs-node');
  said = [];
  steps = new Set();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program of that name on the only PATH. */
function program(name: string, text: string): void {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const file = path.join(bin, name);
  writeFileSync(file, `#!${process.execPath}\nconst fs = require('fs'), path = require('path');\n${text}`);
  chmodSync(file, 0o755);
}

function options(changes: Partial<InstallOptions> = {}): InstallOptions {
  return {
    target,
    env: { PATH: path.join(folder, 'bin') },
    signal: new AbortController().signal,
    onStep: (step) => steps.add(step),
    onOutput: (text) => said.push(text),
    trial: () => Promise.resolve(),
    ...changes,
  };
}

/** `npm install` lays the package and a copy of TensorFlow.js out; `npm rebuild` does what `rebuild` says. */
const npm = (rebuild: string): string => `
  const [command] = process.argv.slice(2);
  const prefix = process.argv[process.argv.indexOf('--prefix') + 1];
  const scope = path.join(prefix, 'node_modules/@tensorflow');
  const place = path.join(scope, 'tfjs-node');
  if (command === 'install') {
    for (const name of ['tfjs-node/scripts', 'tfjs', 'tfjs-core'])
      fs.mkdirSync(path.join(scope, name), { recursive: true });
    fs.writeFileSync(path.join(place, 'package.json'), JSON.stringify(process.argv.slice(2)));
  } else { ${rebuild} }`;
const brings = "fs.mkdirSync(path.join(place, 'lib/napi-v8'), { recursive: true });";

const left = (): string[] => (existsSync(path.dirname(target)) ? readdirSync(path.dirname(target)) : []);

/** What nobody has reaped yet has ended, too. */
function hasEnded(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || /^\d+ \(.*\) [ZX] /s.test(readFileSync(stat, 'latin1'));
}

describe('installNative', () => {
  it('leaves the package alone, without the TensorFlow.js that came with it', async () => {
    program('npm', npm(brings));
    await installNative(options());
    expect(left()).toEqual(['tfjs-node']);
    expect(readdirSync(path.join(target, 'node_modules/@tensorflow'))).toEqual(['tfjs-node']);
    const manifest = path.join(target, 'node_modules/@tensorflow/tfjs-node/package.json');
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toEqual(
      expect.arrayContaining([
        'install',
        '--ignore-scripts',
        '@tensorflow/tfjs-node@4.22.0',
        '--no-audit',
        '--no-fund',
      ]),
    );
    expect([...steps]).toEqual(['packages', 'library', 'trial']);
  });

  it('runs the package’s own script where npm runs none', async () => {
    program('npm', npm(''));
    program('node', "fs.mkdirSync('lib/napi-v8', { recursive: true }); console.log('own', process.argv[2]);");
    await installNative(options());
    expect(left()).toEqual(['tfjs-node']);
    expect(said.join('\n')).toContain('own scripts/install.js');
  });

  it('says that there is no npm', async () => {
    const error = await failure(installNative(options()));
    expect(error).toMatchObject({ code: 'install-failed', data: { reason: 'no-npm' } });
  });

  it('says why npm could not fetch the packages', async () => {
    program(
      'npm',
      "console.error('npm error code ENOTFOUND\\nnpm error network request to https://host.invalid/x failed, reason: getaddrinfo ENOTFOUND host.invalid'); process.exit(1);",
    );
    const error = await failure(installNative(options()));
    expect(error.data).toMatchObject({ reason: 'packages', why: 'getaddrinfo ENOTFOUND host.invalid' });
    expect(left()).toEqual([]);
    expect(said.join('\n')).toContain('npm error code ENOTFOUND');
  });

  it('says from where the library could not be fetched, and why', async () => {
    const failing =
      "console.log('https://host.invalid/lib.tar.gz'); console.error('Error: connect ECONNREFUSED 10.0.0.1:443'); process.exit(1);";
    program('npm', npm(failing));
    const error = await failure(installNative(options()));
    expect(error).toMatchObject({
      code: 'install-failed',
      data: { reason: 'library', source: 'https://host.invalid/lib.tar.gz', why: 'connect ECONNREFUSED 10.0.0.1:443' },
    });
    expect(left()).toEqual([]);
  });

  it('keeps what was there when the new one fails its trial', async () => {
    program('npm', npm(brings));
    mkdirSync(target, { recursive: true });
    writeFileSync(path.join(target, 'before'), '');
    const trial = (): Promise<void> => Promise.reject(new Error('does not load'));
    await expect(installNative(options({ trial }))).rejects.toThrow('does not load');
    expect(left()).toEqual(['tfjs-node']);
    expect(readdirSync(target)).toEqual(['before']);
  });

  it('replaces what was there by what works', async () => {
    program('npm', npm(brings));
    mkdirSync(target, { recursive: true });
    writeFileSync(path.join(target, 'before'), '');
    await installNative(options());
    expect(left()).toEqual(['tfjs-node']);
    expect(existsSync(path.join(target, 'before'))).toBe(false);
  });

  it('ends npm and all that it has started when it is cancelled', async () => {
    const pidFile = path.join(folder, 'pid');
    const child = `fs.writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); console.log('started'); setInterval(() => {}, 1000);`;
    program(
      'npm',
      npm(
        `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`const fs = require('fs'); ${child}`)}], { stdio: 'inherit' });`,
      ),
    );
    const controller = new AbortController();
    const onOutput = (text: string): void => {
      if (text.includes('started')) controller.abort();
    };
    const error = await failure(installNative(options({ signal: controller.signal, onOutput })));
    expect(error.code).toBe('cancelled');
    expect(left()).toEqual([]);
    expect(hasEnded(Number(readFileSync(pidFile, 'utf8')))).toBe(true);
  });
});

describe('removeLeftovers', () => {
  const dead = 2 ** 22 + 1;
  const make = (name: string): void => void mkdirSync(path.join(path.dirname(target), name), { recursive: true });

  it('removes what killed installations left, and nothing else', async () => {
    const running = `tfjs-node.${process.pid}-00000001.partial`;
    for (const name of [
      'tfjs-node',
      `tfjs-node.${dead}-00000000.partial`,
      `tfjs-node.${dead}-00000000.old`,
      running,
      'other',
    ])
      make(name);
    await removeLeftovers(target);
    expect(left().sort()).toEqual(['other', 'tfjs-node', running].sort());
  });

  it('brings back what was being replaced', async () => {
    make(`tfjs-node.${dead}-00000000.old/content`);
    await removeLeftovers(target);
    expect(left()).toEqual(['tfjs-node']);
    expect(readdirSync(target)).toEqual(['content']);
  });
});
