/** Nested JSON arrays as tensors. */
import { badInput } from '../badInput';

export interface JsonArray {
  shape: number[];
  data: Float64Array | string[];
}

/** Deeper nesting is no tensor: and JSON.parse would go down 200,000 levels. */
const maxRank = 32;
const namedNumbers: Record<string, number> = {
  NaN,
  Infinity,
  '-Infinity': -Infinity,
  inf: Infinity,
  '-inf': -Infinity,
  nan: NaN,
};

/**
 * Reads nested arrays of numbers, booleans (0 and 1) or strings; a bare number is a scalar. `"NaN"`, `"Infinity"` and
 * `"-Infinity"` count as numbers, also without quotes as Python writes them. An object holds one array per input:
 * `member` picks it (or it is the only one).
 *
 * Errors: `bad-input` with `reason` `not-json`, `too-deep`, `ragged` (`at`: the path), `json-value` (`at`), `json-member`.
 */
export function readJsonArray(text: string, member: string, file: string): JsonArray {
  checkDepth(text, file);
  const root = pickMember(parse(text, file), member, file);
  const shape = shapeOf(root, file);
  const values: unknown[] = [];
  collect(root, shape, values, file);
  return { shape, data: typed(values, shape, file) };
}

function checkDepth(text: string, file: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > maxRank + 1) throw badInput('too-deep', file, { limit: maxRank });
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}

function parse(text: string, file: string): unknown {
  const clean = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(clean);
  } catch (cause) {
    // Python's json writes NaN and Infinity bare. Only where they stand alone as a value.
    const quoted = clean.replace(/(^|[[:,\s])(NaN|-?Infinity)(?=$|[\],}\s])/g, '$1"$2"');
    try {
      return JSON.parse(quoted);
    } catch {
      throw badInput('not-json', file, { detail: cause instanceof Error ? cause.message.slice(0, 120) : '' }, cause);
    }
  }
}

function pickMember(value: unknown, member: string, file: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const names = Object.keys(value);
  const name = names.includes(member) ? member : names.length === 1 ? names[0] : undefined;
  if (name === undefined) throw badInput('json-member', file, { member, names: names.slice(0, 20) });
  return (value as Record<string, unknown>)[name];
}

/** The shape along the first elements; whether the others agree is seen while they are collected. */
function shapeOf(root: unknown, file: string): number[] {
  const shape: number[] = [];
  for (let value = root; Array.isArray(value); value = value[0] as unknown) {
    shape.push(value.length);
    if (shape.length > maxRank) throw badInput('too-deep', file, { limit: maxRank });
  }
  return shape;
}

/** Depth is bounded by `shapeOf`, so recursion is safe. `path` is where `value` stands; it is changed on the way. */
function collect(value: unknown, shape: readonly number[], values: unknown[], file: string, path: number[] = []): void {
  const depth = path.length;
  if (depth === shape.length) {
    if (Array.isArray(value)) throw badInput('ragged', file, { at: pathText(path) });
    values.push(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== shape[depth]) throw badInput('ragged', file, { at: pathText(path) });
  for (let i = 0; i < value.length; i++) {
    path.push(i);
    collect(value[i], shape, values, file, path);
    path.pop();
  }
}

function pathText(path: readonly number[]): string {
  return path.map((index) => `[${index}]`).join('') || 'the top';
}

function typed(values: unknown[], shape: readonly number[], file: string): Float64Array | string[] {
  const isNamed = (value: unknown): boolean => typeof value === 'string' && Object.hasOwn(namedNumbers, value);
  const texts = values.filter((value) => typeof value === 'string');
  // All strings, and not all of them names of numbers: a string tensor.
  if (texts.length > 0 && texts.length === values.length && !values.every(isNamed)) return texts;
  const numbers = new Float64Array(values.length);
  values.forEach((value, i) => {
    if (typeof value === 'number') numbers[i] = value;
    else if (typeof value === 'boolean') numbers[i] = value ? 1 : 0;
    else if (typeof value === 'string' && isNamed(value)) numbers[i] = namedNumbers[value] as number;
    else
      throw badInput('json-value', file, {
        at: pathText(pathOf(i, shape)),
        found: value === null ? 'null' : typeof value,
      });
  });
  return numbers;
}

function pathOf(index: number, shape: readonly number[]): number[] {
  const path: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    path.unshift(rest % (shape[axis] as number));
    rest = Math.floor(rest / (shape[axis] as number));
  }
  return path;
}
