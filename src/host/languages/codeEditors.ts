/** Remembers the code editor that had the focus last: there is no active text editor while a model is active. */
import { Range, window, workspace, type Disposable, type Selection, type TextDocument, type TextEditor } from 'vscode';
import { Disposables } from '../disposables';

const LANGUAGES: ReadonlySet<string> = new Set(['typescript', 'typescriptreact', 'javascript', 'javascriptreact']);

export interface CodePlace {
  document: TextDocument;
  /** Where the cursor was. */
  selection: Selection;
  viewColumn: TextEditor['viewColumn'];
}

export class CodeEditors implements Disposable {
  private place: CodePlace | null = null;
  private readonly disposables = new Disposables();

  constructor() {
    this.note(window.activeTextEditor);
    this.disposables.add(window.onDidChangeActiveTextEditor((editor) => this.note(editor)));
    this.disposables.add(
      window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (textEditor === window.activeTextEditor) this.note(textEditor);
      }),
    );
    this.disposables.add(
      workspace.onDidCloseTextDocument((document) => {
        if (this.place?.document === document) this.place = null;
      }),
    );
  }

  /** The code editor that was focused last and is still open; null when there is none. */
  get last(): CodePlace | null {
    return this.place && !this.place.document.isClosed ? this.place : null;
  }

  /** Other code editors on screen: with these the last focused one may not be the one that is meant. */
  get others(): CodePlace[] {
    return window.visibleTextEditors
      .filter(({ document }) => isCode(document) && document !== this.last?.document)
      .map(placeOf);
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private note(editor: TextEditor | undefined): void {
    if (editor && isCode(editor.document)) this.place = placeOf(editor);
  }
}

function placeOf(editor: TextEditor): CodePlace {
  return { document: editor.document, selection: editor.selection, viewColumn: editor.viewColumn };
}

function isCode({ languageId, uri, isClosed }: TextDocument): boolean {
  return (
    !isClosed &&
    LANGUAGES.has(languageId) &&
    (uri.scheme === 'file' || uri.scheme === 'untitled' || uri.scheme === 'vscode-remote')
  );
}

/** Text that replaces a range: offsets into the document's text. */
export interface TextChange {
  start: number;
  end: number;
  text: string;
}

/** Makes all changes as one step of undo, and shows the place. False when the document could not be edited. */
export async function applyChanges(
  { document, viewColumn }: CodePlace,
  changes: readonly TextChange[],
): Promise<boolean> {
  const editor = await window.showTextDocument(document, { viewColumn, preserveFocus: false });
  return editor.edit((builder) => {
    for (const { start, end, text } of changes) {
      builder.replace(new Range(document.positionAt(start), document.positionAt(end)), text);
    }
  });
}
