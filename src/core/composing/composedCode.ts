/** What the recipes that make a model a layer can say of a composition. */
import type { Composition, ComposePlan, Head } from './composition';

/** Why code cannot make the same model, as the end of a sentence; null where it can. */
export function composedCodeLimit({ second, head }: Composition, { layers }: ComposePlan): string | null {
  const instead = 'save the new model, and load that with the recipe load-slice or any other';
  if (second) return `code is written for one model as a layer, and this joins two: ${instead}`;
  if (head.layers.at(-1)?.kind !== 'dense')
    return `the head that code writes ends in a dense layer, and this one does not: ${instead}`;
  const adapter = layers.find(({ role }) => role === 'adapter');
  return adapter ? `code is written without the layer ${adapter.name} before the model: ${instead}` : null;
}

/** The head as the recipes take it: several features are pooled before they are joined. */
export function headForCode({ head }: Composition, { layers }: ComposePlan): Head {
  const joins = layers.some(({ role }) => role === 'join');
  return joins && head.pooling === 'none' ? { ...head, pooling: 'avg' } : head;
}
