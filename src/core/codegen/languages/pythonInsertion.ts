/** Puts a Python snippet into a user's file: imports merged at the top, the code at the level of the cursor's statement. */
import type { CodeSnippet, SnippetImport } from '../codeSnippet';
import type { Insertion, InsertionStyle, TextEdit } from '../insertion';
import { fitNames, reportOf, withoutDeclarations } from '../insertion/clashes';
import { declarationsIn, namesUsedIn, namesVisibleAt, renamedPython } from '../insertion/pythonNames';
import { parseSource } from '../insertion/sourceTree';
import { importLine } from './python';
import { readImports, readPython, type LogicalLine, type PythonImport, type PythonSource } from './pythonSource';

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
  const imports = fitImports(snippet.imports, [...known, ...source.lines.flatMap(readImports)], {
    visible,
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

// --- imports ---

interface Head {
  /** Imports at the top, `from __future__` left out. */
  imports: PythonImport[];
  /** Where imports go when there are none: behind comments, the docstring and `from __future__`. */
  top: number;
  /** Behind all of it: code never goes before. */
  end: number;
  hasCode: boolean;
}

function readHead({ lines, strings }: PythonSource): Head {
  const imports: PythonImport[] = [];
  let top = 0;
  let end = 0;
  let first = true;
  for (const line of lines) {
    const found = readImports(line);
    const own = found.filter(({ from }) => from !== '__future__');
    const isComment = line.code === '';
    const isDocstring =
      first && !isComment && strings.some(({ start, end: to }) => start === line.start && to === line.end);
    if (!isComment) first = false;
    if (found.length === 0 && !isDocstring && !isComment) break;
    imports.push(...own);
    // a comment further down belongs to what follows it
    if (isComment && (imports.length > 0 || top > 0)) continue;
    if (imports.length === 0) top = line.end;
    end = line.end;
  }
  return { imports, top, end, hasCode: lines.length > 0 };
}

const STANDARD =
  /^(__future__|abc|argparse|ast|asyncio|base64|bisect|collections|concurrent|contextlib|copy|csv|dataclasses|datetime|enum|functools|gc|glob|gzip|hashlib|heapq|importlib|inspect|io|itertools|json|logging|math|multiprocessing|operator|os|pathlib|pickle|platform|pprint|queue|random|re|shutil|signal|socket|sqlite3|statistics|string|struct|subprocess|sys|tempfile|textwrap|threading|time|timeit|traceback|types|typing|unittest|urllib|uuid|warnings|weakref|zipfile)(\.|$)/;

interface FittedImports {
  missing: SnippetImport[];
  /** What the code has to call things instead. */
  renamed: Map<string, string>;
}

/** What is not bound yet; another name for the same thing is used, and a name that means something else is left alone. */
function fitImports(
  wanted: readonly SnippetImport[],
  there: readonly PythonImport[],
  { visible, used }: { visible: ReadonlySet<string>; used: ReadonlySet<string> },
): FittedImports {
  const renamed = new Map<string, string>();
  const missing: SnippetImport[] = [];
  for (const item of wanted) {
    if (item.names.length === 0) {
      const name = item.namespace ?? item.module;
      const bound = there
        .flatMap((one) => namesOfModule(one, item.module))
        .filter((as) => as === name || !used.has(as));
      const as = bound.includes(name) ? name : bound[0];
      const free = as ?? freeName(name, visible, used);
      if (free !== name) renamed.set(name, free);
      if (as === undefined) missing.push(free === item.module ? item : { ...item, namespace: free });
      continue;
    }
    const same = there.filter(({ from }) => from === item.module).flatMap(({ names }) => names);
    if (same.some(({ name }) => name === '*')) continue;
    const lacking = item.names.filter((name) => {
      const known = same.find((one) => one.name === name && (one.as === name || !used.has(one.as)));
      if (known && known.as !== name) renamed.set(name, known.as);
      return !known;
    });
    if (lacking.length > 0) missing.push({ ...item, names: lacking });
  }
  return { missing, renamed };
}

/** What an import calls a module: `import keras`, `from tensorflow import keras`, `import tensorflow.keras as k`. */
function namesOfModule({ from, names }: PythonImport, module: string): string[] {
  const whole = (name: string): string => (from === null ? name : `${from}.${name}`);
  const isModule = (name: string): boolean =>
    name === module || (module === 'keras' && (name === 'tensorflow.keras' || name === 'tensorflow.python.keras'));
  return names
    .filter(({ name, as }) => isModule(whole(name)) && (as !== name.split('.')[0] || !name.includes('.')))
    .map(({ as }) => as);
}

function freeName(name: string, visible: ReadonlySet<string>, used: ReadonlySet<string>): string {
  let free = name;
  for (let i = 2; visible.has(free) || (free !== name && used.has(free)); i++) free = `${name}${i}`;
  return free;
}

function importEdits(text: string, head: Head, wanted: readonly SnippetImport[], newLine: string): TextEdit[] {
  const edits: TextEdit[] = [];
  const missing: SnippetImport[] = [];
  for (const item of wanted) {
    const same = head.imports.find(({ from, line }) => from === item.module && !line.code.includes(';'));
    if (same && item.names.length > 0 && !same.names.some(({ name }) => name === '*'))
      edits.push(extended(text, same, item.names));
    else missing.push(item);
  }
  const written = (standard: boolean): string[] =>
    missing
      .filter(({ module }) => STANDARD.test(module) === standard)
      .sort((a, b) => Number(a.names.length > 0) - Number(b.names.length > 0) || (a.module < b.module ? -1 : 1))
      .map(importLine);
  return [...edits, ...newImports(text, head, { standard: written(true), others: written(false) }, newLine)];
}

/** Names added to a `from` import: before its closing bracket, or at its end. */
function extended(text: string, { line }: PythonImport, names: readonly string[]): TextEdit {
  const own = text.slice(line.start, line.end);
  const bracket = own.lastIndexOf(')');
  if (bracket < 0) {
    const comment = own.indexOf('#');
    const end = line.start + (comment < 0 ? own.length : own.slice(0, comment).trimEnd().length);
    return { start: end, end, text: `, ${names.join(', ')}` };
  }
  const inside = own.slice(0, bracket);
  const [, rows] = /\n([ \t]+)\S[^\n]*\s*$/.exec(inside) ?? [];
  const end = line.start + inside.trimEnd().length;
  const comma = inside.trimEnd().endsWith(',');
  if (rows === undefined) return { start: end, end, text: `${comma ? ' ' : ', '}${names.join(', ')}` };
  const lines = names.map((name) => `\n${rows}${name}`);
  return { start: end, end, text: comma ? lines.map((row) => `${row},`).join('') : `,${lines.join(',')}` };
}

function newImports(
  text: string,
  { imports, top, hasCode }: Head,
  { standard, others }: { standard: string[]; others: string[] },
  newLine: string,
): TextEdit[] {
  const block = (lines: string[]): string => lines.join(newLine);
  const isStandard = ({ from, names }: PythonImport): boolean => STANDARD.test(from ?? names[0]?.name ?? '');
  const lastStandard = imports.findLast(isStandard);
  const last = imports.at(-1);
  if (!last) {
    const all = [standard, others]
      .filter((lines) => lines.length > 0)
      .map(block)
      .join(`${newLine}${newLine}`);
    if (all === '') return [];
    const before = top === 0 ? '' : `${newLine}${newLine}`;
    return [{ start: top, end: top, text: `${before}${all}${top === 0 ? newLine.repeat(hasCode ? 2 : 1) : ''}` }];
  }
  const edits: TextEdit[] = [];
  if (standard.length > 0) {
    const [first] = imports;
    if (lastStandard) edits.push(after(lastStandard.line, `${newLine}${block(standard)}`));
    else if (first)
      edits.push({ start: first.line.start, end: first.line.start, text: `${block(standard)}${newLine}${newLine}` });
  }
  if (others.length > 0) {
    const gap = isStandard(last) ? `${newLine}${newLine}` : newLine;
    edits.push(after(last.line, `${gap}${block(others)}`));
  }
  return edits;
}

function after({ end }: LogicalLine, text: string): TextEdit {
  return { start: end, end, text };
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
