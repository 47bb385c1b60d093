/** Names and indices that the model does not have, and models that cannot be read, in the programs on screen. */
import {
  CancellationTokenSource,
  Diagnostic,
  DiagnosticSeverity,
  l10n,
  languages,
  window,
  workspace,
  type CancellationToken,
  type Disposable,
  type TextDocument,
} from 'vscode';
import { plainText } from '../../core/messageText';
import { nearestNames, type Counting, type Found } from '../../core/userCode/layerIndex';
import type { LayerUse } from '../../core/userCode/programModels';
import { Disposables } from '../disposables';
import type { CodeModels } from './codeModels';
import type { DocumentModels } from './userPrograms';

export const DIAGNOSTIC_SOURCE = 'Model Slicer';
export const diagnosticCodes = {
  unknownLayer: 'unknown-layer',
  indexOutOfRange: 'layer-index-out-of-range',
  unreadableModel: 'unreadable-model',
} as const;

/** Nobody wants to read of a name that is half typed. */
const QUIET_MS = 300;
/** Each asks all names of the model for the nearest ones. */
const MAX_SUGGESTIONS = 30;

export class LayerDiagnostics implements Disposable {
  private readonly collection = languages.createDiagnosticCollection('modelSlicer');
  private readonly disposables = new Disposables();
  private readonly pending = new Set<TextDocument>();
  private readonly running = new Map<TextDocument, CancellationTokenSource>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly models: CodeModels) {
    this.disposables.add(this.collection);
    this.disposables.add(models.onDidChange(() => this.checkVisible()));
    this.disposables.add(window.onDidChangeVisibleTextEditors(() => this.checkVisible()));
    this.disposables.add(window.onDidChangeVisibleNotebookEditors(() => this.checkVisible()));
    this.disposables.add(
      workspace.onDidChangeNotebookDocument(({ contentChanges }) => {
        if (contentChanges.length > 0) this.checkVisible();
      }),
    );
    this.disposables.add(
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length === 0) return;
        const visible = visibleDocuments();
        // other cells see what this one loads
        if (document.uri.scheme === 'vscode-notebook-cell') this.checkVisible();
        else if (visible.has(document)) this.check(document);
      }),
    );
    this.disposables.add(
      workspace.onDidCloseTextDocument((document) => {
        this.pending.delete(document);
        this.running.get(document)?.cancel();
        this.collection.delete(document.uri);
      }),
    );
    this.checkVisible();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.pending.clear();
    for (const source of this.running.values()) source.cancel();
    this.disposables.dispose();
  }

  private checkVisible(): void {
    for (const document of visibleDocuments()) this.check(document);
    // what is not on screen is told when it comes back
    this.collection.forEach((uri) => {
      const document = workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
      if (document) this.check(document);
    });
  }

  private check(document: TextDocument): void {
    this.pending.add(document);
    this.running.get(document)?.cancel();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const documents = [...this.pending];
      this.pending.clear();
      for (const each of documents) void this.update(each);
    }, QUIET_MS);
  }

  private async update(document: TextDocument): Promise<void> {
    const source = new CancellationTokenSource();
    this.running.get(document)?.cancel();
    this.running.set(document, source);
    try {
      const { version } = document;
      const program = await this.models.modelsIn(document);
      const diagnostics = program ? await diagnosticsOf(program, this.models, source.token) : [];
      if (source.token.isCancellationRequested || this.disposables.disposed || document.isClosed) return;
      if (document.version !== version) return;
      if (diagnostics.length > 0) this.collection.set(document.uri, diagnostics);
      else this.collection.delete(document.uri);
    } finally {
      if (this.running.get(document) === source) this.running.delete(document);
      source.dispose();
    }
  }
}

function visibleDocuments(): Set<TextDocument> {
  const cells = window.visibleNotebookEditors.flatMap(({ notebook }) => notebook.getCells());
  return new Set([
    ...window.visibleTextEditors.map(({ document }) => document),
    ...cells.map(({ document }) => document),
  ]);
}

async function diagnosticsOf(
  program: DocumentModels,
  models: CodeModels,
  token: CancellationToken,
): Promise<Diagnostic[]> {
  const diagnostics: Diagnostic[] = [];
  for (const load of program.loads) {
    const file = await models.layersOf(load, program);
    if (token.isCancellationRequested) return [];
    if (file?.layers.kind !== 'failed' || file.layers.message === null) continue;
    const place = { from: load.pathFrom, to: load.pathTo };
    diagnostics.push(diagnostic(program, place, file.layers.message, diagnosticCodes.unreadableModel));
  }
  let suggestions = 0;
  for (const use of program.uses) {
    const last = use.steps.at(-1);
    // empty or open: it is being typed
    if (use.load.changed || use.literal?.closed === false || (last?.by === 'name' && last.name === '')) continue;
    const named = await models.found(use, program);
    if (token.isCancellationRequested) return [];
    if (!named) continue;
    const { found, counting } = named;
    if (found.kind === 'unknown-layer') {
      suggestions += 1;
      const names = suggestions <= MAX_SUGGESTIONS ? nearestNames(found.list, found.name, counting) : [];
      diagnostics.push(diagnostic(program, use, unknownLayer(found, counting, names), diagnosticCodes.unknownLayer));
    } else if (found.kind === 'out-of-range') {
      diagnostics.push(diagnostic(program, use, outOfRange(found, counting), diagnosticCodes.indexOutOfRange));
    }
  }
  return diagnostics;
}

function diagnostic(
  { rangeOf }: DocumentModels,
  place: Pick<LayerUse, 'from' | 'to'>,
  message: string,
  code: string,
): Diagnostic {
  const made = new Diagnostic(rangeOf(place), message, DiagnosticSeverity.Warning);
  made.source = DIAGNOSTIC_SOURCE;
  made.code = code;
  return made;
}

function unknownLayer(
  { name, within, elsewhere }: Found & { kind: 'unknown-layer' },
  counting: Counting,
  names: readonly string[],
): string {
  const missing = within
    ? l10n.t('There is no layer "{0}" in "{1}".', plainText(name), plainText(within.name))
    : l10n.t('The model has no layer "{0}".', plainText(name));
  const api = counting === 'keras' ? 'Keras' : 'TF.js';
  const why = !elsewhere
    ? null
    : elsewhere.name === name && elsewhere.index[counting] === null
      ? l10n.t('The file has it, but {0} does not list it.', api)
      : l10n.t('It is inside a nested model: {0}.', plainText(elsewhere.address));
  const shown = names.map((item) => `"${plainText(item)}"`).join(', ');
  const nearest = why === null && names.length > 0 ? l10n.t('Did you mean {0}?', shown) : null;
  return [missing, why, nearest].filter((part) => part !== null).join(' ');
}

function outOfRange({ index, list, within }: Found & { kind: 'out-of-range' }, counting: Counting): string {
  const last = list.listed[counting].length - 1;
  const name = plainText(list.listed[counting].at(-1)?.name ?? '');
  const range = { index, last, name, model: plainText(within?.name ?? '') };
  return within
    ? l10n.t('There is no layer {index} in "{model}": its last one is {last}, "{name}".', range)
    : l10n.t('The model has no layer {index}: its last one is {last}, "{name}".', range);
}
