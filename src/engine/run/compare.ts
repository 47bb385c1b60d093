/** How far two tensors are apart. */
import type { TensorValues } from './keptTensors';

export interface Comparison {
  /** A number, `NaN` or `Infinity` as text where non-finite values stand in different places, `shape`, `text`. */
  maxAbsDiff: number | string;
  /** NaN and infinities in each. */
  nonFinite: { a: number; b: number };
  /** All values of `a` are the same, or its only one is 0: then equality says little. */
  constant: boolean;
}

export interface Comparable {
  shape: readonly number[];
  values: TensorValues;
}

export function compareTensors(a: Comparable, b: Comparable): Comparison {
  const constant = isConstant(a.values);
  const nonFinite = { a: countNonFinite(a.values), b: countNonFinite(b.values) };
  if (a.shape.length !== b.shape.length || a.shape.some((size, i) => size !== b.shape[i]))
    return { maxAbsDiff: 'shape', nonFinite, constant };
  if (Array.isArray(a.values) || Array.isArray(b.values)) {
    const [x, y] = [a.values as ArrayLike<unknown>, b.values as ArrayLike<unknown>];
    const same = x.length === y.length && Array.from(x).every((value, i) => value === y[i]);
    return { maxAbsDiff: same ? 0 : 'text', nonFinite, constant };
  }
  return { maxAbsDiff: largestDifference(a.values, b.values), nonFinite, constant };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number | string {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const difference = Math.abs(x - y);
    if (Number.isNaN(difference)) return 'NaN';
    if (difference === Infinity) return 'Infinity';
    if (difference > largest) largest = difference;
  }
  return largest;
}

function isConstant(values: TensorValues): boolean {
  if (values.length === 1) return values[0] === 0;
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

function countNonFinite(values: TensorValues): number {
  if (Array.isArray(values) || !(values instanceof Float32Array)) return 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
  return count;
}
