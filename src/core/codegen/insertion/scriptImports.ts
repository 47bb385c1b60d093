/** What a TypeScript or JavaScript file imports, and what has to be added so that a snippet finds its modules. */
import type { SyntaxNode } from '@lezer/common';
import type { SnippetImport } from '../codeSnippet';
import type { TextEdit } from '../insertion';
import { childrenOf, endOfLine, isComment, textOf, type SourceTree } from './sourceTree';

export interface ScriptImport {
  node: SyntaxNode;
  module: string;
  how: 'import' | 'require';
  /** `import type`: there is nothing at run time. */
  typeOnly: boolean;
  /** What the whole module is called: `* as tf`, a default import, `const tf = require(…)`. */
  whole: string | null;
  names: { name: string; as: string }[];
}

/** Those of the file's top level, in order. */
export function readScriptImports(source: SourceTree): ScriptImport[] {
  return childrenOf(source.tree.topNode).flatMap((node) => {
    if (node.name === 'ImportDeclaration') return readImport(source, node) ?? [];
    if (node.name === 'VariableDeclaration') return readRequires(source, node);
    return node.name === 'AmbientDeclaration' ? (readGlobal(source, node) ?? []) : [];
  });
}

function readImport(source: SourceTree, node: SyntaxNode): ScriptImport | null {
  const children = childrenOf(node);
  const typeOnly = children.some(({ name }) => name === 'type');
  const named = node.getChild('VariableDefinition');
  const whole = named ? textOf(source, named) : null;
  const from = children.find(({ name }) => name === 'String');
  if (!from) return null;
  const names: ScriptImport['names'] = [];
  const group = childrenOf(node.getChild('ImportGroup') ?? from);
  group.forEach((child, i) => {
    if (child.name !== 'VariableDefinition') return;
    const as = textOf(source, child);
    const isRenamed = group[i - 1]?.name === 'as';
    const original = isRenamed ? group[i - 2] : child;
    const isType = group[i - (isRenamed ? 3 : 1)]?.name === 'type';
    if (original && !isType) names.push({ name: textOf(source, original), as });
  });
  return { node, module: unquoted(textOf(source, from)), how: 'import', typeOnly, whole, names };
}

function readRequires(source: SourceTree, node: SyntaxNode): ScriptImport[] {
  const children = childrenOf(node);
  return children.flatMap((child, i): ScriptImport[] => {
    if (child.name !== 'Equals') return [];
    const [target, value] = [children[i - 1], children[i + 1]];
    const module = value ? requiredModule(textOf(source, value)) : null;
    if (!target || module === null) return [];
    const names =
      target.name === 'ObjectPattern'
        ? target.getChildren('PatternProperty').flatMap((property) => {
            const as = property.getChild('VariableDefinition');
            const name = property.getChild('PropertyName') ?? as;
            return as && name ? [{ name: textOf(source, name), as: textOf(source, as) }] : [];
          })
        : [];
    const whole = target.name === 'VariableDefinition' ? textOf(source, target) : null;
    return [{ node, module, how: 'require', typeOnly: false, whole, names }];
  });
}

/** `declare const tf: typeof import('…')`: a script of the page brings it. */
function readGlobal(source: SourceTree, node: SyntaxNode): ScriptImport | null {
  const line = source.text.slice(node.from, endOfLine(source.text, node.from));
  const [, whole, , module] =
    /^declare\s+(?:const|let|var)\s+([\w$]+)\s*:\s*typeof\s+import\(\s*(['"])([^'"]+)\2/.exec(line) ?? [];
  return whole === undefined || module === undefined
    ? null
    : { node, module, how: 'require', typeOnly: false, whole, names: [] };
}

function requiredModule(value: string): string | null {
  return /^(?:require|await\s+import)\s*\(\s*(['"])([^'"\n]+)\1\s*\)$/.exec(value)?.[2] ?? null;
}

function unquoted(literal: string): string {
  return literal.slice(1, -1);
}

/** TF.js for Node brings what TF.js does. */
export function sameModule(a: string, b: string): boolean {
  return familyOf(a) === familyOf(b);
}

function familyOf(module: string): string {
  return /^@tensorflow\/tfjs(-node(-gpu)?)?$/.test(module) ? '@tensorflow/tfjs' : module;
}

export interface ImportPlan {
  /** In order; what they bind is visible behind `end`. */
  edits: TextEdit[];
  end: number;
  /** What the snippet has to call things instead. */
  renamed: Map<string, string>;
}

export interface ImportStyle {
  quote: string;
  semicolon: string;
  newLine: string;
  /** Whether the file gets its modules by `require`. */
  commonJs: boolean;
}

/**
 * @param known imports that hold for the file, besides its own: those of earlier cells.
 * @param isTaken whether a name means something already where the code goes.
 * @param isUsed whether the snippet uses a name itself.
 */
export function planImports(
  source: SourceTree,
  wanted: readonly SnippetImport[],
  known: readonly ScriptImport[],
  {
    style,
    isTaken,
    isUsed,
  }: { style: ImportStyle; isTaken: (name: string) => boolean; isUsed: (name: string) => boolean },
): ImportPlan {
  const own = readScriptImports(source);
  const renamed = new Map<string, string>();
  const edits: TextEdit[] = [];
  const lines: string[] = [];
  let end = 0;
  const freeName = (name: string): string => {
    const isFree = (candidate: string): boolean => !isTaken(candidate) && (candidate === name || !isUsed(candidate));
    const base = name === 'tf' && !isFree(name) ? 'tfjs' : name;
    let free = base;
    for (let i = 2; !isFree(free); i++) free = `${base}${i}`;
    return free;
  };
  const use = (item: ScriptImport | undefined, name: string, as: string): void => {
    if (as !== name) renamed.set(name, as);
    if (item && own.includes(item)) end = Math.max(end, item.node.to);
  };
  const from = (module: string): string => `${style.quote}${module}${style.quote}`;

  for (const { module, namespace, names } of wanted) {
    const same = [...known, ...own].filter((item) => sameModule(item.module, module));
    if (namespace !== undefined) {
      const fits = ({ whole, typeOnly }: ScriptImport): boolean =>
        whole !== null && !typeOnly && (whole === namespace || !isUsed(whole));
      const there = same.find((item) => fits(item) && item.whole === namespace) ?? same.find(fits);
      const asType = own.find(
        (item) => same.includes(item) && item.typeOnly && item.names.length === 0 && fits({ ...item, typeOnly: false }),
      );
      const keyword = asType?.node.getChild('type');
      if (there?.whole) use(there, namespace, there.whole);
      else if (asType?.whole && keyword) {
        // what was there for its types only is needed at run time as well
        edits.push({ start: keyword.from, end: keyword.nextSibling?.from ?? keyword.to, text: '' });
        use(asType, namespace, asType.whole);
      } else {
        const as = freeName(namespace);
        if (as !== namespace) renamed.set(namespace, as);
        lines.push(
          style.commonJs
            ? `const ${as} = require(${from(module)})${style.semicolon}`
            : `import * as ${as} from ${from(module)}${style.semicolon}`,
        );
      }
    }
    const missing: string[] = [];
    for (const name of names) {
      const there = same.find(
        (item) => !item.typeOnly && item.names.some((one) => one.name === name && (one.as === name || !isUsed(one.as))),
      );
      const as = there?.names.find((one) => one.name === name)?.as ?? freeName(name);
      use(there, name, as);
      if (!there) missing.push(as === name ? name : `${name}${style.commonJs ? ': ' : ' as '}${as}`);
    }
    const [group, last] = missing.length > 0 ? mergeableGroup(own, module) : [];
    if (group && last) edits.push({ start: last.to, end: last.to, text: `, ${missing.join(', ')}` });
    else if (missing.length > 0)
      lines.push(
        style.commonJs
          ? `const { ${missing.join(', ')} } = require(${from(module)})${style.semicolon}`
          : `import { ${missing.join(', ')} } from ${from(module)}${style.semicolon}`,
      );
  }
  const added = lines.length > 0 ? addedLines(source, own, lines, style) : null;
  const all = [...edits, ...(added ? [added] : [])].sort((a, b) => a.start - b.start);
  const head = [headEnd(source), firstRun(source, own, 'import')?.to ?? 0];
  return { edits: all, end: Math.max(end, ...head, ...all.map((edit) => edit.end)), renamed };
}

/** The brackets of an import of the same module that takes names, and the last of these. */
function mergeableGroup(own: readonly ScriptImport[], module: string): SyntaxNode[] {
  const found = own.find(
    (item) => item.module === module && item.how === 'import' && !item.typeOnly && item.names.length > 0,
  );
  const group = found?.node.getChild('ImportGroup');
  const last = group?.getChildren('VariableDefinition').at(-1);
  return group && last ? [group, last] : [];
}

/** Behind the first run of imports, else at the top behind a shebang, directives and a first comment. */
function addedLines(
  source: SourceTree,
  own: readonly ScriptImport[],
  lines: readonly string[],
  { newLine, commonJs }: ImportStyle,
): TextEdit {
  const { text } = source;
  const block = lines.join(newLine);
  const last = firstRun(source, own, commonJs ? 'require' : 'import');
  if (last) {
    const end = last.to;
    const rest = text.slice(end, endOfLine(text, end));
    // a comment behind it stays with it
    if (/^\s*(\/\/.*|\/\*((?!\*\/).)*\*\/\s*)?$/.test(rest)) return at(end + rest.length, `${newLine}${block}`);
    return at(end, `${newLine}${block}${newLine}`);
  }
  const top = headEnd(source);
  const before = top > 0 && text[top - 1] !== '\n' ? newLine : '';
  const after = top === text.length || text.startsWith(newLine, top) ? '' : newLine;
  return at(top, `${before}${block}${newLine}${after}`);
}

/** The last of the first imports that stand together. */
function firstRun(source: SourceTree, own: readonly ScriptImport[], how: ScriptImport['how']): SyntaxNode | null {
  const starts = new Set(own.filter((item) => item.how === how).map(({ node }) => node.from));
  const nodes = childrenOf(source.tree.topNode).filter((node) => !isComment(node));
  let at = nodes.findIndex(({ from }) => starts.has(from));
  while (starts.has(nodes[at + 1]?.from ?? -1)) at += 1;
  return nodes[at] ?? null;
}

function at(start: number, text: string): TextEdit {
  return { start, end: start, text };
}

/** Behind the shebang, directives, and comments that do not belong to what follows them: the start of a line, or the end. */
function headEnd(source: SourceTree): number {
  const { text } = source;
  let end = 0;
  for (const node of childrenOf(source.tree.topNode)) {
    const isDirective =
      node.name === 'ExpressionStatement' && /^(['"])use [^'"\n]+\1;?$/.test(textOf(source, node).trim());
    const isHead = node.name === 'Hashbang' || isDirective || (isComment(node) && !isAttached(text, node));
    if (!isHead) break;
    const line = endOfLine(text, node.to);
    if (text.slice(node.to, line).trim() !== '') break;
    end = text.indexOf('\n', line) < 0 ? text.length : text.indexOf('\n', line) + 1;
  }
  return end;
}

/** A comment that documents the statement behind it. */
function isAttached(text: string, { from, to }: SyntaxNode): boolean {
  return text.startsWith('/**', from) && /^[ \t]*\r?\n[ \t]*[^\s/]/.test(text.slice(to, to + 400));
}
