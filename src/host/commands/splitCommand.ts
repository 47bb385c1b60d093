/** A model in two, both parts at once: planned, proven together, and written together. */
import path from 'node:path';
import { commands as vscodeCommands, l10n, Uri, window, workspace } from 'vscode';
import { SlicerError } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import { weightFiles } from '../../core/model/weightFiles';
import { planSplit, type SplitPlan } from '../../core/slicing/planSplit';
import type { SlicePlan } from '../../core/slicing/slice';
import type { Progress, VerifyResult } from '../../protocol/engine';
import { viewTypes, type SplitArgs } from '../contributions';
import type { ModelDocument } from '../editor/modelDocument';
import { errorSentence } from '../sentences';
import { toUri, type CommandTargets } from './commandTargets';
import { folderFor } from './cutCommands';
import { longTask, type TaskOptions } from './longTask';
import { overwriting } from './overwriting';
import { writeFolders, type WrittenModel } from './writeFolders';

const PARTS = ['prefix', 'suffix'] as const;
type Part = (typeof PARTS)[number];

export interface SplitResult {
  /** The tensors that the first part hands to the second. */
  handedOver: string[];
  prefix: WrittenModel & { plan: SlicePlan };
  suffix: WrittenModel & { plan: SlicePlan };
  /** Null where the model cannot be run and the user wanted its parts all the same. */
  proof: Record<Part, VerifyResult> | null;
}

/** Returns what was written; undefined when the user gave up. */
export async function splitAtLayer(args: SplitArgs, targets: CommandTargets): Promise<SplitResult | undefined> {
  const panel = await targets.panel(args);
  const { document } = panel;
  const addresses = await targets.addresses(panel, args, l10n.t('Split after which layer?'));
  const model = document.loaded?.model;
  if (addresses.length === 0 || !model) return undefined;
  const plan = await closedPlan(model, addresses, args);
  if (!plan) return undefined;
  for (const part of PARTS) {
    const [lack] = plan[part].notExportable;
    if (lack) throw new SlicerError('not-exportable', { address: lack.address, why: lack.reason });
  }
  const proof = await proven(document, plan, args.target === undefined);
  if (proof === 'declined') return undefined;
  const target = args.target === undefined ? await askForFolder(document) : toUri(args.target);
  if (!target) return undefined;
  const written = await overwriting(args.overwrite, path.basename(target.fsPath), (force) =>
    longTask(l10n.t('Saving both parts'), (options) =>
      writeFolders(target.fsPath, PARTS, { force, protect: filesOf(model, document.uri) }, (part, folder) =>
        document.save(
          plan[part].cut,
          {
            target: folder,
            name: `${model.name}_${part}`,
            force: false,
            ...(args.shardBytes === undefined ? {} : { shardBytes: args.shardBytes }),
          },
          partOf(options, PARTS.indexOf(part), part),
        ),
      ),
    ),
  );
  if (!written) return undefined;
  if (args.target === undefined) void offerToOpen(target, written);
  return {
    handedOver: plan.prefix.outputs.map(({ address }) => address),
    prefix: { ...written.prefix, plan: plan.prefix },
    suffix: { ...written.suffix, plan: plan.suffix },
    proof,
  };
}

/**
 * Asks, where one tensor is not enough, whether the others are handed over or the split is made elsewhere.
 * @throws SlicerError `cut-open` for scripts that say a target and not what to do; those of `planSplit`.
 */
async function closedPlan(
  model: ModelFile,
  addresses: readonly string[],
  { close, target }: SplitArgs,
): Promise<SplitPlan | null> {
  const plan = planSplit(model, addresses, { close: close === true });
  if (plan.missing.length === 0) return plan;
  const missing = plan.missing.map((tensor) => tensor.address);
  if (target !== undefined || close !== undefined) {
    throw new SlicerError('cut-open', {
      reason: 'split',
      address: addresses.join(', '),
      missing,
      ...(plan.nearest.length > 0 ? { nearest: plan.nearest } : {}),
    });
  }
  const items = [
    ...plan.nearest.map((at) => ({
      label: l10n.t('Split after {0} instead', at),
      detail: l10n.t('There one tensor is enough.'),
      at: [at],
      close: false,
    })),
    {
      label: l10n.t('Hand over {0} too', missing.join(', ')),
      detail: l10n.t('The first part gets {0} outputs, the second as many inputs.', missing.length + addresses.length),
      at: addresses,
      close: true,
    },
  ];
  const placeHolder = l10n.t(
    'After {0}, the second part also needs {1}.',
    addresses.join(', '),
    missing.slice(0, 5).join(', '),
  );
  const chosen = await window.showQuickPick(items, { placeHolder });
  return chosen ? planSplit(model, chosen.at, { close: chosen.close }) : null;
}

/**
 * Each part against the whole, and both one after the other.
 * @throws SlicerError `verification-failed`, `cancelled`, and those of the engine.
 */
async function proven(
  document: ModelDocument,
  plan: SplitPlan,
  canAsk: boolean,
): Promise<SplitResult['proof'] | 'declined'> {
  try {
    const prove = (options: TaskOptions, part: Part): Promise<VerifyResult> =>
      document.cut.prove(plan[part].cut, {}, partOf(options, PARTS.indexOf(part), part));
    const proof = await longTask(l10n.t('Verifying both parts'), async (options) => ({
      prefix: await prove(options, 'prefix'),
      suffix: await prove(options, 'suffix'),
    }));
    for (const part of PARTS) refuseFailed(proof[part]);
    return proof;
  } catch (error) {
    if (!canAsk || !(error instanceof SlicerError) || error.code !== 'not-runnable') throw error;
    const save = l10n.t('Save Unproven');
    const question = l10n.t('The parts cannot be verified. {0}', errorSentence(error));
    return (await window.showWarningMessage(question, { modal: true }, save)) === save ? null : 'declined';
  }
}

function refuseFailed({ passed, outputs, wholeFromParts }: VerifyResult): void {
  if (passed) return;
  const worst = outputs.find(({ equal }) => !equal);
  throw new SlicerError('verification-failed', {
    address: worst?.address ?? l10n.t('the whole from its parts'),
    maxAbsDiff: worst?.maxAbsDiff ?? wholeFromParts?.maxAbsDiff ?? '?',
    tolerance: 0,
  });
}

/** One bar for both parts. */
function partOf({ signal, onProgress }: TaskOptions, before: number, part: Part): TaskOptions {
  return {
    signal,
    onProgress: ({ done, total, at }: Progress) =>
      onProgress({ done: before + (total > 0 ? done / total : 0), total: PARTS.length, at: `${part}: ${at}` }),
  };
}

/** The model and its weights: no part may take their place. */
function filesOf(model: ModelFile, uri: Uri): string[] {
  if (uri.scheme !== 'file') return [];
  return [uri.fsPath, ...weightFiles(model).map((file) => path.resolve(path.dirname(uri.fsPath), file))];
}

async function askForFolder(document: ModelDocument): Promise<Uri | undefined> {
  const chosen = await window.showOpenDialog({
    title: l10n.t('Folder in which "prefix" and "suffix" are made'),
    openLabel: l10n.t('Save Both Parts Here'),
    defaultUri: folderFor(document.uri),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return chosen?.[0];
}

async function offerToOpen(target: Uri, written: Record<Part, WrittenModel>): Promise<void> {
  const choices = [
    { label: l10n.t('Open First Part'), part: 'prefix' as const },
    { label: l10n.t('Open Second Part'), part: 'suffix' as const },
  ];
  const message = l10n.t('Saved both parts in {0}.', workspace.asRelativePath(target));
  const chosen = await window.showInformationMessage(message, ...choices.map(({ label }) => label));
  const part = choices.find(({ label }) => label === chosen)?.part;
  const [model] = part ? written[part].files : [];
  if (part !== undefined && model !== undefined)
    await vscodeCommands.executeCommand('vscode.openWith', Uri.joinPath(target, part, model), viewTypes.json);
}
