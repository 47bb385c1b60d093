/**
 * Tries a native library in a process of its own before the engine loads it: one that is cut off, or made for a newer
 * processor, ends the process that loads it instead of failing.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ErrorData } from '../../core/errors';
import type { NativePackage } from './nativePackage';

const PATIENCE_MS = 30_000;

/** Loads the addon given to it and squares a number with it. */
const trial = `
const binding = require(process.argv[1]);
const number = binding.createTensor([1], binding.TF_FLOAT, new Float32Array([3]));
const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
const [{ id }] = binding.executeOp('Square', [type], [number], 1);
if (binding.tensorDataSync(id)[0] !== 9) throw new Error('it cannot square');
`;

/** Why the library cannot be used, with its folder; null when it can. What passed once is not tried again. */
export async function tryNativeLibrary({ folder, binding }: NativePackage): Promise<ErrorData | null> {
  const mark = markFor(folder, binding);
  if (isOwnFile(mark)) return null;
  const { said, code, signal } = await run(binding);
  if (code === 0) {
    remember(mark);
    return null;
  }
  return code === null ? { folder, signal: signal ?? '' } : { folder, error: reasonIn(said) };
}

/** What Node writes of an error that nobody caught holds its message after the name of its class. */
function reasonIn(said: string): string {
  const message = /^(?:\w*Error): (.*)$/m.exec(said)?.[1] ?? said.trim().split('\n')[0] ?? '';
  return message.replace(/\.$/, '').slice(0, 400);
}

function run(binding: string): Promise<{ said: string; code: number | null; signal: string | null }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', trial, binding], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', NODE_OPTIONS: '' },
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', (error) => resolve({ said: error.message, code: 1, signal: null }));
    child.once('close', (code, signal) => resolve({ said, code, signal }));
  });
}

/** A name for these very files, under this very program. */
function markFor(folder: string, binding: string): string {
  const files = [binding, path.join(folder, 'deps', 'lib')].map((file) => {
    const { size, mtimeMs, ino } = statSync(file, { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0, ino: 0 };
    return [file, size, mtimeMs, ino];
  });
  const what = JSON.stringify([files, process.execPath, process.version]);
  const hash = createHash('sha256').update(what).digest('hex').slice(0, 24);
  return path.join(tmpdir(), `model-slicer-native-${hash}`);
}

/** Others may write into the folder of temporary files. */
function isOwnFile(file: string): boolean {
  const found = lstatSync(file, { throwIfNoEntry: false });
  return found?.isFile() === true && (process.getuid === undefined || found.uid === process.getuid());
}

function remember(mark: string): void {
  try {
    writeFileSync(mark, '', { flag: 'wx', mode: 0o600 });
  } catch {
    // then it is tried again
  }
}
