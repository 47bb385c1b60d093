/** The topology of a slice, in the words of a dialect: TF.js's or Keras's. */
import type { JsonObject, JsonValue } from '../model/json';
import type { Layer, LayerCall } from '../model/layerGraph';
import { isKeras2Call, keras2Node, keras3Node } from './callNodes';
import { callIndices } from './callOrder';
import { withoutImpliedMasks } from './impliedMasks';
import { kerasOrder } from './kerasOrder';
import { openGraph, type OpenCall, type OpenTensor } from './openGraph';
import type { SliceInput } from './sliceInput';
import type { Findings, Lack, Note, TopologyDialect } from './topologyDialect';

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
  /** The layers of the slice, as Keras will order them when it loads it. */
  layers: WrittenLayer[];
  /** Names of the slice's inputs and outputs, in their order. */
  inputNames: string[];
  outputNames: string[];
  notes: Note[];
  notExportable: { address: string; reason: string }[];
  renamed: readonly { address: string; name: string }[];
}

/** A layer of the slice with its weights. */
export interface WrittenLayer {
  layer: Layer;
  address: string;
  name: string;
  className: string;
  config: JsonObject;
  /** Whether it, and every model around it, is trainable. */
  trainable: boolean;
  /** Of a nested model; null for everything else. */
  layers: WrittenLayer[] | null;
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
  written: JsonObject;
  className: string;
  calls: OpenCall[];
  layer: WrittenLayer;
}

interface WrittenModel {
  json: JsonObject;
  layers: WrittenLayer[];
  inputNames: string[];
  outputNames: string[];
}

/** What is known of the slice's masks. */
export interface MaskFindings {
  /** Calls whose mask arguments go without saying. */
  implied: ReadonlySet<LayerCall>;
  problems: readonly Lack[];
}

/** @param planOnly all but the config is wanted: it stays empty. */
export function writeTopology(
  parts: ModelParts,
  dialect: TopologyDialect,
  masks: MaskFindings | null,
  planOnly: boolean,
): WrittenTopology {
  const writer = new TopologyWriter(dialect, masks?.implied ?? new Set(), planOnly);
  for (const { address, reason } of masks?.problems ?? []) writer.lacks(address, reason);
  const { json, layers, inputNames, outputNames } = writer.model(parts, { scope: null, prefix: '', trainable: true });
  const { weights, notes, notExportable } = writer;
  const { renamed } = dialect.names;
  for (const { address, name } of renamed) notes.push({ address, message: dialect.renamedMessage(address, name) });
  return { modelConfig: json, weights, layers, inputNames, outputNames, notes, notExportable, renamed };
}

class TopologyWriter implements Findings {
  readonly weights: WrittenTopology['weights'] = [];
  readonly notes: WrittenTopology['notes'] = [];
  readonly notExportable: WrittenTopology['notExportable'] = [];
  private readonly entriesWritten = new Set<number>();

  constructor(
    private readonly dialect: TopologyDialect,
    private readonly implied: ReadonlySet<LayerCall>,
    private readonly planOnly: boolean,
  ) {}

  model(given: ModelParts, place: Place): WrittenModel {
    const parts = { ...given, calls: this.dialect.prepare(given.calls, place.prefix, this) };
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
      layers: sequential
        ? written.map(({ layer }) => layer)
        : kerasOrder(parts).flatMap((layer) => entries.get(layer)?.layer ?? []),
      inputNames: inputs.map(({ name }) => name),
      outputNames: parts.outputs.map((tensor) => {
        const input = inputs.find(({ input: { tensor: own } }) => own === tensor);
        return input?.name ?? entries.get(tensor.from.layer)?.name ?? '';
      }),
    };
  }

  private sequential(parts: ModelParts, inputs: { input: SliceInput; name: string }[], entries: Entry[]): JsonObject {
    const layers: JsonValue[] = inputs.map(({ input, name }) => ({
      ...this.dialect.identify('InputLayer', null),
      config: this.dialect.inputConfig(input, name),
    }));
    for (const { written } of entries) layers.push(written);
    return { ...this.dialect.identify('Sequential', null), config: { name: parts.name, layers } };
  }

  private functional(
    parts: ModelParts,
    inputs: { input: SliceInput; name: string }[],
    entries: Entry[],
    entryOf: ReadonlyMap<Layer, Entry>,
    place: Place,
  ): JsonObject {
    const sources = new Map(inputs.map(({ input, name }) => [input.tensor, name]));
    for (const { layer } of entries) if (layer.layers) this.dialect.checkNested(layer.address, this);
    const identity = this.dialect.identify('Functional', null);
    // a layer that is called once has no order to lose
    if (this.planOnly && entries.every(({ calls }) => calls.length === 1)) return { ...identity, config: {} };
    const numbers = new Map(parts.calls.map((call, i) => [call.position, i]));
    const layerNumbers = new Map(entries.map((entry, i) => [entry, i]));
    const ordered = parts.calls.map((call) => ({
      layer: layerNumbers.get(entryOf.get(call.layer) as Entry) ?? 0,
      // what has no number here is supplied from outside, and there from the start
      reads: call.inputs.flatMap((tensor) => (sources.has(tensor) ? [] : (numbers.get(tensor.from.position) ?? []))),
    }));
    const indices = callIndices(ordered, entries.length);
    const { unstableOrder } = this.dialect;
    if (!indices && unstableOrder !== null) {
      const address = `${place.prefix}${parts.calls[0]?.address ?? ''}`;
      this.notExportable.push({ address, reason: unstableOrder });
    }
    if (this.planOnly) return { ...identity, config: {} };
    const numbered = indices ?? inExecutionOrder(ordered);
    const style = this.dialect.nodeStyle(parts.calls);
    const node = (call: OpenCall, isPort: boolean): number => {
      const index = numbered[numbers.get(call.position) ?? 0] ?? 0;
      const className = entryOf.get(call.layer)?.className ?? '';
      return call.layer.graph ? index + this.dialect.nodeOffset(className, style, isPort) : index;
    };
    const referenceFrom =
      (isPort: boolean) =>
      (tensor: OpenTensor): [string, number, number] => {
        const source = sources.get(tensor);
        if (source !== undefined) return [source, 0, 0];
        return [entryOf.get(tensor.from.layer)?.name ?? '', node(tensor.from, isPort), tensor.output];
      };
    const reference = referenceFrom(false);
    const layers: JsonValue[] = inputs.map(({ input, name }) => ({
      ...this.dialect.identify('InputLayer', null),
      config: this.dialect.inputConfig(input, name),
      name,
      inbound_nodes: [],
    }));
    for (const { name, written, calls } of entries) {
      const inOrder = [...calls].sort((a, b) => node(a, false) - node(b, false));
      layers.push({
        ...written,
        name,
        inbound_nodes: inOrder.map((call) =>
          style === 'lists' ? keras2Node(call, reference) : keras3Node(call, reference),
        ),
      });
    }
    const ports = (found: [string, number, number][]): JsonValue => {
      const [only, ...others] = found;
      return this.dialect.flatPorts && only && others.length === 0 ? only : found;
    };
    return {
      ...identity,
      config: {
        name: parts.name,
        trainable: true,
        layers,
        input_layers: ports(inputs.map(({ name }) => [name, 0, 0])),
        output_layers: ports(parts.outputs.map(referenceFrom(true))),
      },
    };
  }

  private inputName(input: SliceInput, { scope, prefix }: Place): string {
    const { layer, tensor, address } = input;
    const suffix = tensor.output > 0 ? `_${tensor.output}` : '';
    const wanted = layer ? layer.name : `${tensor.from.layer.name}${suffix}_input`;
    const name = this.dialect.names.take(scope, wanted, `${prefix}${address}`, false);
    const limit = this.dialect.inputLimit(input);
    if (limit !== null && scope === null) this.lacks(address, limit);
    if (!layer) this.note({ address, message: `The input ${name} takes the place of ${address}.` });
    return name;
  }

  private layer(layer: Layer, calls: OpenCall[], place: Place): Entry {
    const first = calls[0];
    const address = `${place.prefix}${first?.layerAddress ?? layer.name}`;
    const trainable = place.trainable && (first?.trainable ?? true);
    const name = this.dialect.names.take(place.scope, layer.name, address, layer.weights.length > 0);
    if (layer.graph) {
      for (const call of calls) this.dialect.checkModel(call, address, this);
      const model = this.nestedModel(layer, name, { scope: layer, prefix: `${address}/`, trainable });
      const className = model.json.class_name === 'Sequential' ? 'Sequential' : 'Functional';
      const { config } = model.json;
      const own = { layer, address, name, className, config: {}, trainable, layers: model.layers };
      const written = { ...this.dialect.identify(className, null), config: config ?? {} };
      return { name, className, written, calls, layer: own };
    }
    const plain = this.dialect.plain(layer, name, calls, address, this);
    const isWritten = !this.planOnly || name !== layer.name;
    let config: JsonObject = isWritten ? { ...plain.config, name } : plain.config;
    const takesTrainable = isWritten && this.dialect.takesTrainable(layer);
    if (takesTrainable && (Object.hasOwn(config, 'trainable') || !trainable)) config.trainable = trainable;
    if (isWritten) config = this.dialect.finish(layer, config);
    this.addWeights(layer, name, config, address);
    const { className } = plain;
    const own = { layer, address, name, className, config, trainable, layers: null };
    return { name, className, written: { ...this.dialect.identify(className, layer), config }, calls, layer: own };
  }

  private nestedModel(layer: Layer, name: string, place: Place): WrittenModel {
    const graph = layer.graph;
    if (!graph) return { json: {}, layers: [], inputNames: [], outputNames: [] };
    const opened = openGraph(graph, new Set());
    return this.model(
      {
        name,
        isSequential: graph.kind === 'sequential',
        inputs: opened.inputs.map((tensor) => ({ tensor, layer: tensor.from.layer, address: tensor.from.address })),
        calls: withoutImpliedMasks(neededBy(opened.outputs), opened.outputs, this.implied),
        outputs: opened.outputs,
      },
      place,
    );
  }

  private addWeights(layer: Layer, name: string, config: JsonObject, address: string): void {
    const names = this.dialect.weightNames(layer, name, config);
    layer.weights.forEach((weight, i) => {
      const { entry } = weight;
      if (entry === null) {
        if (this.dialect.mayLack(weight)) return;
        this.lacks(address, `the file has no bytes for its weight ${weight.name}`);
        return;
      }
      if (this.entriesWritten.has(entry)) {
        this.note({
          address,
          message: `${address} shares ${weight.name} with another layer; in the slice each has its own copy.`,
        });
      }
      this.entriesWritten.add(entry);
      this.weights.push({ name: names[i] ?? weight.name, entry });
    });
  }

  note(note: Note): void {
    this.notes.push(note);
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

/** For each call its index among those of its layer, in the order in which they run. */
function inExecutionOrder(calls: readonly { layer: number }[]): number[] {
  const counts = new Map<number, number>();
  return calls.map(({ layer }) => {
    const index = counts.get(layer) ?? 0;
    counts.set(layer, index + 1);
    return index;
  });
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
