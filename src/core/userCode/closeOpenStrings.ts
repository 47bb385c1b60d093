/**
 * Python text with an end for every string that its line does not end, and for the brackets opened before it in that line:
 * the parser takes all that follows an open string for a part of it.
 */
export interface ClosedText {
  text: string;
  /** Offset in `text` → offset in the text that was given. */
  original(offset: number): number;
  /** Whether the character at this offset of `text` was put in. */
  added(offset: number): boolean;
}

/** A text with more open strings is no Python: it is parsed as it stands. */
const MAX_INSERTIONS = 200;

const CLOSES: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

export function closeOpenStrings(text: string): ClosedText {
  const insertions: { at: number; text: string }[] = [];
  let open = '';
  for (let i = 0; i < text.length;) {
    const c = text[i] ?? '';
    if (c === '#') i = lineEnd(text, i);
    else if (c === "'" || c === '"') {
      if (text.startsWith(c.repeat(3), i)) {
        // a backslash hides the character after it in raw strings, too
        const end = endOf(text, i + 3, c.repeat(3), false);
        i = end ?? text.length;
        open = '';
        continue;
      }
      const end = endOf(text, i + 1, c, true);
      if (end === null) {
        const at = lineEnd(text, i);
        insertions.push({ at, text: c + [...open].reverse().join('') });
        i = at;
      } else i = end;
    } else {
      if (c === '\n') open = '';
      else if (CLOSES[c] !== undefined) open += CLOSES[c];
      else if (open.endsWith(c)) open = open.slice(0, -1);
      i += 1;
    }
  }
  return withInsertions(text, insertions.length > MAX_INSERTIONS ? [] : insertions);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  if (end < 0) return text.length;
  return text[end - 1] === '\r' && end - 1 >= from ? end - 1 : end;
}

/** Behind the closing quote; null where there is none (in this line). */
function endOf(text: string, from: number, quote: string, inLine: boolean): number | null {
  for (let i = from; i < text.length; i += 1) {
    if (text[i] === '\\') {
      i += text[i + 1] === '\r' && text[i + 2] === '\n' ? 2 : 1;
      continue;
    }
    if (text.startsWith(quote, i)) return i + quote.length;
    if (inLine && text[i] === '\n') return null;
  }
  return null;
}

function withInsertions(text: string, insertions: readonly { at: number; text: string }[]): ClosedText {
  if (insertions.length === 0) return { text, original: (offset) => offset, added: () => false };
  const pieces: string[] = [];
  /** Where each insertion stands in the new text. */
  const placed: { from: number; to: number }[] = [];
  let done = 0;
  let length = 0;
  for (const { at, text: added } of insertions) {
    pieces.push(text.slice(done, at), added);
    length += at - done;
    placed.push({ from: length, to: length + added.length });
    length += added.length;
    done = at;
  }
  pieces.push(text.slice(done));
  return {
    text: pieces.join(''),
    original: (offset) => {
      let shift = 0;
      for (const { from, to } of placed) {
        if (offset <= from) break;
        shift += Math.min(offset, to) - from;
      }
      return offset - shift;
    },
    added: (offset) => placed.some(({ from, to }) => offset >= from && offset < to),
  };
}
