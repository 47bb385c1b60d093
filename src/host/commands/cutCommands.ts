/** Mark, plan, prove and save. */
import path from 'node:path';
import { commands as vscodeCommands, FileType, l10n, Uri, window, workspace } from 'vscode';
import { SlicerError } from '../../core/errors';
import type { InputSource, InputSpec, VerifyResult } from '../../protocol/engine';
import {
  viewTypeOf,
  type AddressArgs,
  type MarkInputArgs,
  type ModelArgs,
  type ProofData,
  type SaveSliceArgs,
  type VerifySliceArgs,
} from '../contributions';
import type { ModelDocument } from '../editor/modelDocument';
import { statOf } from '../statOf';
import { toUri, type CommandTargets } from './commandTargets';
import { longTask } from './longTask';
import { overwriting } from './overwriting';

export async function markOutput(args: AddressArgs, targets: CommandTargets): Promise<void> {
  const panel = await targets.panel(args);
  const addresses = await targets.addresses(panel, args, l10n.t('Which layer becomes an output?'));
  if (addresses.length > 0) panel.document.cut.toggle(addresses, 'output');
}

export async function markInput(args: MarkInputArgs, targets: CommandTargets): Promise<void> {
  const panel = await targets.panel(args);
  const question =
    args.kind === 'input' ? l10n.t('Which tensor comes from outside?') : l10n.t('Which layer is the first?');
  const addresses = await targets.addresses(panel, args, question);
  if (addresses.length > 0) panel.document.cut.toggle(addresses, args.kind ?? 'start');
}

export async function addMissingInputs(args: ModelArgs, targets: CommandTargets): Promise<void> {
  (await targets.panel(args)).document.cut.addMissing();
}

export async function sliceToLayer(args: AddressArgs, targets: CommandTargets): Promise<void> {
  const panel = await targets.panel(args);
  const addresses = await targets.addresses(panel, args, l10n.t('Up to which layer?'));
  if (addresses.length > 0) panel.document.cut.setOutputs(addresses);
}

export async function sliceBeforeLayer(args: AddressArgs, targets: CommandTargets): Promise<void> {
  const panel = await targets.panel(args);
  const addresses = await targets.addresses(panel, args, l10n.t('Up to before which layer?'));
  if (addresses.length > 0) panel.document.cut.setOutputsBefore(addresses);
}

export async function verifySlice(args: VerifySliceArgs, targets: CommandTargets): Promise<VerifyResult> {
  const { document } = await targets.panel(args);
  const wanted = args.inputs === undefined || Array.isArray(args.inputs) ? args.inputs : [args.inputs];
  return document.cut.verify({
    ...(wanted && wanted.length > 0 ? { data: wanted.map((values) => inputsOf(values, document.run.specs)) } : {}),
    ...(args.slice === undefined ? {} : { slicePath: toUri(args.slice).fsPath }),
  });
}

/** @throws SlicerError `usage` when scripts ask for values that there are not. */
function inputsOf(values: ProofData, current: readonly InputSpec[]): InputSpec[] {
  if (values === 'current') return [...current];
  const source = syntheticSource(values);
  return current.map(({ input, dims }) => ({ input, source, ...(dims ? { dims } : {}) }));
}

function syntheticSource(values: string): InputSource {
  if (values === 'zeros' || values === 'ones') return { kind: values };
  const random = /^random(?::(\d{1,9}))?$/.exec(values);
  if (random) return { kind: 'random', seed: Number(random[1] ?? 7) };
  throw new SlicerError('usage', { detail: l10n.t('There are no values called {0}.', values) });
}

/** Returns what was written; undefined when the user gave up. */
export async function saveSlice(
  args: SaveSliceArgs,
  targets: CommandTargets,
): Promise<{ files: string[]; bytes: number } | undefined> {
  const { document } = await targets.panel(args);
  if (args.addresses) document.cut.setOutputs(args.addresses);
  const { cut } = document.cut;
  const { plan, planError } = document.cut.state;
  if (!plan || !cut) throw new SlicerError('usage', { detail: planError ?? l10n.t('No layer is marked.') });
  if (!plan.boundary.closed)
    throw new SlicerError('cut-open', { missing: plan.boundary.missing.map(({ address }) => address) });
  const asked = args.target === undefined ? await askForTarget(document, cut.outputs.at(-1) ?? 'slice') : null;
  const target = args.target === undefined ? asked?.target : toUri(args.target);
  if (!target) return undefined;
  const { name, shardBytes } = args;
  const written = await overwriting(asked?.overwrite ?? args.overwrite, path.basename(target.fsPath), (force) =>
    longTask(l10n.t('Saving the sub-model'), (options) =>
      document.save(
        cut,
        {
          target: target.fsPath,
          force,
          ...(name === undefined ? {} : { name }),
          ...(shardBytes === undefined ? {} : { shardBytes }),
        },
        options,
      ),
    ),
  );
  if (written && args.target === undefined) void offerToOpen(target, written.files);
  return written;
}

/**
 * A folder of its own, because weight files have the same names in every model. A name ending in `.json` is the model
 * itself: where there is one, the dialog has asked whether to replace it.
 */
async function askForTarget(
  document: ModelDocument,
  last: string,
): Promise<{ target: Uri; overwrite: true | undefined } | null> {
  const name = `${document.loaded?.model.name ?? 'model'}-${last}`.replace(/[^\w.-]+/g, '_');
  const target = await window.showSaveDialog({
    title: l10n.t('New folder, or .json file, for the sub-model'),
    saveLabel: l10n.t('Save Sub-Model'),
    defaultUri: Uri.joinPath(folderFor(document.uri), name),
  });
  if (!target) return null;
  return {
    target,
    overwrite: target.path.endsWith('.json') && (await statOf(target))?.type === FileType.File ? true : undefined,
  };
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
  if (choice === open) await vscodeCommands.executeCommand('vscode.openWith', uri, viewTypeOf(uri));
  if (choice === reveal) {
    await vscodeCommands.executeCommand(workspace.getWorkspaceFolder(uri) ? 'revealInExplorer' : 'revealFileInOS', uri);
  }
}
