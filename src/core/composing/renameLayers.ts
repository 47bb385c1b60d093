/** Layers of a model under other names, so that the weights of two models can stand in one file. */
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json';

interface ModelConfig {
  config: JsonObject;
  layers: JsonObject[];
}

/** The names of all layers in a model's config that are no models, at any depth. */
export function leafNames(model: JsonObject): string[] {
  const names: string[] = [];
  for (const { layers } of modelsIn(model))
    for (const layer of layers) if (!asModel(layer) && layer.class_name !== 'InputLayer') names.push(nameOf(layer));
  return names;
}

export interface Renamed {
  model: JsonObject;
  /** From the old name of a weight to the new one. */
  weightName: (name: string) => string;
  renamed: { from: string; to: string }[];
}

/**
 * @param isTaken whether another layer of the file has the name.
 * @param free gives a name that nobody has.
 */
export function renameClashes(
  model: JsonObject,
  isTaken: (name: string) => boolean,
  free: (wanted: string) => string,
): Renamed {
  const clashing = new Map<string, string>();
  for (const name of leafNames(model)) if (isTaken(name) && !clashing.has(name)) clashing.set(name, free(name));
  if (clashing.size === 0) return { model, weightName: (name) => name, renamed: [] };
  const copy = JSON.parse(JSON.stringify(model)) as JsonObject;
  // each model's own names: the same name may be a model's in one and a layer's in another
  for (const { config, layers } of modelsIn(copy)) {
    const here = new Map<string, string>();
    for (const layer of layers) {
      const to = asModel(layer) || layer.class_name === 'InputLayer' ? undefined : clashing.get(nameOf(layer));
      if (to === undefined) continue;
      here.set(nameOf(layer), to);
      setName(layer, to);
    }
    if (here.size === 0) continue;
    for (const layer of layers) renameNodes(layer.inbound_nodes, here);
    renameRefs(config.input_layers, here);
    renameRefs(config.output_layers, here);
  }
  return {
    model: copy,
    weightName: (name) => renamedWeight(name, clashing),
    renamed: [...clashing].map(([from, to]) => ({ from, to })),
  };
}

/** A layer's name may hold slashes: the longest that fits is meant. */
function renamedWeight(name: string, clashing: ReadonlyMap<string, string>): string {
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
    const to = clashing.get(name.slice(0, at));
    if (to !== undefined) return `${to}${name.slice(at)}`;
  }
  return name;
}

/** The model itself and every model in it. */
function modelsIn(model: JsonObject): ModelConfig[] {
  const found: ModelConfig[] = [];
  const open: JsonObject[] = [model];
  for (let item = open.pop(); item; item = open.pop()) {
    const inner = asModel(item);
    if (!inner) continue;
    found.push(inner);
    open.push(...inner.layers);
  }
  return found;
}

function asModel({ config }: JsonObject): ModelConfig | null {
  if (!isJsonObject(config) || !Array.isArray(config.layers)) return null;
  return { config, layers: config.layers.filter(isJsonObject) };
}

function nameOf({ name, config }: JsonObject): string {
  const own = isJsonObject(config) ? config.name : undefined;
  return typeof own === 'string' ? own : typeof name === 'string' ? name : '';
}

function setName(layer: JsonObject, name: string): void {
  if (typeof layer.name === 'string') layer.name = name;
  if (isJsonObject(layer.config)) layer.config.name = name;
}

/** `[[[name, node, tensor, keywords], …], …]`, as slices are written. */
function renameNodes(nodes: JsonValue | undefined, names: ReadonlyMap<string, string>): void {
  if (!Array.isArray(nodes)) return;
  for (const node of nodes) renameRefs(node, names);
}

function renameRefs(refs: JsonValue | undefined, names: ReadonlyMap<string, string>): void {
  if (!Array.isArray(refs)) return;
  for (const ref of refs) {
    if (!Array.isArray(ref)) continue;
    const [name] = ref;
    const to = typeof name === 'string' ? names.get(name) : undefined;
    if (to !== undefined) ref[0] = to;
  }
}
