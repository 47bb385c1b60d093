/** Normalization: no MACs; weights along the normalized axes. */
import type { Dim } from '../model/layerGraph';
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall, Variable } from './rule';
import { plainFacts, weightSpecs } from './rule';
import { axisIndex, mismatch } from './shapes';

/** Lengths of the axes that `config.axis` names; `[null]` when the input's shape is unknown. */
function axisLengths(call: RuleCall): Dim[] {
  const axes = call.config.list('axis') ?? [-1];
  const { shape } = call;
  if (shape === null) return [null];
  return axes.map((axis) => {
    const index = axisIndex(axis, shape.length);
    if (index === null) throw mismatch(`axis ${axis}`, shape);
    return shape[index] ?? null;
  });
}

function withWeights(call: RuleCall, variables: Variable[]): LayerFacts {
  return {
    outputs: [{ shape: call.shape, dtype: call.computed }],
    weights: weightSpecs(variables, call.policy),
    macs: 0,
  };
}

function scaleAndCenter(call: RuleCall, shape: Dim[]): Variable[] {
  const variables: Variable[] = [];
  if (call.config.flag('scale', true)) variables.push({ name: 'gamma', shape });
  if (call.config.flag('center', true)) variables.push({ name: 'beta', shape });
  return variables;
}

function batchNormalization(call: RuleCall): LayerFacts {
  const shape = axisLengths(call);
  return withWeights(call, [
    ...scaleAndCenter(call, shape),
    { name: 'moving_mean', shape, trainable: false },
    { name: 'moving_variance', shape, trainable: false },
  ]);
}

function layerNormalization(call: RuleCall): LayerFacts {
  const shape = axisLengths(call);
  if (call.config.flag('rms_scaling', false)) return withWeights(call, [{ name: 'gamma', shape }]);
  return withWeights(call, scaleAndCenter(call, shape));
}

const groupNormalization: LayerRule = (call) => withWeights(call, scaleAndCenter(call, axisLengths(call)));

const rmsNormalization: LayerRule = (call) => withWeights(call, [{ name: 'scale', shape: axisLengths(call) }]);

/** Keras's `Normalization`: mean and variance are variables unless the config gives them. */
function normalization(call: RuleCall): LayerFacts {
  if (!call.config.lacks('mean')) return plainFacts(call.shape, call.computed);
  const axes = call.config.list('axis');
  const shape = axes === null || axes.length === 0 ? [] : axisLengths(call);
  return withWeights(call, [
    { name: 'mean', shape, trainable: false },
    { name: 'variance', shape, trainable: false },
    { name: 'count', shape: [], trainable: false, dtype: 'int64' },
  ]);
}

export const normalizationRules: Record<string, LayerRule> = {
  BatchNormalization: batchNormalization,
  SyncBatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  UnitNormalization: (call) => plainFacts(call.shape, call.computed),
  RMSNormalization: rmsNormalization,
  Normalization: normalization,
};
