/** What executes tensors. One is active at a time; tensors wander to it when they are used. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError, type ErrorData } from '../../core/errors';
import { sentence } from '../../core/messages';
import type { BackendName, NativeSearch } from '../../protocol/engine';
import { startCpu } from './cpu';
import { findNative } from './findNative';
import { startTensorflow } from './tensorflow';
import { startWasm } from './wasm';

/** Registers a backend with tfjs. Throws a `SlicerError('unsupported')` with the reason when it cannot. */
export type StartBackend = (search?: NativeSearch) => Promise<void>;

const starters: Record<BackendName, StartBackend> = { wasm: startWasm, cpu: startCpu, tensorflow: startTensorflow };
const started = new Map<BackendName, Promise<void>>();
/** Why `auto` passed over a backend; each is told once. */
const told = new Set<string>();

/**
 * Makes `name` the active backend. `auto` is the fastest that starts: tensorflow where it is found, wasm, or cpu.
 * @param search where the native library may be; without it only one that was loaded before is used.
 * @returns what is active.
 * @throws SlicerError `unsupported` (`reason: 'backend'`) with the reason why it cannot be.
 */
export async function useBackend(name: 'auto' | BackendName, search?: NativeSearch): Promise<BackendName> {
  if (name === 'auto') return useFastest(search);
  await start(name, search);
  // it resolves false on failure, while getBackend() goes on saying the name
  if (tf.getBackend() !== name && !(await tf.setBackend(name))) throw unavailable(name, { why: 'it did not start' });
  return name;
}

async function useFastest(search: NativeSearch | undefined): Promise<BackendName> {
  const inOrder: BackendName[] = (await hasNative(search)) ? ['tensorflow', 'wasm'] : ['wasm'];
  for (const name of inOrder) {
    try {
      return await useBackend(name, search);
    } catch (error) {
      if (!(error instanceof SlicerError) || error.code !== 'unsupported') throw error;
      tell(error);
    }
  }
  return useBackend('cpu');
}

/** Whether it is worth trying; where something is there that cannot be used, that is said. */
async function hasNative(search: NativeSearch | undefined): Promise<boolean> {
  if (started.has('tensorflow')) return true;
  if (!search) return false;
  const found = await findNative(search);
  if (!('problems' in found)) return true;
  if (!found.nothing) for (const problem of found.problems) tell(unavailable('tensorflow', problem));
  return false;
}

function tell(error: SlicerError): void {
  const text = sentence(error);
  if (told.has(text)) return;
  told.add(text);
  // where all that TF.js says goes, too
  tf.backend_util.warn(text);
}

/** Runs `f` with another backend active, and goes back. */
export async function onBackend<T>(name: BackendName, f: () => T | Promise<T>): Promise<T> {
  const before = tf.getBackend();
  await useBackend(name);
  try {
    return await f();
  } finally {
    if (before && before !== name) await tf.setBackend(before);
  }
}

async function start(name: BackendName, search?: NativeSearch): Promise<void> {
  const running = started.get(name);
  if (running) return running;
  const starting = starters[name](search);
  started.set(name, starting);
  starting.catch(() => started.delete(name));
  return starting;
}

/** The error of a backend that is not there; `problem` picks the sentence. */
export function unavailable(name: BackendName, problem: ErrorData): SlicerError {
  return new SlicerError('unsupported', { reason: 'backend', backend: name, ...problem });
}
