/** What both readers need of a parser's nodes. */
import type { SyntaxNode } from '@lezer/common';

/** Deeper expressions are not followed. */
export const MAX_DEPTH = 100;

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) if (!child.type.isError) children.push(child);
  return children;
}

/** Children between separators. */
export function splitAt(nodes: readonly SyntaxNode[], isSeparator: (node: SyntaxNode) => boolean): SyntaxNode[][] {
  const groups: SyntaxNode[][] = [[]];
  for (const node of nodes) {
    if (isSeparator(node)) groups.push([]);
    else groups.at(-1)?.push(node);
  }
  return groups;
}

/** What stands between the brackets of a list, by its commas; a trailing comma adds nothing. */
export function listItems(node: SyntaxNode): SyntaxNode[][] {
  const inner = childrenOf(node).filter(({ name }) => !BRACKETS.has(name));
  return splitAt(inner, ({ name }) => name === ',').filter((item) => item.length > 0);
}

const BRACKETS: ReadonlySet<string> = new Set(['(', ')', '[', ']', '{', '}', 'Comment', 'LineComment', 'BlockComment']);

/** The call of which a name (`load(…)`, `x.load(…)`) is the function; null for any other name. */
export function callOf(name: SyntaxNode): SyntaxNode | null {
  const callee = name.name === 'PropertyName' ? name.parent : name;
  const call = callee?.parent;
  const first = call?.name === 'CallExpression' ? call.firstChild : null;
  return callee && first && first.from === callee.from && first.to === callee.to ? (call ?? null) : null;
}

/** The `x.layers[…]` of which a name is the `layers`. */
export function elementOf(name: SyntaxNode): SyntaxNode | null {
  const list = name.parent;
  const element = list?.parent;
  const isList = element?.name === 'MemberExpression' && element.firstChild?.to === list?.to;
  return isList && element.getChild('[') ? element : null;
}
