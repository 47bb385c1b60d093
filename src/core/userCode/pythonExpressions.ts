/** A parser's node of Python → what matters of its expression. */
import type { SyntaxNode } from '@lezer/common';
import type { ClosedText } from './closeOpenStrings';
import type { Argument, Expression } from './program';
import { decodePython } from './stringLiterals';
import { childrenOf, listItems, MAX_DEPTH } from './syntax';

const OTHER = /^(?:Array|Tuple|Set|Dictionary|Comprehension|Lambda|Unary|Boolean|Ellipsis)/;

export function pythonExpression(node: SyntaxNode, source: ClosedText, depth = 0): Expression {
  const { name } = node;
  const from = source.original(node.from);
  const to = source.original(node.to);
  const unknown: Expression = { kind: 'unknown', from, to };
  if (depth > MAX_DEPTH) return unknown;
  const convert = (child: SyntaxNode | null | undefined): Expression =>
    child ? pythonExpression(child, source, depth + 1) : unknown;
  const textOf = (child: SyntaxNode): string => source.text.slice(child.from, child.to);
  switch (name) {
    case 'VariableName':
      return { kind: 'name', name: textOf(node), from, to };
    case 'None':
      return { kind: 'nothing', from, to };
    case 'Number':
      return { kind: 'number', value: Number(textOf(node).replaceAll('_', '')), from, to };
    case 'String':
      return stringExpression(node, source, true);
    case 'FormatString':
      return formatString(node, source, convert);
    case 'ContinuedString': {
      const parts = childrenOf(node).map((part) =>
        part.name === 'String' ? stringExpression(part, source, false) : convert(part),
      );
      return { kind: 'sum', parts, from, to };
    }
    case 'ParenthesizedExpression':
      return convert(childrenOf(node)[1]);
    case 'AwaitExpression':
    case 'NamedExpression':
      return convert(childrenOf(node).at(-1));
    case 'UnaryExpression': {
      const [sign, value] = childrenOf(node);
      const number = convert(value);
      const negative = sign && textOf(sign) === '-' && number.kind === 'number';
      return negative ? { kind: 'number', value: -number.value, from, to } : { kind: 'other', from, to };
    }
    case 'ConditionalExpression': {
      const [yes, , , , no] = childrenOf(node);
      return { kind: 'choice', of: [convert(yes), convert(no)], from, to };
    }
    case 'BinaryExpression': {
      const [left, operator, right] = childrenOf(node);
      const parts = [convert(left), convert(right)];
      switch (operator ? textOf(operator) : '') {
        case '+':
          return { kind: 'sum', parts, from, to };
        case '/':
          return { kind: 'slash', parts, from, to };
        case 'or':
          return { kind: 'choice', of: parts, from, to };
        case 'and':
          return parts[1] ?? unknown;
        default:
          return { kind: 'other', from, to };
      }
    }
    case 'MemberExpression': {
      const children = childrenOf(node);
      const property = node.getChild('PropertyName');
      const object = convert(children[0]);
      if (property) return { kind: 'member', object, property: textOf(property), from, to };
      const inside = children.slice(2, -1);
      // `[1:3]` and `[a, b]` are no single element
      const single = children[1]?.name === '[' && children.at(-1)?.name === ']' && inside.length === 1;
      return single ? { kind: 'index', object, index: convert(inside[0]), from, to } : { kind: 'other', from, to };
    }
    case 'CallExpression': {
      const list = node.getChild('ArgList');
      const args = list ? argumentsOf(list, convert, textOf) : [];
      return { kind: 'call', callee: convert(node.firstChild), args, made: false, from, to };
    }
    default:
      return OTHER.test(name) ? { kind: 'other', from, to } : unknown;
  }
}

type Convert = (node: SyntaxNode | null | undefined) => Expression;

const LITERAL = /^([a-zA-Z]*)('''|"""|'|")/;

function stringExpression(node: SyntaxNode, source: ClosedText, alone: boolean): Expression {
  const written = source.text.slice(node.from, node.to);
  const [, prefix = '', quotes = "'"] = LITERAL.exec(written) ?? [];
  const start = node.from + prefix.length + quotes.length;
  const closed =
    written.length >= prefix.length + 2 * quotes.length && written.endsWith(quotes) && !source.added(node.to - 1);
  const end = written.endsWith(quotes) && node.to > start ? node.to - quotes.length : node.to;
  const text = /b/i.test(prefix) ? null : decodePython(source.text.slice(start, end), /r/i.test(prefix));
  const [from, to] = [source.original(start), source.original(end)];
  if (text === null) return { kind: 'other', from, to };
  const quote = quotes.startsWith('"') ? '"' : "'";
  const plain = alone && quotes.length === 1 && !/r/i.test(prefix);
  return { kind: 'text', text, quote, closed, plain, from, to };
}

function formatString(node: SyntaxNode, source: ClosedText, convert: Convert): Expression {
  const [from, to] = [source.original(node.from), source.original(node.to)];
  const written = source.text.slice(node.from, node.to);
  const [opening = '', prefix = '', quotes = "'"] = LITERAL.exec(written) ?? [];
  const parts: Expression[] = [];
  let at = node.from + opening.length;
  const literal = (end: number): void => {
    const text = decodePython(
      source.text.slice(at, end).replaceAll('{{', '{').replaceAll('}}', '}'),
      /r/i.test(prefix),
    );
    const place = { from: source.original(at), to: source.original(end) };
    parts.push(
      text === null
        ? { kind: 'unknown', ...place }
        : { kind: 'text', text, quote: quotes.startsWith('"') ? '"' : "'", closed: true, plain: false, ...place },
    );
  };
  for (const replacement of childrenOf(node).filter(({ name }) => name === 'FormatReplacement')) {
    literal(replacement.from);
    const inside = childrenOf(replacement).filter(({ name }) => name !== '{' && name !== '}');
    // `{value!r}` and `{value:03}` say something else than the value
    parts.push(convert(inside.length === 1 ? inside[0] : null));
    at = replacement.to;
  }
  literal(Math.max(at, node.to - quotes.length));
  return { kind: 'sum', parts, from, to };
}

function argumentsOf(list: SyntaxNode, convert: Convert, textOf: (node: SyntaxNode) => string): Argument[] {
  const args: Argument[] = [];
  for (const item of listItems(list)) {
    const [first, second, third] = item;
    // which arguments a spread brings is not known
    if (first?.name === '*' || first?.name === '**') break;
    if (first && second?.name === 'AssignOp') args.push({ name: textOf(first), value: convert(third) });
    else args.push({ name: null, value: convert(first) });
  }
  return args;
}
