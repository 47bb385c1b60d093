/** Model file → the document that the command line prints and the editor's tree is drawn from. */
import { isCustomLayer, layerInside } from '../layers/innerTensors';
import type { Translate } from '../messages';
import { repairSentence, sentence } from '../messages';
import { escapeName, layersByName, tensorAddress } from './address';
import type {
  InnerTensor,
  InspectCall,
  InspectDocument,
  InspectLayer,
  InspectTensor,
  InspectWeight,
  ParamCounts,
} from './inspectDocument';
import type { Layer, LayerGraph, NamedTensor, TensorRef, Weight } from './layerGraph';
import type { ModelFile, WeightEntry } from './modelFile';
import type { WalkedLayer } from './traversal';
import { walkLayers } from './traversal';

export function inspectModel(model: ModelFile, translate?: Translate): InspectDocument {
  const walked = walkLayers(model.graph);
  const trainable = trainableBelow(walked);
  const users = entryUsers(walked);
  const parents = new Map(walked.map(({ address, parent }) => [address, parent]));
  const weightSets = new Map<string | null, CountedWeight[]>();
  for (const { address, layer } of walked) {
    // a graph-model's constants hold axes and sizes too: only its numbers with a fraction were learnt
    const params =
      model.graph.kind === 'graph' ? layer.weights.filter(({ dtype }) => /float|complex/.test(dtype)) : layer.weights;
    const own = params.map((weight) => counted(weight, layer, trainable.get(address) ?? true));
    // every model around the layer has its weights too
    for (let at: string | null = address; at !== null; at = parents.get(at) ?? null) append(weightSets, at, own);
    append(weightSets, null, own);
  }
  const rows = walked.map((item) => row(item, model, users, countParams(weightSets.get(item.address) ?? [])));
  const layers = model.graph.kind === 'graph' ? withScopes(rows) : rows;
  const totals = countParams(weightSets.get(null) ?? []);
  const macs = totalMacs(model.graph);
  return {
    file: model.file,
    format: model.format,
    kind: model.graph.kind,
    name: model.name,
    producer: model.producer,
    repairs: model.repairs.map((repair) => ({
      code: repair.code,
      address: repair.address,
      message: repairSentence(repair, translate),
    })),
    problems: model.problems.map((problem) => ({
      code: problem.code,
      severity: problem.severity,
      address: problem.address,
      message: sentence(problem, translate),
    })),
    inputs: model.graph.inputs.map((port) => tensor(model.graph, port)),
    outputs: model.graph.outputs.map((port) => tensor(model.graph, port)),
    layers,
    totals: {
      layers: walked.filter(({ layer }) => layer.isLayer).length,
      params: totals.total,
      trainable: totals.trainable,
      nonTrainable: totals.nonTrainable,
      macs: macs.known,
      macsUnknown: macs.unknown,
      weightBytes: model.weightEntries.reduce((sum, { bytes }, i) => sum + (users.has(i) ? bytes : 0), 0),
    },
  };
}

interface CountedWeight {
  /** Weights with the same bytes are one; one without bytes stands for itself. */
  identity: number | Weight;
  size: number;
  trainable: boolean;
}

function counted(weight: Weight, layer: Layer, around: boolean): CountedWeight {
  const size = weight.shape.reduce<number>((product, dim) => product * (dim ?? 0), 1);
  return { identity: weight.entry ?? weight, size, trainable: weight.trainable && layer.trainable && around };
}

function append(sets: Map<string | null, CountedWeight[]>, key: string | null, weights: CountedWeight[]): void {
  if (weights.length === 0) return;
  const set = sets.get(key);
  if (set) set.push(...weights);
  else sets.set(key, [...weights]);
}

function countParams(weights: CountedWeight[]): ParamCounts {
  const seen = new Map<number | Weight, CountedWeight>();
  for (const weight of weights) {
    const known = seen.get(weight.identity);
    if (!known || (!known.trainable && weight.trainable)) seen.set(weight.identity, weight);
  }
  let total = 0;
  let trainable = 0;
  for (const weight of seen.values()) {
    total += weight.size;
    if (weight.trainable) trainable += weight.size;
  }
  return { total, trainable, nonTrainable: total - trainable };
}

/** Whether all models around a layer are trainable. */
function trainableBelow(walked: WalkedLayer[]): Map<string, boolean> {
  const inside = new Map<string | null, boolean>([[null, true]]);
  const around = new Map<string, boolean>();
  for (const { address, parent, layer } of walked) {
    const outer = inside.get(parent) ?? true;
    around.set(address, outer);
    inside.set(address, outer && layer.trainable);
  }
  return around;
}

function entryUsers(walked: WalkedLayer[]): Map<number, string[]> {
  const users = new Map<number, string[]>();
  for (const { address, layer } of walked) {
    for (const { entry } of layer.weights) {
      if (entry === null) continue;
      const known = users.get(entry);
      if (!known) users.set(entry, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return users;
}

function row(item: WalkedLayer, model: ModelFile, users: Map<number, string[]>, params: ParamCounts): InspectLayer {
  const { address, parent, layer } = item;
  return {
    address,
    parent,
    name: layer.name,
    class: layer.className,
    depth: item.depth,
    isLayer: layer.isLayer,
    index: layer.index,
    calls: layer.calls.map((_, i) => call(item, i)),
    params,
    trainable: layer.trainable,
    weights: layer.weights.map((weight) => weightRow(weight, address, model.weightEntries, users)),
    inner: innerRows(item),
    ...(item.graph.kind !== 'graph' && isCustomLayer(layer) ? { custom: true } : {}),
    config: layer.config,
  };
}

/** What is inside a layer; a node of a graph-model, or a layer that is never called, has nothing. */
function innerRows({ layer, graph }: WalkedLayer): InnerTensor[] {
  const inside = graph.kind === 'graph' || layer.calls.length === 0 ? null : layerInside(layer);
  if (!inside) return [];
  const { refused } = inside;
  return inside.names.map((name) => (refused === null ? { name, cut: true } : { name, cut: false, reason: refused }));
}

function call({ address, parent, layer }: WalkedLayer, index: number): InspectCall {
  const { inputs, outputs, macs } = layer.calls[index] ?? { inputs: [], outputs: [], macs: null };
  const prefix = parent === null ? '' : `${parent}/`;
  return {
    address: index > 0 ? `${address}#${index + 1}` : address,
    inputs: inputs.map((ref) => prefix + refAddress(ref)),
    outputs,
    macs,
  };
}

function refAddress({ layer, call: index, output }: TensorRef): string {
  return tensorAddress(`${escapeName(layer)}${index > 0 ? `#${index + 1}` : ''}`, output);
}

function weightRow(
  weight: Weight,
  address: string,
  entries: WeightEntry[],
  users: Map<number, string[]>,
): InspectWeight {
  const entry = weight.entry === null ? undefined : entries[weight.entry];
  const sharing = weight.entry === null ? [] : (users.get(weight.entry) ?? []);
  return {
    name: weight.name,
    shape: weight.shape,
    dtype: entry?.dtype ?? weight.dtype,
    quantization: entry?.quantization ?? null,
    bytes: entry?.bytes ?? 0,
    sharedWith: sharing.filter((user) => user !== address),
  };
}

function tensor(graph: LayerGraph, port: NamedTensor): InspectTensor {
  const layer = layersByName(graph).get(port.layer);
  const info = layer?.calls[port.call]?.outputs[port.output];
  return { name: port.name, address: refAddress(port), shape: info?.shape ?? null, dtype: info?.dtype ?? null };
}

/** Sum over the model's calls; a nested model's call already holds what is inside. Operations count as unknown only inside. */
function totalMacs(graph: LayerGraph): { known: number | null; unknown: number } {
  let known: number | null = null;
  let unknown = 0;
  for (const { layer: name, call: index } of graph.kind === 'graph' ? [] : graph.order) {
    const layer = layersByName(graph).get(name);
    const macs = layer?.calls[index]?.macs ?? null;
    if (macs !== null) known = (known ?? 0) + macs;
    else if (layer?.isLayer) unknown += 1;
  }
  // nothing but zeros beside unknown costs says nothing
  return { known: known === 0 && unknown > 0 ? null : known, unknown };
}

/** Nodes under rows for their name scopes, `a` and `a/b` of `a/b/c`, in the order in which scopes first come. */
function withScopes(nodes: InspectLayer[]): InspectLayer[] {
  const byPlain = new Map(nodes.map((node) => [node.name, node]));
  const children = new Map<string | null, InspectLayer[]>();
  const scopes = new Map<string, InspectLayer>();
  const add = (parent: string | null, child: InspectLayer): void => {
    const list = children.get(parent);
    if (list) list.push(child);
    else children.set(parent, [child]);
  };
  const parentOf = (name: string): InspectLayer | null => {
    const at = name.lastIndexOf('/');
    if (at <= 0) return null;
    const scope = name.slice(0, at);
    return byPlain.get(scope) ?? scopes.get(scope) ?? null;
  };
  for (const node of nodes) {
    const parts = node.name.split('/', 65);
    for (let i = 1; i < Math.min(parts.length, 64); i += 1) {
      const scope = parts.slice(0, i).join('/');
      if (scope === '' || byPlain.has(scope) || scopes.has(scope)) continue;
      const made = scopeRow(scope);
      scopes.set(scope, made);
      add(parentOf(scope)?.name ?? null, made);
    }
    add(parentOf(node.name)?.name ?? null, node);
  }
  const ordered: InspectLayer[] = [];
  const stack: { list: InspectLayer[]; at: number; parent: string | null }[] = [
    { list: children.get(null) ?? [], at: 0, parent: null },
  ];
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const next = frame.list[frame.at];
    frame.at += 1;
    if (!next) {
      stack.pop();
      continue;
    }
    next.parent = frame.parent;
    next.depth = stack.length - 1;
    ordered.push(next);
    const below = children.get(next.name);
    if (below) stack.push({ list: below, at: 0, parent: next.address });
  }
  sumScopes(ordered);
  return ordered;
}

function scopeRow(scope: string): InspectLayer {
  return {
    address: escapeName(scope),
    parent: null,
    name: scope,
    class: 'Scope',
    depth: 0,
    isLayer: false,
    index: { keras: null, tfjs: null },
    calls: [],
    params: { total: 0, trainable: 0, nonTrainable: 0 },
    trainable: false,
    weights: [],
    inner: [],
    config: {},
  };
}

/** A scope's parameters are those below it: from the last row up, each adds to its parent. */
function sumScopes(rows: InspectLayer[]): void {
  const byAddress = new Map(rows.map((item) => [item.address, item]));
  const below = new Map<string, number>();
  for (const item of [...rows].reverse()) {
    const total = (item.class === 'Scope' ? 0 : item.params.total) + (below.get(item.address) ?? 0);
    if (item.class === 'Scope') item.params = { total, trainable: 0, nonTrainable: total };
    if (item.parent !== null && byAddress.has(item.parent))
      below.set(item.parent, (below.get(item.parent) ?? 0) + total);
  }
}
