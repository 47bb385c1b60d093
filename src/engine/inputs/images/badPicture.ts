import { SlicerError, type ErrorData } from '../../../core/errors';

/**
 * `reason`: `not-a-picture` (neither PNG nor JPEG), `broken`, `truncated`, `too-many-pixels` (`width`, `height`, `limit`),
 * `unsupported` (`detail`).
 */
export type BadPictureReason = 'not-a-picture' | 'broken' | 'truncated' | 'too-many-pixels' | 'unsupported';

/** The error of a picture that cannot be used; `file` is its name. */
export function badPicture(reason: BadPictureReason, file: string, data: ErrorData = {}, cause?: unknown): SlicerError {
  return new SlicerError('bad-picture', { reason, file, ...data }, cause === undefined ? undefined : { cause });
}
