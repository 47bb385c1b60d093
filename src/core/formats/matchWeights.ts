/**
 * Weight entries ↔ the layers' weights. The names in the wild, for layer `conv` inside model `block`:
 * `conv/kernel` (Keras 2, functional models of Keras 3), `block/conv/kernel`, `outer/block/conv/kernel` (Sequentials of
 * Keras 3), `lstm/lstm_cell/kernel` or `lstm/kernel`, a trailing `:0`, and `layers/functional/layers/conv2d_1/vars/0`
 * (from `.keras`: by class and order, whatever the layers are called).
 */
import { formatAddress } from '../model/address';
import type { Layer, LayerGraph, Weight } from '../model/layerGraph';
import type { Problem, WeightEntry } from '../model/modelFile';
import { isLoraFactor } from '../layers/lora';
import { snakeCase } from './readModel';

export interface MatchContext {
  file: string;
  unknownWeights: ReadonlySet<Layer>;
  /** Why there may be no entry for a weight without that being news: `manifest` = the file has none at all. */
  excuse: 'none' | 'manifest' | 'reported';
  /** In `.keras`, where the file says which folder is whose: the only place to look. */
  folderOf: ReadonlyMap<Layer, string> | null;
}

interface Leaf {
  layer: Layer;
  /** Names from the outermost model down to the layer. */
  path: string[];
  /** `layers/functional/layers/conv2d_1`; null for operations. */
  classPath: string | null;
}

/** What stands behind a prefix: entry index and the rest of its name. */
type Group = { entry: number; rest: string }[];

const MAX_PROBLEMS = 50;
/** Longer names are nobody's path. */
const MAX_SEGMENTS = 64;

/** Sets `entry` of every weight that has bytes, and reports what does not fit. */
export function matchWeights(graph: LayerGraph, entries: WeightEntry[], context: MatchContext): Problem[] {
  const groups = groupByPrefix(entries);
  const used = new Set<number>();
  const problems: Problem[] = [];
  const leaves = leavesOf(graph);
  const unknown: Leaf[] = [];
  let missing: { leaf: Leaf; weight: Weight }[] = [];
  const placesOf = (leaf: Leaf): string[] => {
    if (!context.folderOf) return prefixes(leaf, graph.name);
    const folder = context.folderOf.get(leaf.layer);
    leaf.classPath = folder ?? null;
    return folder === undefined ? [] : [folder];
  };
  for (const leaf of leaves) {
    if (context.unknownWeights.has(leaf.layer)) unknown.push(leaf);
    else missing = missing.concat(matchLeaf(leaf, placesOf(leaf), groups, entries, used));
  }
  if (!context.folderOf) missing = missing.filter(({ weight }) => !matchBareName(weight, entries, used));
  missing = missing.filter(({ weight }) => !isLoraFactor(weight.name));
  for (const leaf of unknown) takeAll(leaf, placesOf(leaf), groups, entries, used);
  problems.push(...shapeProblems(leaves, entries, context.file));
  problems.push(...missingProblems(missing, entries, context, leaves));
  const extra = entries.flatMap(({ name }, i) => (used.has(i) || isState(name) ? [] : [name]));
  if (extra.length > 0) {
    const reason = extra.every((name) => /^_?optimizer(_|\/)/.test(name)) ? 'optimizer' : 'other';
    const data = {
      file: context.file,
      reason,
      count: extra.length,
      weight: extra[0] ?? '',
      weights: extra.slice(0, 5),
    };
    problems.push({ code: 'extra-weight', severity: 'warning', address: null, data });
  }
  return problems;
}

/**
 * A random generator's state is no parameter, and nothing that inference needs. Frequencies of words are no variables of
 * a layer either: they go with its vocabulary.
 */
function isState(name: string): boolean {
  return /(^|\/)(seed_generator(_\d+)?(\/|$)|vars\/idf_weights$)/.test(name);
}

/** Layers without a graph of their own, in model order, with the paths by which files may name them. */
function leavesOf(root: LayerGraph): Leaf[] {
  const leaves: Leaf[] = [];
  const pending: { graph: LayerGraph; path: string[]; classPath: string; at: number; counts: Map<string, number> }[] =
    [];
  pending.push({ graph: root, path: [], classPath: '', at: 0, counts: new Map() });
  for (let frame = pending.at(-1); frame; frame = pending.at(-1)) {
    const layer = frame.graph.layers[frame.at];
    frame.at += 1;
    if (!layer) {
      pending.pop();
      continue;
    }
    const path = [...frame.path, layer.name];
    let classPath: string | null = null;
    if (layer.isLayer) {
      const base = snakeCase(layer.className === 'Model' ? 'Functional' : layer.className);
      const count = frame.counts.get(base) ?? 0;
      frame.counts.set(base, count + 1);
      classPath = `${frame.classPath}layers/${base}${count > 0 ? `_${count}` : ''}`;
    }
    if (layer.graph)
      pending.push({ graph: layer.graph, path, classPath: `${classPath ?? ''}/`, at: 0, counts: new Map() });
    else leaves.push({ layer, path, classPath });
  }
  return leaves;
}

function groupByPrefix(entries: WeightEntry[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  entries.forEach(({ name }, entry) => {
    const plain = name.replace(/:0$/, '');
    let segments = 0;
    for (let at = plain.indexOf('/'); at >= 0 && segments < MAX_SEGMENTS; at = plain.indexOf('/', at + 1)) {
      segments += 1;
      const prefix = plain.slice(0, at);
      const group = groups.get(prefix);
      const item = { entry, rest: plain.slice(at + 1) };
      if (group) group.push(item);
      else groups.set(prefix, [item]);
    }
  });
  return groups;
}

/** Prefixes by which a file may name the layer, the most telling first. */
function prefixes({ path, classPath }: Leaf, model: string): string[] {
  const found = [path.join('/'), [model, ...path].join('/')];
  for (let i = 1; i < path.length; i += 1) found.push(path.slice(i).join('/'));
  const own = path.at(-1) ?? '';
  // Keras 3 puts the name of the outermost model before a layer's own, or the layer's own before it a second time
  found.push(`${model}/${own}`, `${own}/${own}`);
  if (classPath !== null) found.push(classPath);
  return [...new Set(found)];
}

/** @returns the weights that no entry was found for. */
function matchLeaf(
  leaf: Leaf,
  places: readonly string[],
  groups: Map<string, Group>,
  entries: WeightEntry[],
  used: Set<number>,
): { leaf: Leaf; weight: Weight }[] {
  const { weights } = leaf.layer;
  if (weights.length === 0) return [];
  let best: { found: (number | null)[]; score: number } | null = null;
  for (const prefix of places) {
    const group = groups.get(prefix);
    if (!group) continue;
    const found =
      prefix === leaf.classPath ? pairByOrder(weights, group, entries) : pairByName(weights, group, entries);
    const named = found.filter((entry) => entry !== null).length;
    const fitting = found.filter((entry, i) => entry !== null && sameShape(weights[i], entries[entry])).length;
    const score = named + fitting;
    if (named > 0 && (!best || score > best.score)) best = { found, score };
    if (best?.score === weights.length * 2) break;
  }
  const missing: { leaf: Leaf; weight: Weight }[] = [];
  weights.forEach((weight, i) => {
    const entry = best?.found[i] ?? null;
    weight.entry = entry;
    if (entry === null) missing.push({ leaf, weight });
    else used.add(entry);
  });
  return missing;
}

/** Keras 2 writes the variables of Normalization without any prefix: `mean`, `variance`, `count`. */
function matchBareName(weight: Weight, entries: WeightEntry[], used: Set<number>): boolean {
  const at = entries.findIndex(
    (entry, i) => !used.has(i) && entry.name.replace(/:0$/, '') === weight.name && sameShape(weight, entry),
  );
  if (at < 0) return false;
  weight.entry = at;
  used.add(at);
  return true;
}

function sameShape(weight: Weight | undefined, entry: WeightEntry | undefined): boolean {
  return weight !== undefined && entry !== undefined && weight.shape.join() === entry.shape.join();
}

/** By the whole rest of the name, then by its last part in order, where shapes agree. */
function pairByName(weights: Weight[], group: Group, entries: WeightEntry[]): (number | null)[] {
  const taken = new Set<number>();
  const exact = new Map(group.map(({ entry, rest }) => [rest, entry]));
  const found = weights.map(({ name }) => {
    const entry = exact.get(name) ?? null;
    if (entry !== null) taken.add(entry);
    return entry;
  });
  const fill = (fits: (weight: Weight, rest: string) => boolean): void => {
    weights.forEach((weight, i) => {
      if (found[i] !== null) return;
      const next = group.find(
        ({ entry, rest }) => !taken.has(entry) && fits(weight, rest) && sameShape(weight, entries[entry]),
      );
      if (!next) return;
      taken.add(next.entry);
      found[i] = next.entry;
    });
  };
  fill((weight, rest) => overlap(weight.name, rest) > 1 && lastPart(weight.name) === lastPart(rest));
  fill((weight, rest) => lastPart(weight.name) === lastPart(rest));
  // `moving_mean` and `moving_variance`, `running_mean`: only of the same kind, so never by shape alone
  fill((weight, rest) => kindOf(weight.name) === kindOf(rest));
  return found;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** `depthwise_kernel` (Keras 2) and `kernel` (Keras 3) are one. */
function kindOf(name: string): string {
  return lastPart(name)
    .replace(/^(depthwise|pointwise|recurrent)_/, '')
    .replace(/_\d+$/, '');
}

/** How many words two paths share. */
function overlap(a: string, b: string): number {
  const words = new Set(a.split(/[/_]/));
  return new Set(b.split(/[/_]/).filter((word) => words.has(word))).size;
}

/** `vars/0`, `vars/1` …: by number inside each directory; directories by the words they share, else in order. */
function pairByOrder(weights: Weight[], group: Group, entries: WeightEntry[]): (number | null)[] {
  const directories = new Map<string, Map<number, number>>();
  for (const { entry, rest } of group) {
    const parts = /^(?:(.*)\/)?vars\/(\d+)$/.exec(rest);
    if (!parts || isState(rest)) continue;
    const directory = parts[1] ?? '';
    const numbered = directories.get(directory) ?? new Map<number, number>();
    directories.set(directory, numbered);
    numbered.set(Number(parts[2]), entry);
  }
  const wanted = new Map<string, number[]>();
  weights.forEach(({ name }, i) => {
    const directory = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '';
    wanted.set(directory, [...(wanted.get(directory) ?? []), i]);
  });
  const found: (number | null)[] = weights.map(() => null);
  const pairs = [...wanted].flatMap(([directory, positions]) =>
    [...directories].map(([candidate, numbered]) => {
      const fitting = positions.filter((position, i) => {
        const entry = numbered.get(i);
        return entry !== undefined && sameShape(weights[position], entries[entry]);
      }).length;
      return { directory, positions, candidate, numbered, score: fitting * 100 + overlap(directory, candidate) };
    }),
  );
  pairs.sort((a, b) => b.score - a.score);
  const done = new Set<string>();
  const taken = new Set<string>();
  for (const { directory, positions, candidate, numbered } of pairs) {
    if (done.has(directory) || taken.has(candidate)) continue;
    done.add(directory);
    taken.add(candidate);
    const own = positions.map((position) => weights[position]);
    inOrder(own, numbered, entries).forEach((entry, i) => {
      const position = positions[i];
      if (position !== undefined) found[position] = entry;
    });
  }
  return found;
}

/** One after the other; where shapes say that a layer saves in another order than it has (quantized ones), by these. */
function inOrder(
  weights: (Weight | undefined)[],
  numbered: ReadonlyMap<number, number>,
  entries: WeightEntry[],
): (number | null)[] {
  const plain = weights.map((_, i) => numbered.get(i) ?? null);
  const fits = (weight: Weight | undefined, entry: number | null): boolean =>
    entry !== null && sameShape(weight, entries[entry]);
  if (weights.every((weight, i) => fits(weight, plain[i] ?? null))) return plain;
  const left = [...numbered].sort(([a], [b]) => a - b).map(([, entry]) => entry);
  const found = weights.map((weight): number | null => {
    const at = left.findIndex((entry) => fits(weight, entry));
    return at < 0 ? null : (left.splice(at, 1)[0] ?? null);
  });
  // what fits nowhere is shown as what stands in its place
  return found.map((entry) => entry ?? left.shift() ?? null);
}

/** A layer of an unknown class has whatever stands under its name. */
function takeAll(
  leaf: Leaf,
  places: readonly string[],
  groups: Map<string, Group>,
  entries: WeightEntry[],
  used: Set<number>,
): void {
  for (const prefix of places) {
    const group = (groups.get(prefix) ?? []).filter(({ entry, rest }) => !used.has(entry) && !isState(rest));
    if (group.length === 0) continue;
    leaf.layer.weights = group.map(({ entry, rest }): Weight => {
      used.add(entry);
      const { shape, dtype } = entries[entry] ?? { shape: [], dtype: 'float32' };
      return { name: rest, shape, dtype, trainable: !/(^|\/)(moving|running)_/.test(rest), entry };
    });
    return;
  }
}

function shapeProblems(leaves: Leaf[], entries: WeightEntry[], file: string): Problem[] {
  const problems: Problem[] = [];
  for (const { layer, path } of leaves) {
    const address = formatAddress(path.map((name) => ({ name, call: 0 })));
    for (const weight of layer.weights) {
      const entry = weight.entry === null ? undefined : entries[weight.entry];
      if (!entry || sameShape(weight, entry) || problems.length >= MAX_PROBLEMS) continue;
      const name = weightName(path, weight);
      const data = {
        file,
        reason: 'weight',
        layer: address,
        weight: name,
        expected: [...weight.shape],
        actual: entry.shape,
        entry: entry.name,
      };
      problems.push({ code: 'shape-mismatch', severity: 'error', address, data });
    }
  }
  return problems;
}

function weightName(path: string[], weight: Weight): string {
  return `${path.join('/')}/${weight.name}`;
}

function missingProblems(
  missing: { leaf: Leaf; weight: Weight }[],
  entries: WeightEntry[],
  context: MatchContext,
  leaves: Leaf[],
): Problem[] {
  const [first] = missing;
  if (!first || context.excuse === 'reported') return [];
  const all = leaves.reduce((sum, { layer }) => sum + layer.weights.length, 0);
  const address = ({ path }: Leaf): string => formatAddress(path.map((name) => ({ name, call: 0 })));
  const weight = weightName(first.leaf.path, first.weight);
  if (context.excuse === 'manifest' || (entries.length === 0 && missing.length === all)) {
    const data = { file: context.file, reason: 'manifest', weight, count: missing.length };
    return [{ code: 'missing-weight', severity: 'warning', address: null, data }];
  }
  return missing.slice(0, MAX_PROBLEMS).map(({ leaf, weight: lacking }) => ({
    code: 'missing-weight',
    severity: 'error',
    address: address(leaf),
    data: {
      file: context.file,
      reason: 'weight',
      layer: address(leaf),
      weight: weightName(leaf.path, lacking),
      shape: [...lacking.shape],
      count: missing.length,
    },
  }));
}
