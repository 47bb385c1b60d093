/** The names in Python: which mean something at a place, which a snippet declares, and how it is rewritten with others. */
import type { SyntaxNode } from '@lezer/common';
import type { Declaration } from './clashes';
import { readDeclaration, type DeclarationStyle } from './declarations';
import { childrenOf, textOf, type SourceTree } from './sourceTree';

const SCOPES = new Set([
  'Script',
  'FunctionDefinition',
  'LambdaExpression',
  'ClassDefinition',
  'ComprehensionExpression',
]);

const STYLE: DeclarationStyle = {
  isName: ({ name }) => name === 'VariableName',
  quotes: /"/g,
  fill: /\s+/g,
};

/** What is bound in the file, or in a function around the place; a class's own names are seen through it only. */
export function namesVisibleAt(source: SourceTree, place: number): Set<string> {
  const names = new Set<string>();
  source.tree.iterate({
    enter: ({ name, node }) => {
      if (name !== 'VariableName' || !isBinding(node)) return;
      const scope = scopeOf(node);
      if (!scope || scope.name === 'Script' || (scope.name !== 'ClassDefinition' && isIn(source, scope, place)))
        names.add(textOf(source, node));
    },
  });
  return names;
}

/** A block ends with its last line end. */
function isIn({ text }: SourceTree, { from, to }: SyntaxNode, place: number): boolean {
  return from <= place && (place < to || (place === to && text[to - 1] !== '\n'));
}

function isBinding(node: SyntaxNode): boolean {
  const { parent, prevSibling, nextSibling } = node;
  switch (parent?.name) {
    case 'FunctionDefinition':
    case 'ClassDefinition':
      return prevSibling?.name === 'def' || prevSibling?.name === 'class';
    case 'ImportStatement':
      // of `a.b` only `a` is bound; of `a as b` only `b`
      return nextSibling?.name !== 'as' && prevSibling?.name !== 'from' && prevSibling?.name !== '.';
    case 'ParamList':
      return prevSibling?.name !== 'AssignOp';
    case 'TupleExpression':
    case 'ArrayExpression':
      return isBinding(parent);
    case 'AssignStatement':
      return followedBy(node, 'AssignOp', 'TypeDef');
    case 'ForStatement':
      return followedBy(node, 'in');
    case 'NamedExpression':
      return nextSibling?.name === 'AssignOp';
    case 'WithStatement':
    case 'TryStatement':
      return prevSibling?.name === 'as';
    case 'CapturePattern':
      return true;
    case 'TypeDefinition':
      return prevSibling?.name === 'type';
    default:
      return false;
  }
}

function followedBy(node: SyntaxNode, ...names: string[]): boolean {
  for (let next = node.nextSibling; next; next = next.nextSibling) if (names.includes(next.name)) return true;
  return false;
}

/** A function's or class's own name belongs to what is around it. */
function scopeOf(node: SyntaxNode): SyntaxNode | null {
  const { parent } = node;
  const own = parent?.name === 'FunctionDefinition' || parent?.name === 'ClassDefinition';
  let scope = own ? parent.parent : parent;
  while (scope && !SCOPES.has(scope.name)) scope = scope.parent;
  return scope;
}

/** Functions, classes and variables at the left edge. */
export function declarationsIn(source: SourceTree): Declaration[] {
  const nodes = childrenOf(source.tree.topNode);
  return nodes.flatMap((node, i) => {
    const declaration =
      node.name === 'DecoratedStatement'
        ? (node.getChild('FunctionDefinition') ?? node.getChild('ClassDefinition') ?? node)
        : node;
    if (!/^(FunctionDefinition|ClassDefinition|AssignStatement)$/.test(declaration.name)) return [];
    const name = declaration.getChild('VariableName');
    if (!name || !isBinding(name)) return [];
    return [readDeclaration(source, nodes, i, name, node, STYLE)];
  });
}

export function namesUsedIn(source: SourceTree): Set<string> {
  const names = new Set<string>();
  source.tree.iterate({
    enter: (node) => {
      if (node.name === 'VariableName') names.add(textOf(source, node));
    },
  });
  return names;
}

export function renamedPython(source: SourceTree, names: ReadonlyMap<string, string>): string {
  if (names.size === 0) return source.text;
  let done = '';
  let at = 0;
  source.tree.iterate({
    enter: (node) => {
      if (node.name !== 'VariableName' || isKeyword(node.node)) return;
      const other = names.get(textOf(source, node));
      if (other === undefined) return;
      done += source.text.slice(at, node.from) + other;
      at = node.to;
    },
  });
  return done + source.text.slice(at);
}

/** `name` in `f(name=1)` is the function's own. */
function isKeyword({ parent, prevSibling, nextSibling }: SyntaxNode): boolean {
  return (
    parent?.name === 'ArgList' &&
    nextSibling?.name === 'AssignOp' &&
    (prevSibling?.name === '(' || prevSibling?.name === ',')
  );
}
