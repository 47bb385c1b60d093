/** What stands in a sentence's placeholders: names bounded in length and harmless, shapes and lists readable. */
import type { ErrorData } from './errors';
import type { JsonValue } from './model/json';

/** One way to say an error; `{name}` stands for `data.name`. */
export interface Variant {
  /** Only for errors with this `data.reason`. */
  reason?: string;
  message: string;
}

const MAX_TEXT = 120;
const MAX_ITEMS = 5;

export function formatData(data: ErrorData): Record<string, string | number> {
  const args: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(data)) {
    if (value !== null || key === 'value') args[key] = formatValue(value);
  }
  return args;
}

function formatValue(value: JsonValue): string | number {
  if (typeof value === 'string') return plainText(value);
  // sizes are read, not added up: no thousands separators that a search would miss
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value).toString() : value;
  if (Array.isArray(value)) {
    if (value.every((item) => item === null || typeof item === 'number'))
      return `[${value.map((dim) => dim ?? '?').join(',')}]`;
    const items = value.slice(0, MAX_ITEMS).map((item) => String(formatValue(item)));
    return `${items.join(', ')}${value.length > MAX_ITEMS ? ' …' : ''}`;
  }
  return plainText(JSON.stringify(value));
}

/** Control characters made visible; the middle of what is long left out. */
export function plainText(text: string): string {
  const visible = text
    .slice(0, 10_000)
    .replace(/[\t\n\r]+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
  if (visible.length <= MAX_TEXT) return visible;
  return `${visible.slice(0, MAX_TEXT - 41)}…${visible.slice(-40)}`;
}
