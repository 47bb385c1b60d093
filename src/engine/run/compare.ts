/** How far two tensors are apart. */
import type { Snapshot } from './snapshot';
import type { TensorValues } from './keptValues';

/** A number; in words where numbers cannot say it. */
export type Difference = number | 'NaN' | 'Infinity' | 'text' | 'dtype' | 'shape';

export interface Comparison {
  /** `NaN` or `Infinity` where non-finite values stand in different places, or infinities have different signs. */
  maxAbsDiff: Difference;
  /** NaN and infinities in each. */
  nonFinite: { a: number; b: number };
  /** All values of `a` are the same, or its only one is 0: then equality says little. */
  constant: boolean;
}

export function compareTensors(a: Snapshot, b: Snapshot): Comparison {
  const nonFinite = { a: countNonFinite(a.values), b: countNonFinite(b.values) };
  return { maxAbsDiff: differenceOf(a, b), nonFinite, constant: isConstant(a.values) };
}

/** The one that says more against the two being equal. */
export function worseOf(a: number | string, b: number | string): number | string {
  if (typeof a === 'string') return a;
  return typeof b === 'string' || b > a ? b : a;
}

function differenceOf(a: Snapshot, b: Snapshot): Difference {
  if (a.shape.length !== b.shape.length || a.shape.some((size, i) => size !== b.shape[i])) return 'shape';
  if (a.dtype !== b.dtype || a.values.length !== b.values.length) return 'dtype';
  if (!Array.isArray(a.values) && !Array.isArray(b.values)) return largestDifference(a.values, b.values);
  const others: ArrayLike<unknown> = b.values;
  return Array.from<unknown>(a.values).every((value, i) => value === others[i]) ? 0 : 'text';
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): Difference {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const difference = Math.abs(x - y);
    if (Number.isNaN(difference)) return 'NaN';
    if (difference > largest) largest = difference;
  }
  return largest === Infinity ? 'Infinity' : largest;
}

function isConstant(values: TensorValues): boolean {
  if (values.length === 1) return values[0] === 0;
  // NaN is like NaN here: a tensor full of them proves nothing
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], values[0])) return false;
  return true;
}

function countNonFinite(values: TensorValues): number {
  if (!(values instanceof Float32Array)) return 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) count++;
  return count;
}
