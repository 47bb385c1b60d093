/** Puts a snippet into a user's file: imports merged at the top, the code at the cursor, in the file's own style. */
import type { CodeSnippet, SnippetImport } from './codeSnippet';

export interface InsertionStyle {
  /** JavaScript gets no types. */
  language: 'typescript' | 'javascript';
  /** What the file shows where these are not given. */
  indent?: string;
  quotes?: 'single' | 'double';
}

/** Offsets into the text before any of the edits; edits do not overlap and are in order. */
export interface TextEdit {
  start: number;
  end: number;
  text: string;
}

export function insertSnippet(
  documentText: string,
  cursorOffset: number,
  snippet: CodeSnippet,
  style: InsertionStyle,
): { edits: TextEdit[] } {
  const newLine = documentText.includes('\r\n') ? '\r\n' : '\n';
  const quotes = style.quotes ?? quotesOf(documentText);
  const imports = importEdit(documentText, snippet.imports, quotes, newLine);
  const body = style.language === 'javascript' ? snippet.untyped : snippet.body;
  const place = placeAt(documentText, cursorOffset, imports?.start ?? 0);
  const written = indented(
    requoted(body.trimEnd(), quotes),
    place.indent,
    style.indent ?? indentOf(documentText),
    newLine,
  );
  const code: TextEdit = {
    start: place.start,
    end: place.end,
    text: `${place.before(newLine)}${written}${place.after(newLine)}`,
  };
  if (!imports) return { edits: [code] };
  if (imports.start === code.start) return { edits: [{ ...code, text: `${imports.text}${newLine}${code.text}` }] };
  return { edits: [imports, code].sort((a, b) => a.start - b.start) };
}

// --- imports ---

interface ImportLine {
  end: number;
  module: string;
  clause: string;
}

const IMPORT = /^import\s+(?:type\s+)?(?:([^'";]+?)\s+from\s+)?(['"])([^'"\n]+)\2[ \t]*;?/gm;

function importLines(text: string): ImportLine[] {
  return [...text.matchAll(IMPORT)].map((match) => ({
    end: match.index + match[0].length,
    module: match[3] ?? '',
    clause: match[1] ?? '',
  }));
}

/** What is not imported yet, after the last import, else at the top behind a shebang, directives and a first comment. */
function importEdit(
  text: string,
  wanted: readonly SnippetImport[],
  quotes: 'single' | 'double',
  newLine: string,
): TextEdit | null {
  const lines = importLines(text);
  const missing = wanted.filter((item) => !isThere(text, lines, item));
  if (missing.length === 0) return null;
  const written = missing.map((item) => importText(item, quotes)).join(newLine);
  const last = lines.at(-1);
  if (last) return { start: last.end, end: last.end, text: `${newLine}${written}` };
  const top =
    /^(?:#![^\n]*\n)?(?:\s*(?:\/\/[^\n]*\n|\/\*[^]*?\*\/[ \t]*\r?\n|(['"])use [a-z]+\1;?[ \t]*\r?\n))*/.exec(text)?.[0]
      .length ?? 0;
  return {
    start: top,
    end: top,
    text: `${written}${newLine}${text.slice(top).startsWith(newLine) || text.length === top ? '' : newLine}`,
  };
}

/** Also where another package brings the same: `@tensorflow/tfjs-node`, or `require`. */
function isThere(text: string, lines: readonly ImportLine[], { module, namespace, names }: SnippetImport): boolean {
  const same = lines.filter((line) => line.module === module || line.module.startsWith(`${module}-node`));
  const hasNamespace =
    namespace === undefined ||
    same.some(({ clause }) => new RegExp(`\\*\\s+as\\s+${namespace}\\b`).test(clause)) ||
    new RegExp(`\\b(?:const|let|var)\\s+${namespace}\\s*=\\s*require\\(\\s*['"]${module}(?:-node(?:-gpu)?)?['"]`).test(
      text,
    );
  const hasNames = names.every((name) => same.some(({ clause }) => new RegExp(`[{,]\\s*${name}\\s*[,}]`).test(clause)));
  return hasNamespace && hasNames;
}

function importText({ module, names, namespace }: SnippetImport, quotes: 'single' | 'double'): string {
  const quote = quotes === 'single' ? "'" : '"';
  const from = ` from ${quote}${module}${quote};`;
  const parts = [
    ...(namespace === undefined ? [] : [`import * as ${namespace}${from}`]),
    ...(names.length === 0 ? [] : [`import { ${names.join(', ')} }${from}`]),
  ];
  return parts.join('\n');
}

// --- the place ---

interface Place {
  start: number;
  end: number;
  indent: string;
  before(newLine: string): string;
  after(newLine: string): string;
}

/** An empty line is taken; on a line with text the code goes below it. Never above the imports. */
function placeAt(text: string, cursor: number, importsEnd: number): Place {
  const lastImport = importLines(text).at(-1)?.end ?? importsEnd;
  const at = Math.min(text.length, Math.max(cursor, lastImport));
  const start = text.lastIndexOf('\n', at - 1) + 1;
  const found = text.indexOf('\n', at);
  const lineEnd = found < 0 ? text.length : found;
  const end = text[lineEnd - 1] === '\r' && lineEnd > start ? lineEnd - 1 : lineEnd;
  const line = text.slice(start, end);
  const indent = /^[ \t]*/.exec(line)?.[0] ?? '';
  if (line.trim() === '' && start >= lastImport) {
    const rest = text.slice(end);
    return { start, end, indent, before: () => '', after: (newLine) => (rest === '' ? newLine : '') };
  }
  return {
    start: end,
    end,
    indent,
    before: (newLine) => `${newLine}${newLine}`,
    after: (newLine) => (end === text.length ? newLine : ''),
  };
}

// --- the file's style ---

function indented(code: string, around: string, unit: string, newLine: string): string {
  return code
    .split('\n')
    .map((line) => {
      const own = /^(?: {2})*/.exec(line)?.[0].length ?? 0;
      return line.trim() === '' ? '' : `${around}${unit.repeat(own / 2)}${line.slice(own)}`;
    })
    .join(newLine);
}

/** What most indented lines begin with; two spaces where none is. */
function indentOf(text: string): string {
  const indents = [...text.matchAll(/^([ \t]+)\S/gm)].map((match) => match[1] ?? '');
  if (indents.filter((indent) => indent.startsWith('\t')).length > indents.length / 2) return '\t';
  // a comment's star is set one column in
  const widths = indents.filter((indent) => !indent.includes('\t')).map((indent) => indent.length);
  const smallest = Math.min(...widths.filter((width) => width > 1));
  return ' '.repeat(smallest === 4 || smallest === 8 ? 4 : 2);
}

function quotesOf(text: string): 'single' | 'double' {
  const double = text.match(/"[^"'\n]*"/g)?.length ?? 0;
  const single = text.match(/'[^"'\n]*'/g)?.length ?? 0;
  return double > single ? 'double' : 'single';
}

/** Single-quoted strings of generated code as double-quoted ones; comments and templates stay. */
function requoted(code: string, quotes: 'single' | 'double'): string {
  if (quotes === 'single') return code;
  return code.replace(
    /\/\/[^\n]*|\/\*[^]*?\*\/|`(?:\\[^]|[^\\`])*`|'((?:\\[^]|[^\\'])*)'/g,
    (whole, content: string | undefined) =>
      content === undefined ? whole : `"${content.replace(/\\'/g, "'").replace(/"/g, '\\"')}"`,
  );
}
