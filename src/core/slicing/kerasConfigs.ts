/** Layers' configs as Keras 3 reads them: what Keras 2 and TF.js write otherwise, and what Keras 3 computes otherwise. */
import { isKeras2Only, isKeras3Activation, isKeras3Layer } from '../layers/keras3Vocabulary';
import { policyName } from '../layers/dtypes';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json';

export interface KerasConfig {
  config: JsonObject;
  /** Why Keras 3 cannot make the layer; null where it can. */
  lack: string | null;
  /** What Keras 3 would silently compute otherwise than the Keras that wrote the file. */
  differs: string | null;
  /** Names of classes and functions that are the author's own. */
  custom: string[];
}

const RECURRENT = new Set([
  'Bidirectional',
  'ConvLSTM1D',
  'ConvLSTM2D',
  'ConvLSTM3D',
  'GRU',
  'LSTM',
  'RNN',
  'SimpleRNN',
]);
const ACTIVATION_KEYS = ['activation', 'recurrent_activation', 'intermediate_activation'];
const INNER_KEYS = ['layer', 'forward_layer', 'backward_layer', 'cell'];
/** Wrappers in wrappers; no real model has more than three. */
const DEEPEST = 16;

/**
 * @param keras whose semantics the file has.
 * @param style which Keras's way of writing it must have; what Keras 2 cannot do without stays in Keras 2's.
 */
export function kerasConfig(className: string, config: JsonObject, keras: 2 | 3, style: 2 | 3): KerasConfig {
  const found: KerasConfig = { config, lack: null, differs: null, custom: [] };
  found.config = rewritten(className, config, { keras, style, found }, 0);
  return found;
}

interface Task {
  keras: 2 | 3;
  style: 2 | 3;
  found: KerasConfig;
}

function rewritten(className: string, source: JsonObject, task: Task, depth: number): JsonObject {
  const { keras, style, found } = task;
  if (depth > DEEPEST) {
    found.lack ??= 'wrappers nest too deeply';
    return source;
  }
  const config = { ...source };
  judgeClass(className, task);
  // an InputLayer stands before the layer in every slice
  for (const key of ['batch_input_shape', 'batch_shape', 'input_shape', 'input_dtype', 'input_length'])
    if (className !== 'InputLayer') delete config[key];
  if (keras === 2) keras2Config(className, config, style, found);
  if (isJsonObject(config.dtype) && !Object.hasOwn(config.dtype, 'module')) config.dtype = policyName(config.dtype);
  for (const key of ACTIVATION_KEYS) activation(config, key, task, depth);
  for (const key of INNER_KEYS) {
    const value = config[key];
    if (value !== undefined) config[key] = inner(value, task, depth);
  }
  if (Array.isArray(config.cells)) config.cells = config.cells.map((cell) => inner(cell, task, depth));
  return config;
}

function judgeClass(className: string, { keras, found }: Task): void {
  if (isKeras3Layer(className) || ['Functional', 'Model', 'Sequential'].includes(className)) return;
  if (keras === 2 && isKeras2Only(className)) found.lack ??= `Keras 3 has no layer class ${className}`;
  else found.custom.push(className);
}

/** What Keras 3's constructors do not take, where it says what they do anyway. */
function keras2Config(className: string, config: JsonObject, style: 2 | 3, found: KerasConfig): void {
  if (Array.isArray(config.axis) && config.axis.length === 1 && className === 'BatchNormalization')
    config.axis = config.axis[0] ?? null;
  if (RECURRENT.has(className)) {
    if (config.time_major === true) found.lack ??= 'Keras 3 has no time_major';
    delete config.time_major;
  }
  if (className === 'GRU' || className === 'GRUCell') config.reset_after ??= false;
  // what these inherit and never use
  if (/^(DepthwiseConv|SeparableConv(olution)?)[12]D$/.test(className))
    for (const key of ['kernel_initializer', 'kernel_regularizer', 'kernel_constraint']) delete config[key];
  if (
    /^(DepthwiseConv|SeparableConv(olution)?|Conv(olution)?)[123]D(Transpose)?$/.test(className) &&
    config.groups === 1
  )
    delete config.groups;
  if (/^DepthwiseConv[12]D$/.test(className)) delete config.filters;
  if (className === 'Discretization') delete config.trainable;
  if (className.startsWith('Random')) delete config.rng_type;
  if (className === 'MultiHeadAttention') {
    if (config.softmax_robust_masking !== true) delete config.softmax_robust_masking;
    const shapes = ['query_shape', 'key_shape', 'value_shape'].filter((key) => Object.hasOwn(config, key));
    if (style === 3) for (const key of shapes) delete config[key];
    else if (shapes.length > 0) found.lack ??= 'Keras 2 needs shapes in its config that Keras 3 does not take';
  }
  if (className === 'RandomCrop')
    found.differs ??= 'Keras 3 leaves pictures as they are where Keras 2, which wrote the model, crops them';
  if (style === 2) keras2Style(className, config, found);
  if (className === 'Lambda') found.lack ??= "Keras 3 does not read the Python code of Keras 2's Lambda";
}

/** What Keras 3 makes of layers that do not say of which module they are (`model_from_config`, `legacy`). */
function keras2Style(className: string, config: JsonObject, found: KerasConfig): void {
  const { axis } = config;
  // it reads no list of several, and takes the default in its place
  if (Array.isArray(axis) && axis.length !== 1)
    found.differs ??= 'Keras 3 does not read several axes from a file of Keras 2, and would take others';
  if (axis === null) found.lack ??= 'Keras 3 does not read that it has no axis';
  if (className === 'Attention' || className === 'AdditiveAttention')
    found.lack ??= 'Keras 3 takes its score_mode for a function';
}

function activation(config: JsonObject, key: string, task: Task, depth: number): void {
  const { keras, style, found } = task;
  const value = config[key];
  // a layer
  if (isJsonObject(value)) config[key] = inner(value, task, depth);
  if (key === 'recurrent_activation' && value === undefined && keras === 2) return;
  if (typeof value !== 'string') return;
  if (value === 'hard_sigmoid' && keras === 2)
    found.differs ??= 'Keras 3 computes another hard_sigmoid than Keras 2, which wrote the model';
  if (isKeras3Activation(value)) return;
  found.custom.push(value);
  if (style === 3) config[key] = { module: null, class_name: 'function', config: value, registered_name: value };
}

function inner(value: JsonValue, task: Task, depth: number): JsonValue {
  if (!isJsonObject(value) || typeof value.class_name !== 'string' || !isJsonObject(value.config)) return value;
  const className = customName(value) ?? value.class_name;
  const config = Array.isArray(value.config.layers)
    ? value.config
    : rewritten(className, value.config, task, depth + 1);
  if (Array.isArray(value.config.layers) && task.keras === 2)
    task.found.lack ??= 'a model of Keras 2 inside a wrapper cannot be written for Keras 3';
  // Keras 3 reads layers inside layers only where they say of which module they are
  const isNamed = task.style === 3 || isKeras3Layer(className);
  return isNamed ? { ...value, ...identity(className, textOf(value.module)), config } : { ...value, config };
}

function customName({ class_name: own, registered_name: registered }: JsonObject): string | null {
  const isCustom = typeof own === 'string' && typeof registered === 'string' && registered.endsWith(`>${own}`);
  return isCustom ? registered : null;
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/**
 * How Keras 3 finds a layer's class.
 * @param className a custom class as registered: `acme>Mystery`.
 * @param module what the source says.
 */
export function identity(className: string, module: string | null): JsonObject {
  const own = className.slice(className.lastIndexOf('>') + 1);
  if (isKeras3Layer(className)) return { module: 'keras.layers', class_name: own, registered_name: null };
  return { module, class_name: own, registered_name: className };
}
