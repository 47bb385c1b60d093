/** Class names beside a model, under the names that exporters give them. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

const maxBytes = 4 * 2 ** 20;
const maxLabels = 100_000;
const maxLength = 200;

/** In order of preference; `metadata.json` is Teachable Machine's. */
const candidates = [
  'labels.json',
  'labels.txt',
  'class_names.json',
  'class_names.txt',
  'classes.json',
  'classes.txt',
  'metadata.json',
];

/** The class names in `folder`, by class index; null when no file there holds any. Broken files are passed over. */
export async function findLabels(folder: string): Promise<string[] | null> {
  for (const name of candidates) {
    const file = path.join(folder, name);
    try {
      const facts = await stat(file);
      if (!facts.isFile() || facts.size > maxBytes) continue;
      const text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
      const labels = name.endsWith('.json') ? fromJson(JSON.parse(text)) : fromLines(text);
      if (labels) return labels;
    } catch {
      // Not there, not readable, or not JSON: labels are a convenience.
    }
  }
  return null;
}

/** One name per line; a leading index (`0 cat`, as Teachable Machine and TFLite write it) is dropped when every line has its own. */
function fromLines(text: string): string[] | null {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  if (lines.length === 0 || lines.length > maxLabels) return null;
  const numbered = lines.map((line) => /^(\d+)[\s:,]+(\S.*)$/.exec(line));
  const inOrder = lines.length > 1 && numbered.every((match, i) => match !== null && Number(match[1]) === i);
  return lines.map((line, i) => (inOrder ? (numbered[i]?.[2] ?? line) : line).slice(0, maxLength));
}

/** A list, `{labels: […]}` (also `class_names`, `classes`), `{"0": "cat"}`, `{"cat": 0}`, or ImageNet's `{"0": ["n01440764", "tench"]}`. */
function fromJson(value: unknown): string[] | null {
  if (Array.isArray(value)) return fromList(value);
  if (typeof value !== 'object' || value === null) return null;
  const entries = new Map<string, unknown>(Object.entries(value));
  for (const key of ['labels', 'class_names', 'classes']) {
    const list = entries.get(key);
    if (list !== undefined) return fromJson(list);
  }
  return fromIndex(entries);
}

function fromList(list: unknown[]): string[] | null {
  if (list.length === 0 || list.length > maxLabels) return null;
  const names = list.map(nameOf);
  return names.every((name) => name !== null) ? names : null;
}

function nameOf(value: unknown): string | null {
  // ImageNet's class index: [WordNet id, name].
  const name = Array.isArray(value) ? (value as unknown[]).at(-1) : value;
  if (typeof name === 'object' && name !== null && 'name' in name) return nameOf(name.name);
  return typeof name === 'string' || typeof name === 'number' ? String(name).slice(0, maxLength) : null;
}

function fromIndex(entries: Map<string, unknown>): string[] | null {
  const size = entries.size;
  if (size === 0 || size > maxLabels) return null;
  const labels = new Array<string | null>(size).fill(null);
  for (const [key, value] of entries) {
    const byName = typeof value === 'number';
    const index = byName ? value : Number(key);
    if (!Number.isInteger(index) || index < 0 || index >= size) return null;
    labels[index] = byName ? key.slice(0, maxLength) : nameOf(value);
  }
  return labels.every((label) => label !== null) ? labels : null;
}
