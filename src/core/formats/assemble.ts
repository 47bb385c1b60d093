/** From a `RawModel` to the layer graph: references resolved, calls ordered. Shapes come later, from `propagate`. */
import { SlicerError } from '../errors';
import type { ErrorData } from '../errors';
import type {
  CallArgument,
  Layer,
  LayerCall,
  LayerGraph,
  NamedTensor,
  TensorInfo,
  TensorRef,
} from '../model/layerGraph';
import { field } from './jsonField';
import type { RawArgument, RawLayer, RawModel, RawNode, RawTensor } from './rawModel';
import { tensorsOf } from './rawModel';

/** A layer with more outputs than this is a broken file: nothing may be allocated by a declared number. */
const MAX_OUTPUTS = 4096;

/** What a Keras 3 file declares of tensors, per graph: `layer`, call and output joined by `tensorKey`. */
export type DeclaredTensors = Map<LayerGraph, Map<string, TensorInfo>>;

export function tensorKey(ref: TensorRef): string {
  return `${ref.call}:${ref.output}:${ref.layer}`;
}

/** @throws SlicerError `broken-graph` with `reason`. */
export function assemble(raw: RawModel, file: string, declared: DeclaredTensors): LayerGraph {
  const byKey = new Map(raw.layers.map((layer) => [layer.key, layer]));
  const offsets = nodeOffsets(raw);
  const portOffsets = raw.keras3 ? keras3PortOffsets(raw) : offsets;
  const own = new Map<string, TensorInfo>();
  const resolve = (tensor: RawTensor, reader: string | null): TensorRef => {
    const where: ErrorData = reader === null ? { model: raw.name } : { layer: reader, model: raw.name };
    const broken = (reason: string, more: ErrorData = {}): SlicerError =>
      new SlicerError('broken-graph', { file, reason, ...where, source: tensor.layer, ...more });
    const layer = byKey.get(tensor.layer);
    if (!layer) throw broken(reader === null ? 'unknown-port' : 'unknown-layer');
    const offset = reader === null ? portOffsets.get(layer) : tensor.keras3 ? 0 : offsets.get(layer);
    const call = tensor.node - (offset ?? 0);
    const calls = callCount(layer);
    if (!Number.isInteger(call) || call < 0 || call >= calls)
      throw broken('unknown-call', { call: tensor.node, calls });
    if (!Number.isInteger(tensor.output) || tensor.output < 0 || tensor.output >= MAX_OUTPUTS) {
      throw broken('unknown-output', { output: tensor.output });
    }
    const ref = { layer: layer.name, call, output: tensor.output };
    if (tensor.declared) own.set(tensorKey(ref), tensor.declared);
    return ref;
  };
  const layers = raw.layers.map((layer): Layer => ({
    name: layer.name,
    className: layer.className,
    module: layer.module,
    isLayer: layer.isLayer,
    config: layer.model ? withoutLayers(layer.model) : layer.config,
    trainable: field(layer.config, 'trainable') !== false,
    calls:
      layer.nodes.length > 0 || layer.className !== 'InputLayer'
        ? layer.nodes.map((node) => call(node, (tensor) => resolve(tensor, layer.name)))
        : [{ inputs: [], args: [], kwargs: {}, outputs: [], macs: null }],
    weights: [],
    graph: layer.model ? assemble(layer.model, file, declared) : null,
    index: { keras: null, tfjs: null },
  }));
  number(raw, layers);
  const port = ({ name, tensor }: RawModel['inputs'][number]): NamedTensor => {
    const ref = resolve(tensor, null);
    const plain = `${ref.layer}${ref.call > 0 ? `#${ref.call + 1}` : ''}${ref.output > 0 ? `:${ref.output}` : ''}`;
    return { ...ref, name: name ?? plain };
  };
  const graph: LayerGraph = {
    name: raw.name,
    className: raw.className,
    kind: raw.kind,
    layers,
    inputs: raw.inputs.map(port),
    outputs: raw.outputs.map(port),
    order: [],
  };
  graph.order = callOrder(layers, file, raw.name);
  declared.set(graph, own);
  return graph;
}

/** A nested model's own config without its layers: those are in its graph. */
function withoutLayers(model: RawModel): Layer['config'] {
  const { layers: _layers, input_layers: _inputs, output_layers: _outputs, ...rest } = model.config;
  return { ...rest, name: model.name };
}

function callCount(layer: RawLayer): number {
  return layer.nodes.length === 0 && layer.className === 'InputLayer' ? 1 : layer.nodes.length;
}

/**
 * What to take off a file's node numbers. Keras 2 and TF.js count the construction of a nested model as its node 0,
 * so that its first outer call is 1; Keras 3 starts at 0, and so do some older files.
 */
function nodeOffsets(raw: RawModel): Map<RawLayer, number> {
  const offsets = new Map<RawLayer, number>();
  const zero = new Set<string>();
  const note = (tensor: RawTensor): void => {
    if (tensor.node === 0 && !tensor.keras3) zero.add(tensor.layer);
  };
  for (const layer of raw.layers) {
    for (const node of layer.nodes)
      for (const argument of [...node.args, ...node.kwargs.values()]) tensorsOf(argument).forEach(note);
  }
  for (const { tensor } of raw.outputs) note(tensor);
  for (const layer of raw.layers) if (layer.model && !zero.has(layer.key)) offsets.set(layer, 1);
  return offsets;
}

/**
 * Keras 3 counts two ways in one file: in `output_layers` a nested functional model's first call is 1
 * (`kept_nodes = 1` in its `Functional.get_config`), everywhere else, and for a Sequential, it is 0.
 */
function keras3PortOffsets(raw: RawModel): Map<RawLayer, number> {
  const zero = new Set(raw.outputs.flatMap(({ tensor }) => (tensor.node === 0 ? [tensor.layer] : [])));
  const counted = raw.layers.filter(({ key, model }) => model && model.kind === 'functional' && !zero.has(key));
  return new Map(counted.map((layer) => [layer, 1]));
}

function call(node: RawNode, resolve: (tensor: RawTensor) => TensorRef): LayerCall {
  const inputs: TensorRef[] = [];
  const argument = (raw: RawArgument): CallArgument => {
    if (raw.kind === 'constant') return raw;
    if (raw.kind === 'list') return { kind: 'list', items: raw.items.map(argument) };
    if (raw.kind === 'dict') {
      return { kind: 'dict', items: Object.fromEntries([...raw.items].map(([key, item]) => [key, argument(item)])) };
    }
    inputs.push(resolve(raw.tensor));
    return { kind: 'tensor', input: inputs.length - 1 };
  };
  const args = node.args.map(argument);
  const kwargs = Object.fromEntries([...node.kwargs].map(([key, item]) => [key, argument(item)]));
  return { inputs, args, kwargs, outputs: [], macs: null };
}

/**
 * Positions in `model.layers`. Keras leaves a Sequential's InputLayer out and never lists operations;
 * TF.js keeps the InputLayer where the file has it.
 */
function number(raw: RawModel, layers: Layer[]): void {
  let keras = 0;
  let tfjs = 0;
  raw.layers.forEach((source, i) => {
    const layer = layers[i];
    if (!layer || !layer.isLayer) return;
    if (raw.kind === 'functional' || layer.className !== 'InputLayer') layer.index.keras = keras++;
    if (source.inFile) layer.index.tfjs = tfjs++;
  });
}

/**
 * All calls, each after what it reads; otherwise in model order.
 * @throws SlicerError `broken-graph`: `self-loop`, `cycle`.
 */
function callOrder(layers: Layer[], file: string, model: string): LayerGraph['order'] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const order: LayerGraph['order'] = [];
  const state = new Map<string, 'open' | 'done'>();
  const key = (layer: string, at: number): string => `${at}:${layer}`;
  for (const { name, calls } of layers) {
    for (let i = 0; i < calls.length; i += 1) {
      const stack: { layer: string; call: number; next: number }[] = [{ layer: name, call: i, next: 0 }];
      for (let top = stack.at(-1); top; top = stack.at(-1)) {
        const id = key(top.layer, top.call);
        if (top.next === 0 && state.get(id) === 'done') {
          stack.pop();
          continue;
        }
        state.set(id, 'open');
        const source = byName.get(top.layer)?.calls[top.call]?.inputs[top.next];
        if (!source) {
          state.set(id, 'done');
          order.push({ layer: top.layer, call: top.call });
          stack.pop();
          continue;
        }
        top.next += 1;
        const sourceState = state.get(key(source.layer, source.call));
        if (sourceState === undefined) stack.push({ layer: source.layer, call: source.call, next: 0 });
        else if (sourceState === 'open') {
          const from = stack.findIndex((item) => item.layer === source.layer && item.call === source.call);
          const loop = [...new Set(stack.slice(from).map((item) => item.layer))];
          const reason = loop.length === 1 ? 'self-loop' : 'cycle';
          throw new SlicerError('broken-graph', { file, reason, layer: source.layer, layers: loop.slice(0, 8), model });
        }
      }
    }
  }
  return order;
}
