/** Brings `@tensorflow/tfjs-node` into a folder with the user's own npm: whole, or not at all. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';

const name = '@tensorflow/tfjs-node';
export const nativeVersion = '4.22.0';

/** What npm is busy with: packages of JavaScript, then TensorFlow's library, then a look whether it works here. */
export type InstallStep = 'packages' | 'library' | 'trial';

export interface InstallOptions {
  /** Becomes a folder with `node_modules`; what was there before goes when the new one is whole. */
  target: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** `bytes`: of TensorFlow's library, as far as it is there. */
  onStep(step: InstallStep, bytes: number): void;
  /** What npm writes. */
  onOutput(text: string): void;
  /** Rejects with the reason when what lies in the folder cannot be used here. */
  trial(folder: string): Promise<void>;
}

/** @throws SlicerError `cancelled`, `install-failed` with a reason, or what `trial` throws; nothing is left behind then. */
export async function installNative(options: InstallOptions): Promise<void> {
  const { target, env, signal, onStep, trial } = options;
  const npm = findProgram('npm', env);
  if (npm === null) throw new SlicerError('install-failed', { reason: 'no-npm' });
  const parent = path.dirname(target);
  await mkdir(parent, { recursive: true });
  await removeLeftovers(target);
  const folder = `${target}.${process.pid}-${randomBytes(4).toString('hex')}${PARTIAL}`;
  try {
    await mkdir(folder);
    const run = (args: string[]): Promise<Ended> =>
      runNpm(npm, [...args, '--prefix', folder, '--no-audit', '--no-fund'], folder, options);
    onStep('packages', 0);
    const packages = await run(['install', '--ignore-scripts', `${name}@${nativeVersion}`]);
    if (packages.code !== 0) {
      const data = { reason: 'packages', package: `${name}@${nativeVersion}`, why: reasonIn(packages.said) };
      throw new SlicerError('install-failed', data);
    }
    await fetchLibrary(folder, run, options);
    await removeCopies(folder);
    if (signal.aborted) throw new SlicerError('cancelled');
    onStep('trial', 0);
    await trial(folder);
    if (signal.aborted) throw new SlicerError('cancelled');
    await replace(target, folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

const PARTIAL = '.partial';
const OLD = '.old';

/** By npm, so that all of its settings hold (proxies, mirrors); by its own script where npm runs none. */
async function fetchLibrary(
  folder: string,
  run: (args: string[]) => Promise<Ended>,
  { onStep, onOutput, env, signal }: InstallOptions,
): Promise<void> {
  const place = path.join(folder, 'node_modules', name);
  const watch = setInterval(() => onStep('library', librarySize(place)), 1000);
  onStep('library', 0);
  try {
    let ended = await run(['rebuild', '--foreground-scripts', '--ignore-scripts=false', name]);
    if (ended.code === 0 && !existsSync(path.join(place, 'lib'))) {
      const node = findProgram('node', env) ?? process.execPath;
      // its script calls a program of its own packages by name
      const search = [path.join(folder, 'node_modules', '.bin'), pathOf(env)].join(path.delimiter);
      ended = await runProgram(node, ['scripts/install.js'], {
        cwd: place,
        env: { ...env, PATH: search },
        signal,
        onOutput,
      });
    }
    if (ended.code !== 0 || !existsSync(path.join(place, 'lib'))) {
      const source = /^https?:\/\/\S+$/m.exec(ended.said)?.[0] ?? 'storage.googleapis.com';
      throw new SlicerError('install-failed', { reason: 'library', source, why: reasonIn(ended.said) });
    }
  } finally {
    clearInterval(watch);
  }
}

function librarySize(place: string): number {
  const files = ['libtensorflow.so.2', 'libtensorflow_framework.so.2', 'libtensorflow.2.dylib', 'tensorflow.dll'];
  return files
    .map((file) => statSync(path.join(place, 'deps', 'lib', file), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
}

/** The engine gives the package its own TensorFlow.js: 270 MB that nobody would load. */
async function removeCopies(folder: string): Promise<void> {
  const scope = path.join(folder, 'node_modules', '@tensorflow');
  for (const entry of await readdir(scope)) {
    if (entry !== path.basename(name)) await rm(path.join(scope, entry), { recursive: true, force: true });
  }
}

async function replace(target: string, folder: string): Promise<void> {
  const old = `${target}.${process.pid}-${randomBytes(4).toString('hex')}${OLD}`;
  const before = existsSync(target);
  try {
    if (before) await rename(target, old);
    await rename(folder, target);
  } catch (error) {
    if (before && !existsSync(target)) await rename(old, target);
    // Windows lets nobody move a library that is in use
    throw new SlicerError('install-failed', { reason: 'in-use', folder: target }, { cause: error });
  }
  await rm(old, { recursive: true, force: true }).catch(() => undefined);
}

/** What installations that were killed have left; one that was replacing leaves the old folder, which comes back. */
export async function removeLeftovers(target: string): Promise<void> {
  const parent = path.dirname(target);
  const stem = `${path.basename(target)}.`;
  for (const entry of await readdir(parent).catch((): string[] => [])) {
    const pid = /^(\d+)-[0-9a-f]{8}\.(partial|old)$/.exec(entry.startsWith(stem) ? entry.slice(stem.length) : '')?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const place = path.join(parent, entry);
    if (entry.endsWith(OLD) && !existsSync(target)) await rename(place, target);
    else await rm(place, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

interface Ended {
  code: number | null;
  said: string;
}

interface RunOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  onOutput(text: string): void;
}

function runNpm(npm: string, args: string[], cwd: string, { env, signal, onOutput }: InstallOptions): Promise<Ended> {
  return runProgram(npm, args, { cwd, env, signal, onOutput });
}

/** @throws SlicerError `cancelled`; the program and all that it has started are ended then. */
function runProgram(program: string, args: string[], { cwd, env, signal, onOutput }: RunOptions): Promise<Ended> {
  if (signal.aborted) throw new SlicerError('cancelled');
  const windows = process.platform === 'win32';
  const { ELECTRON_RUN_AS_NODE: _, NODE_OPTIONS: __, ...rest } = env;
  // npm is a batch file there, which only a shell runs
  const shell = windows && /\.(cmd|bat)$/i.test(program);
  const quote = (text: string): string => (shell ? `"${text}"` : text);
  const child = spawn(quote(program), args.map(quote), {
    cwd,
    env: rest,
    shell,
    // a group of its own, which can be ended as one
    detached: !windows,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      onOutput(text.trimEnd());
    });
  }
  const stop = (): void => {
    if (child.pid === undefined) return;
    if (windows) spawn('taskkill', ['/pid', String(child.pid), '/t', '/f'], { windowsHide: true });
    else
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
  };
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<Ended>((resolve, reject) => {
    child.once('error', (error) => resolve({ code: 1, said: `Error: ${error.message}` }));
    child.once('close', (code) => (signal.aborted ? reject(new SlicerError('cancelled')) : resolve({ code, said })));
  }).finally(() => signal.removeEventListener('abort', stop));
}

/** What went wrong, out of all that npm and the script wrote. */
function reasonIn(said: string): string {
  const patterns = [/^(?:\w*Error): (.*)$/m, /reason: (.*)$/m, /^npm (?:error|ERR!) (?:code )?(.*)$/m];
  const found = patterns.map((pattern) => pattern.exec(said)?.[1]?.trim()).find((text) => text !== undefined);
  return (found ?? said.trim().split('\n').at(-1) ?? '').replace(/\.$/, '').slice(0, 300);
}

function pathOf(env: NodeJS.ProcessEnv): string {
  return Object.entries(env).find(([key]) => key.toUpperCase() === 'PATH')?.[1] ?? '';
}

/** The program's file on the PATH; null where there is none. */
function findProgram(program: string, env: NodeJS.ProcessEnv): string | null {
  const names = process.platform === 'win32' ? [`${program}.cmd`, `${program}.exe`] : [program];
  for (const folder of pathOf(env).split(path.delimiter)) {
    for (const file of names) {
      const place = path.join(folder, file);
      if (folder !== '' && statSync(place, { throwIfNoEntry: false })?.isFile()) return place;
    }
  }
  return null;
}
