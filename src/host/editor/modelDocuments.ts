/** The open models, one document for each uri, however many editors and view types show it. */
import { workspace, type Disposable, type Uri } from 'vscode';
import { settings, settingsSection } from '../contributions';
import { Disposables } from '../disposables';
import type { DocumentServices, ModelDocument } from './modelDocument';

export interface DocumentLease extends Disposable {
  document: ModelDocument;
}

export class ModelDocuments implements Disposable {
  private readonly open = new Map<string, { document: ModelDocument; leases: number }>();
  private readonly subscriptions = new Disposables();

  constructor(private readonly services: DocumentServices) {
    const onDocuments = (change: (document: ModelDocument) => void): void => {
      for (const { document } of this.open.values()) change(document);
    };
    this.subscriptions.add(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(settingsSection) || event.affectsConfiguration('workbench.reduceMotion')) {
          onDocuments((document) => document.settingsChanged());
        }
        if (event.affectsConfiguration(`${settingsSection}.${settings.customLayers}`)) {
          onDocuments((document) => void document.customLayersChanged());
        }
      }),
    );
    this.subscriptions.add(
      workspace.onDidGrantWorkspaceTrust(() =>
        onDocuments((document) => {
          if (document.preferences.customLayers.length > 0) void document.customLayersChanged();
        }),
      ),
    );
  }

  find(uri: Uri): ModelDocument | null {
    return this.open.get(uri.toString())?.document ?? null;
  }

  /** The first lease starts the reading, the last that is given back ends the document and its engine. */
  async lease(uri: Uri): Promise<DocumentLease> {
    // not before the first model: activation need not read what opens, cuts and runs models
    const { ModelDocument } = await import('./modelDocument');
    const key = uri.toString();
    const entry = this.open.get(key) ?? { document: new ModelDocument(uri, this.services), leases: 0 };
    if (entry.leases === 0) {
      this.open.set(key, entry);
      void entry.document.load();
    }
    entry.leases += 1;
    let given = true;
    return {
      document: entry.document,
      dispose: () => {
        if (!given) return;
        given = false;
        entry.leases -= 1;
        if (entry.leases > 0) return;
        this.open.delete(key);
        entry.document.dispose();
      },
    };
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const { document } of this.open.values()) document.dispose();
    this.open.clear();
  }
}
