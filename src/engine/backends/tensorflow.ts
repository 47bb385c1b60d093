/** The native backend of `@tensorflow/tfjs-node`, where the user has it. */
import { createRequire } from 'node:module';
import path from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { SlicerError } from '../../core/errors';
import type { NativeSearch } from '../../protocol/engine';
import { addChainedOperations } from '../chainedOperations';
import { giveOwnTfjs } from '../ownTfjs';
import { bridgeMissingKernels } from './kernelBridge';
import { findNative, noteUnusable } from './findNative';
import type { NativePackage } from './nativePackage';

/** Where nobody said where to look. */
const nowhere: NativeSearch = { named: null, folders: [], trusted: true };

/**
 * Loads the first native package that works.
 * @throws SlicerError `unsupported` (`reason: 'backend'`) saying of each that was found why it cannot be used.
 */
export async function startTensorflow(search: NativeSearch = nowhere): Promise<void> {
  for (;;) {
    const found = await findNative(search);
    if ('problems' in found)
      throw new SlicerError('unsupported', { reason: 'backend', backend: 'tensorflow', ...found.problems[0] });
    try {
      load(found);
      return;
    } catch (error) {
      // the next time another one is found, or none
      noteUnusable(found, { folder: found.folder, error: firstLine(error) });
      // what it had registered before it failed would be registered twice
      for (const { kernelName } of tf.getKernelsForBackend('tensorflow')) tf.unregisterKernel(kernelName, 'tensorflow');
    }
  }
}

function load({ folder, binding }: NativePackage): void {
  giveOwnTfjs(
    folder,
    new Map<string, unknown>([
      // it calls two functions that Node 22 warns of and Node 23 has no longer
      ['util', { ...util, isArray: Array.isArray, isNullOrUndefined }],
      // known already; it would load twenty packages and bring a warning of Node
      ['@mapbox/node-pre-gyp', { find: () => binding }],
    ]),
  );
  // its kernels call methods of tensors, which the engine's tfjs has only when they are asked for
  addChainedOperations();
  // TensorFlow writes past Node, and greets in every process
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  createRequire(path.join(folder, 'package.json'))(folder);
  bridgeMissingKernels('tensorflow');
}

/** Whether TensorFlow was refused memory: nothing is broken by it, and another backend would need as much. */
export function isNativeOutOfMemory(error: unknown): boolean {
  return error instanceof Error && /^Invalid TF_Status: 8\b/.test(error.message);
}

function isNullOrUndefined(value: unknown): boolean {
  return value === null || value === undefined;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').replace(/\.$/, '');
}
