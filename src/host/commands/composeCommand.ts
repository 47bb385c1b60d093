/** A model, or what is marked of it, as one layer of a new model: asked for, planned, proven and saved. */
import path from 'node:path';
import { commands as vscodeCommands, l10n, QuickPickItemKind, Uri, window, workspace } from 'vscode';
import { composedCodeLimit, headForCode } from '../../core/composing/composedCode';
import { composeModel } from '../../core/composing/composeModel';
import type { ComposePlan, Composition } from '../../core/composing/composition';
import { SlicerError } from '../../core/errors';
import { noteSentence, sentence } from '../../core/messages';
import { resolveAddress } from '../../core/model/address';
import type { Cut } from '../../core/slicing/slice';
import { planCut } from '../../core/slicing/sliceModel';
import type { ComposedProof, InputSpec } from '../../protocol/engine';
import { viewTypeOf, type ComposeArgs } from '../contributions';
import type { ModelDocument } from '../editor/modelDocument';
import { errorSentence, isCancelled, translate } from '../sentences';
import { insertCode, type CodeServices } from './codeCommands';
import { toUri } from './commandTargets';
import { composeAnswer, composeSteps } from './composeQuestions';
import { folderFor } from './cutCommands';
import { longTask } from './longTask';
import { overwriting } from './overwriting';
import { askSteps, pickStep, type Choice } from './quickSteps';

export interface ComposeResult {
  plan: ComposePlan;
  /** Null where only the plan was wanted. */
  written: { files: string[]; bytes: number } | null;
  /** Null where the model cannot be run. */
  proof: ComposedProof | null;
}

/** A new model, ready to be proven and saved. */
interface Ready {
  document: ModelDocument;
  composition: Composition;
  secondPath: string | undefined;
  plan: ComposePlan;
}

/** Returns what was made; undefined when the user gave up. With `target` or `planOnly` nothing is asked. */
export async function compose(args: ComposeArgs, services: CodeServices): Promise<ComposeResult | undefined> {
  const { document } = await services.targets.panel(args);
  if (!document.loaded) return undefined;
  if (args.target === undefined && !args.planOnly) return composeByHand(document, args, services);
  const composition = compositionFrom(document, args);
  const second = args.with === undefined || args.shared ? undefined : toUri(args.with).fsPath;
  const ready = await planned(document, composition, second);
  if (args.planOnly || args.target === undefined) return { plan: ready.plan, written: null, proof: null };
  const proof = args.verify === false ? null : await proven(ready);
  const written = await writeNew(ready, toUri(args.target), args);
  return written && { plan: ready.plan, written, proof };
}

/** Layers, shapes and notes, in the words of the arguments. @throws SlicerError `unknown-address`. */
function compositionFrom(document: ModelDocument, args: ComposeArgs): Composition {
  const graph = document.loaded?.model.graph;
  const cut: Cut = args.addresses
    ? { outputs: args.addresses.map((text) => (graph ? resolveAddress(graph, text).address : text)), inputs: [] }
    : ((args.whole ? null : document.cut.cut) ?? { outputs: [], inputs: [] });
  return {
    ...(args.name === undefined ? {} : { name: args.name }),
    base: { cut, frozen: args.frozen === true, ...(args.asLayer === undefined ? {} : { name: args.asLayer }) },
    second:
      args.with === undefined && !args.shared
        ? null
        : {
            cut: args.shared ? cut : { outputs: [], inputs: [] },
            frozen: args.frozen === true,
            join: args.join ?? (args.shared ? 'concat' : 'sequence'),
            inputs: args.sameInputs ? 'same' : 'own',
            ...(args.shared ? { shared: true } : {}),
          },
    inputShape: args.inputShape ?? null,
    before: args.before ?? [],
    head: args.head ?? { pooling: 'none', layers: [] },
    adapt: args.adapt !== false,
    seed: args.seed ?? 0,
  };
}

/** @throws SlicerError `does-not-fit`, and what composing and reading the second model throw. */
async function planned(
  document: ModelDocument,
  composition: Composition,
  secondPath: string | undefined,
): Promise<Ready> {
  const base = document.loaded?.model;
  if (!base) throw new SlicerError('closed');
  const second = secondPath === undefined ? null : await document.readOther(secondPath);
  const composed = composeModel({ base, second }, composition);
  if (composed.fits) return { document, composition, secondPath, plan: composed.plan };
  const finding = composed.findings.find(({ blocks, adapted }) => blocks && !adapted);
  throw new SlicerError('does-not-fit', finding?.data ?? {});
}

async function composeByHand(
  document: ModelDocument,
  args: ComposeArgs,
  services: CodeServices,
): Promise<ComposeResult | undefined> {
  const model = document.loaded?.model;
  if (!model) return undefined;
  const offer = {
    name: model.name,
    marked: document.cut.state.plan?.boundary.closed ? document.cut.cut : null,
    planOf: (cut: Cut) => planCut(model, cut),
    folder: folderFor(document.uri),
  };
  const title = l10n.t('New model with {0} as a layer', model.name);
  const { start, steps } = composeSteps(offer);
  let result: ComposeResult | undefined;
  const answers = await askSteps(title, start, [
    ...steps,
    {
      applies: () => true,
      ask: async (state, frame) => {
        const { composition, second } = composeAnswer(state);
        try {
          const ready = await planned(document, composition, second?.fsPath);
          const done = await summary(ready, args, services, (choices, placeholder) =>
            pickStep(frame, placeholder, choices),
          );
          if (done === 'back' || done === null) return done;
          result = done;
          return { value: state };
        } catch (error) {
          if (isCancelled(error)) return null;
          // what is wrong can be answered otherwise
          void window.showErrorMessage(errorSentence(error));
          return 'back';
        }
      },
    },
  ]);
  return answers === null ? undefined : result;
}

type Action = 'save' | 'verify' | 'code';

/** What the new model will be, and what is to be done with it; proving it comes back here. */
async function summary(
  ready: Ready,
  args: ComposeArgs,
  services: CodeServices,
  show: (choices: Choice<Action>[], placeholder: string) => ReturnType<typeof pickStep<Action>>,
): Promise<ComposeResult | 'back' | null> {
  let proof: ComposedProof | null = null;
  for (;;) {
    const answer = await show(choicesFor(ready, proof), headline(ready.plan));
    if (answer === null || answer === 'back') return answer;
    if (answer.value === 'verify') {
      proof = await proven(ready);
      continue;
    }
    if (answer.value === 'code') {
      const { composition, plan } = ready;
      const { outputs } = composition.base.cut;
      const addresses = outputs.length > 0 ? {} : { addresses: wholeOutputs(ready) };
      await insertCode('layer', { uri: ready.document.uri, ...addresses }, services, headForCode(composition, plan));
      return { plan, written: null, proof };
    }
    const target = await askForTarget(ready);
    if (!target) continue;
    proof ??= await proven(ready);
    const written = await writeNew(ready, target, args);
    if (!written) continue;
    const [model] = written.files;
    const uri =
      model === undefined ? target : Uri.joinPath(target, target.path.endsWith(`/${model}`) ? '..' : '.', model);
    await vscodeCommands.executeCommand('vscode.openWith', uri, viewTypeOf(uri));
    void window.showInformationMessage(
      proof
        ? l10n.t('Saved {0}: it computes what its parts compute.', workspace.asRelativePath(uri))
        : l10n.t('Saved {0}, unproven.', workspace.asRelativePath(uri)),
    );
    return { plan: ready.plan, written, proof };
  }
}

function wholeOutputs({ document }: Ready): string[] {
  const model = document.loaded?.model;
  return model ? planCut(model, { outputs: [], inputs: [] }).outputs.map(({ address }) => address) : [];
}

function headline({ inputs, outputs, params }: ComposePlan): string {
  const shapes = (ports: ComposePlan['inputs']): string => ports.map(({ shape }) => sizesText(shape)).join(' ');
  return l10n.t(
    '{0} → {1}; training changes {2} of {3} parameters',
    shapes(inputs),
    shapes(outputs),
    params.trainable,
    params.total,
  );
}

function sizesText(shape: readonly (number | null)[] | null): string {
  return shape
    ? `[${shape
        .slice(1)
        .map((size) => size ?? '?')
        .join(', ')}]`
    : '?';
}

function choicesFor({ plan, composition }: Ready, proof: ComposedProof | null): Choice<Action>[] {
  const why = composedCodeLimit(composition, plan);
  const [lack] = plan.notExportable;
  const notes = [
    ...plan.findings.map(({ data }) => sentence({ code: 'does-not-fit', data }, translate)),
    ...plan.renamed.map(({ part, from, to }) => l10n.t('The layer {0} of {1} is called {2}.', from, part, to)),
    ...plan.notes.map((note) => noteSentence(note, translate)),
    ...plan.partNotes.map(({ message }) => message),
  ];
  const separator = (label: string): Choice<Action> => ({ label, kind: QuickPickItemKind.Separator });
  return [
    lack
      ? { label: l10n.t('$(error) It cannot be saved'), detail: `${lack.address}: ${lack.reason}` }
      : {
          label: l10n.t('$(save) Save…'),
          detail: l10n.t('Proves it, saves it with its weights, and opens it.'),
          value: 'save',
        },
    {
      label: l10n.t('$(verified) Verify'),
      detail: l10n.t('The parts one after the other against the new model.'),
      ...(proof ? { description: l10n.t('no difference') } : {}),
      value: 'verify',
    },
    why === null
      ? {
          label: l10n.t('$(code) Insert Code…'),
          detail: l10n.t('Code that makes it in your own program.'),
          value: 'code',
        }
      : { label: l10n.t('$(circle-slash) Insert Code…'), detail: why },
    separator(l10n.t('Layers')),
    ...plan.layers.map(({ name, className, shape }) => ({
      label: name,
      description: `${className} ${sizesText(shape)}`,
    })),
    ...(notes.length > 0 ? [separator(l10n.t('Notes'))] : []),
    ...notes.map((label) => ({ label })),
  ];
}

/**
 * Null where the model cannot be run here.
 * @throws SlicerError `verification-failed`, `cancelled`.
 */
async function proven({ document, composition, secondPath, plan }: Ready): Promise<ComposedProof | null> {
  const data: InputSpec[] = plan.inputs.map(({ name }) => ({ input: name, source: { kind: 'random', seed: 7 } }));
  const second = secondPath === undefined ? {} : { secondPath };
  const { backend, native, memoryLimit } = document.preferences;
  try {
    const proof = await longTask(l10n.t('Verifying the new model'), (options) =>
      document.verifyComposed(
        { composition, ...second, data: [data], tolerance: 0, backend, native, memoryLimit },
        options,
      ),
    );
    if (proof.passed) return proof;
    const worst = proof.outputs.find(({ equal }) => !equal) ?? proof.wholeFromParts;
    throw new SlicerError('verification-failed', {
      address: worst?.address ?? '',
      maxAbsDiff: worst?.maxAbsDiff ?? '?',
      tolerance: 0,
    });
  } catch (error) {
    if (error instanceof SlicerError && error.code === 'not-runnable') return null;
    throw error;
  }
}

async function writeNew(
  { document, composition, secondPath }: Ready,
  target: Uri,
  { overwrite, shardBytes }: ComposeArgs,
): Promise<{ files: string[]; bytes: number } | undefined> {
  return overwriting(overwrite, path.basename(target.fsPath), (force) =>
    longTask(l10n.t('Saving the new model'), (options) =>
      document.saveComposed(
        {
          composition,
          target: target.fsPath,
          force,
          ...(secondPath === undefined ? {} : { secondPath }),
          ...(shardBytes === undefined ? {} : { shardBytes }),
        },
        options,
      ),
    ),
  );
}

function askForTarget({ document, plan }: Ready): Thenable<Uri | undefined> {
  return window.showSaveDialog({
    title: l10n.t('New folder, or .json file, for the new model'),
    saveLabel: l10n.t('Save New Model'),
    defaultUri: Uri.joinPath(folderFor(document.uri), plan.name.replace(/[^\w.-]+/g, '_')),
  });
}
