/** The loop over the calls of a model. Between calls it yields, so that cancelling and progress work. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { Layer } from '../../core/model/layerGraph';
import type { BackendName } from '../../protocol/engine';
import { onBackend } from '../backends/backend';
import { takeBridged } from '../backends/kernelBridge';
import { isNativeOutOfMemory } from '../backends/tensorflow';
import type { AttributeFact, AttributeTap } from '../customLayers/attributes';
import { KernelCall } from '../kernels/kernel';
import { Values } from './loopValues';
import type { Program, Step } from './program';
import { letGo } from './readers';
import { isHeapFull } from './wasmHeap';
import { isWasmTrap, silentTrap } from './wasmTrap';
import type { WeightStore } from './weights';

/** A value that the loop hands to its observer; it is disposed when it was last read: who keeps it takes a clone. */
export interface ComputedValue {
  address: string;
  tensor: tf.Tensor;
  /** It has an implicit mask beside it. */
  masked: boolean;
  step: Step;
  ms: number;
  backend: BackendName;
}

export interface LoopOptions {
  program: Program;
  weights: WeightStore;
  /** Read each layer's weights when its turn comes, and drop them when it is done, rather than all before. */
  streamWeights: boolean;
  /** The tensor for an input, or for what the program is given, when its turn comes. The loop disposes it. */
  feed(address: string): tf.Tensor | null;
  backend: BackendName;
  signal: { readonly aborted: boolean };
  /** Looks at a value as soon as it is there; the loop waits for it. */
  observe(value: ComputedValue): void | Promise<void>;
  /** Told after each call how many bytes of values are there; may throw, to stop. */
  onLive?(bytes: number, at: string): void;
  /** Told what a layer of the user's own set on itself, after each of its calls. */
  onAttributes?(call: string, attributes: readonly AttributeFact[]): void;
  /** Called about every 30 ms, and at the end. */
  onPause?(done: number, at: string): void;
}

export interface Fallback {
  address: string;
  backend: BackendName;
  reason: string;
}

export interface LoopResult {
  /** ms of the calls alone. */
  predictMs: number;
  fallbacks: Fallback[];
}

const pauseEvery = 30;

/**
 * Computes all steps of the program.
 * @throws SlicerError `cancelled`, `not-runnable` (a call failed: its address and why), `out-of-memory`.
 */
export async function runLoop(options: LoopOptions): Promise<LoopResult> {
  const { program, observe, signal, onPause, onLive } = options;
  const values = new Values();
  const streamed = options.streamWeights ? new StreamedWeights(program, options.weights) : null;
  const left = new Map(program.readers);
  const fallbacks: Fallback[] = [];
  let predictMs = 0;
  let lastPause = performance.now();
  try {
    for (const [i, step] of program.steps.entries()) {
      const pending = streamed?.before(step);
      if (pending) await pending;
      const start = performance.now();
      let backend = options.backend;
      if (step.kernel) {
        const fallback = await compute(step, options, values);
        if (fallback) {
          fallbacks.push(fallback);
          backend = fallback.backend;
        }
      } else handOn(step, options, values);
      const ms = performance.now() - start;
      predictMs += ms;
      onLive?.(values.bytes, step.call.address);
      for (const address of step.call.outputs) {
        const { tensor, mask } = values.get(address);
        const looking = observe({ address, tensor, masked: mask !== null, step, ms, backend });
        if (looking) await looking;
      }
      letGo(step.call, left, values);
      streamed?.after(step, i);
      if (performance.now() - lastPause > pauseEvery) {
        onPause?.(i + 1, step.call.address);
        await new Promise((resume) => setImmediate(resume));
        lastPause = performance.now();
        if (signal.aborted) throw new SlicerError('cancelled');
      }
    }
    onPause?.(program.steps.length, program.steps.at(-1)?.call.address ?? '');
    if (signal.aborted) throw new SlicerError('cancelled');
  } finally {
    values.dropAll();
    streamed?.end();
  }
  return { predictMs, fallbacks };
}

/** Weights that are there only while their layer computes, from its first call to its last. */
class StreamedWeights {
  private readonly last = new Map<Layer, number>();

  constructor(
    program: Program,
    private readonly weights: WeightStore,
  ) {
    program.steps.forEach(({ call }, i) => this.last.set(call.layer, i));
  }

  before({ call: { layer }, kernel }: Step): Promise<void> | null {
    return kernel && (layer.weights.length > 0 || !this.weights.isLoaded(layer))
      ? this.weights.load([layer], () => undefined)
      : null;
  }

  after({ call: { layer } }: Step, index: number): void {
    if (this.last.get(layer) === index) this.weights.release(layer);
  }

  end(): void {
    for (const layer of this.last.keys()) this.weights.release(layer);
  }
}

/** Values of inputs come from the feeds, those of aliases from whom they stand for. */
function handOn({ call }: Step, { feed }: LoopOptions, values: Values): void {
  call.outputs.forEach((address, i) => {
    if (call.kind === 'alias') {
      values.set(address, values.get(call.inputs[i] as string));
      return;
    }
    const tensor = feed(address);
    if (!tensor) throw new SlicerError('bad-input', { reason: 'missing', input: address });
    values.set(address, { tensor, mask: null });
  });
}

interface Computed {
  outputs: tf.Tensor[];
  masks: (tf.Tensor | null)[];
  /** In the order of the step's. */
  attributes: tf.Tensor[];
}

/** Computes one call; on the cpu, visibly, where the backend cannot. */
async function compute(step: Step, options: LoopOptions, values: Values): Promise<Fallback | null> {
  const { call, layerCall, kernel } = step;
  const { program, weights } = options;
  if (!kernel) return null;
  const inputs = call.inputs.map((address) => values.get(address));
  let tap: AttributeTap = { wanted: step.attributes, values: new Map(), set: [] };
  const parts = {
    className: call.layer.className,
    config: weights.configOf(call.layer),
    keras: program.keras,
    inputs: inputs.map(({ tensor }) => tensor),
    masks: inputs.map(({ mask }) => mask),
    args: layerCall.args,
    kwargs: layerCall.kwargs,
    weights: weights.of(call.layer),
  };
  const run = (): Computed => {
    tap = { ...tap, values: new Map(), set: [] };
    const kernelCall = new KernelCall({ ...parts, tap });
    return tf.tidy(() => callKernel(step, kernelCall, tap) as unknown as tf.TensorContainer) as unknown as Computed;
  };
  const wasFull = options.backend === 'wasm' && isHeapFull();
  let fallback: Fallback | null = null;
  let computed: Computed;
  try {
    takeBridged();
    computed = run();
    const bridged = takeBridged();
    if (bridged.length > 0) fallback = { address: call.address, backend: 'cpu', reason: bridged.join(', ') };
  } catch (error) {
    if (isWasmTrap(error)) throw brokenHeap(call.address, error);
    if (isNativeOutOfMemory(error)) throw new SlicerError('out-of-memory', { address: call.address }, { cause: error });
    if (options.backend === 'cpu' || error instanceof SlicerError) throw failed(step, error);
    try {
      computed = await onBackend('cpu', run);
    } catch (again) {
      throw failed(step, again);
    }
    fallback = { address: call.address, backend: 'cpu', reason: missingKernel(error) ?? messageOf(error) };
  }
  // what was allocated inside of the call may be missing
  if (options.backend === 'wasm' && !wasFull && isHeapFull())
    throw brokenHeap(call.address, silentTrap('the heap has grown to its end'));
  if (tap.set.length > 0) options.onAttributes?.(call.address, tap.set);
  const own = call.outputs.length - step.attributes.length;
  step.attributes.forEach((_, i) => {
    const tensor = computed.attributes[i];
    if (tensor) values.set(call.outputs[own + i] as string, { tensor, mask: null });
  });
  call.outputs.slice(0, own).forEach((address, i) => {
    const tensor = computed.outputs[i];
    if (!tensor) throw failed(step, new Error(`gave ${computed.outputs.length} outputs instead of ${own}`));
    values.set(address, { tensor, mask: computed.masks[i] ?? null });
  });
  // outputs that the graph does not know (states nobody reads) would leak
  const used = new Set([...inputs.map(({ tensor }) => tensor), ...computed.outputs.slice(0, own)]);
  for (const tensor of computed.outputs.slice(own)) if (!used.has(tensor)) tensor.dispose();
  return fallback;
}

function callKernel(step: Step, kernelCall: KernelCall, tap: AttributeTap): Computed {
  const { kernel, call } = step;
  if (!kernel) throw new SlicerError('internal', { reason: `no kernel for ${call.address}` });
  const result = kernel.run(kernelCall);
  const outputs = Array.isArray(result) ? result : [result];
  let masks: (tf.Tensor | null)[];
  if (kernel.mask === 'drop') masks = [];
  else if (kernel.mask === 'pass') {
    const mask = kernelCall.maskOf();
    masks = mask ? outputs.map(() => mask) : [];
  } else masks = kernel.mask(kernelCall, outputs.length);
  return { outputs, masks, attributes: attributesOf(step, tap) };
}

/** @throws SlicerError `unknown-address` naming those that there are, where one was not set. */
function attributesOf({ call, attributes }: Step, { values, set }: AttributeTap): tf.Tensor[] {
  const lacking = attributes.find((name) => !values.has(name));
  if (lacking === undefined) return attributes.flatMap((name) => values.get(name) ?? []);
  for (const tensor of values.values()) tensor.dispose();
  const existing = set.map(({ name }) => `${call.address}@${name}`);
  const reason = existing.length > 0 ? 'attribute' : 'no-attributes';
  const address = `${call.address}@${lacking}`;
  throw new SlicerError('unknown-address', { reason, address, layer: call.address, inner: lacking, existing });
}

function missingKernel(error: unknown): string | null {
  return /Kernel '(\w+)' not registered/.exec(messageOf(error))?.[1] ?? null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the heap holds is no longer to be trusted. */
function brokenHeap(address: string, error: unknown): SlicerError {
  return new SlicerError('out-of-memory', { reason: 'backend', address }, { cause: error });
}

function failed({ call }: Step, error: unknown): SlicerError {
  if (error instanceof SlicerError && error.code !== 'bad-config') return error;
  const why =
    error instanceof SlicerError ? `${error.code} ${JSON.stringify(error.data.key ?? null)}` : messageOf(error);
  const data = { reason: 'call', layers: [call.address], classes: [call.layer.className], reasons: [why] };
  return new SlicerError('not-runnable', data, { cause: error });
}
