import { SlicerError } from '../core/errors';

/** `bad-input`: what is wrong with a file of values. */
export function badInput(
  reason: string,
  file: string,
  data: Record<string, string | number | string[]> = {},
  cause?: unknown,
): SlicerError {
  return new SlicerError('bad-input', { reason, file, ...data }, { cause });
}
