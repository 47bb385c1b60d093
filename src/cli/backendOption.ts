import { SlicerError } from '../core/errors';
import type { BackendName } from '../protocol/engine';

const BACKENDS = ['auto', 'wasm', 'cpu', 'tensorflow'] as const;

/** @throws SlicerError `usage`. */
export function backendOf(text: string | undefined): 'auto' | BackendName {
  const found = BACKENDS.find((name) => name === (text ?? 'auto'));
  if (!found)
    throw new SlicerError('usage', { detail: `--backend is one of ${BACKENDS.join(', ')}, not ${text ?? ''}.` });
  return found;
}
