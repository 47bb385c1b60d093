/** What the user's programs say about models, read once for each version of a document. */
import { NotebookCellKind, Range, workspace, type NotebookDocument, type TextDocument } from 'vscode';
import { withoutMagics } from '../../core/userCode/notebookText';
import { codeLanguages, type ProgramLanguage } from '../../core/userCode/program';
import type { LayerUse, ProgramModels } from '../../core/userCode/programModels';
import { ProgramReader } from '../../core/userCode/programReader';
import type { ModelLoad } from '../../core/userCode/values';

/** What stands in one document; a cell of a notebook sees the models that earlier cells load. */
export interface DocumentModels {
  document: TextDocument;
  language: ProgramLanguage;
  /** Those that stand in this document. */
  loads: ModelLoad[];
  uses: LayerUse[];
  rangeOf(place: { from: number; to: number }): Range;
}

const CELL = 'vscode-notebook-cell';

interface ReadProgram {
  /** Changes with every part of the text. */
  key: string;
  start: number;
  reader: ProgramReader;
  models: Promise<ProgramModels>;
}

export class UserPrograms {
  private readonly read = new WeakMap<TextDocument, ReadProgram>();

  /** Null for other languages, and for programs that load no model. */
  async modelsIn(document: TextDocument): Promise<DocumentModels | null> {
    const language = codeLanguages.find((id) => id === document.languageId);
    if (!language) return null;
    const { loads, uses, start } = await this.models(document, language);
    if (loads.length === 0) return null;
    const here = <T extends { from: number }>(items: readonly T[]): T[] => items.filter(({ from }) => from >= start);
    return {
      document,
      language,
      loads: here(loads),
      uses: here(uses),
      rangeOf: ({ from, to }) => new Range(document.positionAt(from - start), document.positionAt(to - start)),
    };
  }

  private async models(document: TextDocument, language: ProgramLanguage): Promise<ProgramModels & { start: number }> {
    const notebook = notebookOf(document);
    const cells = notebook ? cellsTo(notebook, document) : [document];
    const key = cells.map(({ uri, version }) => `${uri.fragment} ${version}`).join('\n');
    const known = this.read.get(document);
    if (known?.key === key) return { ...(await known.models), start: known.start };
    const reader = known?.reader.language === language ? known.reader : new ProgramReader(language);
    const { text, start } = textOf(cells, language);
    const read = { key, start, reader, models: reader.read(text) };
    this.read.set(document, read);
    return { ...(await read.models), start };
  }
}

/** All cells as one text; `start` is where the last one begins in it. */
function textOf(cells: readonly TextDocument[], language: ProgramLanguage): { text: string; start: number } {
  const texts = cells.map((cell) => {
    const text = cell.getText();
    return cell.uri.scheme === CELL ? cellText(text, language) : text;
  });
  const start = texts.slice(0, -1).reduce((length, text) => length + text.length + 1, 0);
  return { text: texts.join('\n'), start };
}

function cellText(text: string, language: ProgramLanguage): string {
  return language === 'python' ? withoutMagics(text) : text;
}

export function notebookOf(document: TextDocument): NotebookDocument | null {
  if (document.uri.scheme !== CELL) return null;
  const has = (notebook: NotebookDocument): boolean => notebook.getCells().some((cell) => cell.document === document);
  return workspace.notebookDocuments.find(has) ?? null;
}

/** The code cells of the same language up to this one. */
function cellsTo(notebook: NotebookDocument, document: TextDocument): TextDocument[] {
  const cells: TextDocument[] = [];
  for (const { kind, document: cell } of notebook.getCells()) {
    if (kind === NotebookCellKind.Code && cell.languageId === document.languageId) cells.push(cell);
    if (cell === document) break;
  }
  return cells;
}
