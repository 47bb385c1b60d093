/** Mark, plan, prove and save. */
import path from 'node:path';
import { commands as vscodeCommands, l10n, Uri, window, workspace } from 'vscode';
import { SlicerError } from '../../core/errors';
import type { VerifyResult } from '../../protocol/engine';
import { viewTypes, type AddressArgs, type ModelArgs, type SaveSliceArgs } from '../contributions';
import type { ModelDocument } from '../editor/modelDocument';
import { toUri, type CommandTargets } from './commandTargets';
import { longTask } from './longTask';
import { overwriting } from './overwriting';

export async function markOutput(args: AddressArgs, targets: CommandTargets): Promise<void> {
  const panel = await targets.panel(args);
  const addresses = await targets.addresses(panel, args, l10n.t('Which layer becomes an output?'));
  if (addresses.length > 0) panel.document.cut.toggle(addresses, 'output');
}

export async function sliceToLayer(args: AddressArgs, targets: CommandTargets): Promise<void> {
  const panel = await targets.panel(args);
  const addresses = await targets.addresses(panel, args, l10n.t('Up to which layer?'));
  if (addresses.length > 0) panel.document.cut.setOutputs(addresses);
}

export async function verifySlice(args: ModelArgs, targets: CommandTargets): Promise<VerifyResult> {
  const { document } = await targets.panel(args);
  return document.cut.verify();
}

/** Returns what was written; undefined when the user gave up. */
export async function saveSlice(
  args: SaveSliceArgs,
  targets: CommandTargets,
): Promise<{ files: string[]; bytes: number } | undefined> {
  const { document } = await targets.panel(args);
  if (args.addresses) document.cut.setOutputs(args.addresses);
  const { plan, planError } = document.cut.state;
  if (!plan) throw new SlicerError('usage', { detail: planError ?? l10n.t('No layer is marked.') });
  if (!plan.boundary.closed)
    throw new SlicerError('cut-open', { missing: plan.boundary.missing.map(({ address }) => address) });
  const target = args.target === undefined ? await askForTarget(document) : toUri(args.target);
  if (!target) return undefined;
  const written = await overwriting(args.overwrite, path.basename(target.fsPath), (force) =>
    longTask(l10n.t('Saving the sub-model'), (options) =>
      document.save({ target: target.fsPath, force, ...(args.name === undefined ? {} : { name: args.name }) }, options),
    ),
  );
  if (written && args.target === undefined) void offerToOpen(target, written.files);
  return written;
}

/** A folder of its own: weight files have the same names in every model. */
async function askForTarget(document: ModelDocument): Promise<Uri | undefined> {
  const last = document.cut.cut?.outputs.at(-1) ?? 'slice';
  const name = `${document.loaded?.model.name ?? 'model'}-${last}`.replace(/[^\w.-]+/g, '_');
  return window.showSaveDialog({
    title: l10n.t('Folder for the sub-model'),
    saveLabel: l10n.t('Save Sub-Model'),
    defaultUri: Uri.joinPath(folderFor(document.uri), name),
  });
}

/** Beside the model, or in the workspace when the model lies where nothing can be saved. */
export function folderFor(model: Uri): Uri {
  return model.scheme === 'file' ? Uri.joinPath(model, '..') : (workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/'));
}

/** The model comes first among the files; they are named as they lie in their folder. */
async function offerToOpen(target: Uri, [model]: readonly string[]): Promise<void> {
  if (model === undefined) return;
  const uri = Uri.joinPath(target, target.path.endsWith(`/${model}`) ? '..' : '.', model);
  const open = l10n.t('Open');
  const reveal = l10n.t('Reveal');
  const choice = await window.showInformationMessage(l10n.t('Saved {0}.', workspace.asRelativePath(uri)), open, reveal);
  if (choice === open) await vscodeCommands.executeCommand('vscode.openWith', uri, viewTypes.json);
  if (choice === reveal) {
    await vscodeCommands.executeCommand(workspace.getWorkspaceFolder(uri) ? 'revealInExplorer' : 'revealFileInOS', uri);
  }
}
