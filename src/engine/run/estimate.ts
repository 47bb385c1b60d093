/** How much memory a run will take, from the shapes of its tensors, before anything is computed. */
import type { Layer, Shape, TensorInfo } from '../../core/model/layerGraph';
import type { BackendName } from '../../protocol/engine';
import { identityKernel } from '../kernels/kernel';
import type { Program, Step } from './program';
import { letGo } from './readers';
import { sizeOf } from './weights';

/** Bytes. Tensors whose shape is not known before they are there count nothing. */
export interface MemoryNeed {
  /** Values that are still to be read, and what a call takes while it computes, at the worst moment. */
  live: number;
  /** All weights, and what operations keep for as long as theirs are there. */
  weights: number;
  /** The worst moment where weights are there only while their layer computes: values and all. */
  streamed: number;
  /** All wanted tensors, and the largest of them. */
  wanted: number;
  largestWanted: number;
  /** Where the worst moment is: an address. */
  at: string;
}

export interface EstimateOptions {
  program: Program;
  shapes: ReadonlyMap<string, TensorInfo>;
  wanted: ReadonlySet<string>;
  /** Bytes of a weight of the layers as a tensor, by its index among the file's. */
  weightBytes(entry: number): number;
  backend: BackendName;
}

/** Goes through the program as the loop will, with sizes in the place of values. */
export function estimateRun({ program, shapes, wanted, weightBytes, backend }: EstimateOptions): MemoryNeed {
  const infoOf = (address: string): TensorInfo => shapes.get(address) ?? { shape: null, dtype: null };
  const bytesAt = (address: string): number => bytesOf(infoOf(address));
  const storages = new Storages();
  const left = new Map(program.readers);
  const costs = new CallCosts(backend, weightBytes);
  const need: MemoryNeed = { live: 0, weights: 0, streamed: 0, wanted: 0, largestWanted: 0, at: '' };
  for (const step of program.steps) {
    const { call } = step;
    call.outputs.forEach((address, i) => {
      const source = sharedWith(step, i);
      storages.add(address, source, bytesAt(address));
      if (!wanted.has(address)) return;
      need.largestWanted = Math.max(need.largestWanted, bytesAt(address));
      // what shares its values with another tensor is kept with it
      if (source === null || !wanted.has(source)) need.wanted += bytesAt(address);
    });
    const inputs = call.inputs.map(infoOf);
    const outputs = call.outputs.map(infoOf);
    const scratch = step.kernel ? costs.scratch(step, inputs, outputs) : 0;
    const { weights, workspace, lasting } = costs.held(step, outputs);
    need.weights += weights + workspace;
    if (storages.bytes + scratch > need.live) Object.assign(need, { live: storages.bytes + scratch, at: call.address });
    const streamed = storages.bytes + scratch + costs.streamedWeights(call.layer) + workspace + lasting;
    need.streamed = Math.max(need.streamed, streamed);
    letGo(call, left, storages);
  }
  return need;
}

export function bytesOf({ shape, dtype }: { shape: Shape | null; dtype: string | null }): number {
  if (!shape) return 0;
  return sizeOf(shape) * (dtype === 'bool' ? 1 : 4);
}

/** Values that are handed on or reshaped are there once. */
export class Storages {
  bytes = 0;
  private readonly storageOf = new Map<string, string>();
  private readonly storages = new Map<string, { bytes: number; holders: number }>();

  add(address: string, source: string | null, bytes: number): void {
    const shared = source === null ? undefined : this.storageOf.get(source);
    const name = shared ?? address;
    const storage = this.storages.get(name);
    this.storageOf.set(address, name);
    if (storage) storage.holders += 1;
    else {
      this.storages.set(name, { bytes, holders: 1 });
      this.bytes += bytes;
    }
  }

  drop(address: string): void {
    const name = this.storageOf.get(address);
    const storage = name === undefined ? undefined : this.storages.get(name);
    if (name === undefined || !storage) return;
    this.storageOf.delete(address);
    storage.holders -= 1;
    if (storage.holders > 0) return;
    this.storages.delete(name);
    this.bytes -= storage.bytes;
  }
}

const reshaping = new Set(['Flatten', 'Reshape']);

/** The tensor whose values an output is, without a copy. */
function sharedWith({ call, kernel }: Step, output: number): string | null {
  if (call.kind === 'alias') return call.inputs[output] ?? null;
  const isShared = kernel?.run === identityKernel.run || reshaping.has(call.layer.className);
  return isShared && output === 0 ? (call.inputs[0] ?? null) : null;
}

/** What calls take besides their inputs and outputs. */
class CallCosts {
  private readonly entries = new Set<number>();
  private readonly pools = new Set<string>();
  private poolBytes = 0;

  constructor(
    private readonly backend: BackendName,
    private readonly weightBytes: (entry: number) => number,
  ) {}

  /** Values inside of a call, gone when it ends. */
  scratch({ call }: Step, inputs: readonly TensorInfo[], outputs: readonly TensorInfo[]): number {
    const { className, config } = call.layer;
    const read = sum(inputs.map(bytesOf));
    const made = sum(outputs.map(bytesOf));
    // gates and states of all steps
    if (/LSTM|GRU|RNN|Bidirectional/.test(className)) {
      const steps = inputs[0]?.shape?.[1] ?? 1;
      return 12 * made * (config.return_sequences === true ? 1 : steps) + read;
    }
    if (/Attention/.test(className)) {
      const [query, key = query] = inputs;
      const heads = typeof config.num_heads === 'number' ? config.num_heads : 1;
      const [batch = 1, steps = 1] = query?.shape ?? [];
      return 12 * (batch ?? 1) * heads * (steps ?? 1) * (key?.shape?.[1] ?? 1) + 4 * (read + made);
    }
    // channels are moved to the end and back
    return config.data_format === 'channels_first' ? 2 * (read + made) : made;
  }

  /** What stays for as long as the layer's weights are there; `lasting`: for ever. */
  held(
    { call, kernel }: Step,
    outputs: readonly TensorInfo[],
  ): { weights: number; workspace: number; lasting: number } {
    const { layer } = call;
    const added = layer.weights.flatMap(({ entry }) => (entry === null || this.entries.has(entry) ? [] : [entry]));
    for (const entry of added) this.entries.add(entry);
    const weights = sum(added.map((entry) => this.weightBytes(entry))) * this.copies(layer);
    const workspace = kernel && this.backend === 'wasm' ? patchBytes(layer, outputs[0]?.shape ?? null) : 0;
    if (workspace === 0 || layer.weights.length > 0) return { weights, workspace, lasting: this.poolBytes };
    // of pooling there is one for each kind, and nothing ever frees it
    const kind = JSON.stringify([layer.className, layer.config.pool_size, layer.config.strides, outputs[0]?.shape]);
    const known = this.pools.has(kind);
    this.pools.add(kind);
    if (!known) this.poolBytes += workspace;
    return { weights, workspace: known ? 0 : workspace, lasting: this.poolBytes - (known ? 0 : workspace) };
  }

  /** Read, decoded, as a tensor, and packed. */
  streamedWeights({ weights, className }: Layer): number {
    const bytes = sum(weights.flatMap(({ entry }) => (entry === null ? [] : [this.weightBytes(entry)])));
    return bytes * (2 + this.copies({ className }));
  }

  /** XNNPACK packs what it multiplies with, and keeps both. */
  private copies({ className }: Pick<Layer, 'className'>): number {
    return this.backend === 'wasm' && !/Embedding|Lookup|Normalization/.test(className) ? 2 : 1;
  }
}

/** XNNPACK's table of pointers: one for each position of an image and each place of the window that goes over it. */
function patchBytes({ config, className }: Layer, shape: Shape | null): number {
  if (!/Conv|Pooling/.test(className) || !shape || shape.length < 3) return 0;
  const window = numbersOf(config.kernel_size ?? config.pool_size);
  const space = config.data_format === 'channels_first' ? shape.slice(2) : shape.slice(1, -1);
  const places = window.length === 1 ? (window[0] ?? 1) ** space.length : window.reduce((a, b) => a * b, 1);
  // a window of one place needs no table
  return places <= 1 ? 0 : 4 * places * sizeOf(space);
}

function numbersOf(value: unknown): number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'number');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
