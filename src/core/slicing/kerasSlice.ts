/** A slice as Keras saves it: `.keras`, or its older HDF5. */
import { SlicerError } from '../errors';
import type { Weight } from '../model/layerGraph';
import type { ModelFile, WeightEntry } from '../model/modelFile';
import { isKeras3Layer } from '../layers/keras3Vocabulary';
import { isLoraFactor } from '../layers/lora';
import { folderName, kerasCopies, kerasVariables, numberedFolder } from './kerasVariables';
import type { KerasGroup, SliceFormat, SliceWeight } from './slice';
import type { Lack } from './topologyDialect';
import type { WrittenLayer } from './writeTopology';

/** The Keras whose files these are like, where the source is of an older one. */
const KERAS_3 = '3.15.0';
const KERAS_2 = '2.15.0';

/** Version that the file says it was written by; readers go by its first number. */
export function kerasVersion({ producer }: ModelFile, style: 2 | 3): string {
  const own = producer.keras;
  if (own !== null && (Number.parseInt(own, 10) >= 3 ? 3 : 2) === style && /^\d+\.\d/.test(own)) return own;
  return style === 3 ? KERAS_3 : KERAS_2;
}

/** The weights of each layer of the outermost model, nested models' with them, as Keras's older HDF5 has them. */
export function groupsByName(layers: readonly WrittenLayer[]): { groups: KerasGroup[]; lacks: Lack[] } {
  const lacks: Lack[] = [];
  const groups = layers
    .filter(({ layer }) => layer.isLayer)
    .map((top): KerasGroup => {
      const leaves = leavesOf(top);
      const taken = new Set<string>();
      const all = leaves.flatMap(({ written, path }) =>
        orderKnown(written, lacks).map((weight) => ({
          weight,
          path,
          trains: written.trainable && (weight.trainable || isMerged(written)),
        })),
      );
      // Keras takes the trainable ones of the whole layer first
      const ordered = [...all.filter(({ trains }) => trains), ...all.filter(({ trains }) => !trains)];
      const weights = ordered.flatMap(({ weight, path }): SliceWeight[] => {
        if (weight.entry === null) return [];
        return [{ name: free([...path, weight.name].join('/'), taken), entry: weight.entry }];
      });
      return { path: top.name, layer: top.name, weights };
    });
  return { groups, lacks };
}

/** Without its LoRA factors, which are in its kernel, a layer trains all that it has. */
function isMerged({ layer }: WrittenLayer): boolean {
  return layer.weights.some(({ name, entry }) => entry === null && isLoraFactor(name));
}

/** A layer of somebody's own class has its weights in the order of the file that they come from, if that tells it. */
function orderKnown({ layer, className, address }: WrittenLayer, lacks: Lack[]): Weight[] {
  const { weights } = layer;
  const isOwn = !isKeras3Layer(className) && weights.length > 1;
  if (isOwn && weights.some(({ name }) => /(^|\/)vars\/\d+$/.test(name) && name.split('/').length > 2))
    lacks.push({ address, reason: `nothing says in which order ${className} has its weights` });
  return weights;
}

/** A dataset cannot have the name of another one, nor of a group. */
function free(name: string, taken: Set<string>): string {
  let found = name;
  for (let i = 1; taken.has(found); i += 1) found = `${name}_${i}`;
  taken.add(found);
  return found;
}

function leavesOf(top: WrittenLayer): { written: WrittenLayer; path: string[] }[] {
  const leaves: { written: WrittenLayer; path: string[] }[] = [];
  const open: { written: WrittenLayer; path: string[] }[] = [{ written: top, path: [top.name] }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { written, path } = next;
    if (!written.layers) leaves.push(next);
    else open.push(...[...written.layers].reverse().map((item) => ({ written: item, path: [...path, item.name] })));
  }
  // within a nested model the group says the first name
  return leaves.map(({ written, path }) => ({ written, path: path.length > 1 ? path.slice(1) : path }));
}

/** Folders as Keras 3 has them, for every layer with or without weights. */
export function groupsByFolder(
  layers: readonly WrittenLayer[],
  model: ModelFile,
): { groups: KerasGroup[]; lacks: Lack[] } {
  const groups: KerasGroup[] = [];
  const lacks: Lack[] = [];
  const open: { list: readonly WrittenLayer[]; folder: string }[] = [{ list: layers, folder: '' }];
  for (let next = open.pop(); next; next = open.pop()) {
    const counts = new Map<string, number>();
    for (const written of next.list) {
      const { layer, className, name, address } = written;
      if (!layer.isLayer) continue;
      const folder = `${next.folder}layers/${numberedFolder(folderName(className), counts)}`;
      if (written.layers) {
        groups.push({ path: folder, layer: name, weights: [] });
        open.push({ list: written.layers, folder: `${folder}/` });
        continue;
      }
      const weights = layer.weights.filter(({ entry }) => entry !== null);
      const places = placesOf(written, weights, model.weightEntries);
      if (!places) {
        lacks.push({ address, reason: `nothing says where ${className} keeps its variables in a .keras file` });
        continue;
      }
      const copies = kerasCopies(
        className,
        weights.map((weight) => weight.name),
      );
      const all = [
        ...weights.map((weight, i) => ({ entry: weight.entry, place: places[i] ?? '' })),
        ...copies.map(({ index, path }) => ({ entry: weights[index]?.entry ?? null, place: path })),
      ];
      groups.push(...grouped(folder, name, all));
    }
  }
  return { groups, lacks };
}

/** By the layer's class; of somebody's own class, where the source has them. */
function placesOf(
  { className, config }: WrittenLayer,
  weights: readonly Weight[],
  entries: readonly WeightEntry[],
): string[] | null {
  const names = weights.map(({ name }) => name);
  if (isKeras3Layer(className)) {
    const derived = kerasVariables(className, config, names);
    if (derived) return derived;
  }
  const inFile = weights.map(({ entry }) => ownPath(entry === null ? null : (entries[entry]?.name ?? null)));
  const known = inFile.filter((path) => path !== null);
  if (known.length === names.length) return known;
  return isKeras3Layer(className) ? null : kerasVariables(className, config, names);
}

/** `layers/functional/layers/my_layer/dense/vars/0` → `dense/vars/0`. */
function ownPath(name: string | null): string | null {
  const found = name === null ? null : /^(?:layers\/[^/]+\/)+((?:[^/]+\/)*vars\/\d+)$/.exec(name);
  return found?.[1] ?? null;
}

function grouped(
  folder: string,
  layer: string,
  weights: readonly { entry: number | null; place: string }[],
): KerasGroup[] {
  const groups = new Map<string, KerasGroup>([[folder, { path: folder, layer, weights: [] }]]);
  for (const { entry, place } of weights) {
    if (entry === null) continue;
    const at = place.lastIndexOf('vars/');
    const path = at > 0 ? `${folder}/${place.slice(0, at - 1)}` : folder;
    const group = groups.get(path) ?? { path, layer: path.slice(path.lastIndexOf('/') + 1), weights: [] };
    groups.set(path, group);
    group.weights.push({ name: place.slice(at), entry });
  }
  return [...groups.values()];
}

/** What becomes of weights that the source stores in fewer bits. */
export function quantizedNote(weights: readonly SliceWeight[], { file, weightEntries }: ModelFile): string | null {
  const packed = weights.flatMap(({ entry }) => weightEntries[entry]?.quantization ?? []);
  const [first] = packed;
  if (!first) return null;
  const count = packed.length === 1 ? 'One weight' : `${packed.length} weights`;
  const what = first.dtype === 'float16' ? 'stored as float16' : `quantized to ${first.dtype}`;
  return `${count} of ${file}, ${what}, become float32 with the values that they are read as.`;
}

/** @throws SlicerError `not-exportable`: a graph of operations has no layers. */
export function refuseGraph(file: string, format: SliceFormat): never {
  const why = 'a graph-model has no layers, and Keras no form for its operations';
  throw new SlicerError('not-exportable', { reason: 'format', file, format, why });
}

/** @throws SlicerError `not-exportable`. */
export function refuseLayers(file: string): never {
  const why = 'layers are not turned into operations of TensorFlow';
  throw new SlicerError('not-exportable', { reason: 'format', file, format: 'graph-model', why });
}
