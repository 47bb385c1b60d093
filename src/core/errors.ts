/** Errors are a stable code and data; `core/messages.ts` turns them into the user's sentence. */
import type { JsonValue } from './model/json';

/** Stable, kebab-case. The kinds of bad files first, then those of use. */
export type ErrorCode =
  | 'empty-file'
  | 'not-json'
  | 'not-hdf5'
  | 'not-zip'
  | 'truncated-hdf5'
  | 'truncated-zip'
  | 'truncated-weights'
  | 'not-a-model'
  | 'weights-only'
  | 'missing-config'
  | 'missing-file'
  | 'missing-weight'
  | 'shape-mismatch'
  | 'bad-weight-entry'
  | 'broken-graph'
  | 'duplicate-layer'
  | 'bad-config'
  | 'unsafe-path'
  | 'unsafe-link'
  | 'link-loop'
  | 'too-deep'
  | 'too-large'
  | 'unsupported'
  // warnings that are listed when a file opens all the same
  | 'unknown-class'
  | 'extra-bytes'
  | 'byte-order-mark'
  | 'format-mismatch'
  | 'extra-weight'
  | 'holds-code'
  | 'custom-layers'
  | 'duplicate-entry'
  // use
  | 'unknown-address'
  | 'unknown-tensor'
  | 'cut-open'
  | 'mask-crosses'
  | 'control-flow'
  | 'not-runnable'
  | 'not-exportable'
  | 'bad-input'
  | 'bad-picture'
  | 'target-exists'
  | 'write-failed'
  | 'install-failed'
  | 'unknown-recipe'
  | 'recipe-does-not-fit'
  | 'does-not-fit'
  | 'usage'
  | 'verification-failed'
  | 'handle-gone'
  | 'file-changed'
  | 'engine-crashed'
  | 'out-of-memory'
  | 'cancelled'
  | 'closed'
  | 'internal';

export type ErrorData = Record<string, JsonValue>;

/** An error meant for the user. `data` names the file, the layer, the bytes, and `reason` picks the sentence's variant. */
export class SlicerError extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly data: ErrorData = {},
    options?: { cause?: unknown },
  ) {
    super(`${code} ${JSON.stringify(data)}`, options);
    this.name = 'SlicerError';
  }
}
