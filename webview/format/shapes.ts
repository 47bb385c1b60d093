/** Shapes as text, with an unknown dimension as a middle dot. */
import type { Shape } from '../../src/core/model/layerGraph';

/** `(·, 26, 26, 32)`; `?` when not even the rank is known. */
export function formatShape(shape: Shape | null): string {
  if (shape === null) return '?';
  const dims = shape.map((dim) => (dim === null ? '·' : String(dim)));
  return dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
}
