/** The list of recipes: which fit, why others do not, and beside it the code of the one that is looked at. */
import { l10n, QuickPickItemKind, ThemeIcon, window, type QuickInputButton, type QuickPickItem } from 'vscode';
import { codeRuntimes, type CodeRuntime } from '../../core/codegen/projectRuntime';
import { codeLanguages, type CodeLanguage, type Recipe, type RecipeId } from '../../core/codegen/recipe';
import { commentText } from '../../core/codegen/literals';
import { errorSentence } from '../sentences';
import { RecipePreview } from './recipePreview';

export interface CodeManner {
  language: CodeLanguage;
  runtime: CodeRuntime;
}

export interface RecipeChoice extends CodeManner {
  recipe: RecipeId;
  to?: 'document' | 'clipboard';
}

export interface JudgedRecipe extends Recipe {
  /** Why it does not fit; null when it does. */
  whyNot: string | null;
}

export interface RecipeOffer {
  /** What the preview is called: the model. */
  name: string;
  start: CodeManner;
  judge(manner: CodeManner): JudgedRecipe[];
  /** A whole file of it. */
  write(recipe: RecipeId, manner: CodeManner): string;
  /** Where it would go, for the title; `javascript`: there it has no types. */
  place(manner: CodeManner): { title: string; javascript: boolean };
  last(language: CodeLanguage): RecipeId | undefined;
}

interface RecipeItem extends QuickPickItem {
  recipe?: JudgedRecipe;
}

const LANGUAGE_NAMES: Record<CodeLanguage, string> = { typescript: 'TypeScript', python: 'Python' };
const RUNTIME_NAMES: Record<CodeRuntime, string> = { tfjs: 'tfjs', 'tfjs-node': 'tfjs-node', browser: 'browser' };

/** Null when the user gives up. Only a recipe that fits can be chosen. */
export async function chooseRecipe(offer: RecipeOffer): Promise<RecipeChoice | null> {
  const preview = new RecipePreview(offer.name);
  const pick = window.createQuickPick<RecipeItem>();
  let manner = offer.start;
  let wanted: RecipeId | undefined = offer.last(manner.language);
  const copy = button('copy', l10n.t('Copy'));
  const newDocument = button('new-file', l10n.t('Open in a New Document'));
  let switches: { button: QuickInputButton; manner: CodeManner }[] = [];

  const fill = (): void => {
    const judged = offer.judge(manner);
    const fitting = judged.filter(({ whyNot }) => whyNot === null);
    const other = judged.filter(({ whyNot }) => whyNot !== null);
    switches = switchesFrom(manner);
    pick.title = `${titleOf(manner)} · ${offer.place(manner).title}`;
    pick.placeholder =
      fitting.length > 0
        ? l10n.t('How shall the code do it?')
        : l10n.t('No recipe fits this model and cut: each says why');
    pick.buttons = switches.map((one) => one.button);
    pick.items = [
      ...fitting.map((recipe) => itemOf(recipe, [newDocument, copy])),
      ...(other.length > 0 ? [{ label: l10n.t('Does not fit'), kind: QuickPickItemKind.Separator }] : []),
      ...other.map((recipe) => itemOf(recipe, [])),
    ];
    const active = pick.items.find(
      ({ recipe }) => recipe !== undefined && recipe.id === wanted && recipe.whyNot === null,
    );
    if (active) pick.activeItems = [active];
    // VS Code tells of the first item by itself, and not when it stays the same
    show(active?.recipe ?? judged.find(({ whyNot }) => whyNot === null) ?? judged[0]);
  };
  const show = (recipe: JudgedRecipe | undefined): void => {
    if (!recipe) return;
    const { language } = manner;
    preview.show(
      previewOf(offer, recipe, manner),
      language === 'python' ? 'py' : offer.place(manner).javascript ? 'js' : 'ts',
    );
  };

  return new Promise((resolve) => {
    let choice: RecipeChoice | null = null;
    const take = (recipe: JudgedRecipe | undefined, to?: 'document' | 'clipboard'): void => {
      if (recipe?.whyNot !== null) return;
      choice = { ...manner, recipe: recipe.id, ...(to ? { to } : {}) };
      pick.hide();
    };
    pick.matchOnDescription = true;
    pick.matchOnDetail = true;
    // the code can be scrolled and read while the list is there
    pick.ignoreFocusOut = true;
    pick.onDidChangeActive(([item]) => {
      if (!item?.recipe) return;
      wanted = item.recipe.id;
      show(item.recipe);
    });
    pick.onDidAccept(() => take(pick.selectedItems[0]?.recipe));
    pick.onDidTriggerItemButton(({ item, button: pressed }) =>
      take(item.recipe, pressed === copy ? 'clipboard' : 'document'),
    );
    pick.onDidTriggerButton((pressed) => {
      const found = switches.find((one) => one.button === pressed);
      if (!found) return;
      const other = found.manner.language !== manner.language;
      ({ manner } = found);
      if (other) wanted = offer.last(manner.language) ?? wanted;
      fill();
    });
    pick.onDidHide(() => {
      pick.dispose();
      void preview.end().then(() => resolve(choice));
    });
    fill();
    pick.show();
  });
}

function button(icon: string, tooltip: string): QuickInputButton {
  return { iconPath: new ThemeIcon(icon), tooltip };
}

function titleOf({ language, runtime }: CodeManner): string {
  return language === 'typescript'
    ? `${LANGUAGE_NAMES[language]} (${RUNTIME_NAMES[runtime]})`
    : LANGUAGE_NAMES[language];
}

/** The other language, and in TypeScript the next way to get TF.js. */
function switchesFrom(manner: CodeManner): { button: QuickInputButton; manner: CodeManner }[] {
  const languages = codeLanguages
    .filter((language) => language !== manner.language)
    .map((language) => ({
      button: button('arrow-swap', l10n.t('Write {0}', LANGUAGE_NAMES[language])),
      manner: { ...manner, language },
    }));
  if (manner.language !== 'typescript') return languages;
  const runtime = codeRuntimes[(codeRuntimes.indexOf(manner.runtime) + 1) % codeRuntimes.length] ?? 'tfjs';
  const next = button(
    runtime === 'browser' ? 'globe' : 'server-environment',
    l10n.t('Write for {0}, not for {1}', RUNTIME_NAMES[runtime], RUNTIME_NAMES[manner.runtime]),
  );
  return [{ button: next, manner: { ...manner, runtime } }, ...languages];
}

function itemOf(recipe: JudgedRecipe, buttons: QuickInputButton[]): RecipeItem {
  const { title, whyNot, when } = recipe;
  return {
    recipe,
    label: l10n.t(title),
    description: costsText(recipe),
    detail: whyNot === null ? l10n.t(when) : l10n.t('Does not fit: {0}', whyNot),
    iconPath: new ThemeIcon(whyNot === null ? 'code' : 'circle-slash'),
    buttons,
  };
}

/** What it costs; whose the weights are only where they are not the model's own. */
function costsText({ weights, costs }: Recipe): string {
  switch (weights) {
    case 'shared':
      return l10n.t(costs);
    case 'copied':
      return l10n.t('own weights · {0}', l10n.t(costs));
    case 'frozen':
      return l10n.t('frozen · {0}', l10n.t(costs));
  }
}

function previewOf(offer: RecipeOffer, recipe: JudgedRecipe, manner: CodeManner): string {
  const comment = manner.language === 'python' ? '#' : '//';
  const line = (text: string): string => `${comment} ${commentText(text)}\n`;
  if (recipe.whyNot !== null) return line(l10n.t(recipe.title)) + line(l10n.t('Does not fit: {0}', recipe.whyNot));
  try {
    return offer.write(recipe.id, manner);
  } catch (error) {
    return line(errorSentence(error));
  }
}
