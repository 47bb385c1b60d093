/** Open a model, as text, or the sample. */
import { commands as vscodeCommands, FileType, l10n, Uri, window, workspace } from 'vscode';
import { SlicerError } from '../../core/errors';
import { KERAS_NAME, viewTypeOf, type ModelArgs } from '../contributions';
import type { ModelEditors } from '../editor/modelEditorProvider';
import { statOf } from '../statOf';
import { toUri, type CommandTargets } from './commandTargets';

const MODEL_NAME = /^model.*\.json$/i;
const WEIGHTS_NAME = /\.weights\.h5$/i;
/** What stands near the beginning of every TF.js model, whatever its file is called. */
const MODEL_KEYS = /"(?:modelTopology|weightsManifest)"\s*:/;
const SNIFFED_BYTES = 1024 * 1024;

export async function openModel({ uri }: ModelArgs): Promise<void> {
  const chosen = uri === undefined ? await askForModel() : toUri(uri);
  if (!chosen) return;
  const isFolder = (await statOf(chosen))?.type === FileType.Directory;
  const model = isFolder ? await modelInFolder(chosen) : chosen;
  if (model) await vscodeCommands.executeCommand('vscode.openWith', model, viewTypeOf(model));
}

export async function openAsText({ uri }: ModelArgs, editors: ModelEditors): Promise<void> {
  const document = uri === undefined ? editors.active?.document.uri : toUri(uri);
  if (document) await vscodeCommands.executeCommand('vscode.openWith', document, 'default');
}

/** Copies the sample to the extension's own storage, so that what is saved beside it is saved, and gives it a picture. */
export async function openSample(extensionUri: Uri, storageUri: Uri, targets: CommandTargets): Promise<void> {
  const sample = Uri.joinPath(storageUri, 'sample', 'digits-cnn');
  const model = Uri.joinPath(sample, 'model.json');
  if (!(await statOf(model))) await copySample(Uri.joinPath(extensionUri, 'media', 'sample', 'digits-cnn'), sample);
  const { document } = await targets.panel({ uri: model });
  const [spec] = document.run.specs;
  if (!spec || spec.source.kind !== 'random') return;
  const name = 'digit-7-10.png';
  const picture = Uri.joinPath(sample, 'samples', name).fsPath;
  await document.setInput({ input: spec.input, source: { kind: 'picture', path: picture, name } });
}

/** File by file: an installed extension may be read-only, and a copy of the folder would be, too. The model comes last. */
async function copySample(from: Uri, to: Uri): Promise<void> {
  const folders = [from];
  const files: Uri[] = [];
  for (const folder of folders) {
    for (const [name, type] of await workspace.fs.readDirectory(folder)) {
      (type === FileType.Directory ? folders : files).push(Uri.joinPath(folder, name));
    }
  }
  files.sort((a, b) => Number(a.path.endsWith('.json')) - Number(b.path.endsWith('.json')));
  for (const file of files) {
    const target = Uri.joinPath(to, file.path.slice(from.path.length));
    await workspace.fs.writeFile(target, await workspace.fs.readFile(file));
  }
}

async function askForModel(): Promise<Uri | undefined> {
  const text = window.activeTextEditor?.document.uri;
  if (text && /\.json$/i.test(text.path)) return text;
  const chosen = await window.showOpenDialog({
    title: l10n.t('Open a Model'),
    filters: { [l10n.t('Keras and TensorFlow.js models')]: ['keras', 'h5', 'hdf5', 'json'] },
  });
  return chosen?.[0];
}

/** @throws SlicerError `not-a-model` when the folder holds none. */
async function modelInFolder(folder: Uri): Promise<Uri | undefined> {
  const files = (await workspace.fs.readDirectory(folder))
    .filter(([, type]) => (type & FileType.File) !== 0)
    .map(([name]) => name);
  const names = files.filter((name) => /\.json$/i.test(name));
  let models = files.filter((name) => MODEL_NAME.test(name) || (KERAS_NAME.test(name) && !WEIGHTS_NAME.test(name)));
  // an unpacked `.keras`
  if (models.length === 0 && files.includes('model.weights.h5') && files.includes('config.json'))
    models = ['config.json'];
  if (models.length === 0) {
    const sniffed = await Promise.all(
      names.map(async (name) => ((await looksLikeModel(Uri.joinPath(folder, name))) ? [name] : [])),
    );
    models = sniffed.flat();
  }
  if (models.length === 0) {
    throw new SlicerError('usage', {
      detail: l10n.t('The folder {0} holds no model.', workspace.asRelativePath(folder)),
    });
  }
  const name =
    models.length === 1 ? models[0] : await window.showQuickPick(models, { placeHolder: l10n.t('Which model?') });
  return name === undefined ? undefined : Uri.joinPath(folder, name);
}

async function looksLikeModel(file: Uri): Promise<boolean> {
  const facts = await statOf(file);
  if (!facts || facts.size > 64 * SNIFFED_BYTES) return false;
  const bytes = await workspace.fs.readFile(file);
  const ends = [bytes.subarray(0, SNIFFED_BYTES), bytes.subarray(Math.max(0, bytes.length - SNIFFED_BYTES))];
  return ends.some((part) => MODEL_KEYS.test(new TextDecoder().decode(part)));
}
