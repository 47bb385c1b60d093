/** What a run says of its tensors, gathered as they come. */
import type * as tf from '@tensorflow/tfjs-core';
import type { ExpandedCall } from '../../core/model/traversal';
import type { Activation, BackendName, RunResult } from '../../protocol/engine';
import { activationOf, channelAxisOf } from './activation';
import type { KeptTensors } from './keptTensors';
import type { TensorValues } from './keptValues';

/** Values of one output that cross the process border; previews show the rest. */
const maxOutputValues = 65_536;

export interface CollectorOptions {
  thumbnails: boolean;
  colorMap: string;
  /** Where wanted tensors go that are to be kept. */
  kept: KeptTensors | null;
  onProgress?(progress: { done: number; total: number; at: string; activations: Activation[] }): void;
}

/** One value of a run. */
export interface Observed {
  address: string;
  tensor: tf.Tensor;
  masked: boolean;
  call: ExpandedCall;
  ms: number;
  backend: BackendName;
}

export class Collector {
  readonly activations: Activation[] = [];
  readonly outputs = new Map<string, RunResult['outputs'][number]>();
  firstNonFinite: string | null = null;
  /** Of layers of the user's own, wanted or not. */
  readonly attributes: RunResult['attributes'] = [];
  private sent = 0;
  private readonly axes = new Map<string, number>();

  /** @param wanted null for everything that is computed. */
  constructor(
    private readonly options: CollectorOptions,
    private readonly outputAddresses: Set<string>,
    private readonly wanted: ReadonlySet<string> | null,
  ) {}

  wants(address: string): boolean {
    return this.wanted === null || this.wanted.has(address);
  }

  /** Looks at a value, and keeps it where that is asked for. The tensor stays the caller's. */
  take({ address, tensor, masked, call, ms, backend }: Observed): void {
    const { thumbnails, colorMap, kept } = this.options;
    const output = call.outputs.indexOf(address);
    const channelAxis = channelAxisOf(call.layer, output, tensor.rank, this.axes.get(call.inputs[0] ?? ''));
    this.axes.set(address, channelAxis);
    if (this.outputAddresses.has(address)) this.outputs.set(address, outputOf(address, tensor));
    if (!this.wants(address)) return;
    const activation = activationOf(address, tensor, channelAxis, { ms, backend }, { thumbnails, colorMap });
    const { statistics } = activation;
    this.activations.push(activation);
    if (this.firstNonFinite === null && statistics.nan + statistics.inf > 0) this.firstNonFinite = address;
    kept?.add({ address, layer: call.layer, channelAxis, statistics, masked }, tensor);
  }

  report(done: number, total: number, at: string): void {
    const activations = this.activations.slice(this.sent);
    this.sent = this.activations.length;
    this.options.onProgress?.({ done, total, at, activations });
  }
}

function outputOf(address: string, tensor: tf.Tensor): RunResult['outputs'][number] {
  const values = (tensor.dataSync() as TensorValues).slice(0, maxOutputValues);
  const list: (number | string)[] = Array.isArray(values) ? values : Array.from(values);
  return { address, shape: tensor.shape.slice(), dtype: tensor.dtype, values: list };
}
