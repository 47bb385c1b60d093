/** Reads a layer's config, which is hostile: what has the wrong kind is a `bad-config` error that names the key. */
import { SlicerError } from '../errors';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';

/** A layer inside a layer's config: a wrapped layer, a cell. */
export interface NestedLayer {
  className: string;
  config: JsonObject;
}

export class ConfigReader {
  constructor(readonly config: JsonObject) {}

  /** The value as it stands; `undefined` when the key is missing. Never a prototype's. */
  raw(key: string): JsonValue | undefined {
    return Object.hasOwn(this.config, key) ? this.config[key] : undefined;
  }

  /** Whether the key is missing or null. */
  lacks(key: string): boolean {
    const value = this.raw(key);
    return value === undefined || value === null;
  }

  bad(key: string): SlicerError {
    return new SlicerError('bad-config', { key, value: this.raw(key) ?? null });
  }

  /** A whole number, at least `least`. Sizes that no file can hold are left for the check against the weights. */
  integer(key: string, fallback?: number, least = 1): number {
    if (fallback !== undefined && this.lacks(key)) return fallback;
    const value = this.raw(key);
    if (!isInteger(value) || value < least) throw this.bad(key);
    return value;
  }

  flag(key: string, fallback: boolean): boolean {
    if (this.lacks(key)) return fallback;
    const value = this.raw(key);
    if (typeof value !== 'boolean') throw this.bad(key);
    return value;
  }

  text(key: string, fallback: string): string {
    if (this.lacks(key)) return fallback;
    const value = this.raw(key);
    if (typeof value !== 'string') throw this.bad(key);
    return value;
  }

  /** One of `allowed`. */
  choice<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
    const value = this.text(key, fallback);
    const found = allowed.find((option) => option === value);
    if (found === undefined) throw this.bad(key);
    return found;
  }

  /** `length` whole numbers: a list of that length, or one number that stands for all of them. */
  integers(key: string, length: number, fallback?: number, least = 1): number[] {
    if (fallback !== undefined && this.lacks(key)) return repeat(fallback, length);
    const value = this.raw(key);
    const list = Array.isArray(value) ? (value.length === 1 ? repeat(value[0], length) : value) : repeat(value, length);
    if (list.length !== length) throw this.bad(key);
    return list.map((item) => {
      if (!isInteger(item) || item < least) throw this.bad(key);
      return item;
    });
  }

  /** A list of whole numbers of any length; one number is a list of one. `null` when the key is missing or null. */
  list(key: string): number[] | null {
    if (this.lacks(key)) return null;
    const value = this.raw(key);
    return (Array.isArray(value) ? value : [value]).map((item) => {
      if (!isInteger(item)) throw this.bad(key);
      return item;
    });
  }

  /** A list of dimensions, each a whole number ≥ 0 (or `-1`) or null; one number is a list of one. */
  dimensions(key: string): (number | null)[] | null {
    if (this.lacks(key)) return null;
    const value = this.raw(key);
    return (Array.isArray(value) ? value : [value]).map((item) => {
      if (item === null) return null;
      if (!isInteger(item) || item < -1) throw this.bad(key);
      return item;
    });
  }

  /** `length` pairs (before, after), as padding and cropping have them: a number, numbers, or pairs. */
  pairs(key: string, length: number, fallback: number): [number, number][] {
    const value = this.lacks(key) ? fallback : this.raw(key);
    const least0 = (item: JsonValue | undefined): number => {
      if (!isInteger(item) || item < 0) throw this.bad(key);
      return item;
    };
    if (!Array.isArray(value)) return repeat([least0(value), least0(value)], length);
    // one axis: [before, after]; Keras 3 also writes [[before, after]]
    const items = length === 1 && value.length === 2 && !Array.isArray(value[0]) ? [value] : value;
    if (items.length !== length) throw this.bad(key);
    return items.map((item) => {
      if (!Array.isArray(item)) return [least0(item), least0(item)];
      if (item.length !== 2) throw this.bad(key);
      return [least0(item[0]), least0(item[1])];
    });
  }

  /** A layer written as `{class_name, config}`; `null` when missing. */
  layer(key: string): NestedLayer | null {
    if (this.lacks(key)) return null;
    return nestedLayer(this.raw(key) ?? null) ?? this.fail(key);
  }

  /** Layers written as a list of `{class_name, config}`. */
  layers(key: string): NestedLayer[] {
    const value = this.raw(key);
    if (!Array.isArray(value)) throw this.bad(key);
    return value.map((item) => nestedLayer(item) ?? this.fail(key));
  }

  private fail(key: string): never {
    throw this.bad(key);
  }
}

function nestedLayer(value: JsonValue): NestedLayer | null {
  if (!isJsonObject(value)) return null;
  const className = Object.hasOwn(value, 'class_name') ? value.class_name : undefined;
  const config = Object.hasOwn(value, 'config') ? value.config : undefined;
  if (typeof className !== 'string' || !isJsonObject(config)) return null;
  return { className, config };
}

function isInteger(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}

function repeat<T>(value: T, length: number): T[] {
  return Array.from({ length }, () => value);
}
