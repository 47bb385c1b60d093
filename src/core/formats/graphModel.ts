/** TF.js graph-model: its nodes as one layer graph, in one pass each, for 43,000 of them. */
import { SlicerError } from '../errors';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Layer, LayerGraph, NamedTensor, TensorInfo, TensorRef } from '../model/layerGraph';
import type { ModelFile, Problem, WeightEntry } from '../model/modelFile';
import { declaredOutputs, dtypeName, outputsOf, protoShape } from './graphShapes';
import { field, objectField, textField } from './jsonField';
import type { ModelParts } from './layersModel';
import { errorsFirst, producerOf } from './layersModel';
import { placeEntries } from './weightEntries';

const MAX_OUTPUTS = 4096;

/** The object that holds `node`; null when this is no graph-model. */
export function graphTopology(root: JsonObject): JsonObject | null {
  const topology = objectField(root, 'modelTopology') ?? root;
  return Array.isArray(field(topology, 'node')) ? topology : null;
}

/** @throws SlicerError `not-a-model`, `duplicate-layer`, `broken-graph`. */
export function openGraphModel(parts: ModelParts): ModelFile {
  const { file, root, manifest } = parts;
  const topology = graphTopology(root);
  const nodes = topology ? field(topology, 'node') : null;
  if (!topology || !Array.isArray(nodes)) throw new SlicerError('not-a-model', { file, reason: 'other' });
  // in TF.js the metadata's signature wins
  const signature =
    objectField(objectField(root, 'userDefinedMetadata') ?? {}, 'signature') ?? objectField(root, 'signature');
  const layers = nodes.map((node, i) => readNode(node, i, file));
  const byName = new Map<string, Layer>();
  for (const layer of layers) {
    if (byName.has(layer.name)) throw new SlicerError('duplicate-layer', { file, layer: layer.name, model: file });
    byName.set(layer.name, layer);
  }
  nodes.forEach((node, i) => {
    const layer = layers[i];
    if (layer && isJsonObject(node)) connect(layer, node, byName, file);
  });
  const inputs = ports(signature, 'inputs', byName, file) ?? placeholders(layers);
  const outputs = ports(signature, 'outputs', byName, file) ?? leaves(layers);
  const graph: LayerGraph = {
    name: file.replace(/\.json$/i, ''),
    className: 'GraphModel',
    kind: 'graph',
    layers,
    inputs,
    outputs,
    order: callOrder(layers, byName, file),
  };
  const known = signatureInfos(signature, inputs, outputs);
  const problems: Problem[] = [...parts.warnings, ...manifest.problems];
  const placed = placeEntries(manifest, parts.shards, file, parts.stringBytes);
  problems.push(...placed.problems);
  const reported = !parts.hasManifest || manifest.groups.some(({ measurable }) => !measurable);
  problems.push(...matchConstants(layers, placed.entries, file, reported, elsewhere(root, topology)));
  fillShapes(graph, byName, known);
  return {
    file,
    format: 'graph-model',
    name: graph.name,
    producer: producerOf(root),
    graph,
    weightEntries: placed.entries,
    repairs: [],
    problems: errorsFirst(problems),
    topology: { ...topology, ...(signature ? { signature } : {}), ...initializerOf(root) },
    fileBytes: parts.fileBytes,
    metadata: objectField(root, 'userDefinedMetadata'),
  };
}

/** What fills the model's tables before its first run. */
function initializerOf(root: JsonObject): JsonObject {
  const found: JsonObject = {};
  for (const key of ['modelInitializer', 'initializerSignature']) {
    const value = objectField(root, key);
    if (value) found[key] = value;
  }
  return found;
}

function readNode(node: JsonValue, at: number, file: string): Layer {
  const name = isJsonObject(node) ? textField(node, 'name') : null;
  const op = isJsonObject(node) ? textField(node, 'op') : null;
  if (!isJsonObject(node) || name === null || op === null) {
    throw new SlicerError('not-a-model', { file, reason: 'node', at });
  }
  return {
    name,
    className: op,
    module: null,
    isLayer: false,
    config: objectField(node, 'attr') ?? {},
    trainable: false,
    calls: [{ inputs: [], args: [], kwargs: {}, outputs: [], macs: null }],
    weights: [],
    graph: null,
    index: { keras: null, tfjs: null },
  };
}

function connect(layer: Layer, node: JsonObject, byName: ReadonlyMap<string, Layer>, file: string): void {
  const call = layer.calls[0];
  const inputs = field(node, 'input');
  if (!call || !Array.isArray(inputs)) return;
  for (const input of inputs) {
    // `^name` only orders execution
    if (typeof input !== 'string' || input.startsWith('^')) continue;
    const ref = tensorRef(input, byName);
    if (!ref)
      throw new SlicerError('broken-graph', {
        file,
        reason: 'unknown-layer',
        layer: layer.name,
        source: input,
        model: file,
      });
    call.args.push({ kind: 'tensor', input: call.inputs.length });
    call.inputs.push(ref);
  }
}

/** `name`, `name:1`; a name of a function's body (`name:output:0`) names output 0. */
function tensorRef(text: string, byName: ReadonlyMap<string, Layer>): TensorRef | null {
  if (byName.has(text)) return { layer: text, call: 0, output: 0 };
  const found = /^(.*?)(?::[A-Za-z_]\w*)?:(\d+)$/.exec(text);
  const layer = found?.[1];
  const output = Number(found?.[2]);
  if (layer === undefined || !byName.has(layer) || !(output < MAX_OUTPUTS)) return null;
  return { layer, call: 0, output };
}

function ports(
  signature: JsonObject | null,
  key: 'inputs' | 'outputs',
  byName: ReadonlyMap<string, Layer>,
  file: string,
): NamedTensor[] | null {
  const tensors = signature ? objectField(signature, key) : null;
  if (!tensors || Object.keys(tensors).length === 0) return null;
  return Object.entries(tensors).flatMap(([name, value]) => {
    const tensor = isJsonObject(value) ? textField(value, 'name') : null;
    // a table that the initializer fills: TF.js hands it in itself
    if (isJsonObject(value) && Object.hasOwn(value, 'resourceId')) return [];
    const ref = tensor === null ? null : tensorRef(tensor, byName);
    if (ref) return [{ ...ref, name }];
    // an input that the model never reads is dropped by the converter's optimizer
    if (key === 'inputs') return [];
    throw new SlicerError('broken-graph', { file, reason: 'unknown-port', source: tensor ?? name, model: file });
  });
}

function placeholders(layers: Layer[]): NamedTensor[] {
  return layers
    .filter(({ className }) => className === 'Placeholder' || className === 'PlaceholderWithDefault')
    .map(({ name }) => ({ name, layer: name, call: 0, output: 0 }));
}

/** Without a signature: what no node reads. */
function leaves(layers: Layer[]): NamedTensor[] {
  const read = new Set(layers.flatMap(({ calls }) => calls.flatMap(({ inputs }) => inputs.map(({ layer }) => layer))));
  return layers
    .filter(({ name, className }) => !read.has(name) && !['Const', 'Placeholder', 'NoOp', 'Assert'].includes(className))
    .map(({ name }) => ({ name, layer: name, call: 0, output: 0 }));
}

function signatureInfos(
  signature: JsonObject | null,
  inputs: NamedTensor[],
  outputs: NamedTensor[],
): Map<string, TensorInfo> {
  const known = new Map<string, TensorInfo>();
  for (const [key, tensors] of [
    ['inputs', inputs],
    ['outputs', outputs],
  ] as const) {
    const declared = signature ? objectField(signature, key) : null;
    for (const { name, layer, output } of declared ? tensors : []) {
      const tensor = objectField(declared ?? {}, name);
      if (!tensor) continue;
      const info = {
        shape: protoShape(field(tensor, 'tensorShape') ?? field(tensor, 'shape')),
        dtype: dtypeName(field(tensor, 'dtype')),
      };
      known.set(`${output}:${layer}`, info);
    }
  }
  return known;
}

/**
 * Each node after what it reads; loops of control flow (`NextIteration` back into `Merge`) are followed once.
 * @throws SlicerError `broken-graph` for any other loop.
 */
function callOrder(layers: Layer[], byName: ReadonlyMap<string, Layer>, file: string): LayerGraph['order'] {
  const order: LayerGraph['order'] = [];
  const state = new Map<Layer, 'open' | 'done'>();
  for (const start of layers) {
    const stack = [{ layer: start, next: 0 }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      if (top.next === 0) {
        if (state.get(top.layer) === 'done') {
          stack.pop();
          continue;
        }
        state.set(top.layer, 'open');
      }
      const ref = top.layer.calls[0]?.inputs[top.next];
      if (!ref) {
        state.set(top.layer, 'done');
        order.push({ layer: top.layer.name, call: 0 });
        stack.pop();
        continue;
      }
      top.next += 1;
      const source = byName.get(ref.layer);
      if (!source || source.className === 'NextIteration') continue;
      const sourceState = state.get(source);
      if (sourceState === undefined) stack.push({ layer: source, next: 0 });
      else if (sourceState === 'open') {
        const loop = stack.slice(stack.findIndex((item) => item.layer === source)).map((item) => item.layer.name);
        const reason = loop.length === 1 ? 'self-loop' : 'cycle';
        throw new SlicerError('broken-graph', {
          file,
          reason,
          layer: source.name,
          layers: loop.slice(0, 8),
          model: file,
        });
      }
    }
  }
  return order;
}

/** Whether a weight belongs to the body of a function of the graph (`function/node`), or to the model's initializer. */
function elsewhere(root: JsonObject, topology: JsonObject): (name: string) => boolean {
  const functions = field(objectField(topology, 'library') ?? {}, 'function');
  const names = new Set(
    (Array.isArray(functions) ? functions : []).map((item) =>
      isJsonObject(item) ? textField(objectField(item, 'signature') ?? {}, 'name') : null,
    ),
  );
  const nodes = field(objectField(root, 'modelInitializer') ?? {}, 'node');
  const initializer = new Set(
    (Array.isArray(nodes) ? nodes : []).map((node) => (isJsonObject(node) ? textField(node, 'name') : null)),
  );
  return (name) => names.has(name.slice(0, Math.max(0, name.indexOf('/')))) || initializer.has(name);
}

/** Constants get their entries; those without bytes, in the file or inline, are reported. */
function matchConstants(
  layers: Layer[],
  entries: WeightEntry[],
  file: string,
  reported: boolean,
  elsewhere: (name: string) => boolean,
): Problem[] {
  const byName = new Map(entries.map(({ name }, i) => [name, i]));
  const used = new Set<number>();
  const missing: string[] = [];
  for (const layer of layers) {
    if (layer.className !== 'Const') continue;
    const at = byName.get(layer.name);
    const entry = at === undefined ? undefined : entries[at];
    if (at === undefined || !entry) {
      if (!inline(layer)) missing.push(layer.name);
      continue;
    }
    used.add(at);
    layer.weights = [{ name: 'value', shape: entry.shape, dtype: entry.dtype, trainable: false, entry: at }];
  }
  const problems: Problem[] = [];
  const [first] = missing;
  if (first !== undefined && !reported) {
    const reason = entries.length === 0 ? 'manifest' : 'weight';
    const severity = entries.length === 0 ? 'warning' : 'error';
    problems.push({
      code: 'missing-weight',
      severity,
      address: null,
      data: { file, reason, layer: first, weight: first, count: missing.length },
    });
  }
  const extra = entries.filter(({ name }, i) => !used.has(i) && !elsewhere(name)).map(({ name }) => name);
  if (extra.length > 0) {
    const data = { file, reason: 'other', count: extra.length, weight: extra[0] ?? '', weights: extra.slice(0, 5) };
    problems.push({ code: 'extra-weight', severity: 'warning', address: null, data });
  }
  return problems;
}

/** Whether a constant's value stands in the JSON itself. */
function inline(layer: Layer): boolean {
  const tensor = objectField(objectField(layer.config, 'value') ?? {}, 'tensor');
  return tensor !== null && Object.keys(tensor).some((key) => /(Val|Content|_val|_content)$/.test(key));
}

function fillShapes(
  graph: LayerGraph,
  byName: ReadonlyMap<string, Layer>,
  known: ReadonlyMap<string, TensorInfo>,
): void {
  const counts = new Map<string, number>();
  const need = (ref: TensorRef): void => {
    counts.set(ref.layer, Math.max(counts.get(ref.layer) ?? 1, ref.output + 1));
  };
  for (const { calls } of graph.layers) for (const { inputs } of calls) inputs.forEach(need);
  graph.outputs.forEach(need);
  for (const { layer: name } of graph.order) {
    const layer = byName.get(name);
    const call = layer?.calls[0];
    if (!layer || !call) continue;
    const infos = call.inputs.map(
      (ref) => byName.get(ref.layer)?.calls[0]?.outputs[ref.output] ?? { shape: null, dtype: null },
    );
    const declared = declaredOutputs(layer);
    // a constant has the shape of its bytes
    const stored = layer.weights[0]?.shape;
    const worked = outputsOf(layer, infos);
    const count = Math.max(counts.get(name) ?? 1, declared.length, worked.length);
    call.outputs = Array.from({ length: count }, (_, output) => {
      const told = known.get(`${output}:${name}`);
      const [a, b] = [declared[output], worked[output]];
      return {
        shape: stored ?? told?.shape ?? a?.shape ?? b?.shape ?? null,
        dtype: told?.dtype ?? a?.dtype ?? b?.dtype ?? null,
      };
    });
  }
}
