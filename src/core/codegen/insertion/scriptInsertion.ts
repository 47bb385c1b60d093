/** Puts a snippet into a TypeScript or JavaScript file. */
import type { CodeSnippet } from '../codeSnippet';
import type { Insertion, InsertionStyle, TextEdit } from '../insertion';
import { planImports, readScriptImports } from './scriptImports';
import { fitNames, reportOf, withoutDeclarations } from './clashes';
import { declarationsIn, namesUsedIn, namesVisibleAt, renamedScript } from './scriptNames';
import { placeInScript, type Place } from './scriptPlace';
import { indented, restyled, styleOf, type ScriptStyle } from './scriptStyle';
import { childrenOf, indentAt, parseSource, startsLine, type SourceLanguage, type SourceTree } from './sourceTree';

export function insertScript(text: string, cursor: number, snippet: CodeSnippet, given: InsertionStyle): Insertion {
  const isTyped = given.language !== 'javascript';
  const language: SourceLanguage = !isTyped ? 'javascript' : given.markup ? 'tsx' : 'typescript';
  const source = parseSource(text, language);
  const before = parseSource(given.before ?? '', language);
  const shown = styleOf(source);
  const style: ScriptStyle = {
    indent: shown.indent ?? given.indent ?? '  ',
    quotes: shown.quotes ?? given.quotes ?? 'single',
    semicolons: shown.semicolons ?? true,
    newLine: shown.newLine ?? '\n',
  };
  const body = parseSource((isTyped ? snippet.body : snippet.untyped).trimEnd(), language);
  const used = namesUsedIn(body);
  // what the place hangs on are the imports, and what they are called hangs on the place
  const visible = namesVisibleAt(source, cursor);
  for (const name of namesVisibleAt(before, before.text.length)) visible.add(name);
  const imports = planImports(source, snippet.imports, readScriptImports(before), {
    style: {
      quote: style.quotes === 'single' ? "'" : '"',
      semicolon: style.semicolons ? ';' : '',
      newLine: style.newLine,
      commonJs: given.module === undefined ? !isTyped && isCommonJs(source) : given.module === 'commonjs',
    },
    isTaken: (name) => visible.has(name),
    isUsed: (name) => used.has(name),
  });
  const imported = parseSource(renamedScript(body, imports.renamed), language);
  const names = fitNames(declarationsIn(imported), declarationsIn(source), visible, namesUsedIn(imported));
  const fitted = parseSource(withoutDeclarations(imported.text, names.reused), language);
  const written = restyled(renamedScript(fitted, names.renamed), language, style);
  const place = placeInScript(source, Math.min(text.length, Math.max(cursor, imports.end)), style.indent);
  const edits = written === '' ? imports.edits : withCode(source, imports.edits, place, written, style);
  return { edits, code: written, ...reportOf(names) };
}

function isCommonJs({ text, tree }: SourceTree): boolean {
  const nodes = childrenOf(tree.topNode);
  if (nodes.some(({ name }) => name === 'ImportDeclaration' || name === 'ExportDeclaration')) return false;
  return nodes.some(({ name, from, to }) => {
    const code = text.slice(from, Math.min(to, from + 2000));
    return name === 'VariableDeclaration'
      ? /=\s*require\s*\(/.test(code)
      : name === 'ExpressionStatement' && /^(module\.)?exports\b|^require\s*\(/.test(code);
  });
}

function withCode(
  source: SourceTree,
  imports: readonly TextEdit[],
  place: Place,
  written: string,
  style: ScriptStyle,
): TextEdit[] {
  const { text } = source;
  const { newLine } = style;
  const { start, end, indent, opens, closes } = place;
  const lead = start === 0 ? '' : opens ? newLine : newLine + newLine;
  const closing = closes
    ? startsLine(text, end)
      ? indentAt(text, end)
      : indentAt(text, source.tree.resolveInner(end, 1).parent?.from ?? end)
    : '';
  const following = startsLine(text, end) ? indentAt(text, end) : indent;
  const tail = end === text.length ? newLine : closes ? newLine + closing : newLine + newLine + following;
  const code: TextEdit = { start, end, text: `${lead}${indented(written, indent, style)}${tail}` };
  const before = imports.filter((edit) => edit.end < start);
  const touching = imports.filter((edit) => edit.end >= start);
  if (touching.length === 0) return [...before, code];
  // the imports stand where the code's white space begins
  const added = touching
    .map((edit) => edit.text)
    .join('')
    .trimEnd();
  const gap = added.startsWith(newLine) || start === 0 ? '' : newLine;
  return [
    ...before,
    { start, end, text: `${gap}${added}${newLine}${newLine}${indented(written, indent, style)}${tail}` },
  ];
}
