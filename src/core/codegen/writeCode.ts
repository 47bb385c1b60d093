/** Recipe × language → code for this model and this cut. */
import { SlicerError } from '../errors';
import type { ModelFile } from '../model/modelFile';
import type { Cut } from '../slicing/slice';
import { planCut } from '../slicing/sliceModel';
import type { CodeSnippet } from './codeSnippet';
import type { CodeTask } from './languages/typescript';
import { plainFileProblem } from './plainFile';
import { recipeFits, type CodeLanguage, type RecipeId } from './recipes';
import { functionalByName } from './recipes/functionalByName';
import { layerFunctional } from './recipes/layerFunctional';

export interface CodeRequest {
  recipe: RecipeId;
  language: CodeLanguage;
  cut: Cut;
  /** Path or URL of the model as the code will say it. */
  modelPath: string;
}

/** @throws SlicerError `recipe-does-not-fit` with the reason, and what planning the cut throws. */
export function writeCode(model: ModelFile, { recipe, cut, modelPath }: CodeRequest): CodeSnippet {
  const fit = recipeFits(model, cut, recipe);
  if (!fit.fits) throw new SlicerError('recipe-does-not-fit', { recipe, why: fit.why, file: model.file });
  const task: CodeTask = { model, plan: planCut(model, cut), modelPath, fileProblem: plainFileProblem(model) };
  return WRITERS[recipe](task);
}

const WRITERS: Record<RecipeId, (task: CodeTask) => CodeSnippet> = {
  'functional-by-name': functionalByName,
  'layer-functional': layerFunctional,
};
