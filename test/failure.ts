import { expect } from 'vitest';
import { SlicerError } from '../src/core/errors';

/** The error that it ends with, which has a code. */
export async function failure(promise: Promise<unknown>): Promise<SlicerError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SlicerError);
  return error as SlicerError;
}
