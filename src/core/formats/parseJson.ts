/** JSON of a file nobody vouches for: bounded depth, no prototype keys, errors that say where. */
import { SlicerError } from '../errors';
import type { JsonValue } from '../model/json';

/** Deepest nesting that is read. Real models need about 30; whatever walks a parsed file may recurse this deep. */
export const MAX_DEPTH = 400;

/**
 * @param file name of the file, for the error.
 * @throws SlicerError `empty-file`, `not-json` (`{file, reason, line, column}`), `too-deep` (`{file, limit}`).
 */
export function parseJson(text: string, file: string): JsonValue {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (json.trim() === '') throw new SlicerError('empty-file', { file });
  const oddity = scan(json);
  if (oddity?.kind === 'deep') throw new SlicerError('too-deep', { file, limit: MAX_DEPTH });
  if (oddity)
    throw new SlicerError('not-json', { file, reason: 'not-a-number', word: oddity.word, ...place(json, oddity.at) });
  let value: JsonValue;
  try {
    value = JSON.parse(json) as JsonValue;
  } catch (cause) {
    const at = errorPosition(cause, json);
    throw new SlicerError(
      'not-json',
      { file, reason: at >= json.trimEnd().length ? 'cut' : 'syntax', ...place(json, at) },
      { cause },
    );
  }
  // an escape can hide the letters of the key
  if (json.includes('__proto__') || json.includes('\\u00')) dropPrototypeKeys(value);
  return value;
}

type Oddity = { kind: 'deep' } | { kind: 'word'; word: string; at: number };

/** One pass outside of strings: nesting, and the words that Python writes into JSON. */
function scan(text: string): Oddity | null {
  let depth = 0;
  let word: Oddity | null = null;
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        if (depth > MAX_DEPTH) return { kind: 'deep' };
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
      case 0x4e: // N
        if (!word && text.startsWith('NaN', i)) word = { kind: 'word', word: 'NaN', at: i };
        break;
      case 0x49: // I
        if (!word && text.startsWith('Infinity', i)) word = { kind: 'word', word: 'Infinity', at: i };
        break;
    }
  }
  return word;
}

/** Index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

/** Where the engine's own parser stopped; its messages name the position unless the text just ends. */
function errorPosition(error: unknown, text: string): number {
  const found = /position (\d+)/.exec(error instanceof Error ? error.message : '');
  return found ? Number(found[1]) : text.length;
}

function place(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return { line, column: at - before.lastIndexOf('\n') };
}

function dropPrototypeKeys(root: JsonValue): void {
  const pending: JsonValue[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) delete value['__proto__'];
    for (const item of Array.isArray(value) ? value : Object.values(value)) {
      if (typeof item === 'object' && item !== null) pending.push(item);
    }
  }
}
