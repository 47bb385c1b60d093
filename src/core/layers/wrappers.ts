/** Layers that hold a layer. What they hold is looked up in the catalogue again. */
import type { Dim, Shape, TensorInfo } from '../model/layerGraph';
import type { LayerFacts, WeightSpec } from './catalogue';
import type { NestedLayer } from './configReader';
import { ConfigReader } from './configReader';
import { layerName } from './names';
import type { LayerRule, RuleCall } from './rule';
import { below } from './rule';
import { mismatch, product, sum } from './shapes';

const UNKNOWN: LayerFacts = { outputs: [{ shape: null, dtype: null }], weights: null, macs: null };

function wrapped(call: RuleCall, key = 'layer'): NestedLayer {
  const layer = call.config.layer(key);
  if (layer === null) throw call.config.bad(key);
  return layer;
}

/** Input: `[batch, steps, …]`. Output: the inner layer's output for every step. */
function timeDistributed(call: RuleCall): LayerFacts {
  const layer = wrapped(call);
  const { shape } = call;
  if (shape !== null && shape.length < 3) throw mismatch('rank 3 or more', shape);
  const [batch = null, steps = null, ...rest] = shape ?? [];
  const inner = call.nested(layer, [{ shape: shape === null ? null : [batch, ...rest], dtype: call.tensor(0).dtype }]);
  if (inner === null) return UNKNOWN;
  const output = inner.outputs[0]?.shape ?? null;
  return {
    outputs: [{ shape: output === null ? null : [batch, steps, ...output.slice(1)], dtype: call.computed }],
    // Keras 2 names the variables after the wrapper alone
    weights: call.keras === 2 ? inner.weights : below(layerName(layer), inner.weights),
    macs: product(shape === null ? null : steps, inner.macs),
  };
}

/** `forward_lstm` → `lstm`. */
function withoutPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** Runs a recurrent layer in both directions. Output: both merged, or both; then the states of both. */
function bidirectional(call: RuleCall): LayerFacts {
  const layer = wrapped(call);
  const own = call.config.layer('backward_layer');
  const mode = call.config.raw('merge_mode') === null ? null : call.config.choice('merge_mode', MERGE_MODES, 'concat');
  const inputs: TensorInfo[] = [call.tensor(0)];
  const forward = call.nested(layer, inputs);
  const backward = call.nested(own ?? layer, inputs);
  if (forward === null || backward === null) return UNKNOWN;

  const base = withoutPrefix(layerName(layer), 'forward_');
  // Keras 3 writes the backward layer with the name that it has; Keras 2 prefixes it on loading
  const backwardName =
    own === null
      ? `backward_${base}`
      : call.keras === 3
        ? layerName(own)
        : `backward_${withoutPrefix(layerName(own), 'backward_')}`;
  const weights = joined(below(`forward_${base}`, forward.weights), below(backwardName, backward.weights));

  const dtype = call.computed;
  const [there, ...statesThere] = forward.outputs.map((output) => ({ ...output, dtype }));
  const [back, ...statesBack] = backward.outputs.map((output) => ({ ...output, dtype }));
  if (there === undefined || back === undefined) return UNKNOWN;
  const merged = mode === null ? [there, back] : [{ shape: mergedShape(there.shape, back.shape, mode), dtype }];
  return { outputs: [...merged, ...statesThere, ...statesBack], weights, macs: sum(forward.macs, backward.macs) };
}

const MERGE_MODES = ['concat', 'sum', 'mul', 'ave'] as const;

function mergedShape(there: Shape | null, back: Shape | null, mode: (typeof MERGE_MODES)[number]): Shape | null {
  if (there === null || back === null) return null;
  if (mode !== 'concat') return there;
  const last: Dim = sum(there.at(-1) ?? null, back.at(-1) ?? null);
  return [...there.slice(0, -1), last];
}

function joined(a: WeightSpec[] | null, b: WeightSpec[] | null): WeightSpec[] | null {
  return a === null || b === null ? null : [...a, ...b];
}

/** A layer whose kernel is divided by its largest singular value; `vector_u` approximates that. */
function spectralNormalization(call: RuleCall): LayerFacts {
  const layer = wrapped(call);
  const inner = call.nested(layer, [call.tensor(0)]);
  if (inner === null) return UNKNOWN;
  const [kernel, ...others] = below(layerName(layer), inner.weights) ?? [];
  const columns = kernel?.shape.at(-1);
  if (kernel === undefined || columns === undefined) return { ...inner, weights: null };
  const vector: WeightSpec = { name: 'vector_u', shape: [1, columns], dtype: call.policy.variable, trainable: false };
  return { ...inner, weights: [kernel, vector, ...others] };
}

/** A Sequential as a wrapped layer: one layer after the other. */
function sequential(call: RuleCall): LayerFacts {
  let outputs: TensorInfo[] = [call.tensor(0)];
  let weights: WeightSpec[] | null = [];
  let macs: Dim = 0;
  for (const layer of call.config.layers('layers')) {
    if (layer.className === 'InputLayer') continue;
    const facts = call.nested(withoutLayers(layer), outputs);
    if (facts === null) return UNKNOWN;
    outputs = facts.outputs;
    weights = joined(weights, below(layerName(layer), facts.weights));
    macs = sum(macs, facts.macs);
  }
  return { outputs, weights, macs };
}

/** Models deep inside each other are not followed: their depth is the file's choice. */
function withoutLayers(layer: NestedLayer): NestedLayer {
  return new ConfigReader(layer.config).lacks('layers') ? layer : { ...layer, className: '' };
}

export const wrapperRules: Record<string, LayerRule> = {
  TimeDistributed: timeDistributed,
  Bidirectional: bidirectional,
  SpectralNormalization: spectralNormalization,
};

/** Known only inside wrappers: everywhere else a model is read as a graph of its own. */
export const nestedModelRules: Record<string, LayerRule> = { Sequential: sequential };
