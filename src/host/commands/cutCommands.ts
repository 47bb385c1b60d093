/** Mark, plan, prove and save. */
import path from 'node:path';
import { commands as vscodeCommands, FileType, l10n, Uri, window, workspace } from 'vscode';
import { SlicerError } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import type { Cut, SliceFormat } from '../../core/slicing/slice';
import { formatOfFile, formatsFor, ownFormat } from '../../core/slicing/sliceFormat';
import { planCut } from '../../core/slicing/sliceModel';
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

/** More notes make no message. */
const SHOWN_NOTES = 3;

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
  const asked = args.target === undefined ? await askWhere(document, cut, args.format) : null;
  const target = args.target === undefined ? asked?.target : toUri(args.target);
  if (!target) return undefined;
  const { name, shardBytes } = args;
  const format = asked?.format ?? args.format ?? formatOfFile(target.path) ?? undefined;
  const written = await overwriting(asked?.overwrite ?? args.overwrite, path.basename(target.fsPath), (force) =>
    longTask(l10n.t('Saving the sub-model'), (options) =>
      document.save(
        cut,
        {
          target: target.fsPath,
          ...(format === undefined ? {} : { format }),
          force,
          ...(name === undefined ? {} : { name }),
          ...(shardBytes === undefined ? {} : { shardBytes }),
        },
        options,
      ),
    ),
  );
  if (written && args.target === undefined) void offerToOpen(target, written.files, asked?.notes ?? []);
  return written;
}

interface Place {
  target: Uri;
  format: SliceFormat;
  overwrite: true | undefined;
  /** What is to be known of the file, where the editor does not show it. */
  notes: string[];
}

/** Asks for the format, the model's own first, and for the place. */
async function askWhere(document: ModelDocument, cut: Cut, wanted: SliceFormat | undefined): Promise<Place | null> {
  const model = document.loaded?.model;
  if (!model) return null;
  const format = wanted ?? (await askForFormat(model, cut));
  if (!format) return null;
  const target = await askForTarget(document, cut.outputs.at(-1) ?? 'slice', format);
  if (!target) return null;
  const ofName = formatOfFile(target.path);
  const own = format === 'layers-model' || format === 'graph-model' ? format : null;
  const chosen = ofName ?? own ?? format;
  const named = ofName === null && own === null ? target.with({ path: `${target.path}${ENDINGS[format]}` }) : target;
  const isShown = chosen === document.cut.state.plan?.format;
  const notes = isShown ? [] : planCut(model, cut, chosen).notes.map(({ message }) => message);
  // where there is a file of this name, the dialog has asked whether to replace it
  const asked = named === target && (await statOf(target))?.type === FileType.File;
  return { target: named, format: chosen, overwrite: asked ? true : undefined, notes };
}

const ENDINGS: Readonly<Record<SliceFormat, string>> = {
  'keras-v3': '.keras',
  'keras-h5': '.h5',
  'layers-model': '',
  'graph-model': '',
};

/** What a slice can be saved as; undefined when the user gave up. */
async function askForFormat(model: ModelFile, cut: Cut): Promise<SliceFormat | undefined> {
  const formats = formatsFor(model);
  const [only, ...others] = formats;
  if (others.length === 0) return only;
  const labels: Readonly<Record<SliceFormat, string>> = {
    'keras-v3': l10n.t('Keras (.keras)'),
    'keras-h5': l10n.t('Keras HDF5 (.h5)'),
    'layers-model': l10n.t('TF.js layers-model (a folder, or a .json)'),
    'graph-model': l10n.t('TF.js graph-model (a folder, or a .json)'),
  };
  const items = formats.map((format) => {
    const [lack] = planCut(model, cut, format).notExportable;
    return {
      label: labels[format],
      format,
      ...(format === ownFormat(model) ? { description: l10n.t('as the model itself') } : {}),
      ...(lack ? { detail: l10n.t('Not possible: {0}: {1}', lack.address, lack.reason) } : {}),
    };
  });
  return (await window.showQuickPick(items, { placeHolder: l10n.t('What is the sub-model saved as?') }))?.format;
}

/**
 * For TF.js a folder of its own, because weight files have the same names in every model. A name ending in `.json` is the
 * model itself.
 */
async function askForTarget(document: ModelDocument, last: string, format: SliceFormat): Promise<Uri | undefined> {
  const name = `${document.loaded?.model.name ?? 'model'}-${last}`.replace(/[^\w.-]+/g, '_');
  const ending = ENDINGS[format];
  return window.showSaveDialog({
    title:
      ending === ''
        ? l10n.t('New folder, or .json file, for the sub-model')
        : l10n.t('New {0} file for the sub-model', ending),
    saveLabel: l10n.t('Save Sub-Model'),
    defaultUri: Uri.joinPath(folderFor(document.uri), `${name}${ending}`),
    ...(ending === '' ? {} : { filters: { Keras: [ending.slice(1)] } }),
  });
}

/** Beside the model, or in the workspace when the model lies where nothing can be saved. */
export function folderFor(model: Uri): Uri {
  return model.scheme === 'file' ? Uri.joinPath(model, '..') : (workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/'));
}

/** The model comes first among the files; they are named as they lie in their folder. */
async function offerToOpen(target: Uri, [model]: readonly string[], notes: readonly string[]): Promise<void> {
  if (model === undefined) return;
  const uri = Uri.joinPath(target, target.path.endsWith(`/${model}`) ? '..' : '.', model);
  const open = l10n.t('Open');
  const reveal = l10n.t('Reveal');
  const said = [l10n.t('Saved {0}.', workspace.asRelativePath(uri)), ...notes.slice(0, SHOWN_NOTES)].join(' ');
  const choice = await window.showInformationMessage(said, open, reveal);
  if (choice === open) await vscodeCommands.executeCommand('vscode.openWith', uri, viewTypeOf(uri));
  if (choice === reveal) {
    await vscodeCommands.executeCommand(workspace.getWorkspaceFolder(uri) ? 'revealInExplorer' : 'revealFileInOS', uri);
  }
}
