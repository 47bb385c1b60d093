/** Registers the read-only editors of models, and knows which of them is active. */
import {
  commands,
  EventEmitter,
  window,
  type CustomDocument,
  type CustomReadonlyEditorProvider,
  type Disposable,
  type Uri,
  type WebviewPanel,
} from 'vscode';
import { contextKeys, viewTypes } from '../contributions';
import { Disposables } from '../disposables';
import type { ModelDocument } from './modelDocument';
import type { DocumentLease, ModelDocuments } from './modelDocuments';
import { ModelPanel, type PanelServices } from './modelPanel';

class LeasedDocument implements CustomDocument {
  constructor(
    readonly uri: Uri,
    readonly lease: DocumentLease,
  ) {}

  dispose(): void {
    this.lease.dispose();
  }
}

export class ModelEditors implements CustomReadonlyEditorProvider<LeasedDocument>, Disposable {
  private readonly panels = new Set<ModelPanel>();
  private readonly disposables = new Disposables();
  private readonly opened = new EventEmitter<ModelPanel>();
  private lastActive: ModelPanel | null = null;
  readonly onDidOpen = this.opened.event;

  constructor(
    private readonly documents: ModelDocuments,
    private readonly services: PanelServices,
  ) {
    this.disposables.add(this.opened);
    for (const viewType of Object.values(viewTypes)) {
      this.disposables.add(
        window.registerCustomEditorProvider(viewType, this, { supportsMultipleEditorsPerDocument: true }),
      );
    }
  }

  /** The editor that has the focus, or had it last. */
  get active(): ModelPanel | null {
    return this.lastActive;
  }

  /** An editor of this model, the active one if it is one. */
  find(uri: Uri): ModelPanel | null {
    const shows = (panel: ModelPanel): boolean => panel.document.uri.toString() === uri.toString();
    if (this.lastActive && shows(this.lastActive)) return this.lastActive;
    return [...this.panels].find(shows) ?? null;
  }

  async openCustomDocument(uri: Uri): Promise<LeasedDocument> {
    return new LeasedDocument(uri, await this.documents.lease(uri));
  }

  resolveCustomEditor({ lease: { document } }: LeasedDocument, webviewPanel: WebviewPanel): void {
    const panel = new ModelPanel(webviewPanel, document, this.services);
    this.panels.add(panel);
    if (webviewPanel.active || !this.lastActive) this.activate(panel);
    const viewState = webviewPanel.onDidChangeViewState(() => {
      if (webviewPanel.active) this.activate(panel);
    });
    const state = document.onDidChangeState(() => {
      if (this.lastActive === panel) this.showContext(document);
    });
    webviewPanel.onDidDispose(() => {
      viewState.dispose();
      state.dispose();
      panel.dispose();
      this.panels.delete(panel);
      if (this.lastActive === panel) this.activate([...this.panels].at(-1) ?? null);
    });
    this.opened.fire(panel);
  }

  dispose(): void {
    this.disposables.dispose();
    for (const panel of this.panels) panel.dispose();
    this.panels.clear();
  }

  private activate(panel: ModelPanel | null): void {
    this.lastActive = panel;
    this.showContext(panel?.document ?? null);
  }

  private shown = '';

  private showContext(document: ModelDocument | null): void {
    const hasModel = Boolean(document?.loaded);
    const slice = document?.cut.state;
    const hasMarks = (slice?.marks.length ?? 0) > 0;
    const cutIsOpen = slice?.plan?.boundary.closed === false;
    const now = `${hasModel} ${hasMarks} ${cutIsOpen}`;
    if (now === this.shown) return;
    this.shown = now;
    void commands.executeCommand('setContext', contextKeys.hasModel, hasModel);
    void commands.executeCommand('setContext', contextKeys.hasMarks, hasMarks);
    void commands.executeCommand('setContext', contextKeys.cutIsOpen, cutIsOpen);
  }
}
