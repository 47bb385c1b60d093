/** Composition root: builds, wires, registers. */
import { EventEmitter, Uri, window, type Event, type ExtensionContext } from 'vscode';
import { CodeChoices } from './host/commands/codeChoices';
import { commandHandlers, registerCommands, type CommandHandlers } from './host/commands/registerCommands';
import { DocumentMemory } from './host/editor/documentMemory';
import { ModelDocuments } from './host/editor/modelDocuments';
import { ModelEditors } from './host/editor/modelEditorProvider';
import { CodeEditors } from './host/languages/codeEditors';
import { CodeHelp } from './host/languages/codeHelp';
import { ModelPaths } from './host/modelPaths';
import { nativeFolder } from './host/nativeSearch';
import type { ViewerState } from './protocol/viewer';

/** What tests read. Not an API for other extensions. */
export interface ModelSlicerApi {
  /** What the editors of an open model show; null when it is not open. */
  stateOf(uri: Uri): ViewerState | null;
  onDidChangeState: Event<Uri>;
  /** The rows of an editor are on screen. */
  onDidPaint: Event<{ uri: Uri; rows: number }>;
  /** The extension's own folder. */
  storage: Uri;
}

export function activate(context: ExtensionContext): ModelSlicerApi {
  const { extensionUri, subscriptions } = context;
  const log = window.createOutputChannel('Model Slicer', { log: true });
  const painted = new EventEmitter<{ uri: Uri; rows: number }>();
  const changed = new EventEmitter<Uri>();
  const modelPaths = new ModelPaths();
  const engineEntry = Uri.joinPath(extensionUri, 'dist', 'engine.js').fsPath;
  const nativeHome = Uri.joinPath(context.globalStorageUri, nativeFolder).fsPath;
  const documents = new ModelDocuments({
    engineEntry,
    nativeHome,
    log,
    memory: new DocumentMemory(context.workspaceState),
    onDidChangeState: (document, change) => {
      changed.fire(document.uri);
      if (change.model) void modelPaths.add(document.uri);
    },
  });
  // The editors' webviews run commands, and commands work on editors.
  const handlers: { current: CommandHandlers | null } = { current: null };
  const editors = new ModelEditors(documents, {
    extensionUri,
    runCommand: async (id, args) =>
      (handlers.current?.[id] as ((given: typeof args) => Promise<unknown>) | undefined)?.(args),
    onPainted: (document, rows) => {
      log.debug(`${document.fileName}: ${rows} rows painted`);
      painted.fire({ uri: document.uri, rows });
    },
  });
  const codeEditors = new CodeEditors();
  subscriptions.push(new CodeHelp({ engineEntry, log }));
  const codeChoices = new CodeChoices(context.globalState, context.workspaceState);
  handlers.current = commandHandlers({
    editors,
    codeEditors,
    codeChoices,
    extensionUri,
    storageUri: context.globalStorageUri,
    native: { engineEntry, nativeHome, log },
    log,
  });
  subscriptions.push(log, painted, changed, documents, editors, codeEditors, registerCommands(handlers.current, log));
  return {
    stateOf: (uri) => documents.find(uri)?.state ?? null,
    onDidChangeState: changed.event,
    onDidPaint: painted.event,
    storage: context.globalStorageUri,
  };
}
