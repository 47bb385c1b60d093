/** The calls of a model that a run has to do, each with its kernel, and when their values are last read. */
import { SlicerError } from '../../core/errors';
import type { JsonObject } from '../../core/model/json';
import type { Layer, LayerCall } from '../../core/model/layerGraph';
import type { ModelFile } from '../../core/model/modelFile';
import { kerasMajor } from '../../core/model/kerasMajor';
import { formatAddress, resolveAddress } from '../../core/model/address';
import { expandCalls, type ExpandedCall } from '../../core/model/traversal';
import { KernelConfig, type Kernel } from '../kernels/kernel';
import { kernelOf } from '../kernels/registry';
import { customKernel } from '../kernels/tfjsLayer';

export interface Step {
  call: ExpandedCall;
  layerCall: LayerCall;
  /** Null for inputs and aliases. */
  kernel: Kernel | null;
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

/** The layers that hold the inner tensors among `addresses` (canonical), and must be taken apart for them. */
export function layersApart(model: ModelFile, addresses: readonly string[]): Set<Layer> {
  const found = new Set<Layer>();
  for (const address of addresses) {
    // most addresses cannot be one, and looking them up costs
    if (!/(?:^|[^\\])(?:\\\\)*@/.test(address)) continue;
    const { layer, inner } = resolveAddress(model.graph, address);
    if (inner !== null) found.add(layer);
  }
  return found;
}

/**
 * What has to be done for `wanted` (canonical addresses). A layer with an inner tensor among them is done in its parts.
 * @throws SlicerError `not-runnable` naming every needed layer that nobody here can compute,
 *   `missing-weight` naming the layers without weights, `unknown-address`.
 */
export function buildProgram(model: ModelFile, wanted: readonly string[]): Program {
  const keras = kerasMajor(model);
  const calls = expandCalls(model.graph, layersApart(model, wanted));
  const steps = neededCalls(calls, wanted).map((call): Step => {
    const layerCall = call.layer.calls[call.call];
    if (!layerCall) throw new SlicerError('internal', { reason: `no call ${call.address}` });
    return { call, layerCall, kernel: call.kind === 'call' ? findKernel(call.layer) : null };
  });
  refuseUnrunnable(model, steps, keras);
  const readers = new Map<string, number>();
  for (const { call } of steps) for (const input of call.inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
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

/** The calls that `wanted` depends on, in order. */
function neededCalls(calls: readonly ExpandedCall[], wanted: readonly string[]): ExpandedCall[] {
  const producers = new Map<string, ExpandedCall>();
  for (const call of calls) for (const output of call.outputs) producers.set(output, call);
  const needed = new Set<ExpandedCall>();
  const todo = [...wanted];
  for (let address = todo.pop(); address !== undefined; address = todo.pop()) {
    const call = producers.get(address);
    if (!call) throw new SlicerError('unknown-address', { address });
    if (needed.has(call)) continue;
    needed.add(call);
    todo.push(...call.inputs);
  }
  return calls.filter((call) => needed.has(call));
}

const unknownClass = 'its class is unknown';

function refuseUnrunnable(model: ModelFile, steps: readonly Step[], keras: 2 | 3): void {
  const unrunnable = new Map<Layer, Unrunnable>();
  const weightless = new Map<Layer, { address: string; weights: string[] }>();
  for (const { call, kernel } of steps) {
    if (call.kind !== 'call') continue;
    const reason = kernel ? refusal(kernel, call.layer.config, keras) : unknownClass;
    if (reason) unrunnable.set(call.layer, { address: call.address, class: call.layer.className, reason });
    const weights = call.layer.weights.filter(({ entry }) => entry === null).map(({ name }) => name);
    if (weights.length > 0) weightless.set(call.layer, { address: call.address, weights });
  }
  if (unrunnable.size > 0) {
    const all = [...unrunnable.values()];
    throw new SlicerError('not-runnable', {
      file: model.file,
      ...(all.every(({ reason }) => reason === unknownClass) ? { reason: 'unknown-class' } : {}),
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
