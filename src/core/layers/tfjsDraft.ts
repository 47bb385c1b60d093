/** A layer's config on its way into plain TF.js, with notes of what was changed. */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Shape, TensorInfo } from '../model/layerGraph';
import type { PlainTfjs, TfjsLayer } from './catalogue';
import { ConfigReader } from './configReader';
import { dtypePolicy, isFloat, policyName } from './dtypes';
import { TFJS_ACTIVATIONS, TFJS_CONSTRAINTS, TFJS_INITIALIZERS } from './tfjsVocabulary';

const KEEPS_DTYPE: ReadonlySet<string> = new Set(['Identity', 'Flatten']);

export class TfjsDraft {
  className: string;
  /** A copy: the layer's own config stays as it is. */
  readonly config: JsonObject;
  readonly notes: string[] = [];

  constructor(
    readonly layer: TfjsLayer,
    readonly keras: 2 | 3,
    readonly inputs: readonly TensorInfo[],
    readonly judgeInner: (layer: TfjsLayer, inputs: readonly TensorInfo[]) => PlainTfjs,
  ) {
    this.className = layer.className;
    this.config = { ...layer.config };
  }

  /** Reads the config as it is now. */
  get reader(): ConfigReader {
    return new ConfigReader(this.config);
  }

  get shape(): Shape | null {
    return this.inputs[0]?.shape ?? null;
  }

  get channelsFirst(): boolean {
    return this.reader.text('data_format', 'channels_last') === 'channels_first';
  }

  get masked(): boolean {
    return this.layer.masked === true;
  }

  set(key: string, value: JsonValue, note: string): void {
    this.config[key] = value;
    this.notes.push(note);
  }

  drop(key: string, note: string): void {
    if (!Object.hasOwn(this.config, key)) return;
    delete this.config[key];
    this.notes.push(note);
  }

  /** Turns the layer into another class with a config of its own; name, dtype and flag stay. */
  become(className: string, config: JsonObject, note: string): void {
    const { name, trainable } = this.config;
    for (const key of Object.keys(this.config)) delete this.config[key];
    if (name !== undefined) this.config.name = name;
    if (trainable !== undefined) this.config.trainable = trainable;
    Object.assign(this.config, { dtype: 'float32' }, config);
    this.className = className;
    this.notes.push(note);
  }

  /** Hands the input on. Keras's preprocessing also casts what is not floating. */
  becomeIdentity(why: string): void {
    const dtype = this.inputs[0]?.dtype ?? 'float32';
    if (isFloat(dtype) || KEEPS_DTYPE.has(this.className)) {
      this.become('Activation', { activation: 'linear' }, `${why}: a linear Activation stands for it`);
    } else this.become('Rescaling', { scale: 1, offset: 0 }, `${why}: a Rescaling by 1 stands for it`);
  }

  /** What all classes share: dtype, activations, initializers, regularizers, constraints. Returns what TF.js lacks. */
  common(): string | null {
    if (this.inputs.some(({ shape }) => shape?.length === 1))
      return 'TensorFlow.js gives tensors of rank 1 another axis';
    if (!this.reader.lacks('lora_rank')) return 'TensorFlow.js has no LoRA';
    for (const key of Object.keys(this.config)) {
      const lack = this.part(key, this.config[key] ?? null);
      if (lack !== null) return lack;
    }
    return null;
  }

  private part(key: string, value: JsonValue): string | null {
    if (key === 'dtype') return this.dtype(value);
    if (value === null) return null;
    if (key === 'activation' || key === 'recurrent_activation') return this.activation(key, value);
    if (key.endsWith('_initializer')) this.initializer(key, value);
    else if (key.endsWith('_regularizer')) this.regularizer(key, value);
    else if (key.endsWith('_constraint')) this.constraint(key, value);
    return null;
  }

  private dtype(value: JsonValue): string | null {
    const { compute, quantization } = dtypePolicy(this.config);
    if (quantization !== null) return `TensorFlow.js has no layers with ${quantization} weights`;
    if (value === null) return null;
    const isInput = this.className === 'InputLayer';
    // TF.js knows float32, int32, bool, complex64 and string
    const target = /^u?int/.test(compute) ? 'int32' : /float/.test(compute) ? 'float32' : compute;
    const name = policyName(value);
    if (name !== target) this.set('dtype', target, `dtype ${name} is written as ${target}`);
    else if (typeof value !== 'string') this.set('dtype', target, 'the dtype policy is written as its name');
    return isInput && target === 'string' ? 'TensorFlow.js layers cannot read strings' : null;
  }

  private activation(key: string, value: JsonValue): string | null {
    const name = typeof value === 'string' ? value : functionName(value);
    if (name === null) return `TensorFlow.js cannot read an ${key} that is an object`;
    if (name === 'silu') {
      this.set(key, 'swish', `${key} silu is called swish`);
      return null;
    }
    // Keras 3 has relu6(x + 3) / 6, Keras 2 and TF.js clip(0.2 x + 0.5)
    if (name === 'hard_sigmoid' && this.keras === 3) return 'hard_sigmoid of TensorFlow.js is that of Keras 2';
    if (name === 'leaky_relu' && this.className === 'Activation') {
      this.become('LeakyReLU', { alpha: 0.2 }, 'the activation leaky_relu is the layer LeakyReLU');
      return null;
    }
    if (!TFJS_ACTIVATIONS.has(name)) return `TensorFlow.js has no activation ${name}`;
    if (value !== name) this.set(key, name, `${key} is written as its name`);
    return null;
  }

  /** Initial values do not matter to a model that has its weights. */
  private initializer(key: string, value: JsonValue): void {
    const name = classOf(value);
    if (name !== null && TFJS_INITIALIZERS.has(name)) return;
    this.set(key, { class_name: 'Zeros', config: {} }, `${key} ${name ?? 'of an unknown kind'} is left out`);
  }

  /** Keras has L1, L2 and L1L2, TF.js only the last. */
  private regularizer(key: string, value: JsonValue): void {
    const name = classOf(value)?.toLowerCase() ?? null;
    if (name === 'l1l2' && isJsonObject(value)) return;
    const config = isJsonObject(value) && isJsonObject(value.config ?? null) ? (value.config as JsonObject) : {};
    const factor = (kind: string, present: boolean): number => {
      const own = Object.hasOwn(config, kind) ? config[kind] : undefined;
      return typeof own === 'number' ? own : present ? 0.01 : 0;
    };
    if (name === 'l1' || name === 'l2' || name === 'l1_l2' || name === 'l1l2') {
      const both = { l1: factor('l1', name !== 'l2'), l2: factor('l2', name !== 'l1') };
      this.set(key, { class_name: 'L1L2', config: both }, `${key} is written as L1L2`);
    } else this.set(key, null, `${key} ${name ?? 'of an unknown kind'} acts in training only and is left out`);
  }

  private constraint(key: string, value: JsonValue): void {
    const name = classOf(value);
    if (name !== null && isJsonObject(value) && TFJS_CONSTRAINTS.has(name)) return;
    this.set(key, null, `${key} ${name ?? 'of an unknown kind'} acts in training only and is left out`);
  }
}

function classOf(value: JsonValue): string | null {
  if (typeof value === 'string') return value;
  const name = isJsonObject(value) && Object.hasOwn(value, 'class_name') ? value.class_name : null;
  return typeof name === 'string' ? name : null;
}

/** The name of a function written as `{class_name: 'function', config: 'relu'}`. */
function functionName(value: JsonValue): string | null {
  return classOf(value) === 'function' && isJsonObject(value) && typeof value.config === 'string' ? value.config : null;
}
