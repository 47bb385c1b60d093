/** Puts code at a place in an editor or a notebook's cell, as one step of undo. */
import { stat } from 'node:fs/promises';
import {
  FilePermission,
  NotebookCellKind,
  NotebookRange,
  Range,
  Selection,
  TextEdit,
  TextEditorRevealType,
  window,
  workspace,
  WorkspaceEdit,
  type TextDocument,
  type Uri,
} from 'vscode';
import type { CodeSnippet } from '../../core/codegen/codeSnippet';
import type { Insertion } from '../../core/codegen/insertion';
import { fileLanguage, fileOf, notebookOf, type CodePlace } from './codeEditors';

/** Why nothing was put in. */
export type Refusal = 'closed' | 'read-only' | 'no-script';

export async function insertAt(place: CodePlace, snippet: CodeSnippet): Promise<Insertion | Refusal> {
  const { document, selection } = place;
  const language = fileLanguage(document);
  if (document.isClosed || !language) return 'closed';
  if (await isReadOnly(fileOf(document))) return 'read-only';
  // the parsers are big: only who inserts needs them
  const { insertSnippet } = await import('../../core/codegen/insertion');
  const { code: _code, ...style } = language;
  const inserted = insertSnippet(document.getText(), document.offsetAt(selection.active), snippet, {
    ...style,
    indent: place.indent,
    before: cellsBefore(document),
    ...moduleOf(document.uri),
  });
  if (!inserted) return 'no-script';
  const changes = inserted.edits.map(({ start, end, text }) => ({
    range: new Range(document.positionAt(start), document.positionAt(end)),
    text,
  }));
  const written = notebookOf(document) ? await changeCell(place, changes) : await changeFile(place, changes, inserted);
  return written ? inserted : 'read-only';
}

interface Change {
  range: Range;
  text: string;
}

async function changeFile(
  { document, viewColumn }: CodePlace,
  changes: readonly Change[],
  { edits }: Insertion,
): Promise<boolean> {
  const editor = await window.showTextDocument(document, { viewColumn, preserveFocus: false });
  const done = await editor.edit((builder) => {
    for (const { range, text } of changes) builder.replace(range, text);
  });
  if (!done) return false;
  const code = edits.at(-1);
  const shift = edits.slice(0, -1).reduce((sum, { start, end, text }) => sum + text.length - (end - start), 0);
  const begin = (code?.start ?? 0) + shift + (/^\s*/.exec(code?.text ?? '')?.[0].length ?? 0);
  const start = document.positionAt(begin);
  editor.selection = new Selection(start, start);
  const end = document.positionAt((code?.start ?? 0) + shift + (code?.text.trimEnd().length ?? 0));
  editor.revealRange(new Range(start, end), TextEditorRevealType.InCenterIfOutsideViewport);
  return true;
}

/** A cell has no editor of its own that could be shown. */
async function changeCell({ document, viewColumn }: CodePlace, changes: readonly Change[]): Promise<boolean> {
  const edit = new WorkspaceEdit();
  edit.set(
    document.uri,
    changes.map(({ range, text }) => TextEdit.replace(range, text)),
  );
  if (!(await workspace.applyEdit(edit))) return false;
  const notebook = notebookOf(document);
  const index = notebook?.getCells().findIndex((cell) => cell.document === document) ?? -1;
  if (notebook && index >= 0)
    await window.showNotebookDocument(notebook, {
      selections: [new NotebookRange(index, index + 1)],
      ...(viewColumn === undefined ? {} : { viewColumn }),
    });
  return true;
}

/** What ran before a cell when a notebook runs from its top. */
function cellsBefore(document: TextDocument): string {
  const cells = notebookOf(document)?.getCells() ?? [];
  const own = cells.findIndex((cell) => cell.document === document);
  return cells
    .slice(0, Math.max(0, own))
    .filter((cell) => cell.kind === NotebookCellKind.Code && cell.document.languageId === document.languageId)
    .map((cell) => cell.document.getText())
    .join('\n');
}

function moduleOf({ path }: Uri): { module?: 'esm' | 'commonjs' } {
  if (/\.cjs$/i.test(path)) return { module: 'commonjs' };
  return /\.mjs$/i.test(path) ? { module: 'esm' } : {};
}

/** As the file's system says, and as the permissions of a file on disk do. */
async function isReadOnly(uri: Uri): Promise<boolean> {
  if (uri.scheme === 'untitled') return false;
  if (workspace.fs.isWritableFileSystem(uri.scheme) === false) return true;
  try {
    const { permissions = 0 } = await workspace.fs.stat(uri);
    if (permissions & FilePermission.Readonly) return true;
    return uri.scheme === 'file' && ((await stat(uri.fsPath)).mode & 0o222) === 0;
  } catch {
    // a file that is no longer there can be saved anew
    return false;
  }
}
