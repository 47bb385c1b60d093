import path from 'node:path';
import { SlicerError } from '../core/errors';
import type { BackendName, NativeSearch } from '../protocol/engine';

const BACKENDS = ['auto', 'wasm', 'cpu', 'tensorflow'] as const;

/** What `--backend` asks for, as the engine takes it: a name, and where the native library may be. */
export interface BackendWish {
  backend: 'auto' | BackendName;
  native: NativeSearch;
}

/**
 * The native library is looked for in the folder that `MODEL_SLICER_NATIVE` names; in the working folder's packages only
 * where `tensorflow` is asked for: nobody who runs a stranger's model means to run the code that lies beside it.
 * @throws SlicerError `usage`.
 */
export function backendOf(text: string | undefined): BackendWish {
  const backend = BACKENDS.find((name) => name === (text ?? 'auto'));
  if (!backend)
    throw new SlicerError('usage', { detail: `--backend is one of ${BACKENDS.join(', ')}, not ${text ?? ''}.` });
  const named = process.env.MODEL_SLICER_NATIVE ?? '';
  const folders = backend === 'tensorflow' ? [process.cwd()] : [];
  return { backend, native: { named: named === '' ? null : path.resolve(named), folders, trusted: true } };
}
