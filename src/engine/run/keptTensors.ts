/**
 * The tensors of the last run, for previews and exports, as far as memory allows: the others are computed again when
 * they are asked for. They die with the next run, or when the model is closed.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { Layer } from '../../core/model/layerGraph';
import type { Statistics, TensorHandle } from '../../protocol/engine';
import { isDropped, KeptValues, type KeptLimits, type Slot, type TensorValues } from './keptValues';

export interface KeptTensor {
  address: string;
  shape: number[];
  dtype: string;
  layer: Layer;
  channelAxis: number;
  values(): TensorValues;
}

/** What the run said of a tensor. */
export interface KeptFacts extends Pick<KeptTensor, 'address' | 'layer' | 'channelAxis'> {
  statistics: Statistics;
  /** It has an implicit mask beside it, which is not kept. */
  masked: boolean;
}

/**
 * Computes tensors of the run again, to the same values, and hands them over in the order of the run.
 * @param request.given addresses whose tensors `source` of the kept ones supplies, so that fewer calls are done.
 * @throws SlicerError `cancelled`, `handle-gone` (`reason` `not-repeatable`: the model gives other values than before).
 */
export type Recompute = (request: {
  addresses: readonly string[];
  given: ReadonlySet<string>;
  visit(address: string, tensor: tf.Tensor): void | Promise<void>;
  signal: { readonly aborted: boolean };
}) => Promise<void>;

interface Entry extends KeptFacts {
  shape: number[];
  dtype: string;
  slot: Slot | null;
}

export class KeptTensors {
  private readonly entries = new Map<string, Entry>();
  private readonly kept = new KeptValues();
  private recompute: Recompute | null = null;
  private runId = 0;

  constructor(private readonly epoch: number) {}

  /** In the order of the run, dropped ones included. */
  get addresses(): string[] {
    return [...this.entries.keys()];
  }

  /** Each once. @throws SlicerError `unknown-tensor`. */
  inOrder(addresses: ReadonlySet<string>): string[] {
    for (const address of addresses) this.entry(address);
    return this.addresses.filter((address) => addresses.has(address));
  }

  /** Drops the tensors of the run before; returns the new run's id. */
  begin(): number {
    this.dispose();
    this.runId += 1;
    return this.runId;
  }

  /** What the run that begins may keep, and how what is dropped comes back. */
  allow(limits: KeptLimits, recompute: Recompute): void {
    this.kept.allow(limits);
    this.recompute = recompute;
  }

  /** Less may be kept than was thought. */
  shrink(limits: KeptLimits): void {
    this.kept.shrink(limits);
  }

  /** Takes note of a tensor of the run, and of its values as far as there is room. The tensor stays the caller's. */
  add(facts: KeptFacts, tensor: tf.Tensor): void {
    const { shape, dtype } = tensor;
    this.entries.set(facts.address, { ...facts, shape: shape.slice(), dtype, slot: this.kept.add(tensor, false) });
  }

  /**
   * Null when the tensor was dropped: `restore` brings it back.
   * @throws SlicerError `handle-gone` when it is of another run or process, `unknown-tensor` when that run did not have it.
   */
  find(handle: TensorHandle): KeptTensor | null {
    this.check(handle);
    const entry = this.entry(handle.address);
    const slot = entry.slot;
    if (!slot || isDropped(slot)) return null;
    this.kept.touch(slot);
    return { ...factsOf(entry), values: () => valuesOf(slot) };
  }

  /** Computes a dropped tensor again. @throws as `find`, and as what computes it. */
  async restore(handle: TensorHandle, signal: { readonly aborted: boolean }): Promise<KeptTensor> {
    const there = this.find(handle);
    if (there) return there;
    const restored: KeptTensor[] = [];
    await this.again([handle.address], signal, (address, tensor) => {
      const entry = this.entry(address);
      const slot = (entry.slot = this.kept.add(tensor, true));
      const values = slot ? null : (tensor.dataSync() as TensorValues);
      restored.push({ ...factsOf(entry), values: () => values ?? valuesOf(slot) });
    });
    const [found] = restored;
    if (!found) throw new SlicerError('internal', { reason: `${handle.address} was not computed` });
    return found;
  }

  /**
   * Hands over these tensors one after the other, in the order of the run; those that were dropped are all computed again
   * in one go. `visit` must be done with one when it ends.
   */
  async each(
    addresses: ReadonlySet<string>,
    visit: (tensor: KeptTensor) => Promise<void>,
    signal: { readonly aborted: boolean },
  ): Promise<void> {
    const waiting = this.inOrder(addresses);
    const isThere = (address: string): boolean => !isDropped(this.entry(address).slot);
    /** Those that are there, up to the first that is not. */
    const visitThere = async (): Promise<void> => {
      for (let address = waiting[0]; address !== undefined && isThere(address); address = waiting[0]) {
        waiting.shift();
        const entry = this.entry(address);
        await visit({ ...factsOf(entry), values: () => valuesOf(entry.slot) });
      }
    };
    await visitThere();
    const dropped = waiting.filter((address) => !isThere(address));
    if (dropped.length === 0) return;
    await this.again(dropped, signal, async (address, tensor) => {
      await visitThere();
      if (waiting.shift() !== address) throw new SlicerError('internal', { reason: `${address} came out of turn` });
      await visit({ ...factsOf(this.entry(address)), values: () => tensor.dataSync() as TensorValues });
    });
    await visitThere();
    const [lost] = waiting;
    if (lost !== undefined) throw new SlicerError('internal', { reason: `${lost} was not computed` });
  }

  /** Values, to compute from; null when they were dropped. They stay this object's. */
  source(
    address: string,
  ): { tensor: tf.Tensor | null; copy: TensorValues | null; shape: number[]; dtype: string } | null {
    const entry = this.entry(address);
    const slot = entry.slot;
    if (!slot || isDropped(slot)) return null;
    return { tensor: slot.tensor, copy: slot.copy, shape: entry.shape, dtype: entry.dtype };
  }

  factsOf(address: string): KeptFacts {
    return this.entry(address);
  }

  check({ epoch, runId }: { epoch: number; runId: number }): void {
    if (epoch !== this.epoch || runId !== this.runId) throw new SlicerError('handle-gone', { epoch, runId });
  }

  dispose(): void {
    this.kept.dispose();
    this.entries.clear();
    this.recompute = null;
  }

  private entry(address: string): Entry {
    const entry = this.entries.get(address);
    if (!entry) throw new SlicerError('unknown-tensor', { address });
    return entry;
  }

  private async again(
    addresses: readonly string[],
    signal: { readonly aborted: boolean },
    visit: (address: string, tensor: tf.Tensor) => void | Promise<void>,
  ): Promise<void> {
    if (!this.recompute) throw new SlicerError('internal', { reason: 'nothing computes tensors again' });
    const given = new Set<string>();
    // a mask that is not kept would be missing behind it
    for (const { address, slot, masked } of this.entries.values()) if (!masked && !isDropped(slot)) given.add(address);
    await this.recompute({ addresses, given, visit, signal });
  }
}

function factsOf({ address, shape, dtype, layer, channelAxis }: Entry): Omit<KeptTensor, 'values'> {
  return { address, shape, dtype, layer, channelAxis };
}

function valuesOf(slot: Slot | null): TensorValues {
  if (slot?.copy) return slot.copy;
  if (!slot?.tensor) throw new SlicerError('internal', { reason: 'the tensor was dropped' });
  return slot.tensor.dataSync() as TensorValues;
}
