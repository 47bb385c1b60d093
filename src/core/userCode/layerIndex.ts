/** The layers of a model as programs name them: by name, and by the index that TF.js or Keras gives them. */
import { nearest } from '../model/editDistance';
import type { InspectDocument, InspectLayer } from '../model/inspectDocument';
import type { Shape } from '../model/layerGraph';
import type { LayerStep } from './values';

export type Counting = 'keras' | 'tfjs';

export interface IndexedLayer {
  name: string;
  className: string;
  /** In the whole model. */
  address: string;
  /** Of the outputs of its first call. */
  shapes: (Shape | null)[];
  params: number;
  trainable: boolean;
  isLayer: boolean;
  index: { keras: number | null; tfjs: number | null };
  /** Of a nested model; null for any other layer. */
  inside: LayerList | null;
}

export interface LayerList {
  /** In model order, as `model.layers` of each API lists them. */
  listed: Record<Counting, IndexedLayer[]>;
  /** Also of what neither API lists: operations. */
  byName: ReadonlyMap<string, IndexedLayer>;
}

export type Found =
  | { kind: 'layer'; layer: IndexedLayer }
  /** No layer of that name, in a list in which all names are known. */
  | {
      kind: 'unknown-layer';
      name: string;
      list: LayerList;
      within: IndexedLayer | null;
      elsewhere: IndexedLayer | null;
    }
  | { kind: 'out-of-range'; index: number; list: LayerList; within: IndexedLayer | null }
  /** Nothing can be said: the model's layers are not known, or the way to them is wrong already. */
  | { kind: 'unclear' };

/** Null for models whose layers no API lists: graph-models and subclassed ones. */
export function layerIndex(document: InspectDocument): LayerList | null {
  if (document.kind === 'graph' || document.kind === 'subclassed') return null;
  const rows = new Map<string | null, InspectLayer[]>();
  for (const row of document.layers) {
    const siblings = rows.get(row.parent);
    if (siblings) siblings.push(row);
    else rows.set(row.parent, [row]);
  }
  // rows of a nested model stand below its own: from the last on, what is inside is there before what holds it
  const indexed = new Map<string, IndexedLayer>();
  for (const row of [...document.layers].reverse()) {
    const inside = rows.has(row.address) ? listOf(rows.get(row.address) ?? [], indexed) : null;
    indexed.set(row.address, layerOf(row, inside));
  }
  return listOf(rows.get(null) ?? [], indexed);
}

function layerOf(row: InspectLayer, inside: LayerList | null): IndexedLayer {
  const { name, address, index, params, trainable, isLayer } = row;
  const shapes = row.calls[0]?.outputs.map(({ shape }) => shape) ?? [];
  return { name, className: row.class, address, shapes, params: params.total, trainable, isLayer, index, inside };
}

function listOf(rows: readonly InspectLayer[], indexed: ReadonlyMap<string, IndexedLayer>): LayerList | null {
  const layers = rows.flatMap(({ address }) => indexed.get(address) ?? []);
  const listed = (counting: Counting): IndexedLayer[] =>
    layers
      .filter(({ index }) => index[counting] !== null)
      .sort((a, b) => (a.index[counting] ?? 0) - (b.index[counting] ?? 0));
  const list = { keras: listed('keras'), tfjs: listed('tfjs') };
  if (list.keras.length === 0 && list.tfjs.length === 0) return null;
  const byName = new Map<string, IndexedLayer>();
  for (const layer of layers) if (!byName.has(layer.name)) byName.set(layer.name, layer);
  return { listed: list, byName };
}

/** Follows the steps from a model; the list in which the last one looks. */
export function listAt(list: LayerList, steps: readonly LayerStep[], counting: Counting): LayerList | null {
  if (steps.length === 0) return list;
  const found = findLayer(list, steps, counting);
  return found.kind === 'layer' ? found.layer.inside : null;
}

/** What the last step names. */
export function findLayer(list: LayerList, steps: readonly LayerStep[], counting: Counting): Found {
  let at: LayerList | null = list;
  let within: IndexedLayer | null = null;
  for (const [i, step] of steps.entries()) {
    if (!at || at.listed[counting].length === 0) return { kind: 'unclear' };
    const found: Found = findIn(at, step, counting, within);
    if (i === steps.length - 1) return found;
    if (found.kind !== 'layer') return { kind: 'unclear' };
    within = found.layer;
    at = within.inside;
  }
  return { kind: 'unclear' };
}

function findIn(list: LayerList, step: LayerStep, counting: Counting, within: IndexedLayer | null): Found {
  if (step.by === 'index') {
    const layers = list.listed[counting];
    const layer = step.index < 0 && !step.fromEnd ? undefined : layers.at(step.index);
    return layer ? { kind: 'layer', layer } : { kind: 'out-of-range', index: step.index, list, within };
  }
  const layer = list.byName.get(step.name);
  // Keras leaves the InputLayer out of Sequential.layers
  if (layer && layer.index[counting] !== null) return { kind: 'layer', layer };
  // an operation: whether it is a layer depends on the version that loads it
  if (layer && !layer.isLayer) return { kind: 'unclear' };
  return { kind: 'unknown-layer', name: step.name, list, within, elsewhere: layer ?? inNested(list, step.name) };
}

/** A layer of that name in a model that is nested in these, by breadth. */
function inNested(list: LayerList, name: string): IndexedLayer | null {
  const pending = [list];
  for (const { byName } of pending) {
    for (const { inside } of byName.values()) {
      const found = inside?.byName.get(name);
      if (found) return found;
      if (inside) pending.push(inside);
    }
  }
  return null;
}

const suggested = new WeakMap<LayerList, Map<string, string[]>>();

/** The nearest names, best first; remembered, because each asks all names of the model. */
export function nearestNames(list: LayerList, name: string, counting: Counting): string[] {
  const known = suggested.get(list) ?? new Map<string, string[]>();
  suggested.set(list, known);
  let names = known.get(name);
  if (!names) {
    names = nearest(
      name,
      list.listed[counting].map((layer) => layer.name),
      3,
    );
    if (known.size > 200) known.clear();
    known.set(name, names);
  }
  return names;
}
