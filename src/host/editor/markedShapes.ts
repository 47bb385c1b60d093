/** What a mark depends on in the model as it is now. */
import { SlicerError } from '../../core/errors';
import { resolveAddress } from '../../core/model/address';
import type { Shape } from '../../core/model/layerGraph';
import { tensorsReadBy } from '../../core/slicing/closeCut';
import type { LoadedModel } from './documentContext';
import type { ShapesAt } from './markHistory';

/** Looks marks up in `loaded`: plain tensors by the map of their shapes, tensors inside layers by their address. */
export function shapesAt({ model, shapes }: LoadedModel): ShapesAt {
  const tensor = (address: string): Shape | null | undefined => {
    const known = shapes.get(address);
    return known === undefined ? innerShape(address) : known;
  };
  const innerShape = (address: string): Shape | null | undefined => {
    const found = resolveAddress(model.graph, address);
    // A layer that is never called has no tensors.
    return found.address === address && found.layer.calls.length > 0 ? found.info.shape : undefined;
  };
  return (address, kind) => {
    try {
      const own = tensor(address);
      if (own === undefined) return null;
      if (kind !== 'start') return [own];
      return tensorsReadBy(model.graph, address).map((read) => tensor(read) ?? null);
    } catch (error) {
      if (error instanceof SlicerError) return null;
      throw error;
    }
  };
}
