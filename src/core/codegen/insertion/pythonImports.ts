/** What a Python file imports, and what has to be added so that a snippet finds its modules. */
import type { SnippetImport } from '../codeSnippet';
import type { TextEdit } from '../insertion';
import { importLine } from '../languages/python';
import { readImports, type LogicalLine, type PythonImport, type PythonSource } from '../languages/pythonSource';

export interface Head {
  /** Imports at the top, `from __future__` left out. */
  imports: PythonImport[];
  /** Where imports go when there are none: behind comments, the docstring and `from __future__`. */
  top: number;
  /** Behind all of it: code never goes before. */
  end: number;
  hasCode: boolean;
}

export function readHead({ lines, strings }: PythonSource): Head {
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

/** At the left edge, and what is imported by trying: one of the ways has worked. */
export function boundImports({ lines }: PythonSource): PythonImport[] {
  let tries = false;
  return lines.flatMap((line) => {
    if (line.indent === '') tries = /^(try|except|else|finally)\b/.test(line.code) || (tries && line.code === '');
    return readImports(tries ? { ...line, indent: '' } : line);
  });
}

interface FittedImports {
  missing: SnippetImport[];
  /** What the code has to call things instead. */
  renamed: Map<string, string>;
}

/** What is not bound yet; another name for the same thing is used, and a name that means something else is left alone. */
export function fitImports(
  wanted: readonly SnippetImport[],
  there: readonly PythonImport[],
  {
    visible,
    everywhere,
    used,
  }: { visible: ReadonlySet<string>; everywhere: readonly PythonImport[]; used: ReadonlySet<string> },
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
      // an import that does not hold here may do so under the same name
      const isSame = everywhere.some((one) => namesOfModule(one, item.module).includes(name));
      const free = as ?? (isSame ? name : freeName(name, visible, used));
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

export function importEdits(text: string, head: Head, wanted: readonly SnippetImport[], newLine: string): TextEdit[] {
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
