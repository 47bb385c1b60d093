/** Puts a snippet into a user's file: imports merged at the top, the code at the cursor, in the file's own style. */
import type { CodeSnippet } from './codeSnippet';
import { componentScript } from './insertion/componentScript';
import { insertScript } from './insertion/scriptInsertion';
import { insertPython } from './languages/pythonInsertion';

export interface InsertionStyle {
  /** JavaScript gets no types. A snippet in Python goes into Python only. `component`: scripts inside HTML tags (Vue, Svelte). */
  language: 'typescript' | 'javascript' | 'python' | 'component';
  /** TypeScript with JSX. */
  markup?: boolean;
  /** How JavaScript gets its modules; without it the file's own code says it. */
  module?: 'esm' | 'commonjs';
  /** Code that ran before, in earlier cells of a notebook: its imports and names hold here, too. */
  before?: string;
  /** Where the file shows none. */
  indent?: string;
  quotes?: 'single' | 'double';
}

/** Offsets into the text before any of the edits; edits do not overlap and are in order. */
export interface TextEdit {
  start: number;
  end: number;
  text: string;
}

export interface Insertion {
  edits: TextEdit[];
  /** What was put in besides imports, at the left edge. */
  code: string;
  /** Names that were taken already, and what the code calls its own. */
  renamed: { from: string; to: string }[];
  /** Functions that were there already, word for word. */
  reused: string[];
}

/** @returns null where the file has no place for code: a component without a script. */
export function insertSnippet(
  documentText: string,
  cursorOffset: number,
  snippet: CodeSnippet,
  style: InsertionStyle,
): Insertion | null {
  if (snippet.language === 'python') return insertPython(documentText, cursorOffset, snippet, style);
  if (style.language !== 'component') return insertScript(documentText, cursorOffset, snippet, style);
  const script = componentScript(documentText, cursorOffset);
  if (!script) return null;
  const { start, end, typed } = script;
  const inside = insertScript(
    documentText.slice(start, end),
    Math.max(0, Math.min(end, cursorOffset) - start),
    snippet,
    {
      ...style,
      language: typed ? 'typescript' : 'javascript',
    },
  );
  const edits = inside.edits.map((edit) => ({ ...edit, start: edit.start + start, end: edit.end + start }));
  return { ...inside, edits };
}
