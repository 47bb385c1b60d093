/** Where in a TypeScript or JavaScript file functions and classes can stand, nearest to the cursor. */
import type { SyntaxNode } from '@lezer/common';
import {
  childrenOf,
  endOfLine,
  indentAt,
  isComment,
  startOfLine,
  startsLine,
  textOf,
  type SourceTree,
} from './sourceTree';

/** The white space between two things that the code takes the place of. */
export interface Place {
  start: number;
  end: number;
  indent: string;
  /** Before the code stands the brace that opens its block; behind it the one that closes it. */
  opens: boolean;
  closes: boolean;
}

/**
 * Below the statement that the cursor is in, else between those around it: in the innermost block that takes statements.
 * @param unit one level of indentation.
 */
export function placeInScript(source: SourceTree, cursor: number, unit: string): Place {
  const { text } = source;
  const list = innermostList(source, cursor);
  const inside = childrenOf(list).filter(({ name, type }) => name !== '{' && name !== '}' && !type.isError);
  const statements = inside.filter((node) => !isComment(node) && node.name !== 'Hashbang');
  let position = positionIn(source, list, inside, statements, cursor);
  const decorator = statements.findLast(({ from }) => from < position);
  if (decorator && decoratesNext(decorator)) position = behind(source, statements, decorator);
  const opening = list.name === 'Script' ? -1 : list.from;
  const closing = list.name === 'Script' || list.lastChild?.name !== '}' ? text.length : list.lastChild.from;
  let start = position;
  while (start > opening + 1 && /\s/.test(text[start - 1] ?? '')) start -= 1;
  let end = position;
  while (end < closing && /\s/.test(text[end] ?? '')) end += 1;
  return {
    start,
    end,
    indent: indentOf(source, list, statements, position, unit),
    opens: start === opening + 1 && list.name !== 'Script',
    closes: end === closing && closing < text.length,
  };
}

/** The file, or a block that holds statements; a block of declarations only holds none. */
function innermostList({ tree }: SourceTree, cursor: number): SyntaxNode {
  let found: SyntaxNode = tree.topNode;
  for (const side of [-1, 1] as const) {
    let own: SyntaxNode | null = null;
    for (let node: SyntaxNode | null = tree.resolveInner(cursor, side); node; node = node.parent) {
      if (node.name === 'AmbientDeclaration') own = null;
      else if (own === null && node.name === 'Block' && cursor > node.from && (cursor < node.to || !isClosed(node)))
        own = node;
    }
    if (own && own.from > found.from) found = own;
  }
  return found;
}

function isClosed(block: SyntaxNode): boolean {
  return block.lastChild?.name === '}';
}

/** Attached to what follows: comments for tools, and what documents it. */
const FOR_THE_NEXT = /^\/\*|@ts-|eslint-disable-next|prettier-ignore|biome-ignore|istanbul|@vite-ignore/;

function positionIn(
  source: SourceTree,
  list: SyntaxNode,
  inside: readonly SyntaxNode[],
  statements: readonly SyntaxNode[],
  cursor: number,
): number {
  const { text } = source;
  const line = startOfLine(text, cursor);
  const lineEnd = endOfLine(text, cursor);
  const comment = inside.find((node) => isComment(node) && node.from <= cursor && cursor <= node.to);
  if (comment) {
    const next = statements.find(({ from }) => from >= comment.to);
    const isNear = next !== undefined && /^[ \t]*\r?\n?[ \t]*$/.test(text.slice(comment.to, next.from));
    const previous = statements.findLast(({ to }) => to <= comment.from);
    const trails = previous !== undefined && !text.slice(previous.to, comment.from).includes('\n');
    if (isNear && !trails && FOR_THE_NEXT.test(textOf(source, comment))) return behind(source, statements, next);
    if (trails) return behind(source, statements, previous);
    return comment.to;
  }
  const own =
    statements.find(({ from, to }) => from < cursor && cursor < to) ??
    statements.find(
      ({ from, to }) => to <= cursor && to > line && from < cursor && isLastOnLine(statements, to, cursor),
    ) ??
    statements.find(({ from }) => from >= cursor && from < lineEnd);
  if (own) return behind(source, statements, own);
  const bracket = list.name === 'Script' ? -1 : list.from;
  // behind the comment that shares the line with the brace
  const shared = inside.find(
    (node) => isComment(node) && node.from > bracket && node.from >= line && node.to <= cursor,
  );
  return shared ? shared.to : Math.max(cursor, bracket + 1);
}

function isLastOnLine(statements: readonly SyntaxNode[], to: number, cursor: number): boolean {
  return !statements.some((other) => other.from >= to && other.from < cursor);
}

const LEAVES = new Set(['ReturnStatement', 'ThrowStatement', 'BreakStatement', 'ContinueStatement']);

/** Before a statement that leaves the block: a class below it would never come to be. Overloads stay together. */
function behind(source: SourceTree, statements: readonly SyntaxNode[], node: SyntaxNode): number {
  const { text } = source;
  if (LEAVES.has(node.name)) {
    let from = node.from;
    for (let before = node.prevSibling; before && isComment(before); before = before.prevSibling) {
      if (!startsLine(text, before.from) || text.slice(before.to, from).split('\n').length > 2) break;
      from = before.from;
    }
    return from;
  }
  if (decoratesNext(node)) {
    const decorated = statements.find((other) => other.from >= node.to && !decoratesNext(other));
    return decorated ? behind(source, statements, decorated) : text.length;
  }
  const name = functionName(source, node);
  let last = node;
  for (let i = statements.indexOf(node) + 1; name !== null && i < statements.length; i += 1) {
    const next = statements[i];
    if (!next || functionName(source, next) !== name) break;
    last = next;
  }
  let end = last.to;
  for (let next = last.nextSibling; next && isComment(next); next = next.nextSibling) {
    if (text.slice(end, next.from).includes('\n')) break;
    end = next.to;
  }
  return end;
}

/** Decorators before `export` are a class without a body in the tree. */
function decoratesNext(node: SyntaxNode): boolean {
  return node.name === 'ClassDeclaration' && node.firstChild?.name === 'Decorator' && !node.getChild('ClassBody');
}

function functionName(source: SourceTree, node: SyntaxNode): string | null {
  const declaration = node.name === 'ExportDeclaration' ? (node.getChild('FunctionDeclaration') ?? node) : node;
  const name = declaration.name === 'FunctionDeclaration' ? declaration.getChild('VariableDefinition') : null;
  return name ? textOf(source, name) : null;
}

function indentOf(
  { text }: SourceTree,
  list: SyntaxNode,
  statements: readonly SyntaxNode[],
  position: number,
  unit: string,
): string {
  const own = statements.filter(({ from }) => startsLine(text, from));
  const beside = own.findLast(({ to }) => to <= position) ?? own.find(({ from }) => from >= position);
  if (beside) return indentAt(text, beside.from);
  return list.name === 'Script' ? '' : indentAt(text, list.from) + unit;
}
