/**
 * Where Keras 3 keeps a layer's variables in `model.weights.h5`, below the layer's own folder: `vars/0`, `cell/vars/1`,
 * `query_dense/vars/0`. Folders are the attributes that hold layers (`_walk_saveable` in Keras 3's `saving_lib.py`).
 */
import { dtypePolicy } from '../layers/dtypes';
import { isKeras3Layer, ownClassName } from '../layers/keras3Vocabulary';
import { snakeCase } from '../formats/readModel';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json';

/** Layers that keep their variables in a cell. */
const IN_CELL = new Set(['ConvLSTM1D', 'ConvLSTM2D', 'ConvLSTM3D', 'GRU', 'LSTM', 'SimpleRNN']);
const CELLS = new Set(['GRUCell', 'LSTMCell', 'SimpleRNNCell']);
const ATTENTION = new Set(['GroupQueryAttention', 'GroupedQueryAttention', 'MultiHeadAttention']);
const PROJECTIONS: ReadonlyMap<string, string> = new Map([
  ['query', 'query_dense'],
  ['key', 'key_dense'],
  ['value', 'value_dense'],
  ['gate', 'gate_dense'],
  ['attention_output', 'output_dense'],
]);
const DEEPEST = 16;

/**
 * @param names of the layer's weights in the order of `layer.weights`.
 * @returns one path for each; null where nothing says it (classes that are not Keras's own, with layers inside).
 */
export function kerasVariables(className: string, config: JsonObject, names: readonly string[]): string[] | null {
  return variables(className, config, names, 0);
}

function variables(className: string, config: JsonObject, names: readonly string[], depth: number): string[] | null {
  if (names.length === 0) return [];
  // a quantized layer saves its variables in an order of its own
  if (names.length > 1 && dtypePolicy(config).quantization !== null) return null;
  if (depth > DEEPEST) return null;
  const inside = (folder: string, paths: string[] | null): string[] | null =>
    paths?.map((path) => `${folder}/${path}`) ?? null;
  if (IN_CELL.has(className)) return inside('cell', numbered(names));
  if (className === 'RNN') return inside('cell', cell(config.cell, names, depth));
  if (className === 'StackedRNNCells') return inside('cells', cells(config.cells, names, depth));
  if (className === 'Bidirectional') {
    const forward = names.filter((name) => name.startsWith('forward_')).length;
    const half = forward > 0 && forward < names.length ? forward : names.length / 2;
    const backward = config.backward_layer ?? config.layer;
    const parts = [
      inside('forward_layer', entry(config.layer, names.slice(0, half), depth)),
      inside('backward_layer', entry(backward, names.slice(half), depth)),
    ];
    return parts.some((part) => part === null) ? null : parts.flatMap((part) => part ?? []);
  }
  if (className === 'TimeDistributed') return inside('layer', entry(config.layer, names, depth));
  if (className === 'SpectralNormalization') {
    const wrapped = inside(
      'layer',
      entry(
        config.layer,
        names.filter((name) => name !== 'vector_u'),
        depth,
      ),
    );
    return wrapped && names.map((name) => (name === 'vector_u' ? 'vars/1' : (wrapped.shift() ?? '')));
  }
  if (ATTENTION.has(className)) return projections(names, className === 'MultiHeadAttention' ? '' : '_');
  if (isKeras3Layer(className) || CELLS.has(className)) return numbered(names);
  // of somebody's own class only what it holds itself can be told
  return names.every((name) => !name.includes('/')) ? numbered(names) : null;
}

/**
 * Variables that Keras saves a second time, because two objects hold them, and wants back in both places.
 * @returns the index of the weight, and the other place.
 */
export function kerasCopies(className: string, names: readonly string[]): { index: number; path: string }[] {
  const index = className === 'SpectralNormalization' ? names.findIndex((name) => name !== 'vector_u') : -1;
  return index < 0 ? [] : [{ index, path: 'vars/0' }];
}

function numbered(names: readonly string[]): string[] {
  return names.map((_, i) => `vars/${i}`);
}

function entry(value: JsonValue | undefined, names: readonly string[], depth: number): string[] | null {
  if (!isJsonObject(value) || typeof value.class_name !== 'string' || !isJsonObject(value.config)) return null;
  if (Array.isArray(value.config.layers)) return null;
  return variables(value.class_name, value.config, names, depth + 1);
}

function cell(value: JsonValue | undefined, names: readonly string[], depth: number): string[] | null {
  if (Array.isArray(value)) return cells(value, names, depth);
  return entry(value, names, depth);
}

/** Cells of an RNN, one after the other. */
function cells(list: JsonValue | undefined, names: readonly string[], depth: number): string[] | null {
  if (!Array.isArray(list)) return null;
  const counts = new Map<string, number>();
  const paths: string[] = [];
  for (const item of list) {
    if (!isJsonObject(item) || typeof item.class_name !== 'string' || !isJsonObject(item.config)) return null;
    if (!CELLS.has(item.class_name)) return null;
    const size = item.config.use_bias === false ? 2 : 3;
    const own = entry(item, names.slice(paths.length, paths.length + size), depth);
    if (!own || own.length !== size) return null;
    const folder = numberedFolder(folderName(item.class_name), counts);
    paths.push(...own.map((path) => `${folder}/${path}`));
  }
  return paths.length === names.length ? paths : null;
}

/** @param prefix of the attributes: one class hands them out under other names than it keeps them. */
function projections(names: readonly string[], prefix: string): string[] | null {
  const counts = new Map<string, number>();
  const paths = names.map((name) => {
    const folder = PROJECTIONS.get(name.slice(0, Math.max(0, name.indexOf('/'))));
    if (folder === undefined) return null;
    const number = counts.get(folder) ?? 0;
    counts.set(folder, number + 1);
    return `${prefix}${folder}/vars/${number}`;
  });
  const known = paths.filter((path) => path !== null);
  return known.length === names.length ? known : null;
}

/** The folder of the next object of a class, in a list of objects. */
export function numberedFolder(base: string, counts: Map<string, number>): string {
  const count = counts.get(base) ?? 0;
  counts.set(base, count + 1);
  return count > 0 ? `${base}_${count}` : base;
}

/** `Conv2D` → `conv2d`. */
export function folderName(className: string): string {
  return snakeCase(ownClassName(className === 'Model' ? 'Functional' : className));
}
