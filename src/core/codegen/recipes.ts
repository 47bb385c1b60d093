/** The ways of writing code, and whether each fits a model and a cut. */
import type { ModelFile } from '../model/modelFile';
import type { Cut, SlicePlan } from '../slicing/slice';
import { planCut } from '../slicing/sliceModel';

export type RecipeId = 'functional-by-name' | 'layer-functional';
export type CodeLanguage = 'typescript';

export interface Recipe {
  id: RecipeId;
  title: string;
  /** When to use it, and what it costs. */
  when: string;
  /** `layer`: the model becomes a layer of a new one. */
  kind: 'extraction' | 'layer';
  languages: readonly CodeLanguage[];
}

export const recipes: readonly Recipe[] = [
  {
    id: 'functional-by-name',
    title: 'Sub-model by layer names',
    when: 'You want what some layers compute. The sub-model shares its weights with the model and costs nothing to make.',
    kind: 'extraction',
    languages: ['typescript'],
  },
  {
    id: 'layer-functional',
    title: 'Model as a layer (functional)',
    when: 'You want the model, or its features, inside a new model with a head of your own. Its weights are shared and trained with the new ones.',
    kind: 'layer',
    languages: ['typescript'],
  },
];

/** @throws SlicerError what planning the cut throws. */
export function recipeFits(model: ModelFile, cut: Cut, id: RecipeId): { fits: true } | { fits: false; why: string } {
  const why = whyNot(model, cut, id);
  return why === null ? { fits: true } : { fits: false, why };
}

function whyNot(model: ModelFile, cut: Cut, id: RecipeId): string | null {
  if (model.format === 'graph-model') return 'a graph-model has no layers that code could name';
  if (model.graph.kind === 'subclassed') return 'the file has no layer graph';
  const plan = planCut(model, cut);
  if (!plan.boundary.closed)
    return `the cut is not closed: it lacks ${plan.boundary.missing.map(({ address }) => address).join(', ')}`;
  const [lack] = plan.notExportable;
  if (lack) return `TF.js cannot compute ${lack.address}: ${lack.reason}`;
  if (startsInside(plan))
    return 'the cut starts inside the model, and a TF.js model starts at its inputs: save the slice and load that';
  if (id === 'layer-functional' && plan.inputs.some(({ shape }) => shape === null))
    return 'the shape of an input is not known';
  return null;
}

function startsInside({ inputs, layers }: SlicePlan): boolean {
  const all = new Set(layers);
  return inputs.some(({ address }) => !all.has(address));
}
