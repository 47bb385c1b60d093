/** Begins the class of a layer that nothing here computes, and offers to use it. */
import path from 'node:path';
import { ConfigurationTarget, l10n, Uri, window, workspace } from 'vscode';
import { customLayerStub, needsStub, type StubFile, type StubLanguage } from '../../core/codegen/stub';
import { SlicerError } from '../../core/errors';
import { resolveAddress } from '../../core/model/address';
import type { LayerGraph } from '../../core/model/layerGraph';
import { settings, settingsSection, type CustomLayerArgs } from '../contributions';
import type { ModelPanel } from '../editor/modelPanel';
import { statOf } from '../statOf';
import { toUri, type CommandTargets } from './commandTargets';
import { folderFor } from './cutCommands';
import { overwriting } from './overwriting';

type Language = NonNullable<CustomLayerArgs['language']>;

/** Returns the path of the file; undefined when the user gave up. */
export async function createCustomLayer(args: CustomLayerArgs, targets: CommandTargets): Promise<string | undefined> {
  const panel = await targets.panel(args);
  const { document } = panel;
  const model = document.loaded?.model;
  const address = model && (await chooseLayer(panel, model.graph, args));
  if (!model || address === undefined) return undefined;
  const given = args.target === undefined ? undefined : toUri(args.target);
  const language = args.language ?? (given ? languageOf(given) : await askForLanguage());
  if (!language) return undefined;
  const stub = customLayerStub(model, address, language === 'javascript' ? 'cjs' : 'typescript');
  const target = given ?? (await askForTarget(document.uri, stub, language));
  if (!target) return undefined;
  const { text } = customLayerStub(model, address, formOf(target, language));
  const written = await overwriting(args.overwrite, path.basename(target.path), async (force) => {
    if (!force && (await statOf(target))) throw new SlicerError('target-exists', { target: target.fsPath });
    await workspace.fs.writeFile(target, new TextEncoder().encode(text));
    return target.fsPath;
  });
  if (written === undefined) return undefined;
  if (given === undefined) {
    await window.showTextDocument(target);
    void offerSetting(document.uri, target);
  }
  return written;
}

/** Given or selected ones that take a class; else the user's choice among those of the model. */
async function chooseLayer(
  panel: ModelPanel,
  graph: LayerGraph,
  { addresses }: CustomLayerArgs,
): Promise<string | undefined> {
  // what was named is not exchanged for something else: the writer says what is wrong with it
  if (addresses) return addresses[0];
  const selected = await panel.selection();
  const fitting = selected.find((address) => needsStub(resolveAddress(graph, address).layer));
  if (fitting !== undefined) return fitting;
  const rows = (panel.document.loaded?.rows.layers ?? []).filter(
    (row) => row.calls.length > 0 && needsStub(resolveAddress(graph, row.address).layer),
  );
  if (rows.length === 0)
    throw new SlicerError('usage', {
      detail: l10n.t('Every class of {0} is known: there is none to write.', panel.document.fileName),
    });
  const items = rows.map((row) => ({ label: row.address, description: row.class }));
  const chosen = await window.showQuickPick(items, {
    placeHolder: l10n.t('The class of which layer?'),
    matchOnDescription: true,
  });
  return chosen?.label;
}

async function askForLanguage(): Promise<Language | undefined> {
  const items: { label: string; detail: string; language: Language }[] = [
    {
      label: 'TypeScript',
      detail: runsTypeScript()
        ? l10n.t('With the types of its configuration')
        : l10n.t('With the types of its configuration; to be compiled before it runs'),
      language: 'typescript',
    },
    { label: 'JavaScript', detail: l10n.t('Runs as it is'), language: 'javascript' },
  ];
  return (await window.showQuickPick(items, { placeHolder: l10n.t('In which language?') }))?.language;
}

async function askForTarget(model: Uri, { identifier }: StubFile, language: Language): Promise<Uri | undefined> {
  const extensions = language === 'javascript' ? ['cjs', 'mjs', 'js'] : ['ts', 'mts', 'cts'];
  return window.showSaveDialog({
    title: l10n.t('Save the Class'),
    saveLabel: l10n.t('Save'),
    defaultUri: Uri.joinPath(folderFor(model), `${identifier}.${extensions[0] ?? ''}`),
    filters: { [language === 'javascript' ? 'JavaScript' : 'TypeScript']: extensions },
  });
}

function languageOf({ path: file }: Uri): Language {
  return /\.[cm]?js$/i.test(file) ? 'javascript' : 'typescript';
}

function formOf({ path: file }: Uri, language: Language): StubLanguage {
  if (language === 'typescript') return 'typescript';
  return /\.mjs$/i.test(file) ? 'mjs' : 'cjs';
}

/** The engine runs in the Node that runs this. */
function runsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

/** Without trust the setting has no effect, and is not offered. */
async function offerSetting(model: Uri, file: Uri): Promise<void> {
  const name = path.basename(file.path);
  const compiled = runsTypeScript() ? file : file.with({ path: file.path.replace(/\.([cm]?)ts$/i, '.$1js') });
  const toRun = path.basename(compiled.path);
  const message =
    toRun === name
      ? l10n.t('Write call() in {0}: then the model runs with it.', name)
      : l10n.t('Write call() in {0} and compile it to {1}: then the model runs with it.', name, toRun);
  if (!workspace.isTrusted) {
    void window.showInformationMessage(`${message} ${l10n.t('It is loaded in trusted workspaces only.')}`);
    return;
  }
  if (file.scheme !== 'file') return;
  const use = l10n.t('Use {0}', toRun);
  if ((await window.showInformationMessage(message, use)) === use) await addToSetting(model, compiled);
}

/** Adds the file to `modelSlicer.customLayers` where the model's workspace has it, else in the user's settings. */
export async function addToSetting(model: Uri, file: Uri): Promise<void> {
  const section = workspace.getConfiguration(settingsSection, model);
  const value = section.get<unknown>(settings.customLayers);
  const files = Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  const folder = workspace.getWorkspaceFolder(model);
  const relative = folder ? path.relative(folder.uri.fsPath, file.fsPath) : '..';
  const isInside = !relative.startsWith('..') && !path.isAbsolute(relative);
  const entry = isInside ? relative.split(path.sep).join('/') : file.fsPath;
  if (files.includes(entry)) return;
  const several = (workspace.workspaceFolders?.length ?? 0) > 1;
  const target = !folder
    ? ConfigurationTarget.Global
    : several
      ? ConfigurationTarget.WorkspaceFolder
      : ConfigurationTarget.Workspace;
  await section.update(settings.customLayers, [...files, entry], target);
}
