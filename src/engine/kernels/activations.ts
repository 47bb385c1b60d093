/** Activation functions as Keras defines them, by the version that wrote the file. */
import * as tf from '@tensorflow/tfjs-core';
import type { JsonValue } from '../../core/model/json';
import { isJsonObject } from '../../core/model/json';
import { KernelConfig } from './kernel';

export type Activation = (x: tf.Tensor) => tf.Tensor;

/**
 * The activation of a config value: a name, `{class_name: 'function', config: name}`, or an activation layer
 * written as an object. Null when it is not known (a custom function).
 */
export function activationOf(value: JsonValue | undefined, keras: 2 | 3): Activation | null {
  const { name, config } = activationName(value);
  if (name === null) return null;
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
  return make ? make(new KernelConfig(config), keras) : null;
}

/** The canonical name (snake case, `silu` for `swish`), with the config where it is written as an object. */
export function activationName(value: JsonValue | undefined): {
  name: string | null;
  config: Record<string, JsonValue>;
} {
  if (value === undefined || value === null) return { name: 'linear', config: {} };
  if (typeof value === 'string') return { name: canonical(value), config: {} };
  if (!isJsonObject(value)) return { name: null, config: {} };
  if (typeof value.config === 'string') return { name: canonical(value.config), config: {} };
  const config = isJsonObject(value.config) ? value.config : {};
  if (value.class_name === 'Activation') return activationName(config.activation);
  return { name: typeof value.class_name === 'string' ? canonical(value.class_name) : null, config };
}

function canonical(name: string): string {
  const base = name.slice(name.lastIndexOf('>') + 1);
  const snake = base.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return Object.hasOwn(synonyms, snake) ? (synonyms[snake] as string) : snake;
}

const synonyms: Record<string, string> = {
  swish: 'silu',
  hard_swish: 'hard_silu',
  re_lu: 'relu',
  leaky_re_lu: 'leaky_relu',
  log_sigmoid: 'log_sigmoid',
  softshrink: 'soft_shrink',
  hardshrink: 'hard_shrink',
  hardtanh: 'hard_tanh',
  hardsigmoid: 'hard_sigmoid',
  softplus: 'softplus',
  soft_plus: 'softplus',
  soft_sign: 'softsign',
  hard_sigmoid_v2: 'hard_sigmoid',
};

type Maker = (config: KernelConfig, keras: 2 | 3) => Activation;
const plain =
  (f: Activation): Maker =>
  () =>
    f;

/** `max(x, 0)` above the threshold, `slope * (x - threshold)` below it, cut at `max`. */
export function leakyRelu(x: tf.Tensor, slope: number, threshold = 0, max: number | null = null): tf.Tensor {
  if (slope === 0 && threshold === 0) {
    if (max === null) return tf.relu(x);
    return max === 6 ? tf.relu6(x) : tf.clipByValue(x, 0, max);
  }
  if (threshold === 0 && max === null) return tf.leakyRelu(x, slope);
  const above = max === null ? x : tf.minimum(x, max);
  return tf.where(tf.greaterEqual(x, threshold), above, tf.mul(tf.sub(x, threshold), slope));
}

const hardSigmoid = (x: tf.Tensor, keras: 2 | 3): tf.Tensor =>
  keras === 3 ? tf.div(tf.relu6(tf.add(x, 3)), 6) : tf.clipByValue(tf.add(tf.mul(x, 0.2), 0.5), 0, 1);

/** `log(1 + exp(x))` that does not overflow. */
const softplus = (x: tf.Tensor): tf.Tensor => tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));

const eluWith = (x: tf.Tensor, alpha: number): tf.Tensor =>
  alpha === 1 ? tf.elu(x) : tf.where(tf.greater(x, 0), x, tf.mul(tf.expm1(tf.minimum(x, 0)), alpha));

const makers: Record<string, Maker> = {
  linear: plain((x) => x),
  relu: (config) => {
    const slope = config.number('negative_slope', 0);
    const [threshold, max] = [config.number('threshold', 0), config.numberOrNull('max_value')];
    return (x) => leakyRelu(x, slope, threshold, max);
  },
  relu6: plain((x) => tf.relu6(x)),
  leaky_relu: (config) => {
    const slope = config.lacks('alpha') ? config.number('negative_slope', 0.2) : config.number('alpha');
    return (x) => tf.leakyRelu(x, slope);
  },
  elu: (config) => {
    const alpha = config.number('alpha', 1);
    return (x) => eluWith(x, alpha);
  },
  selu: plain((x) => tf.selu(x)),
  celu: plain((x) => tf.add(tf.relu(x), tf.expm1(tf.minimum(x, 0)))),
  gelu: (config) => {
    if (config.flag('approximate', false)) return geluTanh;
    return (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  },
  gelu_new: plain(geluTanh),
  sigmoid: plain((x) => tf.sigmoid(x)),
  hard_sigmoid: (_, keras) => (x) => hardSigmoid(x, keras),
  tanh: plain((x) => tf.tanh(x)),
  hard_tanh: plain((x) => tf.clipByValue(x, -1, 1)),
  tanh_shrink: plain((x) => tf.sub(x, tf.tanh(x))),
  silu: plain((x) => tf.mul(x, tf.sigmoid(x))),
  hard_silu: (_, keras) => (x) => tf.mul(x, hardSigmoid(x, keras)),
  softplus: plain(softplus),
  softsign: plain((x) => tf.div(x, tf.add(tf.abs(x), 1))),
  squareplus: plain((x) => tf.div(tf.add(x, tf.sqrt(tf.add(tf.square(x), 4))), 2)),
  exponential: plain((x) => tf.exp(x)),
  mish: plain((x) => tf.mul(x, tf.tanh(softplus(x)))),
  log_sigmoid: plain((x) => tf.neg(softplus(tf.neg(x)))),
  softmax: (config) => {
    const axis = config.raw('axis');
    return (x) => softmaxOver(x, Array.isArray(axis) || typeof axis === 'number' ? (axis as number | number[]) : -1);
  },
  log_softmax: plain((x) => tf.logSoftmax(x, -1)),
  soft_shrink: plain((x) => tf.sub(tf.relu(tf.sub(x, 0.5)), tf.relu(tf.sub(tf.neg(x), 0.5)))),
  hard_shrink: plain((x) => tf.where(tf.greater(tf.abs(x), 0.5), x, tf.zerosLike(x))),
  glu: plain((x) => {
    const [a, b] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
    return tf.mul(a, tf.sigmoid(b));
  }),
  sparse_plus: plain((x) =>
    tf.where(tf.lessEqual(x, -1), tf.zerosLike(x), tf.where(tf.less(x, 1), tf.div(tf.square(tf.add(x, 1)), 4), x)),
  ),
  sparse_sigmoid: plain((x) => tf.clipByValue(tf.div(tf.add(x, 1), 2), 0, 1)),
  sparsemax: plain(sparsemax),
};

function geluTanh(x: tf.Tensor): tf.Tensor {
  const inner = tf.mul(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

/** Softmax over one or several axes together. */
export function softmaxOver(x: tf.Tensor, axis: number | number[]): tf.Tensor {
  const axes = (Array.isArray(axis) ? axis : [axis]).map((a) => (a < 0 ? a + x.rank : a));
  // tfjs has softmax for the last axis only
  if (axes.length === 1 && axes[0] === x.rank - 1) return tf.softmax(x, -1);
  const exps = tf.exp(tf.sub(x, tf.max(x, axes, true)));
  return tf.div(exps, tf.sum(exps, axes, true));
}

/** `max(x - τ, 0)`, τ from the sorted values, as Keras 3 computes it. */
function sparsemax(x: tf.Tensor): tf.Tensor {
  const size = x.shape[x.rank - 1] ?? 1;
  const { values } = tf.topk(x, size, true);
  // cumsum takes no negative axis
  const sums = tf.cumsum(values, x.rank - 1);
  const k = tf.range(1, size + 1);
  const inSupport = tf.cast(tf.greater(tf.add(tf.mul(values, k), 1), sums), 'float32');
  const count = tf.sum(inSupport, -1, true);
  // Keras sums the running sums, not the values: what it calls sparsemax does not add up to one
  const sum = tf.sum(tf.mul(sums, inSupport), -1, true);
  return tf.relu(tf.sub(x, tf.div(tf.sub(sum, 1), count)));
}

/** The `activation` key of a layer; refuses with the value named. */
export function unknownActivation(config: KernelConfig, keras: 2 | 3, ...keys: string[]): string | null {
  for (const key of keys) {
    if (activationOf(config.raw(key), keras) === null) return `unknown activation ${JSON.stringify(config.raw(key))}`;
  }
  return null;
}

/** Applies the activation of `key`; the caller has refused unknown ones. */
export function activate(x: tf.Tensor, config: KernelConfig, keras: 2 | 3, key = 'activation'): tf.Tensor {
  const activation = activationOf(config.raw(key), keras);
  if (!activation) throw config.bad(key);
  return activation(x);
}
