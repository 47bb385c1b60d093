/** `// model: path` and `# model: path`: which model a name stands for that the program does not say. */
import type { Program, Variable, Write } from './program';
import type { ModelPath } from './modelPath';
import { modelPath } from './modelPath';

export interface ModelComment {
  path: ModelPath;
  /** Of the comment. */
  from: number;
  to: number;
  /** Of the path in it. */
  pathFrom: number;
  pathTo: number;
  /** What it speaks of: a name written in its line or the next one; null: of the whole file. */
  write: { write: Write; variable: Variable } | null;
}

const COMMENT = /^((?:\/\/+|\/\*+|#+)[ \t]*model:[ \t]*)(.*?)[ \t]*(?:\*\/)?$/i;
const MAX_LENGTH = 1000;
const QUOTED = /^(["'`])(.*)\1$/;

/** In their order. A comment beside several names, none of which alone speaks of a model, says nothing. */
export function modelComments(program: Program, text: string): ModelComment[] {
  return program.comments.flatMap((comment) => {
    if (comment.text.length > MAX_LENGTH) return [];
    const [, head = '', written = ''] = COMMENT.exec(comment.text) ?? [];
    if (written === '') return [];
    const [, quote, inside] = QUOTED.exec(written) ?? [];
    const path = modelPath({ text: inside ?? written, from: 'anywhere' });
    if (!path) return [];
    const pathFrom = comment.from + head.length + (quote === undefined ? 0 : 1);
    const place = { from: comment.from, to: comment.to, pathFrom, pathTo: pathFrom + (inside ?? written).length };
    const write = spokenOf(program, comment, text);
    return write === 'unclear' ? [] : [{ path, ...place, write }];
  });
}

function spokenOf(
  program: Program,
  comment: { from: number; to: number },
  text: string,
): ModelComment['write'] | 'unclear' {
  const line = lineAround(text, comment.from);
  const alone = text.slice(line.from, comment.from).trim() === '' && text.slice(comment.to, line.to).trim() === '';
  const at = alone ? lineAround(text, Math.min(text.length, lineAround(text, comment.to).to + 1)) : line;
  if (alone && at.from <= comment.from) return null;
  const named = writesIn(program, at.from, at.to).filter(({ write }) => write.kind !== 'import' && !isFunction(write));
  const models = named.filter(({ write }) => /model/i.test(write.name));
  const candidates = models.length > 0 ? models : named;
  const [only] = candidates;
  if (candidates.length > 1) return 'unclear';
  // beside code that names nothing, a comment speaks of no name
  return only ?? (alone ? null : 'unclear');
}

function isFunction({ value, kind }: Write): boolean {
  return kind === 'value' && value !== null && /^(?:function|other)$/.test(value().kind);
}

/** Writes are in the order of their places. */
function writesIn({ writes }: Program, from: number, to: number): Program['writes'] {
  let low = 0;
  let high = writes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((writes[middle]?.write.from ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  const found: Program['writes'] = [];
  for (let item = writes[low]; item && item.write.from <= to; item = writes[(low += 1)]) found.push(item);
  return found;
}

function lineAround(text: string, offset: number): { from: number; to: number } {
  const end = text.indexOf('\n', offset);
  return { from: offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1, to: end < 0 ? text.length : end };
}
