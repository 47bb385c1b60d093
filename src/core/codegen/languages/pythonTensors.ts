/** Python that gets hold of a tensor of a loaded Keras model. */
import { layersByName, resolveAddress, type AddressPart } from '../../model/address';
import type { CallArgument, Layer, LayerCall, LayerGraph, NamedTensor, TensorRef } from '../../model/layerGraph';
import type { Python } from './python';
import type { PythonNames } from './pythonLiterals';
import { pythonConstant, pythonString } from './pythonLiterals';

/** How the code finds a layer: by name, or by its place in `model.layers` with a check of the name. */
export type LayerLookup = 'name' | 'index';

/** A model that the code holds in a variable. */
interface Held {
  variable: string;
  graph: LayerGraph;
}

/**
 * Finds tensors of the loaded model: by name, call and output, also inside nested models. Keras hands out only what the
 * first call of a layer gave (`layer.output`), and a nested model's `output` is not that of its call: those are applied
 * once more to what they read. The layers are the same ones, so are the weights.
 */
export class PythonTensors {
  private readonly models = new Map<string, Held>();
  private readonly made = new Map<string, string>();
  private usesOperations = false;
  private usesIndices = false;

  constructor(
    private readonly code: Python,
    private readonly root: Held,
    private readonly names: PythonNames,
    private readonly lookup: LayerLookup = 'name',
  ) {}

  /** An expression for the tensor; what it needs is written before. `address` names no tensor inside a layer. */
  expression(address: string): string {
    const { path, layer, call, output } = resolveAddress(this.root.graph, address);
    const own = this.rootOutput(path, call, output);
    if (own !== null) return own;
    let ref: TensorRef = { layer: layer.name, call, output };
    const held = this.heldOnTheWay(path);
    let expression = this.tensor(held.at(-1) ?? this.root, ref);
    // From the inside out: each model around is cut at the tensor, and called as the model around it calls it.
    for (let depth = held.length - 2; depth >= 0; depth -= 1) {
      const inner = held[depth + 1];
      const outer = held[depth];
      const step = path[depth];
      if (!inner || !outer || !step) break;
      const call = layersByName(outer.graph).get(step.name)?.calls[step.call];
      const needed = neededInputs(inner.graph, ref);
      const part = this.once(`part ${inner.variable} ${expression}`, `${inner.variable}_part`, (variable) => {
        const inputs = this.modelInputs(
          inner,
          needed.map(({ input }) => input),
        );
        this.code.call(`${variable} = keras.Model`, [inputs, expression]);
      });
      const given = needed.flatMap(({ position }) => {
        const read = call ? inputAt(inner.graph, call, position) : null;
        return read ? [this.tensor(outer, read)] : [];
      });
      expression = `${part}(${given.length === 1 ? (given[0] ?? '') : `[${given.join(', ')}]`})`;
      ref = { layer: step.name, call: step.call, output: 0 };
    }
    return expression;
  }

  /** The inputs of a sub-model: all of them, or some by name. */
  inputs(addresses: readonly string[]): string {
    const { graph } = this.root;
    const wanted = addresses.flatMap((address) => {
      const { layer } = resolveAddress(graph, address);
      return graph.inputs.find((input) => input.layer === layer.name) ?? [];
    });
    return this.modelInputs(this.root, wanted);
  }

  /** The functions that the expressions call. */
  helpers(): void {
    if (this.usesOperations) writeOperationHelper(this.code);
    if (this.usesIndices) writeIndexHelper(this.code);
  }

  /** An expression for a layer itself, or for an operation. */
  layerAt(path: readonly AddressPart[]): string {
    const held = this.heldOnTheWay(path);
    const holder = held.at(-1) ?? this.root;
    const layer = layersByName(holder.graph).get(path.at(-1)?.name ?? '');
    return layer ? this.layer(holder, layer) : '';
  }

  /** Arguments of a call, the tensors in them given by `tensorOf`; null where one cannot be written. */
  static arguments(call: LayerCall, tensorOf: (input: number) => string): string[] | null {
    const positional = call.args.map((argument) => argumentText(argument, tensorOf));
    const named = Object.entries(call.kwargs)
      .filter(([key, argument]) => key !== 'training' && !isNothing(argument))
      .map(([key, argument]) => {
        const text = argumentText(argument, tensorOf);
        return text === null || !/^[A-Za-z_]\w*$/.test(key) ? null : `${key}=${text}`;
      });
    const all = [...positional, ...named];
    return all.every((text) => text !== null) ? all : null;
  }

  /** The model's only output, where asking for it in another way would apply layers anew. */
  private rootOutput(path: readonly AddressPart[], call: number, output: number): string | null {
    const { graph, variable } = this.root;
    const [only] = graph.outputs;
    const name = path[0]?.name;
    if (path.length !== 1 || graph.outputs.length !== 1 || !only || name === undefined) return null;
    const layer = layersByName(graph).get(name);
    const plain = layer?.graph === null && call === 0;
    return !plain && only.layer === name && only.call === call && only.output === output
      ? `${variable}.outputs[0]`
      : null;
  }

  /** The tensor as the model that holds its layer has it. */
  private tensor(holder: Held, ref: TensorRef): string {
    const { graph, variable } = holder;
    const layer = layersByName(graph).get(ref.layer);
    if (!layer) return '';
    if (graph.kind === 'sequential' && graph.inputs.some((input) => input.layer === ref.layer))
      return `${variable}.inputs[0]`;
    const several = (layer.calls[ref.call]?.outputs.length ?? 1) > 1;
    const picked = several ? `[${ref.output}]` : '';
    if (layer.graph === null && ref.call === 0) return `${this.layer(holder, layer)}.output${picked}`;
    // A chain of calls of reused layers is as deep as a file says: the ones before are made first.
    for (const before of this.unmade(holder, ref)) this.applied(holder, before);
    return `${this.applied(holder, ref)}${picked}`;
  }

  /** Calls that have to be applied anew before `ref`, in order. */
  private unmade({ graph, variable }: Held, ref: TensorRef): TensorRef[] {
    const wanted: TensorRef[] = [];
    const seen = new Set<string>();
    const open = [ref];
    for (let next = open.pop(); next; next = open.pop()) {
      const layer = layersByName(graph).get(next.layer);
      const key = `${variable} ${next.layer} ${next.call}`;
      if (!layer || seen.has(key) || this.made.has(key) || (layer.graph === null && next.call === 0)) continue;
      seen.add(key);
      wanted.push(next);
      open.push(...(layer.calls[next.call]?.inputs ?? []));
    }
    const place = new Map(graph.order.map(({ layer, call }, i) => [`${call} ${layer}`, i]));
    const placeOf = ({ layer, call }: TensorRef): number => place.get(`${call} ${layer}`) ?? 0;
    return wanted.sort((a, b) => placeOf(a) - placeOf(b)).filter((one) => one !== ref);
  }

  /** A variable that holds what the call gives. */
  private applied(holder: Held, { layer: name, call: index }: TensorRef): string {
    const layer = layersByName(holder.graph).get(name);
    const call = layer?.calls[index];
    return this.once(`${holder.variable} ${name} ${index}`, index > 0 ? `${name}_${index + 1}` : name, (variable) => {
      if (!layer || !call) return;
      const given = PythonTensors.arguments(call, (input) => {
        const read = call.inputs[input];
        return read ? this.tensor(holder, read) : 'None';
      });
      this.code.call(`${variable} = ${this.layer(holder, layer)}`, given ?? []);
    });
  }

  private layer({ variable, graph }: Held, layer: Layer): string {
    const name = pythonString(layer.name);
    if (!layer.isLayer) {
      this.usesOperations = true;
      return `operation(${variable}, ${name})`;
    }
    if (this.lookup === 'index' && layer.index.keras !== null && graph.layers.length > 0) {
      this.usesIndices = true;
      return `layer_at(${variable}, ${layer.index.keras}, ${name})`;
    }
    return `${variable}.get_layer(${name})`;
  }

  private modelInputs(holder: Held, inputs: readonly NamedTensor[]): string {
    const { graph, variable } = holder;
    if (graph.inputs.length === 1) return `${variable}.inputs`;
    return `[${inputs.map((input) => this.tensor(holder, input)).join(', ')}]`;
  }

  /** Variables for the models on the way to a layer, outermost first. */
  private heldOnTheWay(path: readonly AddressPart[]): Held[] {
    const found = [this.root];
    path.slice(0, -1).forEach(({ name }, i) => {
      const outer = found.at(-1) ?? this.root;
      const layer = layersByName(outer.graph).get(name);
      if (!layer?.graph) return;
      const key = JSON.stringify(path.slice(0, i + 1).map((step) => step.name));
      const known = this.models.get(key);
      const held = known ?? { variable: this.names.take(name, 'nested'), graph: layer.graph };
      if (!known) {
        this.models.set(key, held);
        this.code.line(`${held.variable} = ${this.layer(outer, layer)}`);
      }
      found.push(held);
    });
    return found;
  }

  private once(key: string, name: string, write: (variable: string) => void): string {
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const variable = this.names.take(name, 'tensor');
    this.made.set(key, variable);
    write(variable);
    return variable;
  }
}

/** Which inputs of a nested model a tensor in it needs. */
function neededInputs(graph: LayerGraph, ref: TensorRef): { input: NamedTensor; position: number }[] {
  const layers = layersByName(graph);
  const seen = new Set<LayerCall>();
  const reached = new Set<string>();
  const open = [ref];
  for (let next = open.pop(); next; next = open.pop()) {
    if (graph.inputs.some(({ layer }) => layer === next?.layer)) reached.add(next.layer);
    const call = layers.get(next.layer)?.calls[next.call];
    if (!call || seen.has(call)) continue;
    seen.add(call);
    open.push(...call.inputs);
  }
  return graph.inputs.flatMap((input, position) => (reached.has(input.layer) ? [{ input, position }] : []));
}

/** What a call hands to a nested model's input: by position, or by key where a dict is passed. */
function inputAt(graph: LayerGraph, call: LayerCall, position: number): TensorRef | null {
  const [first] = call.args;
  if (first?.kind !== 'dict') return call.inputs[position] ?? null;
  const { name = '', layer = '' } = graph.inputs[position] ?? {};
  const item = Object.hasOwn(first.items, name)
    ? first.items[name]
    : Object.hasOwn(first.items, layer)
      ? first.items[layer]
      : undefined;
  return item?.kind === 'tensor' ? (call.inputs[item.input] ?? null) : null;
}

function argumentText(argument: CallArgument, tensorOf: (input: number) => string): string | null {
  switch (argument.kind) {
    case 'tensor':
      return tensorOf(argument.input);
    case 'constant':
      return pythonConstant(argument.value);
    case 'list': {
      const items = argument.items.map((item) => argumentText(item, tensorOf));
      return items.includes(null) ? null : `[${items.join(', ')}]`;
    }
    case 'dict': {
      const items = Object.entries(argument.items).map(([key, item]) => {
        const text = argumentText(item, tensorOf);
        return text === null ? null : `${pythonString(key)}: ${text}`;
      });
      return items.includes(null) ? null : `{${items.join(', ')}}`;
    }
  }
}

/** `null`, or a list of nothing but nulls, as masks that are not there stand in files. */
function isNothing(argument: CallArgument): boolean {
  if (argument.kind === 'list') return argument.items.every(isNothing);
  if (argument.kind !== 'constant') return false;
  const { value } = argument;
  return value === null || (Array.isArray(value) && value.every((item) => item === null));
}

function writeOperationHelper(code: Python): void {
  code.function(
    {
      name: 'operation',
      parameters: ['model: keras.Model', 'name: str'],
      returns: 'keras.Operation',
      doc: ['An operation such as `x + y`, which is no layer: `get_layer` does not find it.'],
    },
    () => code.line('return next(item for item in model.operations if item.name == name)'),
  );
}

function writeIndexHelper(code: Python): void {
  code.function(
    {
      name: 'layer_at',
      parameters: ['model: keras.Model', 'index: int', 'name: str'],
      returns: 'keras.Layer',
      doc: [
        'The layer at an index as Keras counts, its name checked.',
        "A Sequential's layers do not hold its InputLayer here; those of TensorFlow.js may.",
      ],
    },
    () => {
      code.line('layer = model.layers[index]');
      code.block('if layer.name != name:', () =>
        code.line('raise ValueError(f"Layer {index} is {layer.name}, not {name}.")'),
      );
      code.line('return layer');
    },
  );
}
