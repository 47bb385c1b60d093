/** All recipes, and whether each fits a model and a cut. */
import type { ModelFile } from '../model/modelFile';
import type { Cut } from '../slicing/slice';
import { planCut } from '../slicing/sliceModel';
import { defaultCodeOptions, type CodeOptions, type CodeTask } from './codeTask';
import { plainFileProblem } from './plainFile';
import type { CodeLanguage, Recipe, RecipeId, RecipeWriter } from './recipe';
import { pythonRecipes } from './recipes/pythonRecipes';
import { typescriptRecipes } from './recipes/typescriptRecipes';

export const recipes: readonly Recipe[] = [
  {
    id: 'functional-by-name',
    kind: 'extraction',
    title: 'Sub-model by layer names',
    when: 'You want what some layers compute. The sub-model shares its weights with the model and costs nothing to make.',
    costs: 'No copy of the weights; one forward pass up to the layers.',
    weights: 'shared',
  },
  {
    id: 'functional-by-index',
    kind: 'extraction',
    title: 'Sub-model by layer indices',
    when: 'You have indices in your hands. The code says which counting they follow and checks the names that it finds there.',
    costs: 'As by names; it breaks, with a clear message, when layers are added before them.',
    weights: 'shared',
  },
  {
    id: 'multi-output',
    kind: 'extraction',
    title: 'Several outputs with names',
    when: 'You want several layers at once, as one typed result.',
    costs: 'One forward pass for all of them.',
    weights: 'shared',
  },
  {
    id: 'sequential-prefix',
    kind: 'extraction',
    title: 'The first layers as a Sequential',
    when: 'The model is a chain and you want its beginning as a Sequential model of its own.',
    costs: 'Shares the weights; the layers are applied anew, the model stays as it was.',
    weights: 'shared',
  },
  {
    id: 'sequential-range',
    kind: 'extraction',
    title: 'Consecutive layers as a Sequential',
    when: 'You want any consecutive run of a chain, from a layer to a layer, with a new input.',
    costs: 'Shares the weights; the layers are applied anew, the model stays as it was.',
    weights: 'shared',
  },
  {
    id: 'iterate-layers',
    kind: 'extraction',
    title: 'Layer by layer',
    when: 'You want to look at, or change, values between the layers of a chain.',
    costs: 'One forward pass; every value is yours to keep or to dispose of.',
    weights: 'shared',
  },
  {
    id: 'identity-tap',
    kind: 'extraction',
    title: 'The feature as a further output',
    when: 'You want the predictions and the feature from one pass.',
    costs: 'One forward pass of the whole model.',
    weights: 'shared',
  },
  {
    id: 'training-callback',
    kind: 'extraction',
    title: 'Features while it trains',
    when: 'You want to see how features change: after each epoch or each n-th batch.',
    costs: 'One forward pass of the samples at each point; the sub-model is built once.',
    weights: 'shared',
  },
  {
    id: 'one-liner',
    kind: 'extraction',
    title: 'In one line',
    when: 'You try something out.',
    costs: 'Builds the sub-model at each call.',
    weights: 'shared',
  },
  {
    id: 'nested',
    kind: 'extraction',
    title: 'Layer inside a nested model',
    when: 'The layer stands in a model inside the model; asking for its output directly gives a disconnected graph.',
    costs: 'No copy of the weights; the nested model is applied once more up to the layer.',
    weights: 'shared',
  },
  {
    id: 'before-after-batchnorm',
    kind: 'extraction',
    title: 'Before and after BatchNorm',
    when: 'You want to compare what a layer gives before and after its normalization.',
    costs: 'One forward pass for both.',
    weights: 'shared',
  },
  {
    id: 'layer-attribute',
    kind: 'extraction',
    title: 'An attribute of a custom layer',
    when: 'A layer of your own keeps a tensor as an attribute while it is called.',
    costs: 'One forward pass of the model.',
    weights: 'shared',
  },
  {
    id: 'middle-segment',
    kind: 'extraction',
    title: 'A segment from the middle',
    when: 'You have the values of an inner tensor and want what follows from them.',
    costs: 'Shares the weights; the layers of the segment are applied anew.',
    weights: 'shared',
  },
  {
    id: 'independent-copy',
    kind: 'extraction',
    title: 'Sub-model with weights of its own',
    when: 'You want to train or change the part and keep the model as it is.',
    costs: 'A copy of the weights of the part.',
    weights: 'copied',
  },
  {
    id: 'load-slice',
    kind: 'extraction',
    title: 'Load the saved sub-model',
    when: 'You saved the sub-model and ship only that.',
    costs: 'The weights of the part, nothing else.',
    weights: 'copied',
  },
  {
    id: 'layer-functional',
    kind: 'layer',
    title: 'Model as a layer (functional)',
    when: 'You want the model, or its features, inside a new model with a head of your own. Its weights are shared and trained with the new ones.',
    costs: 'No copy of the weights; training moves them.',
    weights: 'shared',
  },
  {
    id: 'layer-subclass',
    kind: 'layer',
    title: 'Model as a layer (subclass)',
    when: 'You write a model or layer class of your own around it.',
    costs: 'No copy of the weights; they are tracked, trained and saved with the class.',
    weights: 'shared',
  },
  {
    id: 'layer-sequential',
    kind: 'layer',
    title: 'Model as a layer (sequential)',
    when: 'The new model is a chain: this one first, a head after it.',
    costs: 'No copy of the weights; training moves them.',
    weights: 'shared',
  },
  {
    id: 'layer-frozen',
    kind: 'layer',
    title: 'Model as a frozen layer',
    when: 'Only the new head is to be trained: nothing of the model may change, its BatchNorm statistics included.',
    costs: 'No copy of the weights; the model predicts the same before and after training.',
    weights: 'frozen',
  },
  {
    id: 'layer-lambda',
    kind: 'layer',
    title: 'Model called by a wrapper layer',
    when: 'A layer that calls the model and does not own its weights.',
    costs: 'No copy of the weights; the wrapper neither trains nor saves them.',
    weights: 'shared',
  },
];

const WRITERS: Record<CodeLanguage, Partial<Record<RecipeId, RecipeWriter>>> = {
  typescript: typescriptRecipes,
  python: pythonRecipes,
};

/** The languages in which a recipe is written. */
export function languagesOf(id: RecipeId): CodeLanguage[] {
  return (Object.keys(WRITERS) as CodeLanguage[]).filter((language) => Object.hasOwn(WRITERS[language], id));
}

export type Fit = { fits: true; task: CodeTask; writer: RecipeWriter } | { fits: false; why: string };

/** @throws SlicerError what planning the cut throws. */
export function fitRecipe(model: ModelFile, cut: Cut, request: FitRequest): Fit {
  return fitted(request, () => taskFor(model, cut, request));
}

/**
 * For each recipe; the cut is planned once.
 * @throws SlicerError what planning the cut throws.
 */
export function fitRecipes(
  model: ModelFile,
  cut: Cut,
  ids: readonly RecipeId[],
  request: Omit<FitRequest, 'recipe'>,
): { id: RecipeId; fit: Fit }[] {
  let task: CodeTask | string | null = null;
  return ids.map((id) => ({
    id,
    fit: fitted({ ...request, recipe: id }, () => (task ??= taskFor(model, cut, request))),
  }));
}

function fitted({ recipe, language }: FitRequest, taskOrWhy: () => CodeTask | string): Fit {
  const writer = WRITERS[language][recipe];
  if (!writer) return { fits: false, why: 'it is not written in this language' };
  const task = taskOrWhy();
  if (typeof task === 'string') return { fits: false, why: task };
  const why = writer.whyNot(task);
  return why === null ? { fits: true, task, writer } : { fits: false, why };
}

/** What every recipe gets to know; else why none fits. */
function taskFor(
  model: ModelFile,
  cut: Cut,
  { modelPath = model.file, options = defaultCodeOptions }: Omit<FitRequest, 'recipe'>,
): CodeTask | string {
  if (model.format === 'graph-model')
    return 'a graph-model has no layers that code could name: save the slice and load that';
  if (model.graph.kind === 'subclassed') return 'the file has no layer graph';
  const plan = planCut(model, cut);
  if (!plan.boundary.closed) {
    const missing = plan.boundary.missing.map(({ address }) => address).join(', ');
    return `the cut is not closed: it lacks ${missing}`;
  }
  return { model, plan, modelPath, fileProblem: plainFileProblem(model), options };
}

export interface FitRequest {
  recipe: RecipeId;
  language: CodeLanguage;
  /** Path or URL of the model as the code will say it. */
  modelPath?: string;
  options?: CodeOptions;
}
