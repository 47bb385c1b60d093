import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CodeOptions } from '../../core/codegen/codeTask';
import { withModule } from '../../core/codegen/projectRuntime';
import { codeLanguages, type CodeLanguage, type Recipe, type RecipeId } from '../../core/codegen/recipe';
import { fitRecipe, languagesOf, recipes } from '../../core/codegen/recipes';
import { writeCode } from '../../core/codegen/writeCode';
import { SlicerError } from '../../core/errors';
import { autoPreprocessing, pictureTargetOf } from '../../core/inputs/autoPreprocessing';
import type { ModelFile } from '../../core/model/modelFile';
import { runtimeFor } from '../codeRuntime';
import { cutOf, type CutOptions } from '../cutOptions';
import { preprocessingOf, type PictureOptions } from '../inputSpecs';
import { modelInputs } from '../modelInputs';
import { print, printJson, warn } from '../output';
import { Session, type SessionOptions } from '../session';
import { textTable } from '../textTable';

export interface CodeCommandOptions extends SessionOptions, CutOptions, PictureOptions {
  recipe?: string;
  language?: string;
  runtime?: string;
  to?: string;
  list?: boolean;
  force?: boolean;
  json?: boolean;
}

export async function code(file: string | undefined, options: CodeCommandOptions): Promise<void> {
  if (options.list) {
    await list(file, options);
    return;
  }
  if (file === undefined)
    throw new SlicerError('usage', { detail: 'Say for which model the code is, or list the recipes with --list.' });
  if (options.recipe === undefined)
    throw new SlicerError('usage', { detail: 'Choose a recipe with --recipe; --list shows them.' });
  const recipe = recipeId(options.recipe);
  const language = languageOf(options.language);
  // The code runs where it is saved, or where the user stands.
  const folder = options.to === undefined ? process.cwd() : path.dirname(path.resolve(options.to));
  const { runtime, module } = await runtimeFor(options.runtime, folder);
  await Session.with(file, options, async ({ model }) => {
    const cut = cutOf(model, options);
    const given = path.resolve(file);
    // A folder stands for the model in it; code has to name the file.
    const modelPath = (await stat(given)).isDirectory() ? path.join(given, model.file) : given;
    const written = writeCode(model, {
      recipe,
      language,
      cut,
      modelPath: relative(folder, modelPath),
      options: { runtime, preparation: preparationOf(model, options) },
    });
    const snippet = withModule(written, module);
    if (options.to !== undefined) await save(options.to, snippet.text, options.force === true);
    if (options.json)
      await printJson({
        recipe,
        language,
        ...(language === 'typescript' ? { runtime } : {}),
        code: snippet.text,
        imports: snippet.imports,
        ...(options.to === undefined ? {} : { written: options.to }),
      });
    else if (options.to === undefined) await print(snippet.text);
    else warn(`written: ${options.to}`);
  });
}

/** Of every input that takes pictures, where the user says how pictures are prepared. */
function preparationOf(model: ModelFile, options: PictureOptions): CodeOptions['preparation'] {
  const { preprocess, resize, interpolation, colorMode } = options;
  if ([preprocess, resize, interpolation, colorMode].every((given) => given === undefined)) return {};
  const chosen = preprocessingOf(options);
  const inputs = modelInputs(model).filter(({ name }) => pictureTargetOf(model, name) !== null);
  if (inputs.length === 0) throw new SlicerError('usage', { detail: 'The model has no input that takes pictures.' });
  return Object.fromEntries(inputs.map(({ name }) => [name, { ...autoPreprocessing(model, name), ...chosen }]));
}

interface Judgement {
  fits: boolean;
  why?: string;
}

async function list(file: string | undefined, options: CodeCommandOptions): Promise<void> {
  const rows = recipes.map((recipe) => ({ ...recipe, languages: languagesOf(recipe.id) }));
  if (file === undefined) {
    if (options.json) await printJson(rows);
    else await print(rows.map((row) => describe(row, [`in ${row.languages.join(', ')}`])).join('\n'));
    return;
  }
  await Session.with(file, options, async ({ model }) => {
    const cut = cutOf(model, options);
    const asked = options.language === undefined ? codeLanguages : [languageOf(options.language)];
    const judge = (recipe: RecipeId, language: CodeLanguage): Judgement => {
      const fit = fitRecipe(model, cut, { recipe, language });
      return fit.fits ? { fits: true } : { fits: false, why: fit.why };
    };
    const judged = rows.map((row) => ({
      ...row,
      ...judge(row.id, asked[0] ?? 'typescript'),
      fit: Object.fromEntries(asked.map((language) => [language, judge(row.id, language)])),
    }));
    if (options.json) await printJson(judged);
    else {
      const cells = judged.map(({ id, title, fit }) => [
        id,
        title,
        ...asked.map((language) => (fit[language]?.fits ? 'yes' : `no: ${fit[language]?.why ?? ''}`)),
      ]);
      await print(textTable(['recipe', 'what', ...asked], cells));
    }
  });
}

/** A recipe in a few lines. */
function describe({ id, title, when, costs, weights }: Recipe, more: readonly string[]): string {
  const lines = [when, `Costs: ${costs}`, `Weights: ${weights}; ${more.join('; ')}`];
  return [`${id}: ${title}`, ...lines.map((line) => `    ${line}`), ''].join('\n');
}

export function languageOf(text = 'typescript'): CodeLanguage {
  const found = codeLanguages.find((name) => name === text);
  if (!found)
    throw new SlicerError('usage', { detail: `--language is one of ${codeLanguages.join(', ')}, not ${text}.` });
  return found;
}

export function recipeId(text: string): RecipeId {
  const found = recipes.find(({ id }) => id === text);
  if (!found) throw new SlicerError('unknown-recipe', { recipe: text, recipes: recipes.map(({ id }) => id) });
  return found.id;
}

export function relative(folder: string, file: string): string {
  const between = path.relative(folder, file).split(path.sep).join('/');
  return between.startsWith('.') ? between : `./${between}`;
}

async function save(target: string, text: string, force: boolean): Promise<void> {
  if (!force && (await stat(target).catch(() => null)))
    throw new SlicerError('target-exists', { file: path.basename(target) });
  await writeFile(target, text, { flag: force ? 'w' : 'wx' }).catch((cause: unknown) => {
    throw new SlicerError(
      'write-failed',
      { file: path.basename(target), reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    );
  });
}
