/** A parser's node of TypeScript or JavaScript → what matters of its expression. */
import type { SyntaxNode } from '@lezer/common';
import type { Argument, Expression } from './program';
import { decodeTypescript } from './stringLiterals';
import { childrenOf, listItems, MAX_DEPTH } from './syntax';

const OTHER: ReadonlySet<string> = new Set([
  'ArrayExpression',
  'BooleanLiteral',
  'ClassExpression',
  'RegExp',
  'JSXElement',
  'NewTarget',
  'UnaryExpression',
]);

const COMMENTS: ReadonlySet<string> = new Set(['LineComment', 'BlockComment']);

export function typescriptExpression(node: SyntaxNode, text: string, depth = 0): Expression {
  const { from, to, name } = node;
  const unknown: Expression = { kind: 'unknown', from, to };
  if (depth > MAX_DEPTH) return unknown;
  const convert = (child: SyntaxNode | null | undefined): Expression =>
    child ? typescriptExpression(child, text, depth + 1) : unknown;
  const parts = (): SyntaxNode[] => childrenOf(node).filter((child) => !COMMENTS.has(child.name));
  switch (name) {
    case 'VariableName': {
      const written = text.slice(from, to);
      return written === 'undefined' ? { kind: 'nothing', from, to } : { kind: 'name', name: written, from, to };
    }
    case 'this':
      return { kind: 'this', from, to };
    case 'null':
      return { kind: 'nothing', from, to };
    case 'Number':
      return { kind: 'number', value: Number(text.slice(from, to).replaceAll('_', '')), from, to };
    case 'String':
      return stringExpression(node, text);
    case 'TemplateString':
      return templateExpression(node, text, convert);
    case 'ParenthesizedExpression':
      return convert(parts()[1]);
    case 'AwaitExpression':
    case 'PrefixCast':
    case 'SequenceExpression':
    case 'AssignmentExpression':
      return convert(parts().at(-1));
    case 'PostfixExpression':
    case 'InstantiationExpression':
      return convert(node.firstChild);
    case 'UnaryExpression': {
      const [sign, value] = parts();
      const number = convert(value);
      const negative = sign && text.slice(sign.from, sign.to) === '-' && number.kind === 'number';
      return negative ? { kind: 'number', value: -number.value, from, to } : { kind: 'other', from, to };
    }
    case 'BinaryExpression':
      return binaryExpression(node, text, convert);
    case 'ConditionalExpression': {
      const [, , yes, , no] = parts();
      return { kind: 'choice', of: [convert(yes), convert(no)], from, to };
    }
    case 'MemberExpression':
      return memberExpression(node, text, convert);
    case 'CallExpression': {
      const list = node.lastChild?.name === 'ArgList' ? node.lastChild : null;
      const callee = convert(node.firstChild);
      return { kind: 'call', callee, args: list ? argumentsOf(list, text, convert) : [], made: false, from, to };
    }
    case 'NewExpression': {
      const list = node.lastChild?.name === 'ArgList' ? node.lastChild : null;
      const callee = convert(parts()[1]);
      return { kind: 'call', callee, args: list ? argumentsOf(list, text, convert) : [], made: true, from, to };
    }
    case 'ImportMeta':
      return { kind: 'name', name: 'import.meta', from, to };
    case 'ObjectExpression':
      return { kind: 'entries', of: entriesOf(node, text, convert), from, to };
    case 'ArrowFunction':
    case 'FunctionExpression':
    case 'FunctionDeclaration':
      return { kind: 'function', at: from, from, to };
    default:
      return OTHER.has(name) ? { kind: 'other', from, to } : unknown;
  }
}

type Convert = (node: SyntaxNode | null | undefined) => Expression;

/** An open string ends with its line. */
function stringExpression({ from, to }: SyntaxNode, text: string): Expression {
  const quote = text[from] === '"' ? '"' : "'";
  const written = text.slice(from, to);
  const closed = written.length > 1 && written.endsWith(quote) && !isEscaped(written, written.length - 1);
  const end = closed ? to - 1 : from + written.replace(/\r?\n$/, '').length;
  const content = text.slice(from + 1, end);
  return { kind: 'text', text: decodeTypescript(content), quote, closed, plain: true, from: from + 1, to: end };
}

function isEscaped(text: string, at: number): boolean {
  let from = at;
  while (text[from - 1] === '\\') from -= 1;
  return (at - from) % 2 === 1;
}

function templateExpression(node: SyntaxNode, text: string, convert: Convert): Expression {
  const { from, to } = node;
  const closed = to - from > 1 && text[to - 1] === '`';
  const end = closed ? to - 1 : to;
  const inside = childrenOf(node).filter(({ name }) => name === 'Interpolation');
  const piece = (start: number, stop: number, plain: boolean): Expression => ({
    kind: 'text',
    text: decodeTypescript(text.slice(start, stop)),
    quote: '`',
    closed,
    plain,
    from: start,
    to: stop,
  });
  if (inside.length === 0) return piece(from + 1, end, true);
  const parts: Expression[] = [];
  let at = from + 1;
  for (const interpolation of inside) {
    parts.push(piece(at, interpolation.from, false));
    parts.push(convert(childrenOf(interpolation).find(({ name }) => !name.startsWith('Interpolation'))));
    at = interpolation.to;
  }
  parts.push(piece(at, end, false));
  return { kind: 'sum', parts, from, to };
}

function binaryExpression(node: SyntaxNode, text: string, convert: Convert): Expression {
  const { from, to } = node;
  const [left, operator, right] = childrenOf(node).filter(({ name }) => !COMMENTS.has(name));
  switch (operator ? text.slice(operator.from, operator.to) : '') {
    case 'as':
    case 'satisfies':
      return convert(left);
    case '+':
      return { kind: 'sum', parts: [convert(left), convert(right)], from, to };
    case '??':
    case '||':
      return { kind: 'choice', of: [convert(left), convert(right)], from, to };
    case '&&':
      return convert(right);
    default:
      return { kind: 'other', from, to };
  }
}

function memberExpression(node: SyntaxNode, text: string, convert: Convert): Expression {
  const { from, to } = node;
  const last = childrenOf(node);
  const property = last.find(({ name }) => name === 'PropertyName' || name === 'PrivatePropertyName');
  const object = convert(node.firstChild);
  if (property) return { kind: 'member', object, property: text.slice(property.from, property.to), from, to };
  const bracket = last.findIndex(({ name }) => name === '[');
  return bracket < 0
    ? // `model.` while it is typed
      { kind: 'unknown', from, to }
    : { kind: 'index', object, index: convert(last[bracket + 1]), from, to };
}

function argumentsOf(list: SyntaxNode, text: string, convert: Convert): Argument[] {
  const args: Argument[] = [];
  for (const item of listItems(list)) {
    // which arguments a spread brings is not known
    if (item[0]?.name === 'Spread') break;
    args.push({ name: null, value: convert(openString(item[0], text) ?? item[0]) });
  }
  return args;
}

/** A string without its end: what the parser takes for the rest of the expression are the lines behind it. */
function openString(node: SyntaxNode | undefined, text: string): SyntaxNode | null {
  let first: SyntaxNode | null = node ?? null;
  for (let depth = 0; first && depth < MAX_DEPTH && first.name !== 'String'; depth += 1) first = first.firstChild;
  return first?.name === 'String' && text[first.to - 1] === '\n' ? first : null;
}

function entriesOf(node: SyntaxNode, text: string, convert: Convert): { key: string; value: Expression }[] {
  return childrenOf(node).flatMap((property) => {
    if (property.name !== 'Property') return [];
    const children = childrenOf(property);
    const colon = children.findIndex(({ name }) => name === ':');
    const [key] = children;
    const value = children[colon + 1];
    if (colon !== 1 || !key || !value) return [];
    const written = text.slice(key.from, key.to);
    return [{ key: key.name === 'String' ? written.slice(1, -1) : written, value: convert(value) }];
  });
}
