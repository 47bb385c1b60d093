/** Recipe × language → code for this model and this cut. */
import { SlicerError } from '../errors';
import type { ModelFile } from '../model/modelFile';
import type { Cut } from '../slicing/slice';
import type { CodeSnippet } from './codeSnippet';
import { fitRecipe, type FitRequest } from './recipes';

export interface CodeRequest extends FitRequest {
  cut: Cut;
}

/** @throws SlicerError `recipe-does-not-fit` with the reason, and what planning the cut throws. */
export function writeCode(model: ModelFile, request: CodeRequest): CodeSnippet {
  const fit = fitRecipe(model, request.cut, request);
  if (!fit.fits)
    throw new SlicerError('recipe-does-not-fit', { recipe: request.recipe, why: fit.why, file: model.file });
  return fit.writer.write(fit.task);
}
