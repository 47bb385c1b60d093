/** The tree's search: words that all must occur, and `class:`, `shape:`, `params>`, `/expression/`. */
import { safeRegExp } from './safeRegExp';
import type { Shape } from './layerGraph';

export interface SearchRow {
  name: string;
  address: string;
  class: string;
  calls: { outputs: { shape: Shape | null }[] }[];
  params: { total: number };
}

export type Query = Term[];

type Term =
  | { kind: 'word'; text: string }
  | { kind: 'class'; text: string }
  | { kind: 'shape'; text: string }
  | { kind: 'number'; key: 'params'; operator: '<' | '>' | '<=' | '>=' | '='; value: number }
  | { kind: 'expression'; expression: RegExp };

/** Text that cannot be read as more is a word; an empty query has no terms and matches all. */
export function parseQuery(text: string): Query {
  const terms = text.match(/\/(?:\\.|[^/\\])+\/i?(?=\s|$)|"[^"]*"|\S+/g) ?? [];
  return terms.map(term);
}

function term(text: string): Term {
  const number = /^params(<=|>=|<|>|=|:)(\d+(?:\.\d*)?(?:e\d+)?)([kmg]?)$/i.exec(text);
  if (number) {
    const scale = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[number[3]?.toLowerCase() ?? ''] ?? 1;
    const operator = (number[1] === ':' ? '=' : number[1]) as '<' | '>' | '<=' | '>=' | '=';
    return { kind: 'number', key: 'params', operator, value: Number(number[2]) * scale };
  }
  const keyed = /^(class|shape):(.+)$/i.exec(text);
  if (keyed)
    return { kind: keyed[1]?.toLowerCase() === 'class' ? 'class' : 'shape', text: (keyed[2] ?? '').toLowerCase() };
  const source = /^\/(.+)\/(i?)$/.exec(text);
  const expression = source ? safeRegExp(source[1] ?? '', source[2] ?? '') : null;
  if (expression) return { kind: 'expression', expression };
  return { kind: 'word', text: text.replace(/^"|"$/g, '').toLowerCase() };
}

/** Whether a row has everything that the query asks for. */
export function matchRow(query: Query, row: SearchRow): boolean {
  if (query.length === 0) return true;
  const shapes = row.calls.flatMap(({ outputs }) => outputs.map(({ shape }) => shapeText(shape)));
  const text = `${row.address}\n${row.name}\n${row.class}\n${shapes.join('\n')}`.toLowerCase();
  return query.every((wanted) => {
    switch (wanted.kind) {
      case 'word':
        return text.includes(wanted.text);
      case 'class':
        return row.class.toLowerCase().includes(wanted.text);
      case 'shape':
        return shapes.some((shape) => matchShape(shape, wanted.text));
      case 'number':
        return compare(row.params.total, wanted.operator, wanted.value);
      case 'expression':
        return wanted.expression.test(row.name.slice(0, 500)) || wanted.expression.test(row.class.slice(0, 500));
    }
  });
}

function shapeText(shape: Shape | null): string {
  return shape === null ? '?' : shape.map((dim) => dim ?? '?').join(',');
}

/** `64`: a dimension is 64; `26,26` or `26x26`: these follow each other. */
function matchShape(shape: string, wanted: string): boolean {
  const plain = wanted
    .replace(/[()[\]\s]/g, '')
    .replace(/[x×]/g, ',')
    .replace(/none|null|·|-1/g, '?')
    .replace(/^,+|,+$/g, '');
  return plain !== '' && `,${shape},`.includes(`,${plain},`);
}

function compare(value: number, operator: string, limit: number): boolean {
  if (operator === '<') return value < limit;
  if (operator === '>') return value > limit;
  if (operator === '<=') return value <= limit;
  if (operator === '>=') return value >= limit;
  return value === limit;
}
