/** Every command, its handler, and its registration. */
import { commands as vscodeCommands, env, l10n, type Disposable, type LogOutputChannel, type Uri } from 'vscode';
import { SlicerError } from '../../core/errors';
import { commands, type CommandArguments, type CommandId } from '../contributions';
import { Disposables } from '../disposables';
import type { ModelEditors } from '../editor/modelEditorProvider';
import { inputSource, pickInput } from '../editor/modelPanel';
import type { CodeEditors } from '../languages/codeEditors';
import { errorSentence, isCancelled } from '../sentences';
import type { CodeChoices } from './codeChoices';
import { CommandTargets, normalizeArguments, toUri } from './commandTargets';
import type { NativeServices } from './nativeBackend';
import { openAsText, openModel, openSample } from './openCommands';

export interface CommandServices {
  editors: ModelEditors;
  codeEditors: CodeEditors;
  codeChoices: CodeChoices;
  extensionUri: Uri;
  storageUri: Uri;
  native: NativeServices;
  log: LogOutputChannel;
}

export type CommandHandlers = { [Id in CommandId]: (args: CommandArguments[Id]) => Promise<unknown> };

export function commandHandlers({
  editors,
  codeEditors,
  codeChoices,
  extensionUri,
  storageUri,
  native,
  log,
}: CommandServices): CommandHandlers {
  const targets = new CommandTargets(editors);
  const code = { targets, codeEditors, choices: codeChoices };
  // what most commands work with is loaded when one is called first: activation need not read it
  return {
    [commands.open]: openModel,
    [commands.openAsText]: (args) => openAsText(args, editors),
    [commands.openSample]: () => openSample(extensionUri, storageUri, targets),
    [commands.chooseInput]: (args) => chooseInput(args, targets),
    [commands.run]: async (args) => (await targets.panel(args)).document.run.start(),
    [commands.focusSearch]: async (args) => (await targets.panel(args)).focusSearch(),
    [commands.previewLayer]: async (args) => {
      const panel = await targets.panel(args);
      const [address] = await targets.addresses(panel, args, l10n.t('Activations of which layer?'));
      if (address !== undefined) panel.reveal(address);
    },
    [commands.copyAddress]: async (args) => {
      const addresses = await targets.addresses(await targets.panel(args), args, l10n.t('Address of which layer?'));
      if (addresses.length > 0) await env.clipboard.writeText(addresses.join('\n'));
    },
    [commands.markOutput]: async (args) => (await import('./cutCommands')).markOutput(args, targets),
    [commands.markInput]: async (args) => (await import('./cutCommands')).markInput(args, targets),
    [commands.addMissingInputs]: async (args) => (await import('./cutCommands')).addMissingInputs(args, targets),
    [commands.clearMarks]: async (args) => (await targets.panel(args)).document.cut.clear(),
    [commands.undoMarks]: async (args) => (await targets.panel(args)).document.cut.undo(),
    [commands.redoMarks]: async (args) => (await targets.panel(args)).document.cut.redo(),
    [commands.sliceToLayer]: async (args) => (await import('./cutCommands')).sliceToLayer(args, targets),
    [commands.sliceBeforeLayer]: async (args) => (await import('./cutCommands')).sliceBeforeLayer(args, targets),
    [commands.splitAtLayer]: async (args) => (await import('./splitCommand')).splitAtLayer(args, targets),
    [commands.verifySlice]: async (args) => (await import('./cutCommands')).verifySlice(args, targets),
    [commands.saveSlice]: async (args) => (await import('./cutCommands')).saveSlice(args, targets),
    [commands.compose]: async (args) => (await import('./composeCommand')).compose(args, code),
    [commands.insertExtractionCode]: async (args) =>
      (await import('./codeCommands')).insertCode('extraction', args, code),
    [commands.insertModelAsLayerCode]: async (args) => (await import('./codeCommands')).insertCode('layer', args, code),
    [commands.createCustomLayer]: async (args) =>
      (await import('./customLayerCommand')).createCustomLayer(args, targets),
    [commands.exportActivations]: async (args) => (await import('./exportCommands')).exportActivations(args, targets),
    [commands.exportSummary]: async (args) => (await import('./exportCommands')).exportSummary(args, targets),
    [commands.selectBackend]: async (args) =>
      (await import('./selectBackend')).selectBackend(args, editors.active?.document.uri, native),
    [commands.installNativeBackend]: async (args) =>
      (await import('./nativeBackend')).installNativeBackend(args, native),
    [commands.showLog]: () => Promise.resolve(log.show()),
  };
}

/** VS Code shows the message of what a command rejects with, and hands it to scripts that called it. */
export function registerCommands(handlers: CommandHandlers, log: LogOutputChannel): Disposable {
  const registered = new Disposables();
  for (const id of Object.values(commands)) {
    const handler = handlers[id] as (args: object) => Promise<unknown>;
    registered.add(
      vscodeCommands.registerCommand(id, async (first: unknown) => {
        try {
          return await handler(normalizeArguments(first));
        } catch (error) {
          if (isCancelled(error)) return undefined;
          log.error(`${id}: ${errorSentence(error)}`, error instanceof Error ? (error.stack ?? '') : '');
          throw new Error(errorSentence(error), { cause: error });
        }
      }),
    );
  }
  return registered;
}

async function chooseInput(
  args: CommandArguments[typeof commands.chooseInput],
  targets: CommandTargets,
): Promise<void> {
  const { document } = await targets.panel(args);
  const input = args.input ?? document.run.specs[0]?.input;
  if (input === undefined) throw new SlicerError('usage', { detail: l10n.t('{0} has no inputs.', document.fileName) });
  const source = args.source ?? (args.file === undefined ? undefined : inputSource(toUri(args.file).fsPath));
  if (source) await document.setInput({ input, source, ...(args.dims ? { dims: args.dims } : {}) });
  else await pickInput(document, input);
}
