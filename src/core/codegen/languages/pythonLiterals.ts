/** A model's names in generated Python: only ever data, whatever they hold. */
import { isJsonObject, type JsonValue } from '../../model/json';
import type { Shape } from '../../model/layerGraph';

const SHORT_ESCAPES = new Map([
  ['\\', '\\\\'],
  ['"', '\\"'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** A double-quoted string literal. */
export function pythonString(text: string): string {
  return `"${text.replace(/[\\"\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped)}"`;
}

function escaped(character: string): string {
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Text inside a docstring or a comment: it cannot end it, start a line or escape what follows. */
export function pythonProse(text: string): string {
  const plain = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
    .replace(/\\/g, '\\\\')
    .replace(/"""/g, "'''")
    .replace(/"$/, "'");
  // never half an escape at the cut
  return plain.length > 600 ? `${plain.slice(0, 599).replace(/\\+$/, '')}…` : plain;
}

/** `(None, 28, 28, 1)` */
export function shapeTuple(shape: Shape): string {
  const dims = shape.map((dim) => (dim === null ? 'None' : String(dim)));
  return dims.length === 1 ? `(${dims.join('')},)` : `(${dims.join(', ')})`;
}

/**
 * A constant of a call as Keras passes it; null where it is an object that Python code cannot say.
 * Keras 3 writes slices, tuples and the ellipsis as `{class_name: "__slice__", config}`.
 */
export function pythonConstant(value: JsonValue, depth = 0): string | null {
  if (depth > 16) return null;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return pythonNumber(value);
  if (typeof value === 'string') return pythonString(value);
  if (Array.isArray(value)) return sequence(value, '[', ']', depth);
  const className = Object.hasOwn(value, 'class_name') ? value.class_name : undefined;
  const config = Object.hasOwn(value, 'config') && isJsonObject(value.config) ? value.config : {};
  if (className === '__ellipsis__') return '...';
  if (className === '__tuple__') return Array.isArray(value.items) ? sequence(value.items, '(', ')', depth) : null;
  if (className !== '__slice__') return null;
  const bounds = ['start', 'stop', 'step'].map((key) => pythonConstant(config[key] ?? null, depth + 1));
  return bounds.includes(null) ? null : `slice(${bounds.join(', ')})`;
}

function pythonNumber(value: number): string {
  if (Number.isNaN(value)) return 'float("nan")';
  if (!Number.isFinite(value)) return value > 0 ? 'float("inf")' : 'float("-inf")';
  return String(value);
}

function sequence(items: readonly JsonValue[], open: string, close: string, depth: number): string | null {
  const written = items.map((item) => pythonConstant(item, depth + 1));
  if (written.includes(null)) return null;
  const comma = open === '(' && written.length === 1 ? ',' : '';
  return `${open}${written.join(', ')}${comma}${close}`;
}

/** Python's keywords and builtins that such code could meet, and the names that the recipes use themselves. */
const TAKEN = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import in ' +
    'is lambda nonlocal not or pass raise return try while with yield match case type ' +
    'abs all any bool bytes callable chr dict dir enumerate eval exec filter float format getattr hash help hex id input int iter ' +
    'len list map max min next object open ord pow print property range repr reversed round set setattr slice sorted str sum super ' +
    'tuple vars zip self cls count index ' +
    'keras np Path Iterator NamedTuple model extractor base classes features feature head layers layer operation path scores vectors ' +
    'picture pixels part copy samples folder every batches batch epoch logs name args kwargs file allow_pickle operations training ' +
    'inputs outputs tensor shape segment prefix tap values config names start end x'
  ).split(' '),
);

/** `Conv 2` → `conv_2`; `fallback` where nothing of the name can stand in an identifier. */
export function snakeCase(name: string, fallback: string): string {
  const words = (name.match(/[A-Za-z0-9]+/g) ?? []).join('_').toLowerCase().slice(0, 40).replace(/_$/, '');
  if (words === '') return fallback;
  return /^\d/.test(words) ? `${fallback}_${words}` : words;
}

/** `conv_2` → `Conv2`. */
export function classCase(name: string, fallback: string): string {
  const words = snakeCase(name, fallback).split('_');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** Variable names of one function: no two alike, none that means something already. */
export class PythonNames {
  private readonly used = new Set<string>();

  /** @param used names that are taken. */
  constructor(used: Iterable<string> = []) {
    for (const name of used) this.used.add(name);
  }

  take(name: string, fallback: string): string {
    const base = snakeCase(name, fallback);
    let free = TAKEN.has(base) ? `${base}_` : base;
    // PEP 8: a trailing underscore keeps clear of a name that is taken
    if (free.endsWith('_') && this.used.has(free)) free = `${base}_2`;
    for (let i = 2; this.used.has(free); i += 1) free = `${base}_${i}`;
    this.used.add(free);
    return free;
  }
}
