/** Attention: scores, softmax under the masks, weighted sum. */
import * as tf from '@tensorflow/tfjs-core';
import { floating, range, sizeAt, type Kernel, type KernelCall } from './kernel';

/** The tensor of a role that comes by position or by keyword, with its implicit mask. */
function role(call: KernelCall, position: number, name: string): Role | null {
  const named = call.namedIndex(name);
  const index = named ?? call.positional[position];
  if (index === undefined) return null;
  const explicit = call.named(`${name}_mask`);
  return {
    x: floating(call.tensorAt(index)),
    mask: explicit instanceof tf.Tensor ? explicit : (call.parts.masks[index] ?? null),
  };
}

/** The mask that a role's tensor brings along. */
function ownMask(call: KernelCall, position: number, name: string): tf.Tensor | null {
  const index = call.namedIndex(name) ?? call.positional[position];
  return index === undefined ? null : (call.parts.masks[index] ?? null);
}

function asFloat(mask: tf.Tensor): tf.Tensor {
  return tf.cast(mask, 'float32');
}

/** `[1, target, source]`: ones on and below the diagonal. */
function causalMask(target: number, source: number): tf.Tensor {
  const rows = tf.reshape(tf.range(0, target), [1, target, 1]);
  return asFloat(tf.greaterEqual(rows, tf.reshape(tf.range(0, source), [1, 1, source])));
}

/** `[1, target, source]`: ones where the positions are less than `window` apart. */
function slidingMask(target: number, source: number, window: number): tf.Tensor {
  const rows = tf.reshape(tf.range(0, target), [1, target, 1]);
  const apart = tf.abs(tf.sub(rows, tf.reshape(tf.range(0, source), [1, 1, source])));
  return asFloat(tf.less(apart, window));
}

function both(a: tf.Tensor | null, b: tf.Tensor | null): tf.Tensor | null {
  return a && b ? tf.mul(a, b) : (a ?? b);
}

/** `x · kernel + bias` where the kernel is `[features, heads, size]`: gives `[..., heads, size]`. */
function project(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | null): tf.Tensor {
  const [features, heads, size] = kernel.shape as [number, number, number];
  const flat = tf.matMul(tf.reshape(x, [-1, features]), tf.reshape(kernel, [features, heads * size]));
  const y = tf.reshape(flat, [...x.shape.slice(0, -1), heads, size]);
  return bias ? tf.add(y, bias) : y;
}

/** Back from `[..., heads, size]` with a kernel `[heads, size, out]`. */
function projectOut(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | null): tf.Tensor {
  const [heads, size] = [sizeAt(x, -2), sizeAt(x, -1)];
  const flat = tf.matMul(tf.reshape(x, [-1, heads * size]), tf.reshape(kernel, [heads * size, -1]));
  const y = tf.reshape(flat, [...x.shape.slice(0, -2), ...kernel.shape.slice(2)]);
  return bias ? tf.add(y, bias) : y;
}

/**
 * Attention over the axes `attended` of `[batch, ...axes, heads, size]`; the other axes are like a batch.
 * `mask` is `[batch | 1, target, source]` for one attended axis. Gives the result and the scores `[rest, heads, T, S]`.
 */
function attend(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  attended: number[],
  mask: tf.Tensor | null,
): { y: tf.Tensor; scores: tf.Tensor } {
  const rank = q.rank;
  const rest = range(0, rank - 2).filter((axis) => !attended.includes(axis));
  const order = [...rest, rank - 2, ...attended, rank - 1];
  const restSizes = rest.map((axis) => sizeAt(q, axis));
  const heads = sizeAt(q, -2);
  const lengthOf = (x: tf.Tensor): number => attended.reduce((product, axis) => product * sizeAt(x, axis), 1);
  const flat = (x: tf.Tensor): tf.Tensor =>
    tf.reshape(tf.transpose(x, order), [restSizes.reduce((a, b) => a * b, 1) * heads, lengthOf(x), sizeAt(x, -1)]);
  const [queries, keys, values] = [flat(q), flat(k), flat(v)];
  const [target, source] = [lengthOf(q), lengthOf(k)];
  let logits: tf.Tensor = tf.mul(tf.matMul(queries, keys, false, true), 1 / Math.sqrt(sizeAt(q, -1)));
  if (mask) {
    const heady = tf.reshape(logits, [-1, heads, target, source]);
    logits = tf.reshape(tf.add(heady, tf.mul(tf.sub(1, withHeads(mask)), -1e9)), logits.shape);
  }
  const weights = tf.softmax(logits, -1);
  const product = tf.reshape(tf.matMul(weights, values), [
    ...restSizes,
    heads,
    ...attended.map((axis) => sizeAt(q, axis)),
    sizeAt(v, -1),
  ]);
  const back = order.map((_, axis) => order.indexOf(axis));
  const scoresShape = [
    ...restSizes,
    heads,
    ...attended.map((axis) => sizeAt(q, axis)),
    ...attended.map((axis) => sizeAt(k, axis)),
  ];
  return { y: tf.transpose(product, back), scores: tf.reshape(weights, scoresShape) };
}

function withHeads(mask: tf.Tensor): tf.Tensor {
  return mask.rank === 3 ? tf.expandDims(mask, 1) : mask;
}

/** All masks together: of query, value and key, the causal one, and `attention_mask`. */
function attentionMask(
  call: KernelCall,
  query: Role,
  value: Role,
  keyMask: tf.Tensor | null,
  target: number,
  source: number,
): tf.Tensor | null {
  let mask: tf.Tensor | null = null;
  if (query.mask) mask = both(mask, tf.expandDims(asFloat(query.mask), 2));
  if (value.mask) mask = both(mask, tf.expandDims(asFloat(value.mask), 1));
  if (keyMask && keyMask !== value.mask) mask = both(mask, tf.expandDims(asFloat(keyMask), 1));
  const window = call.config.lacks('sliding_window') ? null : call.config.integer('sliding_window');
  if (window !== null) mask = both(mask, slidingMask(target, source, window));
  if (call.named('use_causal_mask') === true) mask = both(mask, causalMask(target, source));
  const given = call.named('attention_mask');
  if (given instanceof tf.Tensor)
    mask = given.rank === 4 ? both(mask && tf.expandDims(mask, 1), asFloat(given)) : both(mask, asFloat(given));
  return mask;
}

type Role = { x: tf.Tensor; mask: tf.Tensor | null };

/** Weights of the projections, in Keras's order: query, key, perhaps a gate, value, output. */
function projections(call: KernelCall): { query: Pair; key: Pair; gate: Pair | null; value: Pair; output: Pair } {
  const bias = call.config.flag('use_bias', true);
  const at = (i: number): Pair => (bias ? [call.weight(2 * i), call.weight(2 * i + 1)] : [call.weight(i), null]);
  const gated = call.config.flag('use_gate', false);
  const next = gated ? 3 : 2;
  return { query: at(0), key: at(1), gate: gated ? at(2) : null, value: at(next), output: at(next + 1) };
}

/** The mask that a call gives the key. With `key_mask`, the value counts as the key too. */
function keyMaskOf(call: KernelCall, key: Role | null): tf.Tensor | null {
  const explicit = call.named('key_mask');
  return explicit instanceof tf.Tensor ? explicit : (key?.mask ?? null);
}

function headedAttention(grouped: boolean): Kernel {
  return {
    run(call) {
      const { config } = call;
      const given = role(call, 0, 'query') as Role;
      // MultiHeadAttention overwrites a `query_mask` that is given with the tensor's own
      const query = grouped ? given : { x: given.x, mask: ownMask(call, 0, 'query') };
      const value = role(call, 1, 'value') ?? query;
      const key = role(call, 2, 'key');
      const weights = projections(call);
      const q = project(query.x, ...weights.query);
      let k = project((key ?? value).x, ...weights.key);
      let v = project(value.x, ...weights.value);
      if (grouped) {
        const times = sizeAt(q, -2) / sizeAt(k, -2);
        [k, v] = [repeatHeads(k, times), repeatHeads(v, times)];
      }
      const axes = config.list('attention_axes') ?? range(1, q.rank - 2);
      const attended = axes.map((axis) => (axis < 0 ? axis + query.x.rank : axis));
      const length = (x: tf.Tensor): number => attended.reduce((product, axis) => product * sizeAt(x, axis), 1);
      const mask = attentionMask(call, query, value, keyMaskOf(call, key), length(q), length(k));
      const { y, scores } = attend(q, k, v, attended, mask);
      const gated = weights.gate ? tf.mul(y, tf.sigmoid(project(query.x, ...weights.gate))) : y;
      const output = projectOut(gated, ...weights.output);
      return call.named('return_attention_scores') === true ? [output, scores] : output;
    },
    mask: (call, outputs) => {
      const masks: (tf.Tensor | null)[] = Array.from({ length: outputs }, () => null);
      masks[0] = ownMask(call, 0, 'query');
      return masks;
    },
  };
}

type Pair = [tf.Tensor, tf.Tensor | null];

function repeatHeads(x: tf.Tensor, times: number): tf.Tensor {
  if (times === 1) return x;
  const index = range(0, sizeAt(x, -2) * times).map((i) => Math.floor(i / times));
  return tf.gather(x, tf.tensor1d(index, 'int32'), x.rank - 2);
}

/** Luong (dot or concat) and Bahdanau attention: inputs query, value and perhaps key. */
function plainAttention(additive: boolean): Kernel {
  return {
    run(call) {
      const { config } = call;
      const [query, value] = [floating(call.input(0)), floating(call.input(1))];
      const key = call.positional.length > 2 ? floating(call.input(2)) : value;
      const scale = config.flag('use_scale', additive) ? call.weight(0) : null;
      let logits = plainScores(call, query, key, scale, additive);
      let mask: tf.Tensor | null = null;
      const valueMask = call.maskOf(1);
      if (valueMask) mask = tf.expandDims(asFloat(valueMask), 1);
      if (call.named('use_causal_mask') === true) mask = both(mask, causalMask(sizeAt(query, 1), sizeAt(value, 1)));
      if (mask) logits = tf.add(logits, tf.mul(tf.sub(1, mask), -1e9));
      const scores = tf.softmax(logits, -1);
      let output = tf.matMul(scores, value);
      const queryMask = call.maskOf(0);
      if (queryMask) output = tf.mul(output, tf.expandDims(asFloat(queryMask), -1));
      return call.named('return_attention_scores') === true ? [output, scores] : output;
    },
    mask: (call, outputs) => Array.from({ length: outputs }, (_, i) => (i === 0 ? call.maskOf(0) : null)),
  };
}

function plainScores(
  call: KernelCall,
  query: tf.Tensor,
  key: tf.Tensor,
  scale: tf.Tensor | null,
  additive: boolean,
): tf.Tensor {
  if (!additive && call.config.text('score_mode', 'dot') === 'dot') {
    const logits = tf.matMul(query, key, false, true);
    return scale ? tf.mul(logits, scale) : logits;
  }
  const sums = tf.add(tf.expandDims(query, 2), tf.expandDims(key, 1));
  if (additive) return tf.sum(scale ? tf.mul(scale, tf.tanh(sums)) : tf.tanh(sums), -1);
  const weight = call.weight(scale ? 1 : 0);
  const inner = scale ? tf.mul(sums, scale) : sums;
  return tf.mul(weight, tf.sum(tf.tanh(inner), -1));
}

export const attentionKernels: Record<string, Kernel> = {
  MultiHeadAttention: headedAttention(false),
  GroupQueryAttention: headedAttention(true),
  GroupedQueryAttention: headedAttention(true),
  Attention: plainAttention(false),
  AdditiveAttention: plainAttention(true),
};
