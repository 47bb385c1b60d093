/** TypeScript that gets hold of a tensor of a loaded model. */
import { formatAddress, layersByName, resolveAddress, type AddressPart } from '../../model/address';
import type { Layer, LayerCall, LayerGraph, TensorRef } from '../../model/layerGraph';
import { Identifiers, stringLiteral } from '../literals';
import { tfjsLayerOrder } from './tfjsLayerOrder';
import type { TypeScript } from './typescript';

/** How layers are looked up. */
export type LayerLookup = 'name' | 'index';

/** Finds a tensor of the loaded model: by name, call and output, also inside nested models. */
export class TensorPicker {
  private readonly names: Identifiers;
  private readonly models = new Map<string, string>();

  constructor(
    private readonly code: TypeScript,
    private readonly graph: LayerGraph,
    taken: readonly string[],
    private readonly lookup: LayerLookup = 'name',
    /** Whether the expression must be one symbolic tensor to the compiler. */
    private readonly casts = true,
  ) {
    this.names = new Identifiers(taken);
  }

  /** An expression for the tensor; what it needs is written before. */
  expression(address: string): string {
    const { path, layer, call, output } = resolveAddress(this.graph, address);
    const around = path.slice(0, -1);
    const models = this.nestedModels(around.map(({ name }) => name));
    let expression = this.tensor(this.layer(models.at(-1), path), layer, call, output);
    // From the inside out: each model around is cut at the tensor, and called as the model around it calls it.
    const needed = neededInputs(this.graph, path, output);
    for (let depth = around.length - 1; depth >= 0; depth--) {
      const nested = models[depth] ?? 'model';
      const step = around[depth];
      const sub = this.names.take(`${nested}Part`, 'part');
      const pick = picked(needed[depth] ?? null);
      this.code.object(`const ${sub} = tf.model(`, [`inputs: ${nested}.inputs${pick}`, `outputs: ${expression}`], ');');
      // Node 0 is the nested model's own construction.
      this.code.part('inputsOf');
      expression = `${sub}.apply(inputsOf(${nested}, ${(step?.call ?? 0) + 1})${pick})${this.code.cast('tf.SymbolicTensor')}`;
    }
    return expression;
  }

  /** An expression for the tensor where it stands: in the nested model that holds it, apart from the model around. */
  inPlace(address: string): string {
    const { path, layer, call, output } = resolveAddress(this.graph, address);
    const model = this.nestedModels(path.slice(0, -1).map(({ name }) => name)).at(-1);
    return this.tensor(this.layer(model, path), layer, call, output);
  }

  /** A constant for the model that holds the layer. */
  modelOf(address: string): string {
    const { path } = resolveAddress(this.graph, address);
    return this.nestedModels(path.slice(0, -1).map(({ name }) => name)).at(-1) ?? 'model';
  }

  private layer(model: string | undefined, path: readonly AddressPart[]): string {
    const { graph, layer } = resolveAddress(this.graph, formatAddress(path));
    const got = stringLiteral(layer.name);
    if (this.lookup === 'name') return `${model ?? 'model'}.getLayer(${got})`;
    this.code.part('layerAt');
    return `layerAt(${model ?? 'model'}, ${tfjsLayerOrder(graph).indexOf(layer)}, ${got})`;
  }

  private tensor(got: string, layer: Layer, call: number, output: number): string {
    const several = (layer.calls[call]?.outputs.length ?? 1) > 1;
    // A nested model counts its own construction as call 0.
    const node = layer.graph ? call + 1 : call;
    const tensors = layer.calls.length > 1 || layer.graph ? `${got}.getOutputAt(${node})` : `${got}.output`;
    if (several) return `${this.code.typed('(')}${tensors}${this.code.typed(' as tf.SymbolicTensor[])')}[${output}]`;
    return this.casts ? `${tensors}${this.code.cast('tf.SymbolicTensor')}` : tensors;
  }

  /** Constants for the nested models on the way, outermost first. */
  private nestedModels(names: readonly string[]): string[] {
    const found: string[] = [];
    names.forEach((name, i) => {
      const key = JSON.stringify(names.slice(0, i + 1));
      let constant = this.models.get(key);
      if (constant === undefined) {
        constant = this.names.take(name, 'nested');
        this.models.set(key, constant);
        const path = names.slice(0, i + 1).map((part) => ({ name: part, call: 0 }));
        this.code.line(`const ${constant} = ${this.layer(found.at(-1), path)}${this.code.cast('tf.LayersModel')};`);
      }
      found.push(constant);
    });
    return found;
  }
}

/**
 * For each nested model around a tensor, outermost first, which of its inputs the tensor needs:
 * null for all of them. Without the others the part can be made although the whole call cannot.
 */
function neededInputs(graph: LayerGraph, path: readonly AddressPart[], output: number): (number[] | null)[] {
  const graphs: LayerGraph[] = [graph];
  for (const { name } of path.slice(0, -1)) {
    const inner = layersByName(graphs.at(-1) ?? graph).get(name)?.graph;
    if (inner) graphs.push(inner);
  }
  const last = path.at(-1);
  let refs: TensorRef[] = last ? [{ layer: last.name, call: last.call, output }] : [];
  const found: (number[] | null)[] = [];
  for (let depth = graphs.length - 1; depth > 0; depth--) {
    const positions = inputsAbove(graphs[depth] ?? graph, refs);
    const step = path[depth - 1];
    const call = step ? layersByName(graphs[depth - 1] ?? graph).get(step.name)?.calls[step.call] : undefined;
    found.unshift(positions.length === graphs[depth]?.inputs.length ? null : positions);
    refs = positions.flatMap((position) => call?.inputs[position] ?? []);
  }
  return found;
}

/** Positions of the graph's inputs that some tensors need. */
function inputsAbove(graph: LayerGraph, refs: readonly TensorRef[]): number[] {
  const layers = layersByName(graph);
  const seen = new Set<LayerCall>();
  const positions = new Set<number>();
  const open = [...refs];
  for (let ref = open.pop(); ref; ref = open.pop()) {
    const { layer, call } = ref;
    const position = graph.inputs.findIndex((input) => input.layer === layer);
    if (position >= 0) positions.add(position);
    const made = layers.get(layer)?.calls[call];
    if (!made || seen.has(made)) continue;
    seen.add(made);
    open.push(...made.inputs);
  }
  return [...positions].sort((a, b) => a - b);
}

function picked(positions: number[] | null): string {
  if (positions === null) return '';
  return positions.length === 1
    ? `.filter((_, i) => i === ${positions[0]})`
    : `.filter((_, i) => [${positions.join(', ')}].includes(i))`;
}
