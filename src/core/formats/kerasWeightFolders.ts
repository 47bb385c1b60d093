/**
 * Which folder of `model.weights.h5` holds a layer's variables. Keras names folders by class and order, not by layer:
 * `layers/conv2d_1/vars/0`, inside a nested model `layers/functional/layers/conv2d/vars/0`. Keras 3 since 3.1 puts the
 * layer's own name on each folder, which decides; Keras 2.12 calls the list `_layer_checkpoint_dependencies` and counts
 * layers with weights twice.
 */
import type { Layer, LayerGraph } from '../model/layerGraph';
import { snakeCase } from './readModel';

/** A group of the file that holds variables, or groups that do. */
export interface WeightFolder {
  /** From the root, without a leading slash: `layers/conv2d_1`. */
  path: string;
  /** What the file itself says whose variables these are. */
  layer: string | null;
}

const COUNTED_ONCE = 'layers';
const COUNTED_TWICE = '_layer_checkpoint_dependencies';

interface Child extends WeightFolder {
  /** `conv2d_1` is the class `conv2d` with the number 1. */
  own: string;
}

/** Folders of all layers, nested ones too; a layer that the file has no folder for is not in the map. */
export function weightFolders(graph: LayerGraph, folders: readonly WeightFolder[]): Map<Layer, string> {
  const children = new Map<string, Child[]>();
  for (const folder of folders) {
    const at = folder.path.lastIndexOf('/');
    const parent = folder.path.slice(0, Math.max(0, at));
    const child = { ...folder, own: folder.path.slice(at + 1) };
    const known = children.get(parent);
    if (known) known.push(child);
    else children.set(parent, [child]);
  }
  const found = new Map<Layer, string>();
  const pending: { graph: LayerGraph; path: string }[] = [{ graph, path: '' }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const once = children.get(`${next.path}${COUNTED_ONCE}`);
    const places = once
      ? byClassAndNumber(next.graph.layers, once)
      : byClassAndRank(next.graph.layers, children.get(`${next.path}${COUNTED_TWICE}`) ?? []);
    // a model of a class of its own holds layers by its attributes' names, too
    const own = next.graph.kind === 'subclassed' ? (children.get('') ?? []) : [];
    const named = byName(next.graph.layers, [...(once ?? []), ...own]);
    for (const layer of next.graph.layers) {
      const path = named.get(layer) ?? places.get(layer);
      if (path === undefined) continue;
      found.set(layer, path);
      if (layer.graph) pending.push({ graph: layer.graph, path: `${path}/` });
    }
  }
  return found;
}

/** Empty unless every folder says whose it is, and no two say the same. */
function byName(layers: readonly Layer[], children: readonly Child[]): Map<Layer, string> {
  const named = new Map(children.flatMap(({ layer, path }) => (layer === null ? [] : [[layer, path] as const])));
  if (named.size !== children.length) return new Map();
  return new Map(
    layers.flatMap((layer) => {
      const path = layer.isLayer ? named.get(layer.name) : undefined;
      return path === undefined ? [] : [[layer, path] as const];
    }),
  );
}

function byClassAndNumber(layers: readonly Layer[], children: readonly Child[]): Map<Layer, string> {
  const paths = new Map(children.map(({ own, path }) => [own, path]));
  const counts = new Map<string, number>();
  const found = new Map<Layer, string>();
  for (const layer of layers) {
    if (!layer.isLayer) continue;
    const base = classFolder(layer);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    const path = paths.get(count > 0 ? `${base}_${count}` : base);
    if (path !== undefined) found.set(layer, path);
  }
  return found;
}

/** Numbers have gaps, their order is that of the layers. */
function byClassAndRank(layers: readonly Layer[], children: readonly Child[]): Map<Layer, string> {
  const ranked = new Map<string, { number: number; path: string }[]>();
  const classes = new Set(layers.map(classFolder));
  for (const { own, path } of children) {
    const numbered = /^(.*)_(\d+)$/.exec(own);
    const [base, number] = numbered && !classes.has(own) ? [numbered[1] ?? own, Number(numbered[2])] : [own, 0];
    ranked.set(base, [...(ranked.get(base) ?? []), { number, path }]);
  }
  for (const list of ranked.values()) list.sort((a, b) => a.number - b.number);
  const counts = new Map<string, number>();
  const found = new Map<Layer, string>();
  for (const layer of layers) {
    const base = classFolder(layer);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    const path = ranked.get(base)?.[count]?.path;
    if (path !== undefined) found.set(layer, path);
  }
  return found;
}

function classFolder({ className }: Layer): string {
  return snakeCase(className === 'Model' ? 'Functional' : className);
}
