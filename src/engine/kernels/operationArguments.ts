/** The arguments of an operation: Keras 3, Keras 2 and TensorFlow put the same ones into different places. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { ArgumentValue, KernelCall } from './kernel';

/** Arguments by position or by any of their names (Keras and TensorFlow differ); constants of Keras 3 stand in the config. */
export class Arguments {
  private readonly positional: ArgumentValue[];

  constructor(private readonly call: KernelCall) {
    this.positional = call.parts.args.map((argument) => call.value(argument));
  }

  get keras(): 2 | 3 {
    return this.call.keras;
  }

  value(position: number, ...names: string[]): ArgumentValue {
    const given = this.positional[position];
    if (given !== undefined) return given;
    for (const name of names) {
      const named = this.call.named(name);
      if (named !== undefined) return named;
    }
    for (const name of names) {
      const constant = this.call.config.raw(name);
      if (constant !== undefined) return constant;
    }
    return undefined;
  }

  /** A tensor, or a number as one; numbers take the dtype of `like`. */
  tensor(position: number, like: tf.Tensor | null, ...names: string[]): tf.Tensor {
    const value = this.value(position, ...names);
    if (value instanceof tf.Tensor) return value;
    const dtype = like?.dtype === 'int32' && isWhole(value) ? 'int32' : typeof value === 'boolean' ? 'bool' : 'float32';
    if (typeof value === 'number' || typeof value === 'boolean') return tf.scalar(value, dtype);
    if (Array.isArray(value) && value.some((item) => item instanceof tf.Tensor))
      return tf.stack(this.tensors(position, ...names));
    if (Array.isArray(value)) return tf.tensor(value as number[], undefined, dtype);
    throw this.missing(position, names);
  }

  tensors(position: number, ...names: string[]): tf.Tensor[] {
    const value = this.value(position, ...names);
    const list = Array.isArray(value) ? value : [value];
    return list.map((item) => {
      if (item instanceof tf.Tensor) return item;
      if (typeof item === 'number') return tf.scalar(item);
      throw this.missing(position, names);
    });
  }

  numbers(position: number, ...names: string[]): number[] | null {
    const value = this.value(position, ...names);
    if (value === undefined || value === null) return null;
    return (Array.isArray(value) ? value : [value]).map((item) => {
      if (item instanceof tf.Tensor) return item.dataSync()[0] as number;
      if (item === null) return -1;
      if (typeof item !== 'number') throw this.missing(position, names);
      return item;
    });
  }

  number(position: number, fallback: number, ...names: string[]): number {
    return this.numbers(position, ...names)?.[0] ?? fallback;
  }

  flag(position: number, fallback: boolean, ...names: string[]): boolean {
    const value = this.value(position, ...names);
    return typeof value === 'boolean' ? value : fallback;
  }

  text(position: number, fallback: string, ...names: string[]): string {
    const value = this.value(position, ...names);
    return typeof value === 'string' ? value : fallback;
  }

  private missing(position: number, names: string[]): SlicerError {
    return new SlicerError('bad-config', { key: names[0] ?? String(position), value: null });
  }
}

function isWhole(value: ArgumentValue): boolean {
  if (typeof value === 'number') return Number.isInteger(value);
  return Array.isArray(value) && value.every(isWhole);
}
