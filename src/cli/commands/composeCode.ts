import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { CodeSnippet } from '../../core/codegen/codeSnippet';
import { defaultCodeOptions } from '../../core/codegen/codeTask';
import { withModule } from '../../core/codegen/projectRuntime';
import { recipes } from '../../core/codegen/recipes';
import { writeCode } from '../../core/codegen/writeCode';
import { composedCodeLimit, headForCode } from '../../core/composing/composedCode';
import type { ComposePlan, Composition } from '../../core/composing/composition';
import { SlicerError } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import { runtimeFor } from '../codeRuntime';
import { languageOf, recipeId, relative } from './code';

/**
 * Code that makes the same new model in the user's own program.
 * @throws SlicerError `unknown-recipe`, `usage`, `recipe-does-not-fit`.
 */
export async function layerCode(
  model: ModelFile,
  file: string,
  composition: Composition,
  plan: ComposePlan,
  asked: { recipe: string; language: string | undefined; runtime: string | undefined },
): Promise<Pick<CodeSnippet, 'language' | 'text' | 'imports'> & { recipe: string }> {
  const recipe = recipeId(asked.recipe);
  const language = languageOf(asked.language);
  const { runtime, module } = await runtimeFor(asked.runtime, process.cwd());
  if (recipes.find(({ id }) => id === recipe)?.kind !== 'layer') {
    const known = recipes.filter(({ kind }) => kind === 'layer').map(({ id }) => id);
    throw new SlicerError('usage', {
      detail: `--code takes a recipe that makes a model a layer: ${known.join(', ')}.`,
    });
  }
  const why = composedCodeLimit(composition, plan);
  if (why !== null) throw new SlicerError('recipe-does-not-fit', { recipe, why, file: model.file });
  const given = path.resolve(file);
  // a folder stands for the model in it; code has to name the file
  const modelPath = (await stat(given)).isDirectory() ? path.join(given, model.file) : given;
  const written = writeCode(model, {
    recipe,
    language,
    cut: composition.base.cut,
    modelPath: relative(process.cwd(), modelPath),
    options: { ...defaultCodeOptions, runtime, head: headForCode(composition, plan) },
  });
  const { text, imports } = withModule(written, module);
  return { recipe, language, text, imports };
}
