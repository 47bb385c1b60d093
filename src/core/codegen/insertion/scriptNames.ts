/** The names in TypeScript and JavaScript: which mean something at a place, which a snippet declares, and how it is rewritten with others. */
import type { SyntaxNode } from '@lezer/common';
import type { Declaration } from './clashes';
import { readDeclaration, type DeclarationStyle } from './declarations';
import { childrenOf, textOf, type SourceTree } from './sourceTree';

const SCOPES = new Set([
  'Script',
  'Block',
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunction',
  'MethodDeclaration',
  'ForStatement',
  'CatchClause',
  'ClassExpression',
]);
const DEFINITIONS = new Set(['VariableDefinition', 'TypeDefinition']);
const REFERENCES = new Set(['VariableName', 'TypeName']);

const STYLE: DeclarationStyle = {
  isName: ({ name }) => DEFINITIONS.has(name) || REFERENCES.has(name),
  quotes: /["'`]/g,
  fill: /[\s;]+/g,
};

/** What is declared in the file, or in a block or function around the place. */
export function namesVisibleAt(source: SourceTree, place: number): Set<string> {
  const names = new Set<string>();
  source.tree.iterate({
    enter: ({ name, node }) => {
      if (!DEFINITIONS.has(name)) return;
      const scope = scopeOf(node);
      if (!scope || scope.name === 'Script' || (scope.from <= place && place <= scope.to))
        names.add(textOf(source, node));
    },
  });
  return names;
}

/** A function's own name belongs to what is around it. */
function scopeOf(definition: SyntaxNode): SyntaxNode | null {
  const { parent } = definition;
  let node = parent?.name === 'FunctionDeclaration' ? parent.parent : parent;
  while (node && !SCOPES.has(node.name)) node = node.parent;
  return node;
}

/** Functions, classes, types and variables at the top level. */
export function declarationsIn(source: SourceTree): Declaration[] {
  const nodes = childrenOf(source.tree.topNode);
  return nodes.flatMap((node, i) => {
    const exported =
      node.name === 'ExportDeclaration' ? childrenOf(node).find(({ name }) => name.endsWith('Declaration')) : null;
    const declaration = exported ?? node;
    const name = declaration.getChild('VariableDefinition') ?? declaration.getChild('TypeDefinition');
    if (!name || !/^(Function|Class|Interface|TypeAlias|Variable)Declaration$/.test(declaration.name)) return [];
    return [readDeclaration(source, nodes, i, name, declaration, STYLE)];
  });
}

/** All names that stand for something, not those of properties. */
export function namesUsedIn(source: SourceTree): Set<string> {
  const names = new Set<string>();
  source.tree.iterate({
    enter: (node) => {
      if (DEFINITIONS.has(node.name) || REFERENCES.has(node.name) || isShorthand(node.node))
        names.add(textOf(source, node));
    },
  });
  return names;
}

/** The text with other names for what it declares and imports. */
export function renamedScript(source: SourceTree, names: ReadonlyMap<string, string>): string {
  if (names.size === 0) return source.text;
  let done = '';
  let at = 0;
  source.tree.iterate({
    enter: (node) => {
      const shorthand = isShorthand(node.node);
      if (!DEFINITIONS.has(node.name) && !REFERENCES.has(node.name) && !shorthand) return;
      // `tf.Rank`: what is behind a point is the module's own
      if (node.node.prevSibling?.name === '.') return;
      const own = textOf(source, node);
      const other = names.get(own);
      if (other === undefined) return;
      done += source.text.slice(at, node.from) + (shorthand ? `${own}: ${other}` : other);
      at = node.to;
    },
  });
  return done + source.text.slice(at);
}

/** `{ a }` */
function isShorthand(node: SyntaxNode): boolean {
  return (
    node.name === 'PropertyDefinition' &&
    node.parent?.name === 'Property' &&
    node.nextSibling === null &&
    node.prevSibling === null
  );
}
