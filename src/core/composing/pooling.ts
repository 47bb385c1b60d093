/** From what a model gives to one vector of each example. */
import { SlicerError } from '../errors';
import type { Head, LayerRole } from './composition';
import type { DraftTensor, NewLayer } from './draftModel';

/**
 * The layer that makes vectors of `tensor`, by its rank; channels come last.
 * @throws SlicerError `does-not-fit` (`pool`, `open-size`).
 */
export function poolLayer(
  pooling: Exclude<Head['pooling'], 'none'>,
  { shape, range }: DraftTensor,
  role: LayerRole,
): NewLayer {
  const rank = shape?.length ?? 0;
  if (pooling === 'flatten') {
    if (!shape || rank < 2 || shape.slice(1).includes(null))
      throw new SlicerError('does-not-fit', { reason: 'open-size', layer: 'Flatten', actual: [...(shape ?? [])] });
    return { className: 'Flatten', config: { data_format: 'channels_last' }, role, range };
  }
  if (rank !== 3 && rank !== 4) throw new SlicerError('does-not-fit', { reason: 'pool', actual: [...(shape ?? [])] });
  const className = `Global${pooling === 'avg' ? 'Average' : 'Max'}Pooling${rank - 2}D`;
  return { className, config: { data_format: 'channels_last' }, role, range };
}
