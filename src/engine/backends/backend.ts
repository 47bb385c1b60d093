/** What executes tensors. One is active at a time; tensors wander to it when they are used. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { BackendName } from '../../protocol/engine';
import { startCpu } from './cpu';
import { startTensorflow } from './tensorflow';
import { startWasm } from './wasm';

/** Registers a backend with tfjs. Throws a `SlicerError('unsupported')` with the reason when it cannot. */
export type StartBackend = () => Promise<void>;

const starters: Record<BackendName, StartBackend> = { wasm: startWasm, cpu: startCpu, tensorflow: startTensorflow };
const started = new Map<BackendName, Promise<void>>();

/** Makes `name` the active backend. `auto` is wasm, or cpu where wasm does not start. Returns what is active. */
export async function useBackend(name: 'auto' | BackendName): Promise<BackendName> {
  if (name === 'auto') {
    try {
      return await useBackend('wasm');
    } catch (error) {
      if (!(error instanceof SlicerError) || error.code !== 'unsupported') throw error;
      return useBackend('cpu');
    }
  }
  await start(name);
  // it resolves false on failure, while getBackend() goes on saying the name
  if (tf.getBackend() !== name && !(await tf.setBackend(name))) throw unavailable(name, 'it did not start');
  return name;
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

async function start(name: BackendName): Promise<void> {
  const running = started.get(name);
  if (running) return running;
  const starting = starters[name]();
  started.set(name, starting);
  starting.catch(() => started.delete(name));
  return starting;
}

/** The error of a backend that is not there. */
export function unavailable(name: BackendName, reason: string): SlicerError {
  return new SlicerError('unsupported', { reason: 'backend', backend: name, why: reason });
}
