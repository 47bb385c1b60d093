/** How much memory an engine may take. */
import os from 'node:os';
import { SlicerError } from '../../core/errors';
import type { BackendName } from '../../protocol/engine';

/**
 * What the process takes besides tensors: Node.js, TensorFlow.js, and values that wait for the garbage collector; with the
 * native library that library, and copies of values for whoever looks at them.
 */
export function processBytes(backend: BackendName): number {
  return (backend === 'tensorflow' ? 512 : 256) * 2 ** 20;
}

const [leastBytes, mostBytes] = [2 ** 30, 8 * 2 ** 30];

/**
 * Bytes that the process may take: `wanted`, else (0 or nothing) half of what the machine or its container has, within
 * 1 and 8 GB: several models may be open at once.
 */
export function memoryLimit(wanted: number | undefined): number {
  if (wanted !== undefined && wanted > 0) return wanted;
  // 0 or a number beyond the machine's where nothing constrains it
  const constrained = process.constrainedMemory();
  const total = constrained > 0 ? Math.min(constrained, os.totalmem()) : os.totalmem();
  return Math.min(mostBytes, Math.max(leastBytes, Math.floor(total / 2)));
}

/** `out-of-memory` with the reason `live`: what the process would need at least, and may take; in bytes, and in MB as settings have it. */
export function overLimit({ bytes, limit, address }: { bytes: number; limit: number; address: string }): SlicerError {
  const inMB = { needed: Math.ceil(bytes / 2 ** 20), allowed: Math.floor(limit / 2 ** 20) };
  return new SlicerError('out-of-memory', { reason: 'live', bytes, limit, ...inMB, address });
}
