/** The tensors of the last run, for previews and exports. They die with the next run, or when the model is closed. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { TensorHandle } from '../../protocol/engine';
import type { Layer } from '../../core/model/layerGraph';

export type TensorValues = Float32Array | Int32Array | Uint8Array | string[];

export interface KeptTensor {
  address: string;
  shape: number[];
  dtype: string;
  layer: Layer;
  channelAxis: number;
  values(): TensorValues;
}

/**
 * Kept as tensors: copying all values of a mobilenet out of the wasm heap costs as much as computing them, and most are
 * never looked at. But that heap ends at 4 GB and never shrinks, so what goes beyond this is copied into Node's memory.
 */
const heapBytes = 2 ** 30;

interface Entry extends Omit<KeptTensor, 'values'> {
  tensor: tf.Tensor | null;
  copy: TensorValues | null;
}

export class KeptTensors {
  private entries = new Map<string, Entry>();
  private bytes = 0;
  private readonly tensors = new Set<tf.Tensor>();
  private runId = 0;

  constructor(private readonly epoch: number) {}

  get currentRun(): number {
    return this.runId;
  }

  get addresses(): string[] {
    return [...this.entries.keys()];
  }

  /** Drops the tensors of the run before; returns the new run's id. */
  begin(): number {
    this.dispose();
    this.runId += 1;
    return this.runId;
  }

  /** Takes the tensor, or a copy of its values. Returns whether the tensor itself is now ours to dispose. */
  add(value: Omit<KeptTensor, 'values' | 'shape' | 'dtype'>, tensor: tf.Tensor): boolean {
    const fields = { ...value, shape: tensor.shape.slice(), dtype: tensor.dtype };
    if (this.tensors.has(tensor)) {
      this.entries.set(value.address, { ...fields, tensor, copy: null });
      return true;
    }
    const size = tensor.dtype === 'string' ? 0 : tensor.size * 4;
    if (this.bytes + size > heapBytes) {
      this.entries.set(value.address, { ...fields, tensor: null, copy: tensor.dataSync() });
      return false;
    }
    this.bytes += size;
    this.tensors.add(tensor);
    this.entries.set(value.address, { ...fields, tensor, copy: null });
    return true;
  }

  /** @throws SlicerError `handle-gone` when it is of another run or process, `unknown-tensor` when that run did not keep it. */
  get(handle: TensorHandle): KeptTensor {
    this.check(handle);
    const entry = this.entries.get(handle.address);
    if (!entry) throw new SlicerError('unknown-tensor', { address: handle.address });
    return { ...entry, values: () => valuesOf(entry) };
  }

  check({ epoch, runId }: { epoch: number; runId: number }): void {
    if (epoch !== this.epoch || runId !== this.runId) throw new SlicerError('handle-gone', { epoch, runId });
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
    this.tensors.clear();
    this.entries.clear();
    this.bytes = 0;
  }
}

function valuesOf(entry: Entry): TensorValues {
  if (entry.copy) return entry.copy;
  if (!entry.tensor) throw new SlicerError('unknown-tensor', { address: entry.address });
  return entry.tensor.dataSync() as TensorValues;
}
