/** Remembers the code editor that had the focus last: there is no active text editor while a model is active. */
import {
  TabInputNotebook,
  TabInputText,
  TabInputTextDiff,
  window,
  workspace,
  type Disposable,
  type NotebookDocument,
  type Selection,
  type TextDocument,
  type TextEditor,
  type Uri,
} from 'vscode';
import type { InsertionStyle } from '../../core/codegen/insertion';
import type { CodeLanguage } from '../../core/codegen/recipe';
import { Disposables } from '../disposables';

interface FileLanguage extends Pick<InsertionStyle, 'language' | 'markup'> {
  code: CodeLanguage;
}

const LANGUAGES: ReadonlyMap<string, FileLanguage> = new Map([
  ['typescript', { code: 'typescript', language: 'typescript' }],
  ['typescriptreact', { code: 'typescript', language: 'typescript', markup: true }],
  ['javascript', { code: 'typescript', language: 'javascript' }],
  ['javascriptreact', { code: 'typescript', language: 'javascript' }],
  ['vue', { code: 'typescript', language: 'component' }],
  ['svelte', { code: 'typescript', language: 'component' }],
  ['python', { code: 'python', language: 'python' }],
]);
const SCHEMES: ReadonlySet<string> = new Set([
  'file',
  'untitled',
  'vscode-remote',
  'vscode-notebook-cell',
  'vscode-vfs',
]);

export interface CodePlace {
  document: TextDocument;
  /** Where the cursor was. */
  selection: Selection;
  viewColumn: TextEditor['viewColumn'];
  /** What the editor indents with, where the file itself shows nothing. */
  indent: string;
}

/** Which language a document is in; null for what is no code of ours. */
export function fileLanguage({ languageId }: TextDocument): FileLanguage | null {
  return LANGUAGES.get(languageId) ?? null;
}

/** The notebook that a document is a cell of. */
export function notebookOf(document: TextDocument): NotebookDocument | null {
  if (document.uri.scheme !== 'vscode-notebook-cell') return null;
  return (
    workspace.notebookDocuments.find((notebook) => notebook.getCells().some((cell) => cell.document === document)) ??
    null
  );
}

/** The file that a document is in. */
export function fileOf(document: TextDocument): Uri {
  return notebookOf(document)?.uri ?? document.uri;
}

export class CodeEditors implements Disposable {
  /** By language, the last one last. */
  private places: CodePlace[] = [];
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
        this.places = this.places.filter((place) => place.document !== document);
      }),
    );
  }

  /** The code editor that was focused last and is still open; null when there is none. */
  get last(): CodePlace | null {
    return this.open.at(-1) ?? null;
  }

  /**
   * Where code in a language can go: the editor that was focused last, then others on screen, with which the last
   * focused one may not be the one that is meant.
   */
  placesFor(language: CodeLanguage): CodePlace[] {
    const fits = ({ document }: CodePlace): boolean => fileLanguage(document)?.code === language;
    const last = this.open.findLast(fits);
    const others = window.visibleTextEditors
      .filter(({ document }) => isCode(document))
      .map(placeOf)
      .filter((place) => fits(place) && place.document !== last?.document);
    return [...(last ? [last] : []), ...others];
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private get open(): CodePlace[] {
    return this.places.filter(({ document }) => !document.isClosed && hasTab(document));
  }

  private note(editor: TextEditor | undefined): void {
    if (!editor || !isCode(editor.document)) return;
    const place = placeOf(editor);
    const language = fileLanguage(editor.document)?.code;
    this.places = [...this.open.filter(({ document }) => fileLanguage(document)?.code !== language), place];
  }
}

/** A document lives on for a while when its editor is closed. */
function hasTab(document: TextDocument): boolean {
  const uri = fileOf(document).toString();
  return window.tabGroups.all.some(({ tabs }) =>
    tabs.some(({ input }) => {
      if (input instanceof TabInputText || input instanceof TabInputNotebook) return input.uri.toString() === uri;
      return input instanceof TabInputTextDiff && input.modified.toString() === uri;
    }),
  );
}

function placeOf({ document, selection, viewColumn, options }: TextEditor): CodePlace {
  const width = typeof options.tabSize === 'number' ? options.tabSize : 2;
  return { document, selection, viewColumn, indent: options.insertSpaces === false ? '\t' : ' '.repeat(width) };
}

function isCode(document: TextDocument): boolean {
  return !document.isClosed && fileLanguage(document) !== null && SCHEMES.has(document.uri.scheme);
}
