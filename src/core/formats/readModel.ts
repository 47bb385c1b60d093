/** Reads `{class_name, config}` of a Sequential or functional model, Keras 2's and Keras 3's, into a `RawModel`. */
import { SlicerError } from '../errors';
import { formatAddress } from '../model/address';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import { arrayField, field, objectField, shapeOf, textField } from './jsonField';
import { isTensorTuple, readKeras2Node } from './keras2';
import { isKeras3Node, isOperation, readKeras3Node } from './keras3';
import type { RawLayer, RawModel, RawNode, RawPort, RawShape, RawTensor } from './rawModel';
import type { RepairList } from './repairs';
import { repairConfig } from './repairs';
import { isSubclassed, layersInConfig } from './subclassedModel';

export interface ReadContext {
  file: string;
  repairs: RepairList;
  /** Names taken anywhere in the file, so that what gets a name gets one of its own. */
  names: Set<string>;
}

type Path = { name: string; call: number }[];

/** Whether an entry is a nested model: its config has layers (a subclass of Model written as one, too). */
export function isModelEntry(entry: JsonObject): boolean {
  const config = field(entry, 'config');
  if (Array.isArray(config)) return textField(entry, 'class_name') === 'Sequential';
  if (!isJsonObject(config)) return false;
  const layers = field(config, 'layers');
  return Array.isArray(layers)
    ? layers.every(isJsonObject)
    : layers !== undefined && MODEL_CLASSES.has(textField(entry, 'class_name') ?? '');
}

const MODEL_CLASSES = new Set(['Sequential', 'Functional', 'Model']);

/** Every `config.name` of the file, so that given names collide with none. */
export function collectNames(root: JsonValue): Set<string> {
  const names = new Set<string>();
  const pending: JsonValue[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (Array.isArray(value)) pending.push(...value.filter((item) => typeof item === 'object'));
    else if (isJsonObject(value)) {
      const name = textField(value, 'name');
      if (name !== null) names.add(name);
      for (const item of Object.values(value)) if (typeof item === 'object') pending.push(item);
    }
  }
  return names;
}

/** @throws SlicerError `not-a-model`, `duplicate-layer`, `broken-graph`. */
export function readModel(entry: JsonObject, context: ReadContext, path: Path = []): RawModel {
  const className = textField(entry, 'class_name') ?? 'Functional';
  const written = field(entry, 'config');
  // very old Keras: the config of a Sequential is the list itself
  const config: JsonObject = Array.isArray(written) ? { layers: written } : isJsonObject(written) ? written : {};
  if (Array.isArray(written)) context.repairs.add('sequential-list', formatAddress(path));
  const subclassed = path.length === 0 && isSubclassed(entry);
  const layers = subclassed ? layersInConfig(config) : arrayField(config, 'layers');
  if (!layers || !layers.every(isJsonObject)) {
    throw new SlicerError('not-a-model', { file: context.file, reason: 'layers', key: 'layers' });
  }
  const name = path.at(-1)?.name ?? textField(config, 'name') ?? freeName(className, context);
  const sequential =
    className === 'Sequential' || (field(config, 'input_layers') === undefined && !layers.some(hasNodes));
  const model: RawModel = {
    name,
    className,
    config,
    kind: subclassed ? 'subclassed' : sequential ? 'sequential' : 'functional',
    layers: [],
    inputs: [],
    outputs: [],
    keras3: false,
  };
  const known = new Set(layers.map((layer) => layerKey(layer)));
  for (const layer of layers) model.layers.push(readLayer(layer, known, context, path));
  const nodes = layers.flatMap((layer) => (isJsonObject(layer) ? (arrayField(layer, 'inbound_nodes') ?? []) : []));
  model.keras3 = nodes.length > 0 && nodes.every(isKeras3Node);
  refuseDuplicates(model, context.file);
  if (subclassed) return model;
  if (sequential) chain(model, entry, context, path);
  else readPorts(model, context, path);
  return model;
}

function layerKey(entry: JsonObject): string | null {
  return textField(entry, 'name') ?? textField(objectField(entry, 'config') ?? {}, 'name');
}

function hasNodes(entry: JsonValue): boolean {
  return isJsonObject(entry) && (arrayField(entry, 'inbound_nodes')?.length ?? 0) > 0;
}

function readLayer(entry: JsonObject, known: Set<string | null>, context: ReadContext, path: Path): RawLayer {
  const className = classOf(entry);
  if (className === null)
    throw new SlicerError('not-a-model', { file: context.file, reason: 'class-name', key: 'class_name' });
  const isModel = isModelEntry(entry);
  const config = objectField(entry, 'config') ?? {};
  const isLayer = isModel || !isOperation(entry, className, config);
  const written = textField(config, 'name') ?? textField(entry, 'name');
  const name = written ?? freeName(className, context);
  const inner = [...path, { name, call: 0 }];
  if (written === null) context.repairs.add('layer-name', formatAddress(inner));
  if (!isModel) {
    config.name = name;
    repairConfig(className, config, formatAddress(inner), context.repairs);
  }
  const nodes = (arrayField(entry, 'inbound_nodes') ?? []).map((node): RawNode => {
    if (!isKeras3Node(node)) return readKeras2Node(node, (layer) => known.has(layer));
    context.repairs.add('inbound-nodes', formatAddress(inner));
    return readKeras3Node(node);
  });
  return {
    key: layerKey(entry) ?? name,
    name,
    className,
    isLayer,
    config,
    nodes,
    inFile: true,
    module: textField(entry, 'module'),
    model: isModel ? readModel(entry, context, inner) : null,
  };
}

/** A custom class as it was registered, `acme>Mystery`: two packages may have a class of one name. */
function classOf(entry: JsonObject): string | null {
  const className = textField(entry, 'class_name');
  const registered = textField(entry, 'registered_name');
  const [, own = ''] = /^[^>]+>(.+)$/.exec(registered ?? '') ?? [];
  return className !== null && own === className && !registered?.startsWith('keras') ? registered : className;
}

function freeName(className: string, context: ReadContext): string {
  const base = snakeCase(className);
  for (let i = 1; ; i += 1) {
    const name = `${base}_${i}`;
    if (context.names.has(name)) continue;
    context.names.add(name);
    return name;
  }
}

/** As Keras makes a name of a class: `Conv2DTranspose` → `conv2d_transpose`. */
export function snakeCase(className: string): string {
  const plain = className.slice(className.lastIndexOf('>') + 1).replace(/\W+/g, '');
  return plain
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function refuseDuplicates(model: RawModel, file: string): void {
  const seen = new Set<string>();
  for (const { name } of model.layers) {
    if (seen.has(name)) throw new SlicerError('duplicate-layer', { file, layer: name, model: model.name });
    seen.add(name);
  }
}

// --- functional: ports ---

function readPorts(model: RawModel, context: ReadContext, path: Path): void {
  const address = formatAddress(path);
  const read = (key: 'input_layers' | 'output_layers'): RawPort[] => {
    const value = field(model.config, key) ?? null;
    if (isTensorTuple(value) && value.length === 3) context.repairs.add('flat-ports', address, { key });
    else if (isJsonObject(value) || (Array.isArray(value) && value.some((item) => !isTensorTuple(item)))) {
      context.repairs.add('structured-ports', address, { key });
    }
    return ports(value, null, key, model, context);
  };
  model.inputs = read('input_layers');
  model.outputs = read('output_layers');
  if (model.outputs.length === 0) {
    throw new SlicerError('not-a-model', {
      file: context.file,
      reason: 'ports',
      key: 'output_layers',
      model: model.name,
    });
  }
}

/** Tensors of `input_layers` or `output_layers`: one, a list, a dict (Keras goes through it by sorted keys), or nested. */
function ports(value: JsonValue, name: string | null, key: string, model: RawModel, context: ReadContext): RawPort[] {
  if (isTensorTuple(value) && typeof value[2] === 'number') {
    return [
      { name, tensor: { layer: value[0], node: value[1], output: value[2], declared: null, keras3: model.keras3 } },
    ];
  }
  if (Array.isArray(value)) return value.flatMap((item) => ports(item, null, key, model, context));
  if (isJsonObject(value)) {
    return Object.keys(value)
      .sort()
      .flatMap((item) => ports(value[item] ?? null, item, key, model, context));
  }
  throw new SlicerError('not-a-model', { file: context.file, reason: 'ports', key, model: model.name });
}

// --- Sequential: a chain ---

/** Gives every layer its one call, and the model an InputLayer where the file leaves it out. */
function chain(model: RawModel, entry: JsonObject, context: ReadContext, path: Path): void {
  const [first] = model.layers;
  if (first?.className !== 'InputLayer') {
    const shape = inputShape(model, entry);
    const own = first ? shapeOf(field(first.config, 'batch_input_shape')) : null;
    const name = inputName(first?.name ?? model.name, model);
    const config: JsonObject = {
      name,
      batch_input_shape: shape,
      dtype: inputDtype(first),
      sparse: false,
      ragged: false,
    };
    model.layers.unshift({
      key: name,
      name,
      className: 'InputLayer',
      module: null,
      isLayer: true,
      config,
      nodes: [],
      model: null,
      inFile: false,
    });
    if (first && shape && !own && !first.model)
      context.repairs.add('input-shape', formatAddress(path), { layer: first.name });
  }
  let previous: RawLayer | null = null;
  for (const layer of model.layers) {
    if (previous) {
      layer.nodes = [{ args: [{ kind: 'tensor', tensor: firstOutput(previous) }], kwargs: new Map() }];
    }
    previous = layer;
  }
  const input = model.layers[0];
  if (!input || !previous) return;
  model.inputs = [{ name: null, tensor: firstOutput(input) }];
  model.outputs = [{ name: null, tensor: firstOutput(previous) }];
}

function firstOutput({ key, model }: RawLayer): RawTensor {
  return { layer: key, node: model ? 1 : 0, output: 0, declared: null, keras3: false };
}

/** Named as Keras 2 names the InputLayer that it adds itself. */
function inputName(first: string, model: RawModel): string {
  const taken = new Set(model.layers.map(({ name }) => name));
  let name = `${first}_input`;
  while (taken.has(name)) name = `${name}_1`;
  return name;
}

function inputDtype(first: RawLayer | undefined): JsonValue {
  const dtype = first ? field(first.config, 'dtype') : null;
  return typeof dtype === 'string' && /^(bool|string|u?int\d+|float(16|32|64)|bfloat16)$/.test(dtype)
    ? dtype
    : 'float32';
}

/** The batch input shape of a Sequential without an InputLayer; null where nothing in the file says it. */
function inputShape(model: RawModel, entry: JsonObject): RawShape | null {
  const [first] = model.layers;
  const build = (value: JsonObject | null): RawShape | null =>
    shapeOf(field(objectField(value ?? {}, 'build_config') ?? {}, 'input_shape'));
  const firstEntry = arrayField(model.config, 'layers')?.[0];
  const withoutBatch = first ? shapeOf(field(first.config, 'input_shape')) : null;
  return (
    (first ? shapeOf(field(first.config, 'batch_input_shape')) : null) ??
    (withoutBatch ? [null, ...withoutBatch] : null) ??
    shapeOf(field(model.config, 'build_input_shape')) ??
    build(entry) ??
    (isJsonObject(firstEntry) ? build(firstEntry) : null) ??
    (first?.model ? innerInputShape(first.model) : null)
  );
}

function innerInputShape(model: RawModel): RawShape | null {
  const key = model.inputs[0]?.tensor.layer;
  const input = model.layers.find((layer) => layer.key === key);
  return input ? shapeOf(field(input.config, 'batch_input_shape')) : null;
}
