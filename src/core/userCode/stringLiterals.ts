/** String literals of TypeScript and Python: what they say, and how a text is written in one. */
import type { ProgramLanguage, Quote } from './program';

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
};

/** The text that the content of a TypeScript literal stands for. */
export function decodeTypescript(content: string): string {
  return content.replace(
    /\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[^]))/g,
    (whole, braced?: string, four?: string, two?: string, one?: string) => {
      const digits = braced ?? four ?? two;
      if (digits !== undefined) return fromCodePoint(digits, 16) ?? whole;
      if (one === undefined || /^[\r\n\u2028\u2029]/.test(one)) return '';
      if (one === '0') return '\0';
      return SIMPLE[one] ?? one;
    },
  );
}

/** The text that the content of a Python literal stands for; null for names of characters (`\N{…}`), whose table is large. */
export function decodePython(content: string, raw: boolean): string | null {
  if (raw) return content;
  if (/\\N\{/.test(content.replaceAll('\\\\', ''))) return null;
  return content.replace(
    /\\(?:U([0-9a-fA-F]{8})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{1,3})|(\r\n|[^]))/g,
    (whole, eight?: string, four?: string, two?: string, octal?: string, one?: string) => {
      const digits = eight ?? four ?? two;
      if (digits !== undefined) return fromCodePoint(digits, 16) ?? whole;
      if (octal !== undefined) return fromCodePoint(octal, 8) ?? whole;
      if (one === undefined || /^[\r\n]/.test(one)) return '';
      if (one === 'a') return '\u0007';
      if (one === '\\' || one === "'" || one === '"') return one;
      // an escape that Python does not know stays as it is
      return SIMPLE[one] ?? whole;
    },
  );
}

function fromCodePoint(digits: string, base: number): string | null {
  const code = Number.parseInt(digits, base);
  return code <= 0x10ffff ? String.fromCodePoint(code) : null;
}

/** Text as the content of a literal between these quotes: whatever it holds, it cannot end the literal. */
export function encodeText(text: string, quote: Quote, language: ProgramLanguage): string {
  const python = language === 'python';
  return text.replace(/[\\'"`$\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (c) => {
    if (c === '\\' || c === quote) return `\\${c}`;
    if (c === '$') return quote === '`' ? '\\$' : c;
    if (c === "'" || c === '"' || c === '`') return c;
    if (c === '\n') return '\\n';
    const code = c.codePointAt(0) ?? 0;
    if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, '0')}`;
    return python ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
