/** Reads as much of Python source as inserting into it takes: its statements and its strings. Never executes or judges it. */

/** A statement with all its physical lines, or a comment line. */
export interface LogicalLine {
  /** Where its first physical line begins, indentation included. */
  start: number;
  /** Behind its last character, before the line end. */
  end: number;
  indent: string;
  /** Without indentation and comments behind it; '' for a comment line. */
  code: string;
}

export interface StringToken {
  start: number;
  end: number;
  /** Letters before the quote: `f`, `rb`. */
  prefix: string;
  quote: '"' | "'" | '"""' | "'''";
}

export interface PythonSource {
  lines: LogicalLine[];
  strings: StringToken[];
}

/** Strings and brackets that are not closed run to the end of the text. */
export function readPython(text: string): PythonSource {
  const lines: LogicalLine[] = [];
  const strings: StringToken[] = [];
  let at = 0;
  while (at < text.length) {
    const indent = /^[ \t\f]*/.exec(text.slice(at, at + 400))?.[0] ?? '';
    const begin = at + indent.length;
    if (text[begin] === '\n' || (text[begin] === '\r' && text[begin + 1] === '\n') || begin >= text.length) {
      at = endOfLine(text, begin) + 1;
      continue;
    }
    const { end, code } = readStatement(text, begin, strings);
    lines.push({ start: at, end: trimEnd(text, end), indent, code: code.trim() });
    at = end + 1;
  }
  return { lines, strings };
}

/** From the first character of a statement to the line end behind it. */
function readStatement(text: string, begin: number, strings: StringToken[]): { end: number; code: string } {
  let depth = 0;
  let code = '';
  let at = begin;
  while (at < text.length) {
    const c = text[at] ?? '';
    const string = stringAt(text, at);
    if (string) {
      strings.push(string);
      code += text.slice(string.start, string.end);
      at = string.end;
    } else if (c === '#') {
      at = endOfLine(text, at);
    } else if (c === '\\' && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at = endOfLine(text, at) + 1;
      code += ' ';
    } else if (c === '\n') {
      if (depth === 0) break;
      code += ' ';
      at += 1;
    } else if (/\w/.test(c)) {
      const word = /^\w+/.exec(text.slice(at, at + 400))?.[0] ?? c;
      code += word;
      at += word.length;
    } else {
      if ('([{'.includes(c)) depth += 1;
      else if (')]}'.includes(c)) depth = Math.max(0, depth - 1);
      code += c;
      at += 1;
    }
  }
  return { end: at, code };
}

function stringAt(text: string, at: number): StringToken | null {
  const before = text[at - 1];
  if (before !== undefined && /\w/.test(before)) return null;
  const [opening = '', prefix = '', quote] = /^([A-Za-z]{0,2})("""|'''|"|')/.exec(text.slice(at, at + 5)) ?? [];
  if (quote === undefined || !/^(|[rbuft]|rb|br|rf|fr|rt|tr)$/i.test(prefix)) return null;
  let end = at + opening.length;
  while (end < text.length) {
    const c = text[end];
    if (c === '\\') end += 2;
    else if (c === '\n' && quote.length === 1) break;
    else if (text.startsWith(quote, end)) {
      end += quote.length;
      break;
    } else end += 1;
  }
  return { start: at, end: Math.min(end, text.length), prefix, quote: quote as StringToken['quote'] };
}

function endOfLine(text: string, at: number): number {
  const found = text.indexOf('\n', at);
  return found < 0 ? text.length : found;
}

function trimEnd(text: string, end: number): number {
  let at = end;
  while (at > 0 && /[ \t\r]/.test(text[at - 1] ?? '')) at -= 1;
  return at;
}

/** What a top-level import binds. */
export interface PythonImport {
  line: LogicalLine;
  /** Null for `import module`. */
  from: string | null;
  names: { name: string; as: string }[];
}

/** `import a.b as c, d`, `from m import (x, y as z)`: those of a statement at the left edge; none for any other. */
export function readImports(line: LogicalLine): PythonImport[] {
  if (line.indent !== '' || !/^(import|from)\b/.test(line.code)) return [];
  return line.code.split(';').flatMap((code) => readImport(line, code.trim()) ?? []);
}

function readImport(line: LogicalLine, code: string): PythonImport | null {
  const [, from, names] = /^from\s+([\w.]+)\s+import\b\s*([^]+)$/.exec(code) ?? [];
  const [, plain] = /^import\s+([^]+)$/.exec(code) ?? [];
  const listed = names ?? plain;
  if (listed === undefined) return null;
  const items = listed
    .replace(/[()]/g, ' ')
    .split(',')
    .flatMap((item) => {
      const [name, , as] = item.trim().split(/\s+/);
      return name ? [{ name, as: as ?? (from === undefined ? (name.split('.')[0] ?? name) : name) }] : [];
    });
  return { line, from: from ?? null, names: items };
}
