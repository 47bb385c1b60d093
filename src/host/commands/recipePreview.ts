/** The code of the recipe that is looked at, beside the list: a document that is nowhere kept. */
import {
  EventEmitter,
  Range,
  TabInputText,
  Uri,
  ViewColumn,
  window,
  workspace,
  type Disposable,
  type Tab,
  type TextEditor,
} from 'vscode';
import { Disposables } from '../disposables';

const SCHEME = 'model-slicer-code';

export class RecipePreview implements Disposable {
  private readonly disposables = new Disposables();
  private readonly changed = new EventEmitter<Uri>();
  private text = '';
  private uri: Uri | null = null;
  /** One thing after the other: what is shown later must not come before. */
  private turn: Promise<void> = Promise.resolve();
  private ended = false;

  constructor(private readonly name: string) {
    this.disposables.add(this.changed);
    this.disposables.add(
      workspace.registerTextDocumentContentProvider(SCHEME, {
        onDidChange: this.changed.event,
        provideTextDocumentContent: () => this.text,
      }),
    );
  }

  /** @param extension says in which language it is coloured. */
  show(text: string, extension: 'ts' | 'js' | 'py'): void {
    this.text = text;
    const uri = Uri.from({ scheme: SCHEME, path: `/${this.name}.${extension}` });
    const isNew = this.uri?.path !== uri.path;
    this.uri = uri;
    if (!isNew) this.changed.fire(uri);
    this.then(async () => {
      if (this.ended || this.uri !== uri) return;
      if (isNew) await this.open(uri);
      this.editor?.revealRange(new Range(0, 0, 0, 0));
    });
  }

  /** Closes its editor: nothing of it stays. */
  async end(): Promise<void> {
    this.ended = true;
    this.then(() => closeTabs());
    await this.turn;
    this.dispose();
  }

  dispose(): void {
    this.ended = true;
    this.disposables.dispose();
  }

  private get editor(): TextEditor | undefined {
    return window.visibleTextEditors.find(
      ({ document }) => document.uri.path === this.uri?.path && document.uri.scheme === SCHEME,
    );
  }

  private async open(uri: Uri): Promise<void> {
    const viewColumn = this.column();
    const document = await workspace.openTextDocument(uri);
    if (this.ended) return;
    // one that was closed a moment ago is still there as it was
    if (document.getText() !== this.text) this.changed.fire(uri);
    // `preview: true` would take the place of a file of the user's that is shown in that way
    await window.showTextDocument(document, { viewColumn, preserveFocus: true, preview: false });
    await closeTabs(uri);
  }

  /** Where it is already, else beside the model. */
  private column(): ViewColumn {
    return previewTabs()[0]?.group.viewColumn ?? ViewColumn.Beside;
  }

  private then(next: () => Promise<void>): void {
    // a preview that cannot be shown is no reason not to choose
    this.turn = this.turn.then(next).catch(() => undefined);
  }
}

function previewTabs(): readonly Tab[] {
  return window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof TabInputText && input.uri.scheme === SCHEME);
}

async function closeTabs(except?: Uri): Promise<void> {
  const tabs = previewTabs().filter(({ input }) => !(input instanceof TabInputText && input.uri.path === except?.path));
  if (tabs.length > 0) await window.tabGroups.close(tabs, true);
}
