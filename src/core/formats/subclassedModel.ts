/**
 * A model that is a Python class of its own: the file holds the layers that its configuration names, and weights of
 * others, but not how they are called. What can be shown is shown; nothing of it can be run or cut.
 */
import type { Layer, LayerGraph } from '../model/layerGraph';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import { field, objectField, textField } from './jsonField';
import type { WeightFolder } from './kerasWeightFolders';

const MODEL_CLASSES = new Set(['Sequential', 'Functional', 'Model']);

/** Whether `{class_name, config}` is such a model: a configuration without layers, of a class that has none of its own. */
export function isSubclassed(entry: JsonObject): boolean {
  const config = objectField(entry, 'config');
  const className = textField(entry, 'class_name');
  return className !== null && !MODEL_CLASSES.has(className) && config !== null && !Object.hasOwn(config, 'layers');
}

/** Layers and models that stand in the configuration, at its top or in a list. */
export function layersInConfig(config: JsonObject): JsonObject[] {
  const values = Object.values(config).flatMap((value): JsonValue[] => (Array.isArray(value) ? value : [value]));
  return values.filter((value): value is JsonObject => isJsonObject(value) && isLayerEntry(value));
}

function isLayerEntry(entry: JsonObject): boolean {
  const config = objectField(entry, 'config');
  if (config === null || textField(config, 'name') === null) return false;
  const isModel = Array.isArray(field(config, 'layers'));
  // a dtype policy has a name as well
  return (
    isModel || Object.hasOwn(entry, 'build_config') || /^keras(\.src)?\.layers\b/.test(textField(entry, 'module') ?? '')
  );
}

/** Layers that only their weights tell of: their names are known, their classes are not. */
export function addLayersByWeights(graph: LayerGraph, folders: readonly WeightFolder[]): void {
  const known = new Set(graph.layers.map(({ name }) => name));
  for (const { path, layer } of folders) {
    const name = layer ?? path;
    const isTop = !path.includes('/') || /^layers\/[^/]+$/.test(path);
    if (!isTop || known.has(name)) continue;
    known.add(name);
    graph.layers.push(unknownLayer(name));
  }
}

function unknownLayer(name: string): Layer {
  return {
    name,
    className: 'Layer',
    module: null,
    isLayer: true,
    config: { name },
    trainable: true,
    calls: [],
    weights: [],
    graph: null,
    index: { keras: null, tfjs: null },
  };
}
