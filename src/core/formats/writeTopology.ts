/** The topology as Keras 2 and TF.js read it: `{class_name, config}` after the repairs. */
import type { JsonObject, JsonValue } from '../model/json';
import type { CallArgument, Layer, LayerCall, LayerGraph, TensorInfo, TensorRef } from '../model/layerGraph';
import type { RawLayer, RawModel } from './rawModel';

export function writeTopology(raw: RawModel, graph: LayerGraph): JsonObject {
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  /** Keras 2 and TF.js count the construction of a nested model as its call 0. */
  const node = (ref: TensorRef): number => ref.call + (layers.get(ref.layer)?.graph ? 1 : 0);
  const infoOf = (ref: TensorRef): TensorInfo | undefined =>
    layers.get(ref.layer)?.calls[ref.call]?.outputs[ref.output];
  const port = (ref: TensorRef): JsonValue => [ref.layer, node(ref), ref.output];
  const sequential = raw.kind === 'sequential';
  const entries: JsonValue[] = [];
  for (const source of raw.layers) {
    const layer = layers.get(source.name);
    if (!layer || !belongs(source, layer, raw, graph)) continue;
    const entry: JsonObject =
      source.model && layer.graph
        ? writeTopology(source.model, layer.graph)
        : { class_name: layer.className, config: layer.config };
    // without it nothing but the lack of `trainable` would tell the operation `Add` from the layer
    const module = layer.module ?? (layer.isLayer ? null : 'keras.ops');
    if (module !== null) entry.module = module;
    if (!sequential) {
      entry.name = layer.name;
      entry.inbound_nodes =
        layer.className === 'InputLayer' ? [] : layer.calls.map((call) => inboundNode(call, node, infoOf));
    }
    entries.push(entry);
  }
  const { layers: _layers, input_layers: _inputs, output_layers: _outputs, ...rest } = raw.config;
  const config: JsonObject = { ...rest, name: raw.name, layers: entries };
  if (!sequential) {
    config.input_layers = graph.inputs.map(port);
    config.output_layers = graph.outputs.map(port);
  }
  return { class_name: sequential ? 'Sequential' : modelClass(raw.className), config };
}

/** TF.js knows these two; a subclass that was saved as a functional model is one. */
function modelClass(className: string): string {
  return className === 'Model' ? 'Model' : 'Functional';
}

/** An InputLayer that the file leaves out is written where nothing else tells TF.js the input's shape. */
function belongs(source: RawLayer, layer: Layer, raw: RawModel, graph: LayerGraph): boolean {
  if (source.inFile) return true;
  const next = raw.layers[1];
  const told = next && (hasShape(next.config) || next.model !== null);
  if (told && !(next.model && unshaped(next.model, graph))) return false;
  const shape = layer.calls[0]?.outputs[0]?.shape;
  if (!shape) return false;
  layer.config.batch_input_shape = [...shape];
  return true;
}

function hasShape(config: JsonObject): boolean {
  return [config.batch_input_shape, config.input_shape].some((shape) => Array.isArray(shape));
}

/** Whether a nested model at the start of a Sequential says no input shape itself. */
function unshaped(model: RawModel, graph: LayerGraph): boolean {
  const [first] = model.layers;
  const inner = graph.layers.find((layer) => layer.name === model.name)?.graph;
  return first !== undefined && !first.inFile && !hasShape(inner?.layers[0]?.config ?? {});
}

/** `[[name, node, tensor, kwargs], …]`; what cannot be said so (tensors in later arguments) in Keras 3's way. */
function inboundNode(call: LayerCall, node: (ref: TensorRef) => number, infoOf: InfoOf): JsonValue {
  const [first] = call.args;
  const tensors = first && call.args.length === 1 ? flatTensors(first) : null;
  const kwargs = Object.entries(call.kwargs).map(([key, value]): [string, JsonValue] | null => {
    const written = keyword(value, call, node);
    return written === undefined ? null : [key, written];
  });
  if (!tensors || kwargs.includes(null)) {
    return {
      args: call.args.map((item) => keras3(item, call, infoOf)),
      kwargs: mapValues(call.kwargs, (item) => keras3(item, call, infoOf)),
    };
  }
  const keywords = Object.fromEntries(kwargs.filter((pair) => pair !== null));
  return tensors.map((input, i): JsonValue => {
    const ref = call.inputs[input];
    return ref ? [ref.layer, node(ref), ref.output, i === 0 ? keywords : {}] : [];
  });
}

/** Positions of a tensor, or of a flat list of tensors; null for anything else. */
function flatTensors(argument: CallArgument): number[] | null {
  if (argument.kind === 'tensor') return [argument.input];
  if (argument.kind !== 'list') return null;
  const inputs = argument.items.flatMap((item) => (item.kind === 'tensor' ? [item.input] : []));
  return inputs.length === argument.items.length ? inputs : null;
}

function keyword(argument: CallArgument, call: LayerCall, node: (ref: TensorRef) => number): JsonValue | undefined {
  if (argument.kind === 'constant') return argument.value;
  const ref = argument.kind === 'tensor' ? call.inputs[argument.input] : undefined;
  return ref ? [ref.layer, node(ref), ref.output] : undefined;
}

type InfoOf = (ref: TensorRef) => TensorInfo | undefined;

/** Here a nested model's first call is 0, and the shape stands beside. */
function keras3(argument: CallArgument, call: LayerCall, infoOf: InfoOf): JsonValue {
  if (argument.kind === 'constant') return argument.value;
  if (argument.kind === 'list') return argument.items.map((item) => keras3(item, call, infoOf));
  if (argument.kind === 'dict') return mapValues(argument.items, (item) => keras3(item, call, infoOf));
  const ref = call.inputs[argument.input];
  if (!ref) return null;
  const { shape = null, dtype = null } = infoOf(ref) ?? {};
  return {
    class_name: '__keras_tensor__',
    config: { shape: shape && [...shape], dtype, keras_history: [ref.layer, ref.call, ref.output] },
  };
}

function mapValues(items: Record<string, CallArgument>, write: (item: CallArgument) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(items).map(([key, item]) => [key, write(item)]));
}
