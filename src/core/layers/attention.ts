/** Attention. MACs: the projections and both products. */
import type { Dim, Shape, TensorInfo } from '../model/layerGraph';
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall, Variable } from './rule';
import { weightSpecs } from './rule';
import { axisIndex, mismatch, product, sum } from './shapes';

/** Query, value and key of a call; the key is the value unless given. */
function roles(call: RuleCall): { query: Shape | null; value: Shape | null; key: Shape | null } {
  const query = call.parameter('query', 0)?.shape ?? null;
  const value = call.parameter('value', 1);
  const key = call.parameter('key', 2) ?? value;
  return { query, value: value?.shape ?? null, key: key?.shape ?? null };
}

function lastDim(shape: Shape | null): Dim {
  return shape?.at(-1) ?? null;
}

/** One projection of an attention layer, `kernel` and maybe `bias`. */
function projection(name: string, inDims: Dim[], outDims: Dim[], useBias: boolean): Variable[] {
  const kernel: Variable = { name: `${name}/kernel`, shape: [...inDims, ...outDims] };
  return useBias ? [kernel, { name: `${name}/bias`, shape: outDims }] : [kernel];
}

/** The axes that are attended over, without the batch: how many positions, and how often it happens. */
function positions(shape: Shape | null, axes: readonly number[]): { attended: Dim; repeated: Dim } {
  if (shape === null) return { attended: null, repeated: null };
  const inner = shape.slice(0, -1).map((dim, i) => ({ dim, attended: axes.includes(i) }));
  const lengths = (attended: boolean): Dim[] =>
    inner.filter((axis, i) => i > 0 && axis.attended === attended).map((axis) => axis.dim);
  return { attended: product(...lengths(true)), repeated: product(...lengths(false)) };
}

/** MACs of an attention with projections. `heads` of the query and of key and value differ in grouped attention. */
function projectedMacs(
  shapes: { query: Shape | null; value: Shape | null; key: Shape | null },
  axes: readonly number[],
  size: { queryHeads: number; keyHeads: number; keyDim: number; valueDim: number; isGated: boolean },
  outputDims: readonly Dim[],
): Dim {
  const query = positions(shapes.query, axes);
  const key = positions(shapes.key, axes);
  const { queryHeads, keyHeads, keyDim, valueDim, isGated } = size;
  const terms = [
    product(query.attended, lastDim(shapes.query), queryHeads, keyDim),
    product(key.attended, lastDim(shapes.key), keyHeads, keyDim),
    product(key.attended, lastDim(shapes.value), keyHeads, valueDim),
    product(query.attended, key.attended, queryHeads, keyDim),
    product(query.attended, key.attended, queryHeads, valueDim),
    product(query.attended, queryHeads, valueDim, ...outputDims),
    isGated ? product(query.attended, lastDim(shapes.query), queryHeads, valueDim) : 0,
  ];
  return product(query.repeated, sum(...terms));
}

/** Query `[batch, …queries, in]`, value and key `[batch, …keys, in]`. Output: `[batch, …queries, out]`, maybe the scores. */
function multiHeadAttention(call: RuleCall): LayerFacts {
  const { config } = call;
  const heads = config.integer('num_heads');
  const keyDim = config.integer('key_dim');
  const valueDim = config.integer('value_dim', keyDim);
  const useBias = config.flag('use_bias', true);
  const shapes = roles(call);
  const { query, value, key } = shapes;
  if (query !== null && query.length < 3) throw mismatch('rank 3 or more', query);
  const outputDims: Dim[] = config.dimensions('output_shape') ?? [lastDim(query)];
  const isGated = config.flag('use_gate', false);
  const rank = query?.length ?? 3;
  const axes = (config.list('attention_axes') ?? defaultAxes(rank)).map((axis) => axisIndex(axis, rank) ?? -1);
  const weights = weightSpecs(
    [
      ...projection('query', [lastDim(query)], [heads, keyDim], useBias),
      ...projection('key', [lastDim(key)], [heads, keyDim], useBias),
      ...(isGated ? projection('gate', [lastDim(query)], [heads, valueDim], useBias) : []),
      ...projection('value', [lastDim(value)], [heads, valueDim], useBias),
      { name: 'attention_output/kernel', shape: [heads, valueDim, ...outputDims] },
      ...(useBias ? [{ name: 'attention_output/bias', shape: outputDims }] : []),
    ],
    call.policy,
  );
  const dtype = call.computed;
  const outputs: TensorInfo[] = [{ shape: query === null ? null : [...query.slice(0, -1), ...outputDims], dtype }];
  if (call.asks('return_attention_scores'))
    outputs.push({ shape: scoresShape(call.keras, query, key, axes, heads), dtype });
  return {
    outputs,
    weights,
    macs: projectedMacs(shapes, axes, { queryHeads: heads, keyHeads: heads, keyDim, valueDim, isGated }, outputDims),
  };
}

/** Without `attention_axes`: all axes but the batch and the features. */
function defaultAxes(rank: number): number[] {
  return Array.from({ length: Math.max(rank - 2, 1) }, (_, i) => i + 1);
}

/** Keras 3 declares `[batch, heads, length, length]` from the query alone, whatever the key's length is. */
function scoresShape(
  keras: 2 | 3,
  query: Shape | null,
  key: Shape | null,
  axes: readonly number[],
  heads: number,
): Shape | null {
  if (query === null) return null;
  const [batch = null, length = null] = query;
  if (keras === 3) return [batch, heads, length, length];
  const attended = (shape: Shape | null): Dim[] => axes.map((axis) => shape?.[axis] ?? null);
  const others = query.slice(1, -1).filter((_, i) => !axes.includes(i + 1));
  return [batch, ...others, heads, ...attended(query), ...attended(key)];
}

/** Like multi-head attention, with fewer heads for keys and values than for queries. */
function groupQueryAttention(call: RuleCall): LayerFacts {
  const { config } = call;
  const keyDim = config.integer('head_dim');
  const queryHeads = config.integer('num_query_heads');
  const keyHeads = config.integer('num_key_value_heads');
  const useBias = config.flag('use_bias', true);
  const shapes = roles(call);
  const { query, value, key } = shapes;
  const outputDims: Dim[] = [lastDim(query)];
  const isGated = config.flag('use_gate', false);
  const weights = weightSpecs(
    [
      ...projection('query', [lastDim(query)], [queryHeads, keyDim], useBias),
      ...projection('key', [lastDim(key)], [keyHeads, keyDim], useBias),
      ...(isGated ? projection('gate', [lastDim(query)], [queryHeads, keyDim], useBias) : []),
      ...projection('value', [lastDim(value)], [keyHeads, keyDim], useBias),
      { name: 'attention_output/kernel', shape: [queryHeads, keyDim, ...outputDims] },
      ...(useBias ? [{ name: 'attention_output/bias', shape: outputDims }] : []),
    ],
    call.policy,
  );
  const dtype = call.computed;
  const outputs: TensorInfo[] = [{ shape: query, dtype }];
  if (call.asks('return_attention_scores')) {
    const [batch = null, length = null] = query ?? [];
    outputs.push({ shape: query === null ? null : [batch, queryHeads, length, key?.[1] ?? null], dtype });
  }
  return {
    outputs,
    weights,
    macs: projectedMacs(shapes, [1], { queryHeads, keyHeads, keyDim, valueDim: keyDim, isGated }, outputDims),
  };
}

/** Inputs: a list of query `[batch, queries, dim]`, value `[batch, keys, out]`, and maybe key. Output: `[batch, queries, out]`. */
function dotAttention(variables: (call: RuleCall, value: Shape | null) => Variable[]): LayerRule {
  return (call) => {
    const { query, value, key } = roles(call);
    const known = query !== null && value !== null;
    const dtype = call.computed;
    const outputs: TensorInfo[] = [{ shape: known ? [...query.slice(0, -1), lastDim(value)] : null, dtype }];
    if (call.asks('return_attention_scores')) {
      outputs.push({ shape: known ? [...query.slice(0, -1), value.at(-2) ?? null] : null, dtype });
    }
    const cells = product(...(query?.slice(1, -1) ?? [null]), key?.at(-2) ?? null);
    return {
      outputs,
      weights: weightSpecs(variables(call, value), call.policy),
      macs: product(cells, sum(lastDim(query), lastDim(value))),
    };
  };
}

const attention = dotAttention(({ config }) => {
  const variables: Variable[] = [];
  if (config.flag('use_scale', false)) variables.push({ name: 'scale', shape: [] });
  if (config.text('score_mode', 'dot') === 'concat') variables.push({ name: 'concat_score_weight', shape: [] });
  return variables;
});

const additiveAttention = dotAttention(({ config }, value) =>
  config.flag('use_scale', true) ? [{ name: 'scale', shape: [lastDim(value)] }] : [],
);

export const attentionRules: Record<string, LayerRule> = {
  MultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
  GroupedQueryAttention: groupQueryAttention,
  Attention: attention,
  AdditiveAttention: additiveAttention,
};
