/** A TF.js weights manifest → weight entries, each with its place in the shards; every claim checked against them. */
import type { ErrorData } from '../errors';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Problem, Quantization, WeightEntry, WeightLocator } from '../model/modelFile';
import { arrayField, field, objectField, textField } from './jsonField';
import { safeShardPath } from './shardPath';

/** Bytes of one value as TF.js stores it; a string has its length before it, so it has no size of its own. */
const BYTES: ReadonlyMap<string, number> = new Map([
  ['float32', 4],
  ['int32', 4],
  ['bool', 1],
  ['uint8', 1],
  ['int8', 1],
  ['uint16', 2],
  ['int16', 2],
  ['float16', 2],
  ['bfloat16', 2],
  ['complex64', 8],
]);

type Segments = Extract<WeightLocator, { kind: 'segments' }>['segments'];

/** A group of the manifest: its shards are one run of bytes, the entries stand in it one after the other. */
export interface ManifestGroup {
  /** As the file writes them, with the checked path (null = refused). */
  paths: { written: string; path: string | null }[];
  entries: ManifestEntry[];
  /** False when an entry's size cannot be told: what comes after it has no place. */
  measurable: boolean;
}

export interface ManifestEntry {
  name: string;
  shape: number[];
  dtype: string;
  quantization: Quantization | null;
  /** Bytes as stored; null for strings, whose bytes only the shard itself tells. */
  bytes: number | null;
  /** A second entry of the same name takes its bytes but is not used. */
  duplicate: boolean;
}

export interface Manifest {
  groups: ManifestGroup[];
  problems: Problem[];
}

/** Reads what the manifest says, without looking at any shard. */
export function readManifest(value: JsonValue | undefined, file: string): Manifest {
  const manifest: Manifest = { groups: [], problems: [] };
  const problem = (code: Problem['code'], data: ErrorData): void => {
    manifest.problems.push({ code, severity: 'error', address: null, data: { file, ...data } });
  };
  if (value === undefined || value === null) return manifest;
  if (!Array.isArray(value)) {
    problem('bad-weight-entry', { reason: 'manifest', key: 'weightsManifest' });
    return manifest;
  }
  const seen = new Set<string>();
  for (const item of value) {
    const group: ManifestGroup = { paths: [], entries: [], measurable: true };
    manifest.groups.push(group);
    const paths = isJsonObject(item) ? arrayField(item, 'paths') : null;
    const weights = isJsonObject(item) ? arrayField(item, 'weights') : null;
    if (!paths || !weights || !paths.every((path) => typeof path === 'string')) {
      problem('bad-weight-entry', { reason: 'paths', key: 'paths' });
      group.measurable = false;
      continue;
    }
    for (const written of paths) {
      const path = safeShardPath(written);
      if (path === null) problem('unsafe-path', { shard: written });
      group.paths.push({ written, path });
    }
    for (const weight of weights) {
      const read = isJsonObject(weight) ? readEntry(weight) : { bad: { reason: 'entry' } };
      if ('bad' in read) {
        problem('bad-weight-entry', read.bad);
        group.measurable = false;
        break;
      }
      if (seen.has(read.name)) problem('bad-weight-entry', { reason: 'duplicate', weight: read.name });
      group.entries.push({ ...read, duplicate: seen.has(read.name) });
      seen.add(read.name);
    }
  }
  return manifest;
}

type ReadEntry = Omit<ManifestEntry, 'duplicate'> | { bad: ErrorData };

function readEntry(weight: JsonObject): ReadEntry {
  const name = textField(weight, 'name');
  if (name === null) return { bad: { reason: 'entry' } };
  const dtype = textField(weight, 'dtype');
  const written = field(weight, 'shape') ?? null;
  if (!Array.isArray(written) || written.length > 32) return { bad: { reason: 'shape', weight: name, shape: written } };
  const shape = written.filter((dim) => typeof dim === 'number' && Number.isSafeInteger(dim) && dim >= 0) as number[];
  if (shape.length !== written.length) return { bad: { reason: 'shape', weight: name, shape: written } };
  if (dtype === null || (dtype !== 'string' && !BYTES.has(dtype)))
    return { bad: { reason: 'dtype', weight: name, dtype: dtype ?? '' } };
  const quantization = readQuantization(weight, dtype);
  if (quantization === undefined) return { bad: { reason: 'quantization', weight: name } };
  const size = BYTES.get(quantization?.dtype ?? dtype);
  const bytes = size === undefined ? null : shape.reduce((product, dim) => product * dim, size);
  return { name, shape, dtype, quantization, bytes };
}

/** Undefined when it is there and makes no sense. */
function readQuantization(weight: JsonObject, dtype: string): Quantization | null | undefined {
  if ((field(weight, 'quantization') ?? null) === null) return null;
  const quantization = objectField(weight, 'quantization');
  const stored = quantization ? textField(quantization, 'dtype') : null;
  if (!quantization || (stored !== 'uint8' && stored !== 'uint16' && stored !== 'float16')) return undefined;
  if (dtype !== 'float32' && dtype !== 'int32') return undefined;
  const originalDtype = textField(quantization, 'original_dtype') ?? dtype;
  if (stored === 'float16') return dtype === 'float32' ? { dtype: stored, originalDtype } : undefined;
  const scale = field(quantization, 'scale');
  const min = field(quantization, 'min');
  if (typeof scale !== 'number' || typeof min !== 'number') return undefined;
  return { dtype: stored, scale, min, originalDtype };
}

/** What is known of a shard: its size, or that it is not there. */
export interface ShardFile {
  path: string;
  size: number | null;
  /** It is there, but a link leads out of the model's folder: refused. */
  outside?: boolean;
}

/**
 * Lays the entries out over the shards.
 * @param stringBytes sizes of string entries by name, where somebody has read them.
 */
export function placeEntries(
  manifest: Manifest,
  shards: ShardFile[],
  file: string,
  stringBytes: ReadonlyMap<string, number> = new Map(),
): { entries: WeightEntry[]; problems: Problem[] } {
  const sizes = new Map(shards.map(({ path, size }) => [path, size]));
  const outside = new Set(shards.flatMap((shard) => (shard.outside ? [shard.path] : [])));
  const entries: WeightEntry[] = [];
  const problems: Problem[] = [];
  for (const group of manifest.groups) placeGroup(group, sizes, outside, file, stringBytes, entries, problems);
  return { entries, problems };
}

function placeGroup(
  group: ManifestGroup,
  sizes: ReadonlyMap<string, number | null>,
  outside: ReadonlySet<string>,
  file: string,
  stringBytes: ReadonlyMap<string, number>,
  entries: WeightEntry[],
  problems: Problem[],
): void {
  const report = (code: Problem['code'], severity: Problem['severity'], data: ErrorData): void => {
    problems.push({ code, severity, address: null, data: { file, ...data } });
  };
  const found = group.paths.map(({ path }) => (path === null || path === '' ? null : (sizes.get(path) ?? null)));
  group.paths.forEach(({ written, path }, i) => {
    if (path !== null && outside.has(path)) report('unsafe-path', 'error', { shard: written });
    else if (path !== null && found[i] === null)
      report('missing-file', 'error', { shard: written, weight: group.entries[0]?.name ?? '' });
  });
  const bytes = entryBytes(group, found, stringBytes);
  const due = bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const complete = group.measurable && !bytes.includes(null);
  const lengths = shardLengths(found, due);
  const allThere = !found.includes(null);
  const actual = lengths.reduce((sum, size) => sum + size, 0);
  let offset = 0;
  let short: ManifestEntry | null = null;
  group.entries.forEach((entry, i) => {
    const size = bytes[i];
    if (size === null || size === undefined) {
      offset = Number.NaN;
      return;
    }
    if (Number.isNaN(offset)) return;
    if (!short && offset + size > actual) short = entry;
    if (!entry.duplicate) entries.push(weightEntry(entry, size, segments(group, lengths, offset, size)));
    offset += size;
  });
  const cut: ManifestEntry | null = short;
  if (allThere && cut !== null && group.paths.length > 0) {
    const at = shortShard(found);
    const size = found[at] ?? 0;
    report('truncated-weights', 'error', {
      shard: group.paths[at]?.written ?? '',
      weight: (cut as ManifestEntry).name,
      shape: (cut as ManifestEntry).shape,
      expected: due - (actual - size),
      actual: size,
    });
  } else if (allThere && complete && actual > due) {
    report('extra-bytes', 'warning', {
      shard: group.paths.at(-1)?.written ?? '',
      bytes: actual - due,
      expected: due,
      actual,
    });
  }
}

function weightEntry(entry: ManifestEntry, bytes: number, where: Segments): WeightEntry {
  const { name, shape, dtype, quantization } = entry;
  return { name, shape, dtype, quantization, bytes, locator: { kind: 'segments', segments: where } };
}

/** Stored bytes per entry; a single string entry of unknown size gets what the others leave. */
function entryBytes(
  group: ManifestGroup,
  found: (number | null)[],
  stringBytes: ReadonlyMap<string, number>,
): (number | null)[] {
  const bytes = group.entries.map((entry) => entry.bytes ?? stringBytes.get(entry.name) ?? null);
  const unknown = bytes.indexOf(null);
  if (unknown < 0 || unknown !== bytes.lastIndexOf(null) || found.includes(null) || !group.measurable) return bytes;
  const rest =
    found.reduce<number>((sum, size) => sum + (size ?? 0), 0) -
    bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  if (rest >= 0) bytes[unknown] = rest;
  return bytes;
}

/** Lengths of the shards; a single one that is missing must have had what the others lack. */
function shardLengths(found: (number | null)[], due: number): number[] {
  const known = found.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const missing = found.filter((size) => size === null).length;
  const largest = Math.max(0, ...found.map((size) => size ?? 0));
  return found.map((size) => size ?? (missing === 1 ? Math.max(0, due - known) : largest));
}

/** The converter fills every shard but the last to the same size: the first that is smaller is the short one. */
function shortShard(found: (number | null)[]): number {
  const largest = Math.max(...found.map((size) => size ?? 0));
  const at = found.slice(0, -1).findIndex((size) => (size ?? 0) < largest);
  return at < 0 ? found.length - 1 : at;
}

function segments(group: ManifestGroup, lengths: number[], offset: number, size: number): Segments {
  const found: Segments = [];
  let start = 0;
  let [from, left] = [offset, size];
  group.paths.forEach(({ path }, i) => {
    const last = i === group.paths.length - 1;
    const end = start + (lengths[i] ?? 0);
    if (left > 0 && path !== null && (from < end || last)) {
      // what no shard has is said of the last one, so that reading it names the file that is too short
      const length = last ? left : Math.min(left, end - from);
      found.push({ file: path, offset: from - start, length });
      from += length;
      left -= length;
    }
    start = end;
  });
  return found;
}
