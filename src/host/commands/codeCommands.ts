/** Code for the marked slice or the whole model: which recipe, and where it goes. */
import path from 'node:path';
import { env, l10n, QuickPickItemKind, ThemeIcon, window, workspace, type QuickPickItem, type Uri } from 'vscode';
import type { CodeSnippet } from '../../core/codegen/codeSnippet';
import { insertSnippet } from '../../core/codegen/insertion';
import type { Recipe, RecipeId } from '../../core/codegen/recipe';
import { fitRecipe, languagesOf, recipes } from '../../core/codegen/recipes';
import { writeCode } from '../../core/codegen/writeCode';
import { SlicerError } from '../../core/errors';
import { resolveAddress } from '../../core/model/address';
import type { ModelFile } from '../../core/model/modelFile';
import type { Cut } from '../../core/slicing/slice';
import type { CodeArgs } from '../contributions';
import type { ModelPanel } from '../editor/modelPanel';
import { applyChanges, type CodeEditors, type CodePlace } from '../languages/codeEditors';
import type { CommandTargets } from './commandTargets';

type Destination = { kind: 'editor'; place: CodePlace } | { kind: 'document' } | { kind: 'clipboard' };

/** Returns the code that was handed over; undefined when the user gave up. */
export async function insertCode(
  kind: Recipe['kind'],
  args: CodeArgs,
  targets: CommandTargets,
  codeEditors: CodeEditors,
): Promise<string | undefined> {
  const panel = await targets.panel(args);
  const model = panel.document.loaded?.model;
  if (!model) return undefined;
  const cut = await cutFor(kind, panel, model, args, targets);
  if (!cut) return undefined;
  const chosen = await chooseRecipe(kind, model, cut, args, codeEditors);
  if (!chosen) return undefined;
  const destination = await chooseDestination(chosen.to, codeEditors);
  if (!destination) return undefined;
  const modelPath = pathFromCode(panel.document.uri, destination);
  return handOver(writeCode(model, { recipe: chosen.recipe, language: 'typescript', cut, modelPath }), destination);
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

interface RecipeItem extends QuickPickItem {
  recipe: RecipeId;
}

/** A script that says which recipe or where is not asked. */
async function chooseRecipe(
  kind: Recipe['kind'],
  model: ModelFile,
  cut: Cut,
  { recipe, to }: CodeArgs,
  codeEditors: CodeEditors,
): Promise<{ recipe: RecipeId; to: CodeArgs['to'] } | null> {
  const offered = recipes.filter((item) => item.kind === kind && languagesOf(item.id).includes('typescript'));
  const ids = offered.map(({ id }) => id);
  if (recipe !== undefined) {
    const known = ids.find((id) => id === recipe);
    if (!known) throw new SlicerError('unknown-recipe', { recipe, recipes: ids });
    return { recipe: known, to };
  }
  const [only] = ids;
  if (to !== undefined && only !== undefined && ids.length === 1) return { recipe: only, to };

  const copy = { iconPath: new ThemeIcon('copy'), tooltip: l10n.t('Copy') };
  const newDocument = { iconPath: new ThemeIcon('new-file'), tooltip: l10n.t('Open in a New Document') };
  const items = offered.map(({ id, title, when }): RecipeItem => {
    const fit = fitRecipe(model, cut, { recipe: id, language: 'typescript' });
    const detail = fit.fits ? l10n.t(when) : l10n.t('Does not fit: {0}', fit.why);
    const buttons = fit.fits ? [newDocument, copy] : [];
    return {
      recipe: id,
      label: l10n.t(title),
      detail,
      buttons,
      iconPath: new ThemeIcon(fit.fits ? 'code' : 'circle-slash'),
    };
  });
  return new Promise((resolve) => {
    const pick = window.createQuickPick<RecipeItem>();
    pick.items = items;
    pick.title = placeTitle(codeEditors);
    pick.placeholder = l10n.t('How shall the code do it?');
    pick.onDidAccept(() => {
      const [item] = pick.selectedItems;
      if (item) resolve({ recipe: item.recipe, to });
      pick.hide();
    });
    pick.onDidTriggerItemButton(({ item, button }) => {
      resolve({ recipe: item.recipe, to: button === copy ? 'clipboard' : 'document' });
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(null);
      pick.dispose();
    });
    pick.show();
  });
}

function placeTitle({ last }: CodeEditors): string {
  if (!last) return l10n.t('Code in a new document');
  const file = workspace.asRelativePath(last.document.uri);
  return l10n.t('Code at line {0} of {1}', last.selection.active.line + 1, file);
}

interface PlaceItem extends QuickPickItem {
  destination?: Destination;
}

/** With several code editors on screen it is not clear which one is meant: that is asked. */
async function chooseDestination(to: CodeArgs['to'], codeEditors: CodeEditors): Promise<Destination | null> {
  if (to === 'clipboard' || to === 'document') return { kind: to };
  const { last, others } = codeEditors;
  const places = [...(last ? [last] : []), ...others];
  const [first] = places;
  if (!first) return { kind: 'document' };
  if (places.length === 1 || to === 'editor') return { kind: 'editor', place: first };
  const items: PlaceItem[] = [
    ...places.map((place) => ({
      label: path.posix.basename(place.document.uri.path),
      description: l10n.t('line {0}', place.selection.active.line + 1),
      detail: workspace.asRelativePath(place.document.uri),
      destination: { kind: 'editor', place } as const,
    })),
    { label: '', kind: QuickPickItemKind.Separator },
    { label: l10n.t('New document'), iconPath: new ThemeIcon('new-file'), destination: { kind: 'document' } },
    { label: l10n.t('Copy'), iconPath: new ThemeIcon('copy'), destination: { kind: 'clipboard' } },
  ];
  return (await window.showQuickPick(items, { placeHolder: l10n.t('Where shall the code go?') }))?.destination ?? null;
}

/** The model's path as a program in that document would say it; without a place, from the workspace's folder. */
function pathFromCode(model: Uri, destination: Destination): string {
  const code = destination.kind === 'editor' ? destination.place.document.uri : null;
  const from =
    code && !code.path.startsWith('untitled') && code.scheme === model.scheme
      ? path.posix.dirname(code.path)
      : (workspace.getWorkspaceFolder(model) ?? workspace.workspaceFolders?.[0])?.uri.path;
  const relative = from === undefined ? path.posix.basename(model.path) : path.posix.relative(from, model.path);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

async function handOver(snippet: CodeSnippet, destination: Destination): Promise<string> {
  switch (destination.kind) {
    case 'clipboard':
      await env.clipboard.writeText(snippet.text);
      void window.setStatusBarMessage(l10n.t('Code copied'), 3000);
      return snippet.text;
    case 'document':
      await window.showTextDocument(
        await workspace.openTextDocument({ language: 'typescript', content: snippet.text }),
      );
      return snippet.text;
    case 'editor': {
      const { document, selection } = destination.place;
      const language = document.languageId.startsWith('typescript') ? 'typescript' : 'javascript';
      const inserted = insertSnippet(document.getText(), document.offsetAt(selection.active), snippet, { language });
      const edits = inserted?.edits ?? [];
      if (!(await applyChanges(destination.place, edits))) {
        throw new SlicerError('usage', {
          detail: l10n.t('{0} cannot be edited.', path.posix.basename(document.uri.path)),
        });
      }
      return language === 'typescript' ? snippet.body : snippet.untyped;
    }
  }
}
