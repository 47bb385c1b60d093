import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { codeLanguages, type CodeLanguage, type RecipeId } from '../../core/codegen/recipe';
import { fitRecipe, languagesOf, recipes } from '../../core/codegen/recipes';
import { writeCode } from '../../core/codegen/writeCode';
import { SlicerError } from '../../core/errors';
import { cutOf, type CutOptions } from '../cutOptions';
import { print, printJson, warn } from '../output';
import { Session, type SessionOptions } from '../session';
import { textTable } from '../textTable';

export interface CodeOptions extends SessionOptions, CutOptions {
  recipe?: string;
  language?: string;
  to?: string;
  list?: boolean;
  force?: boolean;
  json?: boolean;
}

export async function code(file: string | undefined, options: CodeOptions): Promise<void> {
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
  await Session.with(file, options, async ({ model }) => {
    const cut = cutOf(model, options);
    // The code runs where it is saved, or where the user stands.
    const folder = options.to === undefined ? process.cwd() : path.dirname(path.resolve(options.to));
    const given = path.resolve(file);
    // A folder stands for the model in it; code has to name the file.
    const modelPath = (await stat(given)).isDirectory() ? path.join(given, model.file) : given;
    const snippet = writeCode(model, { recipe, language, cut, modelPath: relative(folder, modelPath) });
    if (options.to !== undefined) await save(options.to, snippet.text, options.force === true);
    if (options.json)
      await printJson({
        recipe,
        language,
        code: snippet.text,
        imports: snippet.imports,
        ...(options.to === undefined ? {} : { written: options.to }),
      });
    else if (options.to === undefined) await print(snippet.text);
    else warn(`written: ${options.to}`);
  });
}

async function list(file: string | undefined, options: CodeOptions): Promise<void> {
  const rows = recipes.flatMap((recipe) => {
    const languages = languagesOf(recipe.id);
    return languages.length > 0 ? [{ ...recipe, languages }] : [];
  });
  if (file === undefined) {
    if (options.json) await printJson(rows);
    else
      await print(
        textTable(
          ['recipe', 'when to use it'],
          rows.map(({ id, when }) => [id, when]),
        ),
      );
    return;
  }
  await Session.with(file, options, async ({ model }) => {
    const cut = cutOf(model, options);
    const language = languageOf(options.language);
    const judged = rows.map((row) => {
      const fit = fitRecipe(model, cut, { recipe: row.id, language });
      return { ...row, ...(fit.fits ? { fits: true as const } : { fits: false as const, why: fit.why }) };
    });
    if (options.json) await printJson(judged);
    else
      await print(
        textTable(
          ['recipe', 'fits', 'when to use it, or why not'],
          judged.map((row) => [row.id, row.fits ? 'yes' : 'no', row.fits ? row.when : row.why]),
        ),
      );
  });
}

function languageOf(text = 'typescript'): CodeLanguage {
  const found = codeLanguages.find((name) => name === text);
  if (!found)
    throw new SlicerError('usage', { detail: `--language is one of ${codeLanguages.join(', ')}, not ${text}.` });
  return found;
}

function recipeId(text: string): RecipeId {
  const found = recipes.find(({ id }) => id === text);
  if (!found) throw new SlicerError('unknown-recipe', { recipe: text, recipes: recipes.map(({ id }) => id) });
  return found.id;
}

function relative(folder: string, file: string): string {
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
