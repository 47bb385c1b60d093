/** Puts a Python snippet into a user's file: imports merged at the top, the code at the level of the cursor's statement. */
import type { CodeSnippet } from '../codeSnippet';
import type { Insertion, InsertionStyle, TextEdit } from '../insertion';
import { fitNames, reportOf, withoutDeclarations } from '../insertion/clashes';
import { boundImports, fitImports, importEdits, readHead } from '../insertion/pythonImports';
import { declarationsIn, namesUsedIn, namesVisibleAt, renamedPython } from '../insertion/pythonNames';
import { parseSource } from '../insertion/sourceTree';
import { readImports, readPython, type LogicalLine, type PythonSource } from './pythonSource';

const UNIT = '    ';

export function insertPython(text: string, cursor: number, snippet: CodeSnippet, style: InsertionStyle): Insertion {
  const newLine = text.includes('\r\n') ? '\r\n' : '\n';
  const source = readPython(text);
  const before = style.before ?? '';
  const head = readHead(source);
  const body = parseSource(snippet.body.trimEnd(), 'python');
  const tree = parseSource(text, 'python');
  const visible = namesVisibleAt(tree, cursor);
  const known = readPython(before).lines.flatMap(readImports);
  if (before !== '') for (const name of namesVisibleAt(parseSource(before, 'python'), before.length)) visible.add(name);
  const imports = fitImports(snippet.imports, [...known, ...boundImports(source)], {
    visible,
    everywhere: source.lines.flatMap((line) => readImports({ ...line, indent: '' })),
    used: namesUsedIn(body),
  });
  const importing = importEdits(text, head, imports.missing, newLine);
  const imported = parseSource(renamedPython(body, imports.renamed), 'python');
  const names = fitNames(declarationsIn(imported), declarationsIn(tree), visible, namesUsedIn(imported));
  const fitted = parseSource(withoutDeclarations(imported.text, names.reused, '\n\n\n'), 'python');
  const written = requoted(renamedPython(fitted, names.renamed), shownQuotes(source) ?? style.quotes ?? 'double');
  const report = { code: written, ...reportOf(names) };
  if (written === '') return { edits: joined(importing), ...report };
  const place = placeAt(text, source, Math.max(cursor, head.end));
  const code = codeEdit(text, place, { body: written, unit: shownUnit(source) ?? style.indent ?? UNIT, newLine });
  // nothing stands before either of them
  if (code.start === 0 && importing.some(({ start }) => start === 0)) code.text = `${newLine}${newLine}${code.text}`;
  return { edits: joined([...importing, code]), ...report };
}

/** Edits at the same place as one. */
function joined(edits: TextEdit[]): TextEdit[] {
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  return sorted.reduce<TextEdit[]>((done, edit) => {
    const last = done.at(-1);
    if (last && last.end >= edit.start)
      return [
        ...done.slice(0, -1),
        { start: last.start, end: Math.max(last.end, edit.end), text: last.text + edit.text },
      ];
    return [...done, edit];
  }, []);
}

// --- the place ---

interface Place {
  /** The blank lines that the code stands in, from behind the line before to the start of the line after. */
  start: number;
  end: number;
  indent: string;
  before: LogicalLine | null;
  after: LogicalLine | null;
}

/** Clauses that go on with the statement before them: nothing can stand between. */
const CONTINUES = /^(else|elif|except|finally|case)\b/;

/** Never in the body of a class: there a function would be a method. */
function placeAt(text: string, source: PythonSource, cursor: number): Place {
  const { lines } = source;
  let place = nearestPlace(text, source, cursor);
  for (;;) {
    const { indent, before } = place;
    const last = before ? lines.indexOf(before) : -1;
    const head = lines
      .slice(0, last + 1)
      .findLastIndex((line) => line.code !== '' && line.indent.length < indent.length);
    if (lines[head]?.code.startsWith('class ') !== true) return place;
    place = behindStatement(text, lines, decorated(lines, head));
  }
}

/** The first of the decorators of a statement. */
function decorated(lines: readonly LogicalLine[], index: number): number {
  return lines[index - 1]?.code.startsWith('@') === true ? decorated(lines, index - 1) : index;
}

function nearestPlace(text: string, { lines }: PythonSource, cursor: number): Place {
  const found = lines.findIndex(({ start, end }) => cursor >= start && cursor <= end);
  if (found >= 0 && lines[found]?.code !== '') return behindStatement(text, lines, found);
  // an empty line, or a comment
  const index = found >= 0 ? found : lines.findLastIndex(({ end }) => end < cursor);
  const previous = lines.slice(0, index + 1).findLastIndex(({ code }) => code !== '');
  const before = lines[previous];
  const next = lines.slice(index + 1).find(({ code }) => code !== '');
  const opened =
    before && (before.code.startsWith('@') || (before.code.endsWith(':') && next && CONTINUES.test(next.code)));
  if (opened) return behindStatement(text, lines, previous);
  return between(text, lines, index, levelOfBlank(typedAt(text, cursor), lines.slice(0, previous + 1), next ?? null));
}

function behindStatement(text: string, lines: readonly LogicalLine[], index: number): Place {
  const own = lines[index];
  // a `case` stands in a block that holds nothing else
  const match = own?.code.startsWith('case ') === true ? enclosing(lines, index) : index;
  const from = lines[match]?.code.startsWith('match ') === true ? match : index;
  return between(text, lines, endOfStatement(lines, from), lines[from]?.indent ?? '');
}

function between(text: string, lines: readonly LogicalLine[], index: number, indent: string): Place {
  const before = lines[index] ?? null;
  const next = lines[index + 1] ?? null;
  return { start: before?.end ?? 0, end: next?.start ?? text.length, indent, before, after: next };
}

/** The head of the block that a line is in. */
function enclosing(lines: readonly LogicalLine[], index: number): number {
  const own = lines[index]?.indent.length ?? 0;
  return lines.slice(0, index).findLastIndex(({ code, indent }) => code !== '' && indent.length < own);
}

/** Behind the block of a `def` or `if` with all its clauses, and behind what a decorator decorates. */
function endOfStatement(lines: readonly LogicalLine[], index: number): number {
  const own = lines[index];
  if (!own) return index;
  let end = index;
  let decorated = own.code.startsWith('@');
  for (let i = index + 1; i < lines.length; i += 1) {
    const line = lines[i];
    if (!line) break;
    // a comment belongs to what follows it
    if (line.code === '') continue;
    const same = line.indent.length === own.indent.length;
    if (line.indent.length < own.indent.length || (same && !decorated && !CONTINUES.test(line.code))) break;
    if (same) decorated = line.code.startsWith('@');
    end = i;
  }
  return end;
}

function typedAt(text: string, cursor: number): number {
  const start = text.lastIndexOf('\n', cursor - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start))?.[0].length ?? 0;
}

/**
 * The level of an empty line: what is typed there, as far as the statements around it allow.
 * @param before the statements before it, the last one last.
 */
function levelOfBlank(typed: number, before: readonly LogicalLine[], next: LogicalLine | null): string {
  const last = before.at(-1);
  if (!last) return next?.indent ?? '';
  if (next && CONTINUES.test(next.code)) return last.indent;
  if (last.code.endsWith(':'))
    return next && next.indent.length > last.indent.length ? next.indent : `${last.indent}${UNIT}`;
  // less than what follows would cut its block in two
  const least = next?.indent ?? '';
  let level = least;
  let depth = Infinity;
  for (const { indent, code } of before.toReversed()) {
    if (indent.length >= depth || code === '') continue;
    depth = indent.length;
    if (depth <= typed && depth >= least.length) {
      level = indent;
      break;
    }
    if (depth === 0) break;
  }
  return level;
}

interface Writing {
  body: string;
  unit: string;
  newLine: string;
}

function codeEdit(
  text: string,
  { start, end, indent, before, after: next }: Place,
  { body, unit, newLine }: Writing,
): TextEdit {
  const written = body
    .split('\n')
    .map((line) => {
      const own = Math.floor((/^ */.exec(line)?.[0].length ?? 0) / UNIT.length);
      return line === '' ? '' : `${indent}${unit.repeat(own)}${line.slice(own * UNIT.length)}`;
    })
    .join(newLine);
  const gap = (level: string): string => newLine.repeat(level === '' ? 3 : 2);
  const opens = before?.code.endsWith(':') === true && before.indent.length < indent.length;
  const lead = !before ? '' : opens ? newLine : gap(indent);
  const tail = !next ? newLine : gap(next.indent.length < indent.length ? next.indent : indent);
  return { start, end, text: `${lead}${written}${tail}` };
}

// --- the file's style ---

/** The smallest step between levels. */
function shownUnit({ lines }: PythonSource): string | null {
  const indents = lines.map(({ indent }) => indent).filter((indent) => indent !== '');
  if (indents.filter((indent) => indent.startsWith('\t')).length > indents.length / 2) return '\t';
  const smallest = Math.min(...indents.filter((indent) => !indent.includes('\t')).map(({ length }) => length));
  return smallest >= 1 && smallest <= 8 ? ' '.repeat(smallest) : null;
}

function shownQuotes({ strings }: PythonSource): 'single' | 'double' | null {
  const single = strings.filter(({ quote }) => quote === "'").length;
  const double = strings.filter(({ quote }) => quote === '"').length;
  return single === double ? null : single > double ? 'single' : 'double';
}

/** Double-quoted strings as single-quoted ones, docstrings and what would need escapes left alone. */
function requoted(body: string, quotes: 'single' | 'double'): string {
  if (quotes === 'double') return body;
  let done = '';
  let at = 0;
  for (const { start, end, prefix, quote } of readPython(body).strings) {
    const inside = body.slice(start + prefix.length + 1, end - 1);
    if (quote !== '"' || inside.includes("'")) continue;
    done += `${body.slice(at, start)}${prefix}'${inside.replace(/\\(["\\])/g, (whole, c) => (c === '"' ? '"' : whole))}'`;
    at = end;
  }
  return done + body.slice(at);
}
