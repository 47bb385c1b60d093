/** What does one call. A kernel knows one layer class or operation; it never sees the graph around it. */
import * as tf from '@tensorflow/tfjs-core';
import { ConfigReader, type NestedLayer } from '../../core/layers/configReader';
import type { JsonObject, JsonValue } from '../../core/model/json';
import type { CallArgument } from '../../core/model/layerGraph';
import { SlicerError } from '../../core/errors';
import type { AttributeTap } from '../customLayers/attributes';

/** A weight of the layer: the last part of its path, and its values. */
export interface KernelWeight {
  name: string;
  tensor: tf.Tensor;
}

export interface KernelCallParts {
  className: string;
  config: JsonObject;
  /** Major version of the Keras whose semantics hold. */
  keras: 2 | 3;
  /** Every tensor the call reads, as `LayerCall.inputs` orders them. */
  inputs: tf.Tensor[];
  /** The implicit mask of each input. */
  masks: (tf.Tensor | null)[];
  args: CallArgument[];
  kwargs: Record<string, CallArgument>;
  /** In the order of Keras's `layer.weights`. */
  weights: KernelWeight[];
  /** For layers of the user's own: which of their attributes are wanted. */
  tap?: AttributeTap;
}

/** An argument with its tensors put in. */
export type ArgumentValue = tf.Tensor | JsonValue | undefined | ArgumentValue[] | { [key: string]: ArgumentValue };

export interface Kernel {
  /** Computes the call in inference mode. Runs inside `tf.tidy`; may hand on an input as it is. */
  run(call: KernelCall): tf.Tensor | tf.Tensor[];
  /** What becomes of the implicit mask; `pass` hands the first input's on to every output. */
  mask: 'pass' | 'drop' | ((call: KernelCall, outputs: number) => (tf.Tensor | null)[]);
  /** Why calls with this config cannot run, for people; null when they can. */
  refuses?(config: KernelConfig, keras: 2 | 3): string | null;
}

export class KernelConfig extends ConfigReader {
  /** A finite number. NumPy scalars in files of Keras 2 stand as `{type: 'ndarray', value}`. */
  number(key: string, fallback?: number): number {
    if (fallback !== undefined && this.lacks(key)) return fallback;
    const value = scalar(this.raw(key));
    if (typeof value !== 'number') throw this.bad(key);
    return value;
  }

  numberOrNull(key: string): number | null {
    return this.lacks(key) ? null : this.number(key);
  }

  channelsFirst(): boolean {
    return this.text('data_format', 'channels_last') === 'channels_first';
  }

  cell(key: string): NestedLayer {
    const cell = this.layer(key);
    if (!cell) throw this.bad(key);
    return cell;
  }
}

function scalar(value: JsonValue | undefined): JsonValue | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && value.type === 'ndarray')
    return value.value;
  return value;
}

export class KernelCall {
  readonly config: KernelConfig;
  /** Tensors of the positional arguments, lists flattened. */
  readonly positional: number[];

  constructor(readonly parts: KernelCallParts) {
    this.config = new KernelConfig(parts.config);
    this.positional = parts.args.flatMap(tensorsOf);
  }

  get keras(): 2 | 3 {
    return this.parts.keras;
  }

  /** The tensors that come as positional arguments. */
  get inputs(): tf.Tensor[] {
    return this.positional.map((index) => this.tensorAt(index));
  }

  /** The `index`-th positional tensor. */
  input(index = 0): tf.Tensor {
    const at = this.positional[index];
    // a file may call a layer without what it reads
    if (at === undefined) throw new Error(`input ${index} is missing`);
    return this.tensorAt(at);
  }

  /** The implicit mask of the `index`-th positional tensor. */
  maskOf(index = 0): tf.Tensor | null {
    const at = this.positional[index];
    return at === undefined ? null : (this.parts.masks[at] ?? null);
  }

  /** The mask that the call is to respect: `kwargs.mask` as Keras 3 writes it, else the first input's own. */
  mask(): tf.Tensor | null {
    const explicit = this.named('mask');
    return explicit instanceof tf.Tensor ? explicit : this.maskOf();
  }

  /** The keyword argument with its tensors put in; `undefined` when it is missing. */
  named(name: string): ArgumentValue {
    const argument = Object.hasOwn(this.parts.kwargs, name) ? this.parts.kwargs[name] : undefined;
    return argument === undefined ? undefined : this.value(argument);
  }

  /** Index into `inputs` and `masks` of a keyword argument that is a tensor. */
  namedIndex(name: string): number | null {
    const argument = Object.hasOwn(this.parts.kwargs, name) ? this.parts.kwargs[name] : undefined;
    return argument?.kind === 'tensor' ? argument.input : null;
  }

  value(argument: CallArgument): ArgumentValue {
    switch (argument.kind) {
      case 'tensor':
        return this.tensorAt(argument.input);
      case 'constant':
        return argument.value;
      case 'list':
        return argument.items.map((item) => this.value(item));
      case 'dict':
        return Object.fromEntries(Object.entries(argument.items).map(([key, item]) => [key, this.value(item)]));
    }
  }

  tensorAt(index: number): tf.Tensor {
    const tensor = this.parts.inputs[index];
    if (!tensor) throw new SlicerError('internal', { reason: `${this.parts.className} lacks tensor ${index}` });
    return tensor;
  }

  weight(index: number): tf.Tensor {
    const weight = this.parts.weights[index];
    if (!weight) throw new SlicerError('internal', { reason: `${this.parts.className} lacks weight ${index}` });
    return weight.tensor;
  }

  /** The same call with other parts: how wrappers call what they wrap. */
  with(parts: Partial<KernelCallParts>): KernelCall {
    return new KernelCall({ ...this.parts, ...parts });
  }
}

function tensorsOf(argument: CallArgument): number[] {
  switch (argument.kind) {
    case 'tensor':
      return [argument.input];
    case 'constant':
      return [];
    case 'list':
      return argument.items.flatMap(tensorsOf);
    case 'dict':
      return Object.values(argument.items).flatMap(tensorsOf);
  }
}

/** Keras computes in float; tfjs would refuse to mix. */
export function floating(x: tf.Tensor): tf.Tensor {
  return x.dtype === 'float32' ? x : tf.cast(x, 'float32');
}

/** Moves the channels of `[batch, channels, ...space]` to the end. */
export function channelsToEnd(x: tf.Tensor): tf.Tensor {
  const rank = x.rank;
  return tf.transpose(x, [0, ...range(2, rank), 1]);
}

/** Moves the channels of `[batch, ...space, channels]` behind the batch. */
export function channelsToFront(x: tf.Tensor): tf.Tensor {
  const rank = x.rank;
  return tf.transpose(x, [0, rank - 1, ...range(1, rank - 1)]);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

/** A shape's size at `axis`, negative from the end. */
export function sizeAt(x: tf.Tensor, axis: number): number {
  const size = x.shape[axis < 0 ? axis + x.rank : axis];
  if (size === undefined) throw new SlicerError('internal', { reason: `no axis ${axis} in rank ${x.rank}` });
  return size;
}

/** A kernel that does nothing in inference. */
export const identityKernel: Kernel = { run: (call) => call.input(), mask: 'pass' };
