/** Declarations as both languages read them out of a file's tree. */
import type { SyntaxNode } from '@lezer/common';
import type { Declaration } from './clashes';
import { isComment, textOf, type SourceTree } from './sourceTree';

/** What the languages differ in. */
export interface DeclarationStyle {
  /** Whether a node is a name that is used or declared. */
  isName(node: { name: string }): boolean;
  quotes: RegExp;
  /** What means nothing to the program. */
  fill: RegExp;
}

/**
 * The declaration called `name` that the `i`th of `nodes` holds, with the comments right above it.
 * @param held what of the node is compared with other declarations.
 */
export function readDeclaration(
  source: SourceTree,
  nodes: readonly SyntaxNode[],
  i: number,
  name: SyntaxNode,
  held: SyntaxNode,
  style: DeclarationStyle,
): Declaration {
  const { to } = nodes[i] ?? held;
  let { from } = nodes[i] ?? held;
  for (let at = i - 1; at >= 0; at -= 1) {
    const before = nodes[at];
    if (!before || !isComment(before) || /\n\s*\n/.test(source.text.slice(before.to, from))) break;
    ({ from } = before);
  }
  return { name: textOf(source, name), from, to, ...essenceOf(source, held, style) };
}

function essenceOf(
  source: SourceTree,
  node: SyntaxNode,
  { isName, quotes, fill }: DeclarationStyle,
): Pick<Declaration, 'essence' | 'uses'> {
  const uses = new Set<string>();
  let code = '';
  let at = node.from;
  source.tree.iterate({
    from: node.from,
    to: node.to,
    enter: (child) => {
      if (child.from < node.from || child.to > node.to) return;
      if (isName(child)) uses.add(textOf(source, child));
      if (!isComment(child)) return;
      code += source.text.slice(at, child.from);
      at = child.to;
    },
  });
  code += source.text.slice(at, node.to);
  const essence = code
    .replace(/\\(['"])/g, '$1')
    .replace(quotes, "'")
    .replace(fill, '')
    .replace(/,(?=[)\]}])/g, '');
  return { essence, uses };
}
