/** The calls of a model that a run has to do, each with its kernel, and when their values are last read. */
import { SlicerError } from '../../core/errors';
import type { JsonObject } from '../../core/model/json';
import type { Layer, LayerCall } from '../../core/model/layerGraph';
import { isLoraFactor } from '../../core/layers/lora';
import type { ModelFile } from '../../core/model/modelFile';
import { kerasMajor } from '../../core/model/kerasMajor';
import { formatAddress, isAttribute, resolveAddress, type ResolvedTensor } from '../../core/model/address';
import { expandCalls, type ExpandedCall } from '../../core/model/traversal';
import { KernelConfig, type Kernel } from '../kernels/kernel';
import { kernelOf } from '../kernels/registry';
import { customKernel, replacementOf } from '../kernels/tfjsLayer';
import { countReaders } from './readers';

export interface Step {
  call: ExpandedCall;
  layerCall: LayerCall;
  /** Null for inputs and aliases. */
  kernel: Kernel | null;
  /** Names of attributes that are wanted of the call; they are the last of its outputs. */
  attributes: readonly string[];
}

export interface Program {
  keras: 2 | 3;
  steps: Step[];
  inputs: { name: string; address: string }[];
  outputs: { name: string; address: string }[];
  /** How often each address is read by a later step. */
  readers: Map<string, number>;
  /** The layers whose weights are needed, each once. */
  layers: Layer[];
}

export interface Unrunnable {
  address: string;
  class: string;
  reason: string;
}

/** Addresses of the model's outputs (inputs), in order. */
export function portAddresses(model: ModelFile, calls: readonly ExpandedCall[], kind: 'inputs' | 'outputs'): string[] {
  const made = new Set(calls.flatMap(({ outputs }) => outputs));
  return model.graph[kind].map((ref) => {
    const address = formatAddress([{ name: ref.layer, call: ref.call }], ref.output);
    if (!made.has(address)) throw new SlicerError('broken-graph', { file: model.file, layer: ref.layer });
    return address;
  });
}

/** The inner tensors among `addresses` (canonical). */
function innerTensors(model: ModelFile, addresses: readonly string[]): ResolvedTensor[] {
  // most addresses cannot be one, and looking them up costs
  const possible = addresses.filter((address) => /(?:^|[^\\])(?:\\\\)*@/.test(address));
  return possible.map((address) => resolveAddress(model.graph, address)).filter(({ inner }) => inner !== null);
}

/** The layers that must be taken apart for the inner tensors among `addresses` (canonical). */
export function layersApart(model: ModelFile, addresses: readonly string[]): Set<Layer> {
  const inside = innerTensors(model, addresses).filter((tensor) => !isAttribute(tensor));
  return new Set(inside.map(({ layer }) => layer));
}

/** Names of the attributes among `addresses` (canonical), by the address of the call that sets them. */
function wantedAttributes(model: ModelFile, addresses: readonly string[]): Map<string, string[]> {
  const byCall = new Map<string, string[]>();
  for (const tensor of innerTensors(model, [...new Set(addresses)])) {
    if (!isAttribute(tensor)) continue;
    const call = formatAddress(tensor.path);
    byCall.set(call, [...(byCall.get(call) ?? []), tensor.inner ?? '']);
  }
  return byCall;
}

export interface ProgramOptions {
  /** Tensors that are supplied: what only they need is not done. */
  given?: ReadonlySet<string>;
  /** Canonical addresses whose inner tensors decide which layers are done in their parts; default: `wanted`. */
  apartFor?: readonly string[];
}

/**
 * What has to be done for `wanted` (canonical addresses). A layer with an inner tensor among them is done in its parts.
 * @throws SlicerError `not-runnable` naming every needed layer that nobody here can compute,
 *   `missing-weight` naming the layers without weights, `unknown-address`.
 */
export function buildProgram(
  model: ModelFile,
  wanted: readonly string[],
  { given = new Set(), apartFor = wanted }: ProgramOptions = {},
): Program {
  const whole = model.problems.find(({ data }) => data.reason === 'subclassed' || data.reason === 'unbuilt');
  if (whole) throw new SlicerError(whole.code, whole.data);
  const keras = kerasMajor(model);
  const attributes = wantedAttributes(model, apartFor);
  const calls = expandCalls(model.graph, layersApart(model, apartFor)).map((call) => {
    const names = attributes.get(call.address);
    return names ? { ...call, outputs: [...call.outputs, ...names.map((name) => `${call.address}@${name}`)] } : call;
  });
  const steps = neededCalls(calls, wanted, given).map((call): Step => {
    const layerCall = call.layer.calls[call.call];
    if (!layerCall) throw new SlicerError('internal', { reason: `no call ${call.address}` });
    const kernel = call.kind === 'call' ? findKernel(call.layer) : null;
    // what is given sets no attributes
    const own = call.kind === 'input' ? [] : (attributes.get(call.address) ?? []);
    return { call, layerCall, kernel, attributes: own };
  });
  refuseUnrunnable(model, steps, keras);
  const readers = countReaders(steps.map(({ call }) => call));
  const named = (kind: 'inputs' | 'outputs'): Program['inputs'] => {
    const addresses = portAddresses(model, calls, kind);
    return model.graph[kind].map(({ name }, i) => ({ name, address: addresses[i] as string }));
  };
  const layers = [...new Set(steps.filter(({ kernel }) => kernel).map(({ call }) => call.layer))];
  return { keras, steps, inputs: named('inputs'), outputs: named('outputs'), readers, layers };
}

function findKernel(layer: Layer): Kernel | null {
  return customKernel(layer) ?? kernelOf(layer);
}

/** The calls that `wanted` depends on, in order; in the place of one whose outputs are given an input of these. */
function neededCalls(
  calls: readonly ExpandedCall[],
  wanted: readonly string[],
  given: ReadonlySet<string>,
): ExpandedCall[] {
  const producers = new Map<string, ExpandedCall>();
  for (const call of calls) for (const output of call.outputs) producers.set(output, call);
  const needed = new Set<ExpandedCall>();
  const supplied = new Map<ExpandedCall, Set<string>>();
  const todo = [...wanted];
  for (let address = todo.pop(); address !== undefined; address = todo.pop()) {
    const call = producers.get(address);
    if (!call) throw new SlicerError('unknown-address', { address });
    if (given.has(address)) {
      supplied.set(call, (supplied.get(call) ?? new Set()).add(address));
      continue;
    }
    if (needed.has(call)) continue;
    needed.add(call);
    todo.push(...call.inputs);
  }
  return calls.flatMap((call): ExpandedCall[] => {
    if (needed.has(call)) return [call];
    const outputs = supplied.get(call);
    return outputs ? [{ ...call, kind: 'input', inputs: [], outputs: [...outputs] }] : [];
  });
}

const unknownClass = 'its class is unknown';

/** Why a layer without a kernel cannot run. */
function whyNoKernel({ className, name }: Layer): string {
  if (className !== 'Lambda') return unknownClass;
  return `it is a Python function, which is never run here; a class ${replacementOf(name)} of a custom-layers module takes its place`;
}

function refuseUnrunnable(model: ModelFile, steps: readonly Step[], keras: 2 | 3): void {
  const unrunnable = new Map<Layer, Unrunnable>();
  const weightless = new Map<Layer, { address: string; weights: string[] }>();
  for (const { call, kernel } of steps) {
    if (call.kind !== 'call') continue;
    const reason = kernel ? refusal(kernel, call.layer.config, keras) : whyNoKernel(call.layer);
    if (reason) unrunnable.set(call.layer, { address: call.address, class: call.layer.className, reason });
    const lacking = call.layer.weights.filter(({ entry, name }) => entry === null && !isLoraFactor(name));
    const weights = lacking.map(({ name }) => name);
    if (weights.length > 0) weightless.set(call.layer, { address: call.address, weights });
  }
  if (unrunnable.size > 0) {
    const all = [...unrunnable.values()];
    const names = [...unrunnable.keys()].map(({ name }) => name);
    throw new SlicerError('not-runnable', {
      file: model.file,
      ...(all.every(({ reason }) => reason === unknownClass) ? { reason: 'unknown-class' } : {}),
      ...(all.every((one) => one.class === 'Lambda')
        ? { reason: 'lambda', replacements: names.map(replacementOf) }
        : {}),
      layers: all.map(({ address }) => address),
      classes: all.map((one) => one.class),
      reasons: all.map(({ reason }) => reason),
    });
  }
  if (weightless.size > 0) {
    const all = [...weightless.values()];
    throw new SlicerError('missing-weight', {
      file: model.file,
      reason: 'run',
      layers: all.map(({ address }) => address),
      weights: all.flatMap(({ address, weights }) => weights.map((weight) => `${address}/${weight}`)),
    });
  }
}

function refusal(kernel: Kernel, config: JsonObject, keras: 2 | 3): string | null {
  return kernel.refuses?.(new KernelConfig(config), keras) ?? null;
}
