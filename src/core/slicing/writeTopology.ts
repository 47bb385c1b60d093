/** The topology of a slice, in Keras 2's shape as plain TF.js reads it. */
import type { JsonObject, JsonValue } from '../model/json';
import type { Layer } from '../model/layerGraph';
import { isHarmless, isKeras2Call, keras2Node, keras3Node } from './callNodes';
import { callIndices } from './callOrder';
import { withoutDoubleReads } from './doubleReads';
import { LayerNames } from './layerNames';
import { withoutImpliedMasks } from './impliedMasks';
import { isMaskKeyword } from './maskRules';
import { openGraph, type OpenCall, type OpenTensor } from './openGraph';
import { inputConfig, type SliceInput } from './sliceInput';
import { inputLimit, isStateful, tfjsLimit, tfjsVerdict } from './tfjsLimits';
import type { SliceMasks } from './tfjsMasks';
import { innerName, tfjsWeightNames } from './weightNames';

/** One model to be written: the slice, or a nested model in it that stays closed. */
export interface ModelParts {
  name: string;
  isSequential: boolean;
  inputs: SliceInput[];
  /** In execution order, InputLayers left out. */
  calls: OpenCall[];
  outputs: OpenTensor[];
}

export interface WrittenTopology {
  modelConfig: JsonObject;
  weights: { name: string; entry: number }[];
  /** Names of the slice's inputs and outputs, in their order. */
  inputNames: string[];
  outputNames: string[];
  notes: { address: string | null; message: string }[];
  notExportable: { address: string; reason: string }[];
  renamed: readonly { address: string; name: string }[];
}

/** A place in the slice: the nested model (null: the slice itself) and how it stands in the source. */
interface Place {
  scope: Layer | null;
  prefix: string;
  trainable: boolean;
}

/** A layer as it is written. */
interface Entry {
  name: string;
  className: string;
  module: string | null;
  config: JsonObject;
  calls: OpenCall[];
}

/**
 * @param keras major version of the Keras that wrote the source: defaults differ.
 * @param masks null where the source makes none.
 * @param planOnly all but the config is wanted: it stays empty.
 */
export function writeTopology(
  parts: ModelParts,
  keras: 2 | 3,
  masks: SliceMasks | null,
  planOnly: boolean,
): WrittenTopology {
  const writer = new TopologyWriter(keras, masks, planOnly);
  for (const { address, reason } of masks?.problems ?? []) writer.lacks(address, reason);
  const { json, inputNames, outputNames } = writer.model(parts, { scope: null, prefix: '', trainable: true });
  for (const { address, name } of writer.names.renamed) {
    writer.notes.push({
      address,
      message: `${address} is called ${name} in the slice: TF.js needs plain names that differ.`,
    });
  }
  const { weights, notes, notExportable } = writer;
  return { modelConfig: json, weights, inputNames, outputNames, notes, notExportable, renamed: writer.names.renamed };
}

class TopologyWriter {
  readonly names = new LayerNames();
  readonly weights: WrittenTopology['weights'] = [];
  readonly notes: WrittenTopology['notes'] = [];
  readonly notExportable: WrittenTopology['notExportable'] = [];
  private readonly entriesWritten = new Set<number>();

  constructor(
    private readonly keras: 2 | 3,
    private readonly masks: SliceMasks | null,
    private readonly planOnly: boolean,
  ) {}

  model(given: ModelParts, place: Place): { json: JsonObject; inputNames: string[]; outputNames: string[] } {
    const { calls: singleReads, changed } = withoutDoubleReads(given.calls);
    const parts = { ...given, calls: singleReads };
    for (const address of changed) {
      const message = `${address} reads a tensor twice, which TF.js frees too early: a layer that changes nothing stands between.`;
      this.notes.push({ address: `${place.prefix}${address}`, message });
    }
    const layers = new Map<Layer, OpenCall[]>();
    for (const call of parts.calls) {
      const calls = layers.get(call.layer);
      if (calls) calls.push(call);
      else layers.set(call.layer, [call]);
    }
    const entries = new Map<Layer, Entry>();
    const named = parts.inputs.filter(({ layer }) => layer !== null);
    const inputNames = new Map(named.map((input) => [input, this.inputName(input, place)]));
    for (const [layer, calls] of layers) entries.set(layer, this.layer(layer, calls, place));
    for (const input of parts.inputs) if (!inputNames.has(input)) inputNames.set(input, this.inputName(input, place));
    const inputs = parts.inputs.map((input) => ({ input, name: inputNames.get(input) ?? '' }));
    const written = [...entries.values()];

    const sequential = parts.isSequential && isChain(parts);
    const json = sequential
      ? this.sequential(parts, inputs, written)
      : this.functional(parts, inputs, written, entries, place);
    return {
      json,
      inputNames: inputs.map(({ name }) => name),
      outputNames: parts.outputs.map((tensor) => {
        const input = inputs.find(({ input: { tensor: own } }) => own === tensor);
        return input?.name ?? entries.get(tensor.from.layer)?.name ?? '';
      }),
    };
  }

  private sequential(parts: ModelParts, inputs: { input: SliceInput; name: string }[], entries: Entry[]): JsonObject {
    const layers: JsonValue[] = inputs.map(({ input, name }) => ({
      class_name: 'InputLayer',
      config: inputConfig(input, name),
    }));
    for (const { className, config } of entries) layers.push({ class_name: className, config });
    return { class_name: 'Sequential', config: { name: parts.name, layers } };
  }

  private functional(
    parts: ModelParts,
    inputs: { input: SliceInput; name: string }[],
    entries: Entry[],
    entryOf: ReadonlyMap<Layer, Entry>,
    place: Place,
  ): JsonObject {
    const sources = new Map(inputs.map(({ input, name }) => [input.tensor, name]));
    // a layer that is called once has no order to lose
    if (this.planOnly && entries.every(({ calls }) => calls.length === 1))
      return { class_name: 'Functional', config: {} };
    const numbers = new Map(parts.calls.map((call, i) => [call.position, i]));
    const layerNumbers = new Map(entries.map((entry, i) => [entry, i]));
    const ordered = parts.calls.map((call) => ({
      layer: layerNumbers.get(entryOf.get(call.layer) as Entry) ?? 0,
      // what has no number here is supplied from outside, and there from the start
      reads: call.inputs.flatMap((tensor) => (sources.has(tensor) ? [] : (numbers.get(tensor.from.position) ?? []))),
    }));
    const indices = callIndices(ordered, entries.length);
    if (!indices) {
      const address = `${place.prefix}${parts.calls[0]?.address ?? ''}`;
      this.notExportable.push({ address, reason: 'TF.js would make the calls of its reused layers in another order' });
    }
    if (this.planOnly) return { class_name: 'Functional', config: {} };
    const keras2 = parts.calls.every(isKeras2Call);
    const node = (call: OpenCall): number => {
      const index = indices?.[numbers.get(call.position) ?? 0] ?? 0;
      // In Keras 2 and TF.js a nested model's own construction is its node 0.
      return call.layer.graph && keras2 ? index + 1 : index;
    };
    const reference = (tensor: OpenTensor): [string, number, number] => {
      const source = sources.get(tensor);
      if (source !== undefined) return [source, 0, 0];
      return [entryOf.get(tensor.from.layer)?.name ?? '', node(tensor.from), tensor.output];
    };
    const layers: JsonValue[] = inputs.map(({ input, name }) => ({
      class_name: 'InputLayer',
      config: inputConfig(input, name),
      name,
      inbound_nodes: [],
    }));
    for (const { name, className, module, config, calls } of entries) {
      const inOrder = [...calls].sort((a, b) => node(a) - node(b));
      layers.push({
        class_name: className,
        ...(module === null ? {} : { module }),
        config,
        name,
        inbound_nodes: inOrder.map((call) => (keras2 ? keras2Node(call, reference) : keras3Node(call, reference))),
      });
    }
    return {
      class_name: 'Functional',
      config: {
        name: parts.name,
        trainable: true,
        layers,
        input_layers: inputs.map(({ name }) => [name, 0, 0]),
        output_layers: parts.outputs.map(reference),
      },
    };
  }

  private inputName(input: SliceInput, { scope, prefix }: Place): string {
    const { layer, tensor, address } = input;
    const suffix = tensor.output > 0 ? `_${tensor.output}` : '';
    const wanted = layer ? layer.name : `${tensor.from.layer.name}${suffix}_input`;
    const name = this.names.take(scope, wanted, `${prefix}${address}`, false);
    const limit = inputLimit(input);
    if (limit !== null && scope === null) this.lacks(address, limit);
    if (!layer) this.notes.push({ address, message: `The input ${name} takes the place of ${address}.` });
    return name;
  }

  private layer(layer: Layer, calls: OpenCall[], place: Place): Entry {
    const first = calls[0];
    const address = `${place.prefix}${first?.layerAddress ?? layer.name}`;
    const trainable = place.trainable && (first?.trainable ?? true);
    const name = this.names.take(place.scope, layer.name, address, layer.weights.length > 0);
    if (layer.graph) {
      for (const call of calls) {
        const limit = tfjsLimit(call, this.keras);
        if (limit !== null) this.lacks(address, limit);
        this.checkCall(call, address);
      }
      const json = this.nestedModel(layer, name, { scope: layer, prefix: `${address}/`, trainable });
      return {
        name,
        className: json.class_name === 'Sequential' ? 'Sequential' : 'Functional',
        module: null,
        config: json.config as JsonObject,
        calls,
      };
    }
    const plain = this.plain(layer, name, calls, address);
    const isWritten = !this.planOnly || name !== layer.name;
    const config: JsonObject = isWritten ? { ...plain.config, name } : plain.config;
    if (isWritten && layer.isLayer && (Object.hasOwn(config, 'trainable') || !trainable)) config.trainable = trainable;
    if (isStateful(layer)) {
      const message = `${address} keeps its states from run to run: reset them before each (\`resetStates()\`).`;
      this.notes.push({ address, message });
    }
    if (isWritten && layer.className === 'Bidirectional') config.layer = nameInside(config.layer);
    this.addWeights(layer, name, config, address);
    // Only an operation needs its module: it shares its class's name with a layer.
    return { name, className: plain.className, module: layer.isLayer ? null : layer.module, config, calls };
  }

  private nestedModel(layer: Layer, name: string, place: Place): JsonObject {
    const graph = layer.graph;
    if (!graph) return {};
    const opened = openGraph(graph, new Set());
    const { json } = this.model(
      {
        name,
        isSequential: graph.kind === 'sequential',
        inputs: opened.inputs.map((tensor) => ({ tensor, layer: tensor.from.layer, address: tensor.from.address })),
        calls: withoutImpliedMasks(neededBy(opened.outputs), opened.outputs, this.masks?.implied ?? new Set()),
        outputs: opened.outputs,
      },
      place,
    );
    return json;
  }

  private plain(
    layer: Layer,
    name: string,
    calls: OpenCall[],
    address: string,
  ): { className: string; config: JsonObject } {
    let written = { className: layer.className, config: layer.config };
    const masked = this.masks?.masked.has(layer) ?? null;
    for (const call of calls) {
      const { plain, limit } = tfjsVerdict(call, name, masked, this.keras);
      if (plain.state === 'lacks') {
        this.lacks(address, plain.reason);
        return { className: layer.className, config: layer.config };
      }
      if (plain.state === 'rewritten') {
        written = plain;
        if (call === calls[0]) this.notes.push({ address, message: `${address}: ${plain.note}.` });
      }
      if (limit !== null) this.lacks(address, limit);
      this.checkCall(call, address);
    }
    return written;
  }

  private checkCall(call: OpenCall, address: string): void {
    const odd = Object.entries(call.call.kwargs).filter(([key, value]) => !isHarmless(key, value));
    const [key] = odd.find(([name]) => !this.isJudged(name)) ?? [];
    if (key !== undefined) this.lacks(address, `TF.js cannot be given its argument ${key}`);
    else if (odd.length === 0 && !isKeras2Call(call))
      this.lacks(address, 'TF.js cannot be given arguments that are not tensors');
  }

  /** Masks that are arguments have their own reasons. */
  private isJudged(keyword: string): boolean {
    return this.masks !== null && isMaskKeyword(keyword);
  }

  private addWeights(layer: Layer, name: string, config: JsonObject, address: string): void {
    const names = tfjsWeightNames(layer.className, name, config, layer.weights);
    layer.weights.forEach((weight, i) => {
      const { entry } = weight;
      if (entry === null) {
        this.lacks(address, `the file has no bytes for its weight ${weight.name}`);
        return;
      }
      if (this.entriesWritten.has(entry)) {
        this.notes.push({
          address,
          message: `${address} shares ${weight.name} with another layer; in the slice each has its own copy.`,
        });
      }
      this.entriesWritten.add(entry);
      this.weights.push({ name: names[i] ?? weight.name, entry });
    });
  }

  lacks(address: string, reason: string): void {
    if (this.notExportable.some((item) => item.address === address && item.reason === reason)) return;
    this.notExportable.push({ address, reason });
  }
}

/** What a nested model computes that leads to its outputs; TF.js leaves the rest out, and would not find its weights' layers. */
function neededBy(outputs: readonly OpenTensor[]): OpenCall[] {
  const needed = new Set<OpenCall>();
  const open = outputs.map(({ from }) => from);
  for (let call = open.pop(); call; call = open.pop()) {
    if (call.isInput || needed.has(call)) continue;
    needed.add(call);
    for (const { from } of call.inputs) open.push(from);
  }
  return [...needed].sort((a, b) => a.position - b.position);
}

/** Whether the calls are one chain from the only input to the only output. */
function isChain({ inputs, calls, outputs }: ModelParts): boolean {
  let tensor = inputs[0]?.tensor;
  if (!tensor || inputs.length !== 1 || outputs.length !== 1 || calls.length === 0) return false;
  const seen = new Set<Layer>();
  for (const call of calls) {
    const [read] = call.inputs;
    if (!read || call.inputs.length !== 1 || read !== tensor || seen.has(call.layer)) return false;
    if (!isKeras2Call(call) || Object.keys(call.call.kwargs).length > 0 || !call.layer.isLayer) return false;
    if ((call.layer.graph?.outputs.length ?? call.call.outputs.length) > 1) return false;
    seen.add(call.layer);
    tensor = call.outputs[0];
  }
  const [output] = outputs;
  return output !== undefined && output === tensor;
}

/** TF.js names the variables of a wrapper's layer after that layer; without a name it makes up one. */
function nameInside(wrapped: JsonValue | undefined): JsonValue {
  const name = innerName(wrapped);
  if (typeof wrapped !== 'object' || wrapped === null || Array.isArray(wrapped)) return wrapped ?? null;
  const config =
    typeof wrapped.config === 'object' && wrapped.config !== null && !Array.isArray(wrapped.config)
      ? wrapped.config
      : {};
  const valid = name !== null && /^[-A-Za-z0-9._]+$/.test(name);
  return valid ? wrapped : { ...wrapped, config: { ...config, name: 'layer' } };
}
