/** What is said of a layer beside its name. */
import type { Shape } from '../model/layerGraph';
import type { IndexedLayer } from './layerIndex';
import type { ProgramLanguage } from './program';

const MAX_SHAPES = 4;

/** As the language writes it: `[null, 28, 28, 1]`, `(None, 28, 28, 1)`; `?` where not even the rank is known. */
export function shapeText(shape: Shape | null, language: ProgramLanguage): string {
  if (shape === null) return '?';
  if (language !== 'python') return `[${shape.map((dim) => dim ?? 'null').join(', ')}]`;
  const dims = shape.map((dim) => dim ?? 'None').join(', ');
  return shape.length === 1 ? `(${dims},)` : `(${dims})`;
}

/** Of all its outputs. */
export function outputShapes({ shapes }: IndexedLayer, language: ProgramLanguage): string {
  if (shapes.length === 0) return '?';
  const shown = shapes.slice(0, MAX_SHAPES).map((shape) => shapeText(shape, language));
  return `${shown.join(', ')}${shapes.length > MAX_SHAPES ? ', …' : ''}`;
}
