/** Values of tensors, as many as fit: which of them go when there are more. */
import type * as tf from '@tensorflow/tfjs-core';

export type TensorValues = Float32Array | Int32Array | Uint8Array | string[];

export interface KeptLimits {
  bytes: number;
  /**
   * How much of it may stay where the backend has it: copying all values of a mobilenet out of the wasm heap costs as
   * much as computing them, and most are never looked at. But that heap ends at 4 GB and never shrinks.
   */
  inBackend: number;
}

/** Values that may stand under several addresses and in several shapes. */
export interface Slot {
  /** What TF.js knows the values by. */
  readonly key: object;
  readonly bytes: number;
  /** Place among the values of the run; null for what was computed again because somebody asked for it. */
  readonly place: number | null;
  /** One of the two, until it is dropped. */
  tensor: tf.Tensor | null;
  copy: TensorValues | null;
}

/** What was asked for again may fill this part of the memory; the rest is for what others are computed from. */
const askedShare = 1 / 4;
/** For a value that is no number. */
const stringBytes = 32;

/**
 * While a run fills it, every second one goes when there is no room, then every second of those that are left …: what was
 * dropped is computed from the nearest that was not, so that gaps should be short. What was asked for since goes by when
 * it was last looked at.
 */
export class KeptValues {
  private readonly slots = new Map<object, Slot>();
  /** Of `slots`, those that were asked for again; the one looked at last is the last. */
  private readonly asked = new Set<Slot>();
  /** Those of the run that go next. */
  private victims: Slot[] = [];
  private stride = 1;
  private places = 0;
  private limits: KeptLimits = { bytes: 0, inBackend: 0 };
  private bytes = 0;
  private bytesInBackend = 0;
  private bytesAsked = 0;

  allow(limits: KeptLimits): void {
    this.limits = limits;
  }

  /** Less may be kept than was thought. */
  shrink({ bytes, inBackend }: KeptLimits): void {
    this.limits = { bytes: Math.min(bytes, this.limits.bytes), inBackend: Math.min(inBackend, this.limits.inBackend) };
    this.makeRoom(0);
    for (const slot of this.slots.values()) {
      if (this.bytesInBackend <= this.limits.inBackend) return;
      if (slot.tensor) this.drop(slot);
    }
  }

  /** Takes a clone of the tensor, or a copy of its values; null where it does not fit. */
  add(tensor: tf.Tensor, isAsked: boolean): Slot | null {
    const known = this.slots.get(tensor.dataId);
    if (known) return known;
    const place = isAsked ? null : this.places++;
    const bytes = tensor.size * (tensor.dtype === 'string' ? stringBytes : tensor.dtype === 'bool' ? 1 : 4);
    if (bytes > this.limits.bytes) return null;
    if (isAsked) this.makeRoomAmongAsked(bytes);
    this.makeRoom(bytes);
    const slot: Slot = { key: tensor.dataId, bytes, place, tensor: null, copy: null };
    if (this.bytesInBackend + bytes > this.limits.inBackend) slot.copy = tensor.dataSync();
    else {
      slot.tensor = tensor.clone();
      this.bytesInBackend += bytes;
    }
    this.bytes += bytes;
    this.slots.set(slot.key, slot);
    if (isAsked) {
      this.asked.add(slot);
      this.bytesAsked += bytes;
    } else if (this.isVictim(slot)) this.victims.push(slot);
    return slot;
  }

  /** Somebody looks at it. */
  touch(slot: Slot): void {
    if (this.asked.delete(slot)) this.asked.add(slot);
  }

  dispose(): void {
    for (const slot of [...this.slots.values()]) this.drop(slot);
    this.victims = [];
    this.stride = 1;
    this.places = 0;
    this.limits = { bytes: 0, inBackend: 0 };
  }

  private makeRoomAmongAsked(bytes: number): void {
    for (const slot of this.asked) {
      if (this.bytesAsked + bytes <= askedShare * this.limits.bytes) return;
      this.drop(slot);
    }
  }

  private makeRoom(bytes: number): void {
    while (this.bytes + bytes > this.limits.bytes) {
      const slot = this.nextVictim();
      if (!slot) return;
      this.drop(slot);
    }
  }

  private nextVictim(): Slot | null {
    for (;;) {
      const slot = this.victims.shift();
      if (!slot) break;
      if (!isDropped(slot)) return slot;
    }
    const ofRun = [...this.slots.values()].filter(({ place }) => place !== null);
    if (ofRun.length === 0) return [...this.asked][0] ?? null;
    while (this.victims.length === 0) {
      this.stride *= 2;
      this.victims = this.stride > this.places ? ofRun : ofRun.filter((slot) => this.isVictim(slot));
    }
    return this.victims.shift() ?? null;
  }

  private isVictim({ place }: Slot): boolean {
    return place !== null && place % this.stride !== 0;
  }

  private drop(slot: Slot): void {
    if (isDropped(slot)) return;
    this.slots.delete(slot.key);
    this.bytes -= slot.bytes;
    if (slot.tensor) this.bytesInBackend -= slot.bytes;
    if (this.asked.delete(slot)) this.bytesAsked -= slot.bytes;
    slot.tensor?.dispose();
    slot.tensor = null;
    slot.copy = null;
  }
}

export function isDropped(slot: Slot | null): boolean {
  return !slot || (slot.tensor === null && slot.copy === null);
}
