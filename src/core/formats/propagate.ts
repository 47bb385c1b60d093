/** Shapes, weights and MACs through a layer graph, call by call, from the layer catalogue. */
import { SlicerError } from '../errors';
import type { ErrorData } from '../errors';
import { layerFacts } from '../layers/layerFacts';
import type { LayerFacts, WeightSpec } from '../layers/catalogue';
import { formatAddress } from '../model/address';
import type { CallArgument, Layer, LayerCall, LayerGraph, TensorInfo } from '../model/layerGraph';
import type { Problem } from '../model/modelFile';
import type { DeclaredTensors } from './assemble';
import { tensorKey } from './assemble';
import { field, shapeOf, textField } from './jsonField';
import { operationFacts } from './operationShapes';

const UNKNOWN: TensorInfo = { shape: null, dtype: null };
/** Nested models called with other shapes are worked out again; a hostile file could ask for that without end. */
const MAX_EVALUATIONS = 200_000;

export interface PropagateContext {
  keras: 2 | 3;
  declared: DeclaredTensors;
  problems: Problem[];
  file: string;
  /** Layers whose weights the catalogue cannot tell. */
  unknownWeights: Set<Layer>;
}

interface Result {
  outputs: TensorInfo[];
  macs: number | null;
}

type Path = { name: string; call: number }[];

/** Fills `outputs` and `macs` of every call and `weights` of every layer, nested models included. */
export function propagate(graph: LayerGraph, context: PropagateContext): void {
  new Propagation(context).fill(graph, null, []);
}

class Propagation {
  #evaluations = 0;
  readonly #seen = new Map<LayerGraph, Map<string, Result>>();
  readonly #reported = new Set<string>();

  constructor(readonly context: PropagateContext) {}

  /** @param given what the first outer call passes, for a nested model that does not say its own input shapes. */
  fill(graph: LayerGraph, given: TensorInfo[] | null, path: Path): void {
    const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
    for (const { layer: name, call: index } of graph.order) {
      const layer = layers.get(name);
      const call = layer?.calls[index];
      if (!layer || !call) continue;
      const declared = this.context.declared.get(graph);
      const inputs = call.inputs.map(
        (ref) =>
          layers.get(ref.layer)?.calls[ref.call]?.outputs[ref.output] ?? declared?.get(tensorKey(ref)) ?? UNKNOWN,
      );
      const at = [...path, { name, call: 0 }];
      const result = this.#callResult(graph, layer, index, call, inputs, given, at);
      call.outputs = this.#withDeclared(graph, layer, index, result.outputs);
      call.macs = result.macs;
    }
    for (const layer of graph.layers) {
      if (layer.graph && layer.calls.length === 0)
        this.fill(layer.graph, null, [...path, { name: layer.name, call: 0 }]);
      // nothing says what it is called with
      else if (graph.kind === 'subclassed') this.context.unknownWeights.add(layer);
    }
    for (const ref of [
      ...graph.outputs,
      ...graph.layers.flatMap((layer) => layer.calls.flatMap((call) => call.inputs)),
    ]) {
      this.#coverOutput(graph, layers.get(ref.layer), ref);
    }
  }

  #callResult(
    graph: LayerGraph,
    layer: Layer,
    index: number,
    call: LayerCall,
    inputs: TensorInfo[],
    given: TensorInfo[] | null,
    path: Path,
  ): Result {
    if (layer.className === 'InputLayer' && call.inputs.length === 0) {
      const own = inputInfo(layer);
      const position = graph.inputs.findIndex((input) => input.layer === layer.name);
      const outer = given?.[position];
      return {
        outputs: [own.shape === null && outer ? { shape: outer.shape, dtype: outer.dtype ?? own.dtype } : own],
        macs: 0,
      };
    }
    if (layer.graph) {
      const passed = portInputs(layer.graph, call, inputs);
      if (index === 0) this.fill(layer.graph, passed, path);
      return this.#modelResult(layer.graph, passed);
    }
    const facts = this.#facts(layer, call, inputs, path);
    if (index === 0) this.#setWeights(layer, facts?.weights ?? null);
    return facts ?? { outputs: [], macs: null };
  }

  /** What a nested model hands on for these inputs. */
  #modelResult(graph: LayerGraph, inputs: TensorInfo[]): Result {
    const inner = new Map(graph.layers.map((layer) => [layer.name, layer]));
    const own = graph.inputs.map((ref) => inner.get(ref.layer)?.calls[ref.call]?.outputs[ref.output] ?? UNKNOWN);
    const same = inputs.every((info, i) => JSON.stringify(info.shape) === JSON.stringify(own[i]?.shape ?? null));
    if (same || this.#evaluations > MAX_EVALUATIONS) {
      const outputs = graph.outputs.map((ref) => inner.get(ref.layer)?.calls[ref.call]?.outputs[ref.output] ?? UNKNOWN);
      return { outputs, macs: totalMacs(graph.layers.flatMap((layer) => layer.calls.map(({ macs }) => macs))) };
    }
    const key = JSON.stringify(inputs);
    const seen = this.#seen.get(graph) ?? new Map<string, Result>();
    this.#seen.set(graph, seen);
    const known = seen.get(key);
    if (known) return known;
    const values = new Map<string, TensorInfo>();
    graph.inputs.forEach((ref, i) => {
      const info = inputs[i];
      if (info) values.set(tensorKey(ref), { shape: info.shape, dtype: info.dtype ?? own[i]?.dtype ?? null });
    });
    const macs: (number | null)[] = [];
    for (const { layer: name, call: index } of graph.order) {
      const layer = inner.get(name);
      const call = layer?.calls[index];
      if (!layer || !call || values.has(tensorKey({ layer: name, call: index, output: 0 }))) continue;
      this.#evaluations += 1;
      const infos = call.inputs.map((ref) => values.get(tensorKey(ref)) ?? UNKNOWN);
      const result = layer.graph
        ? this.#modelResult(layer.graph, portInputs(layer.graph, call, infos))
        : this.#quietFacts(layer, call, infos);
      result.outputs.forEach((info, output) => values.set(tensorKey({ layer: name, call: index, output }), info));
      macs.push(result.macs);
    }
    const result = {
      outputs: graph.outputs.map((ref) => values.get(tensorKey(ref)) ?? UNKNOWN),
      macs: totalMacs(macs),
    };
    seen.set(key, result);
    return result;
  }

  #quietFacts(layer: Layer, call: LayerCall, inputs: TensorInfo[]): Result {
    if (layer.className === 'InputLayer') return { outputs: [inputInfo(layer)], macs: 0 };
    try {
      return this.#ask(layer, call, inputs) ?? { outputs: [], macs: null };
    } catch (error) {
      if (!(error instanceof SlicerError)) throw error;
      return { outputs: [], macs: null };
    }
  }

  #ask(layer: Layer, call: LayerCall, inputs: TensorInfo[]): LayerFacts | null {
    // operations share class names with layers (`Add`, `Reshape`)
    if (!layer.isLayer || layer.className.endsWith('OpLambda')) return operationFacts(layer, call, inputs);
    const { className, config } = layer;
    const plain = className.startsWith('keras>') ? className.slice(6) : className;
    const facts = layerFacts({
      className: plain,
      config,
      keras: this.context.keras,
      inputs,
      args: call.args,
      kwargs: call.kwargs,
    });
    if (facts && facts.weights?.some(({ shape }) => shape.some((dim) => !Number.isFinite(dim))))
      return { ...facts, weights: null };
    return facts;
  }

  #facts(layer: Layer, call: LayerCall, inputs: TensorInfo[], path: Path): LayerFacts | null {
    const address = formatAddress(path);
    try {
      const facts = this.#ask(layer, call, inputs);
      if (!facts) this.#reportUnknown(layer, call, inputs, address);
      // a Lambda's shape may stand in its config; its function is Python's and never run
      if (layer.className === 'Lambda') this.#report('holds-code', 'warning', address, { layer: address });
      return facts;
    } catch (error) {
      if (!(error instanceof SlicerError)) throw error;
      const data = { class: layer.className, ...error.data, layer: address, file: this.context.file };
      this.#report(error.code, 'error', address, data);
      return null;
    }
  }

  /** An operation of unknown inputs is no news: what made them unknown has been reported. */
  #reportUnknown(layer: Layer, call: LayerCall, inputs: TensorInfo[], address: string): void {
    const operation = layer.className.endsWith('OpLambda') ? `tf.${textField(layer.config, 'function') ?? ''}` : null;
    if (layer.isLayer && operation === null)
      return this.#report('unknown-class', 'warning', address, { class: layer.className, layer: address });
    if (inputs.some(({ shape }) => shape === null) || call.inputs.length === 0) return;
    this.#report('unknown-class', 'warning', address, {
      reason: 'operation',
      class: operation ?? layer.className,
      layer: address,
    });
  }

  #report(code: Problem['code'], severity: Problem['severity'], address: string, data: ErrorData): void {
    const key = `${code} ${address}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.context.problems.push({ code, severity, address, data: { file: this.context.file, ...data } });
  }

  #setWeights(layer: Layer, specs: WeightSpec[] | null): void {
    if (specs === null) this.context.unknownWeights.add(layer);
    layer.weights = (specs ?? []).map(({ name, shape, dtype, trainable }) => ({
      name,
      shape,
      dtype,
      trainable,
      entry: null,
    }));
  }

  /** Where the catalogue does not know, the file's own word counts. */
  #withDeclared(graph: LayerGraph, layer: Layer, call: number, outputs: TensorInfo[]): TensorInfo[] {
    return outputs.map((info, output) => {
      if (info.shape !== null && info.dtype !== null) return info;
      const declared = this.context.declared.get(graph)?.get(tensorKey({ layer: layer.name, call, output }));
      return { shape: info.shape ?? declared?.shape ?? null, dtype: info.dtype ?? declared?.dtype ?? null };
    });
  }

  /** A tensor that something reads exists, also where the catalogue does not know the layer. */
  #coverOutput(graph: LayerGraph, layer: Layer | undefined, ref: { call: number; output: number }): void {
    const outputs = layer?.calls[ref.call]?.outputs;
    if (!layer || !outputs) return;
    while (outputs.length <= ref.output) {
      const declared = this.context.declared
        .get(graph)
        ?.get(tensorKey({ layer: layer.name, call: ref.call, output: outputs.length }));
      outputs.push(declared ?? UNKNOWN);
    }
  }
}

function inputInfo(layer: Layer): TensorInfo {
  return {
    shape: shapeOf(field(layer.config, 'batch_input_shape')),
    dtype: textField(layer.config, 'dtype') ?? 'float32',
  };
}

/** The tensors that a call passes, in the order of the nested model's inputs. */
export function portInputs(graph: LayerGraph, call: LayerCall, inputs: TensorInfo[]): TensorInfo[] {
  return portPositions(graph, call).map((position) => inputs[position] ?? UNKNOWN);
}

/** For each input of a nested model, which of the call's tensors it gets; -1 for none. */
export function portPositions(graph: LayerGraph, call: { args: CallArgument[] }): number[] {
  const [first] = call.args;
  if (first?.kind !== 'dict') return graph.inputs.map((_, i) => i);
  return graph.inputs.map(({ name, layer }) => {
    const item = Object.hasOwn(first.items, name)
      ? first.items[name]
      : Object.hasOwn(first.items, layer)
        ? first.items[layer]
        : undefined;
    return item?.kind === 'tensor' ? item.input : -1;
  });
}

/** Null when a part is unknown. */
function totalMacs(macs: (number | null)[]): number | null {
  return macs.reduce((sum, next) => (sum === null || next === null ? null : sum + next), 0);
}
