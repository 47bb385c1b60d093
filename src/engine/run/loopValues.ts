/** The values that a loop has computed and still needs. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';

export interface Value {
  tensor: tf.Tensor;
  mask: tf.Tensor | null;
}

/** Tensors may stand under several addresses (aliases, dropout): they go when the last of them goes. */
export class Values {
  /** Of all that is there; what several tensors share counts once. */
  bytes = 0;
  private readonly values = new Map<string, Value>();
  private readonly holders = new Map<tf.Tensor, number>();
  private readonly storages = new Map<object, number>();

  set(address: string, value: Value): void {
    this.values.set(address, value);
    this.hold(value.tensor);
    if (value.mask) this.hold(value.mask);
  }

  get(address: string): Value {
    const value = this.values.get(address);
    if (!value) throw new SlicerError('internal', { reason: `${address} was not computed` });
    return value;
  }

  drop(address: string): void {
    const value = this.values.get(address);
    if (!value) return;
    this.values.delete(address);
    this.letGo(value.tensor);
    if (value.mask) this.letGo(value.mask);
  }

  dropAll(): void {
    for (const address of [...this.values.keys()]) this.drop(address);
  }

  private hold(tensor: tf.Tensor): void {
    const count = this.holders.get(tensor) ?? 0;
    this.holders.set(tensor, count + 1);
    if (count > 0) return;
    const sharers = this.storages.get(tensor.dataId) ?? 0;
    this.storages.set(tensor.dataId, sharers + 1);
    if (sharers === 0) this.bytes += tensorBytes(tensor);
  }

  private letGo(tensor: tf.Tensor): void {
    const count = (this.holders.get(tensor) ?? 0) - 1;
    if (count > 0) {
      this.holders.set(tensor, count);
      return;
    }
    this.holders.delete(tensor);
    const sharers = (this.storages.get(tensor.dataId) ?? 0) - 1;
    if (sharers > 0) this.storages.set(tensor.dataId, sharers);
    else {
      this.storages.delete(tensor.dataId);
      this.bytes -= tensorBytes(tensor);
    }
    tensor.dispose();
  }
}

/** As a backend holds it. */
function tensorBytes(tensor: Pick<tf.Tensor, 'size' | 'dtype'>): number {
  return tensor.size * (tensor.dtype === 'bool' ? 1 : tensor.dtype === 'complex64' ? 8 : 4);
}
