/** The native backend of `@tensorflow/tfjs-node`, where the user has it. */
import { SlicerError } from '../../core/errors';

export function startTensorflow(): Promise<void> {
  const why = 'this version runs models with wasm and cpu only';
  return Promise.reject(new SlicerError('unsupported', { reason: 'backend', backend: 'tensorflow', why }));
}
