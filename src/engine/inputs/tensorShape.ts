/** Concrete shapes for inputs whose dimensions are partly unknown, and checks of given ones. */
import { SlicerError, type ErrorData } from '../../core/errors';
import type { Shape } from '../../core/model/layerGraph';

/** The tensor types that run. */
export type RunDType = 'float32' | 'int32' | 'bool' | 'string';

export interface InputNote {
  code: string;
  data: ErrorData;
}

/** More values than this (1 GB as float32) are refused. */
export const maxValues = 2 ** 28;

/** Sides of pictures, steps of sequences and slices of volumes where the model leaves them open. */
const assumed = { pictureSide: 64, steps: 16, volumeSide: 16 };

/** The type a declared one runs as: TF.js has no other floats and integers. */
export function runDType(dtype: string | null): RunDType {
  if (dtype === 'string') return 'string';
  if (dtype === 'bool') return 'bool';
  return dtype !== null && /^u?int/.test(dtype) ? 'int32' : 'float32';
}

/** The input's name and shape for errors. */
export interface InputInfo {
  name: string;
  shape: Shape | null;
}

/** `bad-input` about this input. */
export function badInput(reason: string, info: InputInfo, data: ErrorData = {}): SlicerError {
  return new SlicerError('bad-input', {
    reason,
    input: info.name,
    expected: info.shape ? [...info.shape] : null,
    ...data,
  });
}

/**
 * A shape without unknown dimensions for values that are made, not given: from `dims` where it has them, else the batch
 * is 1 and the others are assumed, with a note `dimension-assumed` each.
 * Errors: `bad-input` with `reason` `shape-unknown`, `dimension-fixed`, `bad-dimension`, or `too-large`.
 */
export function concreteShape(info: InputInfo, dims: Record<number, number>, notes: InputNote[]): number[] {
  const known: Shape | null = info.shape ?? shapeFromDims(dims);
  if (!known) throw badInput('shape-unknown', info);
  const shape = known.map((size, axis) => {
    const wanted = Object.hasOwn(dims, axis) ? dims[axis] : undefined;
    if (wanted !== undefined) {
      if (!Number.isSafeInteger(wanted) || wanted < 1) throw badInput('bad-dimension', info, { axis, value: wanted });
      if (size !== null && size !== wanted) throw badInput('dimension-fixed', info, { axis, size, value: wanted });
      return wanted;
    }
    if (size !== null) return size;
    if (axis === 0) return 1;
    const guess = assumedSize(known, axis);
    notes.push({ code: 'dimension-assumed', data: { axis, size: guess } });
    return guess;
  });
  for (const axis of Object.keys(dims).map(Number)) {
    if (!(axis >= 0 && axis < shape.length)) throw badInput('bad-dimension', info, { axis, value: dims[axis] ?? null });
  }
  checkCount(shape, info);
  return shape;
}

function shapeFromDims(dims: Record<number, number>): Shape | null {
  const rank = Object.keys(dims).length;
  const sizes = Array.from({ length: rank }, (_, axis) => (Object.hasOwn(dims, axis) ? (dims[axis] ?? null) : null));
  return rank > 0 && !sizes.includes(null) ? sizes : null;
}

function assumedSize(shape: Shape, axis: number): number {
  if (shape.length >= 5) return assumed.volumeSide;
  // The channels of a picture; everything else of rank 4 is a side.
  if (shape.length === 4) return axis === 3 && shape[1] === null && shape[2] === null ? 3 : assumed.pictureSide;
  return assumed.steps;
}

/** Errors: `too-large`. */
export function checkCount(shape: readonly number[], info: InputInfo): number {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count > maxValues)
    throw new SlicerError('too-large', { input: info.name, shape: [...shape], values: count, limit: maxValues });
  return count;
}

/** Whether a shape can be fed where `expected` is declared. */
export function fits(shape: readonly number[], expected: Shape): boolean {
  return shape.length === expected.length && expected.every((size, axis) => size === null || size === shape[axis]);
}

/**
 * The shape of given values as it is fed: as it is, or with a batch of 1 in front (note `batch-added`).
 * Errors: `bad-input` with `reason: 'wrong-shape'`, `expected` and `actual`.
 */
export function fedShape(shape: readonly number[], info: InputInfo, file: string, notes: InputNote[]): number[] {
  if (info.shape === null || fits(shape, info.shape)) return [...shape];
  const batched = [1, ...shape];
  if (fits(batched, info.shape)) {
    notes.push({ code: 'batch-added', data: {} });
    return batched;
  }
  throw badInput('wrong-shape', info, { actual: [...shape], file });
}
