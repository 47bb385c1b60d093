/** Values copied out of a backend: what a proof compares and hands from one part to the next. */
import * as tf from '@tensorflow/tfjs-core';
import type { BackendName } from '../../protocol/engine';
import type { TensorValues } from './keptValues';

export interface Snapshot {
  shape: number[];
  dtype: string;
  values: TensorValues;
}

/** What one run of a part needs besides its values. */
export interface CollectRun {
  backend: BackendName;
  /** What the first graph-model of a proof ran on as a whole, for those that follow: it may be another backend. */
  graphs?: { ranOn: BackendName | null };
  /** Bytes that the process may take; without it what the machine has decides. */
  memoryLimit?: number;
  signal: { readonly aborted: boolean };
  /** About every 30 ms, and at the end: calls done, and the address of the last. */
  onPause(done: number, at: string): void;
}

/** A copy: the tensor may go, and the wasm heap under it may move. */
export function snapshotOf(tensor: tf.Tensor): Snapshot {
  return { shape: tensor.shape.slice(), dtype: tensor.dtype, values: tensor.dataSync() as TensorValues };
}

/** A new tensor; the caller disposes it. */
export function tensorOfSnapshot({ values, shape, dtype }: Snapshot): tf.Tensor {
  return tf.tensor(values, shape, dtype as 'float32');
}

/** Bit for bit, as far as numbers can be told apart. */
export function isSame(a: Snapshot, b: Snapshot | undefined): boolean {
  if (!b || a.dtype !== b.dtype || a.shape.join() !== b.shape.join() || a.values.length !== b.values.length)
    return false;
  const others: ArrayLike<unknown> = b.values;
  for (let i = 0; i < a.values.length; i++) if (!Object.is(a.values[i], others[i])) return false;
  return true;
}
