/** Layer addresses: the one way to name a layer or a tensor. See the words in the design: `outer/inner/conv1`, `dense#2`, `lstm:1`. */
import { SlicerError } from '../errors';
import {
  isCustomLayer,
  innerAlias,
  insideWrapper,
  isAttributeName,
  layerInside,
  whyNoInner,
} from '../layers/innerTensors';
import { splitLayer, type LayerSplit } from '../layers/splitLayer';
import { nearest } from './editDistance';
import type { Layer, LayerGraph, TensorInfo, TensorRef } from './layerGraph';

export interface AddressPart {
  name: string;
  /** From 0; the address counts from 1 and leaves the first out. */
  call: number;
}

export interface ResolvedTensor {
  /** Canonical. */
  address: string;
  path: AddressPart[];
  layer: Layer;
  /** The graph that holds the layer. */
  graph: LayerGraph;
  call: number;
  output: number;
  /**
   * Name of a tensor inside the layer (`pre` of `conv_1@pre`); `output` is 0 then. Of a class of the user's own: an
   * attribute, of which only a run can tell whether it is there.
   */
  inner: string | null;
  /** Of the tensor, also where it is an inner one. */
  info: TensorInfo;
}

/** A name as it stands inside an address: what an address could take for syntax is escaped. */
export function escapeName(name: string): string {
  return name.replace(/[\\/#:@[]/g, (c) => `\\${c}`);
}

/** Canonical address of a tensor: names escaped, first calls and first outputs left out. */
export function formatAddress(path: readonly AddressPart[], output = 0): string {
  const parts = path.map(({ name, call }) => `${escapeName(name)}${call > 0 ? `#${call + 1}` : ''}`);
  return tensorAddress(parts.join('/'), output);
}

/** Address of output `output` of the call at `call`. */
export function tensorAddress(call: string, output: number): string {
  return output > 0 ? `${call}:${output}` : call;
}

/**
 * @param text a canonical address, full names as they are (`scope/inner/dense`), or indices (`outer/keras[-2]`).
 * A canonical address that exists wins, then exact full names, then parsing.
 * @throws SlicerError `unknown-address` with the nearest names or the valid range.
 */
export function resolveAddress(graph: LayerGraph, text: string): ResolvedTensor {
  const steps = parse(text);
  const canonical = steps && walk(graph, steps.parts, steps.output);
  if (canonical && steps.inner === null) return canonical;
  const inner = canonical && steps.inner !== null && steps.output === 0 ? innerOf(graph, canonical, steps.inner) : null;
  return (
    inner ??
    byPlainName(graph, text) ??
    byIndex(graph, text, steps) ??
    belowAt(graph, text) ??
    intoWrapper(graph, text, steps) ??
    fail(graph, text, steps)
  );
}

/** Shape and dtype of the tensor at an address; throws as `resolveAddress`. */
export function tensorInfo(graph: LayerGraph, address: string): TensorInfo {
  return resolveAddress(graph, address).info;
}

/** The parts of a layer of `graph`, where something inside it can be had. */
export function splitOf(graph: LayerGraph, layer: Layer): LayerSplit | null {
  return splitLayer(layer, (ref: TensorRef) => {
    const info = layersByName(graph).get(ref.layer)?.calls[ref.call]?.outputs[ref.output];
    return info ?? { shape: null, dtype: null };
  });
}

// --- inner tensors ---

/** The tensor `name` inside the layer at `at`; null where there is none. */
function innerOf(root: LayerGraph, at: ResolvedTensor, name: string): ResolvedTensor | null {
  const call = at.layer.calls[at.call];
  // nothing inside a node of a graph-model, or a layer that is never called
  if (!call || at.graph.kind === 'graph') return null;
  const alias = innerAlias(at.layer, call, name);
  if (alias !== null) return walk(root, at.path, alias);
  const address = `${formatAddress(at.path)}@${name}`;
  const unknown: TensorInfo = { shape: null, dtype: null };
  if (isCustomLayer(at.layer) && isAttributeName(name))
    return { ...at, address, output: 0, inner: name, info: unknown };
  const split = splitOf(at.graph, at.layer);
  const tensor = split?.inner.get(name);
  if (!split || !tensor) return null;
  const info = split.parts[tensor.part]?.layer.calls[at.call]?.outputs[tensor.output];
  return { ...at, address, output: 0, inner: name, info: info ?? unknown };
}

/** Whether it is what a layer of the user's own sets on itself while it is called. */
export function isAttribute({ inner, layer }: ResolvedTensor): boolean {
  return inner !== null && isCustomLayer(layer);
}

/** What stands before the last `@` as a layer in any way of writing, with the inner tensor behind it. */
function belowAt(root: LayerGraph, text: string): ResolvedTensor | null {
  const [, head, name] = /^([^]+)@([\p{ID_Continue}$]+)$/u.exec(text) ?? [];
  if (head === undefined || name === undefined) return null;
  const steps = parse(head);
  const at = (steps?.inner === null ? byIndex(root, head, steps) : null) ?? byPlainName(root, head);
  return at && at.output === 0 ? (innerOf(root, at, name) ?? failInside(text, at, name)) : null;
}

function failInside(text: string, at: ResolvedTensor, inner: string): never {
  const data = { address: text, reason: 'inner', layer: at.address, inner };
  throw new SlicerError('unknown-address', { ...data, why: whyNothing(at, inner) });
}

function whyNothing(at: ResolvedTensor, inner: string): string {
  if (at.graph.kind === 'graph') return 'a node of a graph-model has nothing inside';
  if (at.layer.calls.length === 0) return 'the layer is never called';
  // asked for of one output
  if (innerNames(at.layer).includes(inner)) return `it is written ${formatAddress(at.path)}@${inner}`;
  return whyNoInner(at.layer, inner);
}

/** Of the inner tensors that can be had. */
function innerNames(layer: Layer): readonly string[] {
  const inside = layerInside(layer);
  return inside?.refused === null ? inside.names : [];
}

/** An address into a layer that a wrapper holds in its config: what is well-defined of it, or why nothing is. */
function intoWrapper(root: LayerGraph, text: string, steps: Steps | null): ResolvedTensor | null {
  const { parts, inner } = steps ?? { parts: [], inner: null };
  for (let length = parts.length - 1; length > 0; length -= 1) {
    const at = walk(root, parts.slice(0, length), 0);
    if (!at) continue;
    const below = parts.slice(length).map(({ name }) => name);
    const found = insideWrapper(at.layer, below, inner);
    if (!found) return null;
    if ('inner' in found)
      return found.inner === null ? at : (innerOf(root, at, found.inner) ?? failInside(text, at, found.inner));
    const instead = [at.address, ...innerNames(at.layer).map((name) => `${at.address}@${name}`)];
    const data = { address: text, reason: 'wrapped', layer: at.address, why: found.why, instead };
    throw new SlicerError('unknown-address', data);
  }
  return null;
}

// --- parsing ---

interface Steps {
  parts: { text: string; name: string; call: number; index: { counting: 'keras' | 'tfjs'; at: number } | null }[];
  output: number;
  inner: string | null;
}

/** Splits at what is not escaped; null when the text is no address. */
function parse(text: string): Steps | null {
  const steps: Steps = { parts: [], output: 0, inner: null };
  const segments = splitUnescaped(text);
  for (const [i, segment] of segments.entries()) {
    const found = /^((?:\\[^]|[^\\#:@])*)(?:#(\d+))?(?::(\d+))?(?:@([^]+))?$/.exec(segment);
    if (!found) return null;
    const [, raw = '', call, output, inner] = found;
    const last = i === segments.length - 1;
    if (!last && (output !== undefined || inner !== undefined)) return null;
    if (call === '0') return null;
    const index = /^(keras|tfjs)\[(-?\d+)\]$/.exec(raw);
    steps.parts.push({
      text: segment,
      name: raw.replace(/\\([^])/g, '$1'),
      call: call === undefined ? 0 : Number(call) - 1,
      index: index ? { counting: index[1] === 'tfjs' ? 'tfjs' : 'keras', at: Number(index[2]) } : null,
    });
    if (output !== undefined) steps.output = Number(output);
    if (inner !== undefined) steps.inner = inner;
  }
  return steps;
}

function splitUnescaped(text: string): string[] {
  const segments: string[] = [''];
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i] ?? '';
    if (c === '/') segments.push('');
    else {
      segments[segments.length - 1] += c;
      if (c === '\\' && i + 1 < text.length) segments[segments.length - 1] += text[(i += 1)] ?? '';
    }
  }
  return segments;
}

const layerMaps = new WeakMap<LayerGraph, Map<string, Layer>>();

/** Layers by name, made once per graph. */
export function layersByName(graph: LayerGraph): ReadonlyMap<string, Layer> {
  let map = layerMaps.get(graph);
  if (!map) {
    map = new Map(graph.layers.map((layer) => [layer.name, layer]));
    layerMaps.set(graph, map);
  }
  return map;
}

/** Follows names down; null where there is no such layer, call or output. */
function walk(root: LayerGraph, parts: readonly AddressPart[], output: number): ResolvedTensor | null {
  let graph: LayerGraph | null = root;
  let at: { layer: Layer; graph: LayerGraph; call: number } | null = null;
  for (const { name, call } of parts) {
    const layer: Layer | undefined = graph ? layersByName(graph).get(name) : undefined;
    // a layer that is never called is still a layer
    if (!graph || !layer || call >= Math.max(1, layer.calls.length)) return null;
    at = { layer, graph, call };
    graph = layer.graph;
  }
  if (!at) return null;
  const outputs = at.layer.calls[at.call]?.outputs ?? [];
  if (output > 0 && output >= outputs.length) return null;
  const path = parts.map(({ name, call }) => ({ name, call }));
  const info = outputs[output] ?? { shape: null, dtype: null };
  return { ...at, address: formatAddress(path, output), path, output, inner: null, info };
}

// --- names as they are ---

const plainPaths = new WeakMap<LayerGraph, Map<string, string[]>>();

/** Every layer's names joined by slashes, nothing escaped. */
function plainIndex(root: LayerGraph): Map<string, string[]> {
  const known = plainPaths.get(root);
  if (known) return known;
  const index = new Map<string, string[]>();
  const pending: { graph: LayerGraph; path: string[] }[] = [{ graph: root, path: [] }];
  for (const { graph, path } of pending) {
    for (const layer of graph.layers) {
      const own = [...path, layer.name];
      const text = own.join('/');
      if (!index.has(text)) index.set(text, own);
      if (layer.graph) pending.push({ graph: layer.graph, path: own });
    }
  }
  plainPaths.set(root, index);
  return index;
}

/** Exact full names, with or without `#call` and `:output` behind them. */
function byPlainName(root: LayerGraph, text: string): ResolvedTensor | null {
  const index = plainIndex(root);
  const [, body = text, call = '1', output = '0'] = /^([^]*?)(?:#(\d+))?(?::(\d+))?$/.exec(text) ?? [];
  const readings: [string, number, number][] = [
    [text, 0, 0],
    [body, Number(call) - 1, Number(output)],
  ];
  const atOutput = text.lastIndexOf(':');
  if (atOutput > 0 && /^:\d+$/.test(text.slice(atOutput)))
    readings.splice(1, 0, [text.slice(0, atOutput), 0, Number(text.slice(atOutput + 1))]);
  for (const [name, callIndex, outputIndex] of readings) {
    const path = index.get(name);
    if (!path || callIndex < 0) continue;
    const parts = path.map((part, i) => ({ name: part, call: i === path.length - 1 ? callIndex : 0 }));
    const found = walk(root, parts, outputIndex);
    if (found) return found;
  }
  return null;
}

// --- indices ---

function byIndex(root: LayerGraph, text: string, steps: Steps | null): ResolvedTensor | null {
  if (!steps || steps.inner !== null || !steps.parts.some(({ index }) => index)) return null;
  let graph: LayerGraph | null = root;
  const parts: AddressPart[] = [];
  for (const { name, call, index } of steps.parts) {
    const layer: Layer | undefined = graph
      ? (layersByName(graph).get(name) ?? (index ? atIndex(graph, index, text) : undefined))
      : undefined;
    if (!layer) return null;
    parts.push({ name: layer.name, call });
    graph = layer.graph;
  }
  return walk(root, parts, steps.output);
}

/** Layers as Keras's or TF.js's `model.layers` lists them. */
function listed(graph: LayerGraph, counting: 'keras' | 'tfjs'): Layer[] {
  return graph.layers
    .filter(({ index }) => index[counting] !== null)
    .sort((a, b) => (a.index[counting] ?? 0) - (b.index[counting] ?? 0));
}

function atIndex(graph: LayerGraph, index: { counting: 'keras' | 'tfjs'; at: number }, text: string): Layer {
  const found = listed(graph, index.counting).at(index.at);
  if (found) return found;
  const [keras, tfjs] = [listed(graph, 'keras'), listed(graph, 'tfjs')];
  throw new SlicerError('unknown-address', {
    address: text,
    reason: 'index',
    counting: index.counting,
    model: graph.name,
    kerasLast: keras.length - 1,
    kerasName: keras.at(-1)?.name ?? '',
    tfjsLast: tfjs.length - 1,
    tfjsName: tfjs.at(-1)?.name ?? '',
  });
}

function fail(root: LayerGraph, text: string, steps: Steps | null): never {
  if (steps) {
    const parts = steps.parts.map(({ name, call }) => ({ name, call }));
    const whole = walk(root, parts, 0);
    if (whole && steps.inner !== null) failInside(text, whole, steps.inner);
    if (whole) {
      const count = whole.layer.calls[whole.call]?.outputs.length ?? 0;
      throw new SlicerError('unknown-address', {
        address: text,
        reason: 'output',
        layer: whole.address,
        last: Math.max(0, count - 1),
      });
    }
    const once = walk(
      root,
      parts.map((part, i) => (i === parts.length - 1 ? { ...part, call: 0 } : part)),
      0,
    );
    if (once)
      throw new SlicerError('unknown-address', {
        address: text,
        reason: 'call',
        layer: once.address,
        calls: once.layer.calls.length,
      });
  }
  const names = nearest(text, [...plainIndex(root).keys()], 3);
  throw new SlicerError('unknown-address', {
    address: text,
    reason: names.length > 0 ? 'nearest' : 'none',
    model: root.name,
    nearest: names,
  });
}
