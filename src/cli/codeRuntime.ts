/** Where the code that is written gets TF.js from: as the user says, or as the project that it goes into does. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeRuntimes, runtimeOfProject, type ProjectRuntime } from '../core/codegen/projectRuntime';
import { SlicerError } from '../core/errors';

const AUTO = 'auto';
/** A package.json is small. */
const LARGEST = 1024 * 1024;

/**
 * @param text one of the runtimes, or `auto`: what the nearest package.json says, from `folder` up.
 * @throws SlicerError `usage`.
 */
export async function runtimeFor(text: string | undefined, folder: string): Promise<ProjectRuntime> {
  const plain: ProjectRuntime = { runtime: 'tfjs', module: '@tensorflow/tfjs' };
  if (text === undefined) return plain;
  if (text === AUTO) return (await projectAbove(folder)) ?? plain;
  const runtime = codeRuntimes.find((name) => name === text);
  if (!runtime) {
    const known = [...codeRuntimes, AUTO].join(', ');
    throw new SlicerError('usage', { detail: `--runtime is one of ${known}, not ${text}.` });
  }
  return { runtime, module: runtime === 'tfjs-node' ? '@tensorflow/tfjs-node' : '@tensorflow/tfjs' };
}

async function projectAbove(from: string): Promise<ProjectRuntime | null> {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const found = runtimeOfProject(await packageIn(folder));
    if (found || folder === path.dirname(folder)) return found;
  }
}

async function packageIn(folder: string): Promise<unknown> {
  const file = path.join(folder, 'package.json');
  try {
    if ((await stat(file)).size > LARGEST) return null;
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch {
    // none here, or one that cannot be read
    return null;
  }
}
