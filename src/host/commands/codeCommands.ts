/** Code for the marked slice or the whole model: which recipe, in which language, and where it goes. */
import { l10n, workspace } from 'vscode';
import type { CodeSnippet } from '../../core/codegen/codeSnippet';
import type { CodeOptions } from '../../core/codegen/codeTask';
import { codeRuntimes, withModule, type CodeRuntime } from '../../core/codegen/projectRuntime';
import { codeLanguages, type CodeLanguage, type Recipe, type RecipeId } from '../../core/codegen/recipe';
import { fitRecipes, languagesOf, recipes } from '../../core/codegen/recipes';
import { writeCode } from '../../core/codegen/writeCode';
import type { Head } from '../../core/composing/composition';
import { SlicerError } from '../../core/errors';
import { resolveAddress } from '../../core/model/address';
import type { ModelFile } from '../../core/model/modelFile';
import type { Cut } from '../../core/slicing/slice';
import type { CodeArgs } from '../contributions';
import type { ModelDocument } from '../editor/modelDocument';
import type { ModelPanel } from '../editor/modelPanel';
import { fileLanguage, fileOf, type CodeEditors } from '../languages/codeEditors';
import { chooseRecipe, type CodeManner, type JudgedRecipe, type RecipeChoice } from './chooseRecipe';
import type { CodeChoices } from './codeChoices';
import { chooseDestination, handOver, pathFromCode, type Destination } from './codeDestination';
import { chosenRuntime, findRuntime, rememberRuntime, withRuntime } from './codeRuntime';
import type { CommandTargets } from './commandTargets';

export interface CodeServices {
  targets: CommandTargets;
  codeEditors: CodeEditors;
  choices: CodeChoices;
}

/**
 * Returns the code that was handed over; undefined when the user gave up.
 * @param head what stands behind a model that is a layer.
 */
export async function insertCode(
  kind: Recipe['kind'],
  args: CodeArgs,
  { targets, codeEditors, choices }: CodeServices,
  head?: Head,
): Promise<string | undefined> {
  const given = { language: languageOf(args.language), runtime: runtimeOf(args.runtime) };
  const panel = await targets.panel(args);
  const { document } = panel;
  const model = document.loaded?.model;
  if (!model) return undefined;
  const cut = await cutFor(kind, panel, model, args, targets);
  if (!cut) return undefined;

  const language = given.language ?? lastLanguage(codeEditors) ?? choices.language ?? 'typescript';
  const placeFor = (manner: CodeManner): Destination => {
    const [place] = args.to === 'document' || args.to === 'clipboard' ? [] : codeEditors.placesFor(manner.language);
    return place ? { kind: 'editor', place } : { kind: args.to === 'clipboard' ? 'clipboard' : 'document' };
  };
  const [place = null] = codeEditors.placesFor('typescript');
  const found = await findRuntime(place, document.uri);
  const runtime = given.runtime ?? chosenRuntime(choices.workspace, found).runtime;
  const preparation = preparationOf(document);
  const write = (recipe: RecipeId, manner: CodeManner, destination: Destination): CodeSnippet => {
    const file = destination.kind === 'editor' ? fileOf(destination.place.document) : null;
    const options: CodeOptions = { runtime: manner.runtime, preparation, ...(head ? { head } : {}) };
    const modelPath = pathFromCode(document.uri, file);
    const snippet = writeCode(model, { recipe, language: manner.language, cut, modelPath, options });
    return withModule(snippet, withRuntime(found, manner.runtime).module);
  };
  const offered = recipes.filter((recipe) => recipe.kind === kind);
  const judge = ({ language: of, runtime: on }: CodeManner): JudgedRecipe[] => {
    const inLanguage = offered.filter(({ id }) => languagesOf(id).includes(of));
    const options: CodeOptions = { runtime: on, preparation };
    const fits = fitRecipes(
      model,
      cut,
      inLanguage.map(({ id }) => id),
      { language: of, options },
    );
    return inLanguage.map((recipe, i) => {
      const fit = fits[i]?.fit;
      return { ...recipe, whyNot: fit?.fits === false ? fit.why : null };
    });
  };

  const choice: RecipeChoice | null =
    args.recipe === undefined
      ? await chooseRecipe({
          name: model.graph.name || document.fileName,
          start: { language, runtime },
          judge,
          write: (recipe, manner) => {
            const destination = placeFor(manner);
            const snippet = write(recipe, manner, destination);
            return isJavaScript(destination) ? withoutTypes(snippet) : snippet.text;
          },
          place: (manner) => {
            const destination = placeFor(manner);
            return { title: titleOf(destination), javascript: isJavaScript(destination) };
          },
          last: (of) => choices.recipe(kind, of),
        })
      : {
          language,
          runtime,
          recipe: recipeOf(args.recipe, kind, () =>
            lastFitting(judge({ language, runtime }), choices.recipe(kind, language)),
          ),
        };
  if (!choice) return undefined;
  const places = codeEditors.placesFor(choice.language);
  const destination = await chooseDestination(choice.to ?? args.to, places);
  if (!destination) return undefined;
  const code = await handOver((to) => write(choice.recipe, choice, to), destination, places);
  if (code !== undefined && args.recipe === undefined) {
    await choices.remember(kind, choice.language, choice.recipe);
    if (given.runtime === undefined && choice.language === 'typescript')
      await rememberRuntime(choices.workspace, found, choice.runtime);
  }
  return code;
}

/** Given layers, else the marks, else the whole model as a layer, or the layers that the user chooses. */
async function cutFor(
  kind: Recipe['kind'],
  panel: ModelPanel,
  model: ModelFile,
  args: CodeArgs,
  targets: CommandTargets,
): Promise<Cut | null> {
  const outputs = (addresses: readonly string[]): Cut => ({
    outputs: addresses.map((address) => resolveAddress(model.graph, address).address),
    inputs: [],
  });
  if (args.addresses) return outputs(args.addresses);
  const marked = panel.document.cut.cut;
  if (marked) return marked;
  if (kind === 'layer') return { outputs: [], inputs: [] };
  const chosen = await targets.addresses(panel, args, l10n.t('Which layer do you want the output of?'));
  return chosen.length > 0 ? outputs(chosen) : null;
}

function lastLanguage({ last }: CodeEditors): CodeLanguage | undefined {
  return last ? fileLanguage(last.document)?.code : undefined;
}

/** How the pictures that the editor shows as inputs were prepared. */
function preparationOf({ run }: ModelDocument): CodeOptions['preparation'] {
  const prepared = (run.inputState.resolved ?? []).flatMap(({ input, preprocessing }) =>
    preprocessing ? [[input, preprocessing] as const] : [],
  );
  return Object.fromEntries(prepared);
}

function isJavaScript(destination: Destination): boolean {
  if (destination.kind !== 'editor') return false;
  const { document } = destination.place;
  return fileLanguage(document)?.language === 'javascript';
}

function withoutTypes({ text, body, untyped }: CodeSnippet): string {
  const head = /^(?:import [^\n]*\n)*/.exec(text)?.[0] ?? '';
  return body === untyped ? text : `${head}\n${untyped}`;
}

function titleOf(destination: Destination): string {
  switch (destination.kind) {
    case 'clipboard':
      return l10n.t('Copy');
    case 'document':
      return l10n.t('New document');
    case 'editor': {
      const { document, selection } = destination.place;
      return l10n.t('Line {0} of {1}', selection.active.line + 1, workspace.asRelativePath(fileOf(document)));
    }
  }
}

/** `last` is what was chosen last. @throws SlicerError `unknown-recipe` with those that there are. */
function recipeOf(text: string, kind: Recipe['kind'], last: () => RecipeId): RecipeId {
  if (text === 'last') return last();
  const ids = recipes.filter((recipe) => recipe.kind === kind).map(({ id }) => id);
  const known = ids.find((id) => id === text);
  if (!known) throw new SlicerError('unknown-recipe', { recipe: text, recipes: ids });
  return known;
}

/** What was chosen last where it fits, else the first that does, else what says why it does not. */
function lastFitting(judged: readonly { id: RecipeId; whyNot: string | null }[], last: RecipeId | undefined): RecipeId {
  const fitting = judged.filter(({ whyNot }) => whyNot === null);
  const [first] = fitting.length > 0 ? fitting : judged;
  return fitting.find(({ id }) => id === last)?.id ?? first?.id ?? 'functional-by-name';
}

function languageOf(text: string | undefined): CodeLanguage | undefined {
  if (text === undefined) return undefined;
  const found = codeLanguages.find((language) => language === (text === 'javascript' ? 'typescript' : text));
  if (!found)
    throw new SlicerError('usage', {
      detail: l10n.t('`language` is one of {0}, not {1}.', codeLanguages.join(', '), text),
    });
  return found;
}

function runtimeOf(text: string | undefined): CodeRuntime | undefined {
  if (text === undefined) return undefined;
  const found = codeRuntimes.find((runtime) => runtime === text);
  if (!found)
    throw new SlicerError('usage', {
      detail: l10n.t('`runtime` is one of {0}, not {1}.', codeRuntimes.join(', '), text),
    });
  return found;
}
