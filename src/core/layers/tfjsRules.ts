/** What single classes need in plain TF.js. Each rule returns why TF.js lacks the layer, or null. */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Shape } from '../model/layerGraph';
import type { NestedLayer } from './configReader';
import { layerFacts } from './layerFacts';
import { axisIndex, product } from './shapes';
import type { TfjsDraft } from './tfjsDraft';

type TfjsRule = (draft: TfjsDraft) => string | null;

const UNKNOWN_SHAPE = 'what TensorFlow.js computes hangs on the shape of the input, which is not known';

function first(...rules: TfjsRule[]): TfjsRule {
  return (draft) => {
    for (const rule of rules) {
      const lack = rule(draft);
      if (lack !== null) return lack;
    }
    return null;
  };
}

function inputLayer(draft: TfjsDraft): string | null {
  if (draft.reader.flag('ragged', false)) return 'TensorFlow.js has no ragged tensors';
  const modern = draft.reader.dimensions('batch_shape');
  if (draft.reader.lacks('batch_input_shape') && modern !== null) {
    draft.set('batch_input_shape', modern, 'batch_shape is called batch_input_shape');
    draft.drop('batch_shape', 'batch_shape is left out');
  }
  const shape = draft.reader.dimensions('batch_input_shape');
  return shape?.length === 1 ? 'TensorFlow.js gives tensors of rank 1 another axis' : null;
}

const noGroups: TfjsRule = ({ reader }) =>
  reader.integer('groups', 1) === 1 ? null : 'TensorFlow.js has no convolutions in groups';

/** tfjs-layers accepts the key and computes without it. */
const noDilation: TfjsRule = ({ reader, className }) =>
  (reader.list('dilation_rate') ?? []).every((rate) => rate === 1)
    ? null
    : `TensorFlow.js ignores the dilation of ${className}`;

/** The depthwise step refuses what Keras splits into blocks. */
function dilatedSteps({ reader, className }: TfjsDraft): string | null {
  const wide = (key: string): boolean => (reader.list(key) ?? []).some((step) => step !== 1);
  return wide('strides') && wide('dilation_rate')
    ? `${className} of TensorFlow.js cannot have strides and a dilation at once`
    : null;
}

/** Where a step is wider than the window, `same` may ask for less than no padding: TF.js then leaves out what is there. */
function noWideSteps({ reader, className }: TfjsDraft): string | null {
  const size = reader.list('pool_size') ?? [2];
  const steps = reader.list('strides') ?? size;
  const at = (list: number[], axis: number): number => list[axis] ?? list[0] ?? 1;
  return reader.text('padding', 'valid') === 'same' && [0, 1, 2].some((axis) => at(steps, axis) > at(size, axis))
    ? `${className} of TensorFlow.js is wrong with steps wider than its window`
    : null;
}

const noOutputPadding: TfjsRule = ({ reader }) =>
  reader.lacks('output_padding') ? null : 'TensorFlow.js ignores output_padding';

const channelsLast: TfjsRule = ({ channelsFirst, className }) =>
  channelsFirst ? `${className} of TensorFlow.js ignores channels_first` : null;

const noCausal: TfjsRule = ({ reader }) =>
  reader.text('padding', 'valid') === 'causal' ? 'TensorFlow.js has no causal padding' : null;

/** Keras 2 convolves over further leading axes. */
function exactRank(rank: number): TfjsRule {
  return ({ shape, className }) => {
    if (shape === null) return null;
    return shape.length === rank ? null : `${className} of TensorFlow.js reads tensors of rank ${rank} only`;
  };
}

/**
 * Keras 3 (on TensorFlow) takes a bias for one of the last axis as soon as their lengths agree, also where the channels
 * come first. TF.js adds it to the channels, as Keras 2 does.
 */
function biasOnChannels({ keras, channelsFirst, reader, layer, inputs }: TfjsDraft): string | null {
  if (keras === 2 || !channelsFirst || !reader.flag('use_bias', true)) return null;
  const facts = layerFacts({
    className: layer.className,
    config: layer.config,
    keras,
    inputs: [...inputs],
    args: [],
    kwargs: {},
  });
  const output = facts?.outputs[0]?.shape ?? null;
  const last = output?.at(-1) ?? null;
  return output !== null && last !== null && last !== output[1]
    ? null
    : 'Keras 3 adds the bias along the last axis here';
}

/** Files of Keras 2 hold three fields that its own class ignores and TF.js refuses. */
function separable(draft: TfjsDraft): string | null {
  for (const key of ['kernel_initializer', 'kernel_regularizer', 'kernel_constraint']) {
    draft.drop(key, `${key}, which has no meaning here, is left out`);
  }
  return draft.channelsFirst && draft.reader.flag('use_bias', true)
    ? 'SeparableConv2D of TensorFlow.js fails on channels_first with a bias'
    : null;
}

const nearestOnly: TfjsRule = ({ reader }) =>
  reader.text('interpolation', 'nearest') === 'nearest'
    ? null
    : 'UpSampling2D of TensorFlow.js interpolates differently';

const noKeepDims: TfjsRule = ({ reader }) => (reader.flag('keepdims', false) ? 'TensorFlow.js ignores keepdims' : null);

const noMask: TfjsRule = ({ masked, className }) => (masked ? `${className} of TensorFlow.js ignores the mask` : null);

function relu(draft: TfjsDraft): string | null {
  const slope = numberOf(draft.config.negative_slope, 0);
  const threshold = numberOf(draft.config.threshold, 0);
  if (slope === 0 && threshold === 0) return null;
  if (draft.reader.lacks('max_value')) {
    if (threshold === 0) {
      draft.become('LeakyReLU', { alpha: slope }, 'a ReLU with negative_slope is the layer LeakyReLU');
      return null;
    }
    if (slope === 0) {
      draft.become('ThresholdedReLU', { theta: threshold }, 'a ReLU with threshold is the layer ThresholdedReLU');
      return null;
    }
  }
  return 'ReLU of TensorFlow.js has no negative_slope and no threshold';
}

function leakyRelu(draft: TfjsDraft): string | null {
  if (draft.reader.lacks('negative_slope') || !draft.reader.lacks('alpha')) return null;
  draft.set('alpha', numberOf(draft.config.negative_slope, 0.3), 'negative_slope is called alpha');
  draft.drop('negative_slope', 'negative_slope is left out');
  return null;
}

const elu: TfjsRule = ({ config }) =>
  numberOf(config.alpha, 1) === 1 ? null : 'ELU of TensorFlow.js has no other alpha than 1';

function softmax(draft: TfjsDraft): string | null {
  const axes = draft.reader.list('axis');
  if (axes === null) {
    // the default of TF.js is 1
    draft.set('axis', -1, 'the default axis is written out');
    return null;
  }
  if (draft.masked) return 'Softmax of TensorFlow.js fails on a mask';
  const [axis = -1] = axes;
  if (axes.length > 1 || axis === -1) return null;
  if (draft.shape === null) return UNKNOWN_SHAPE;
  return axis === draft.shape.length - 1 ? null : 'Softmax of TensorFlow.js knows the last axis only';
}

/** TF.js flattens only what has more than two axes, all of a known length. */
function flatten(draft: TfjsDraft): string | null {
  const { shape } = draft;
  if (shape === null) return UNKNOWN_SHAPE;
  if (shape.length === 2) {
    draft.becomeIdentity('there is nothing to flatten');
    return null;
  }
  return shape.slice(1).includes(null) ? 'Flatten of TensorFlow.js needs all dimensions' : null;
}

/** With -1, TF.js loads but does not know the shape, so that a Dense behind it fails. */
function reshape(draft: TfjsDraft): string | null {
  const target = draft.reader.dimensions('target_shape') ?? [];
  const open = target.filter((dim) => dim === null || dim < 0);
  if (open.length !== 1) return null;
  const total = draft.shape === null ? null : product(...draft.shape.slice(1));
  const given = product(...target.filter((dim) => dim !== null && dim >= 0));
  const rest = total === null || given === null || given === 0 ? -1 : total / given;
  const written = target.map((dim) => (dim === null || dim < 0 ? rest : dim));
  if (rest !== -1 || open[0] === null)
    draft.set('target_shape', written, 'the open dimension of target_shape is written out');
  return null;
}

function concatenate(draft: TfjsDraft): string | null {
  const axis = draft.reader.integer('axis', -1, -Infinity);
  if (axis === -1) return null;
  if (draft.shape === null) return UNKNOWN_SHAPE;
  if (draft.masked && axisIndex(axis, draft.shape.length) !== draft.shape.length - 1) {
    return 'Concatenate of TensorFlow.js joins masks on the last axis only';
  }
  if (axis >= 0) return null;
  // every negative axis is the last one in TF.js
  draft.set('axis', axis + draft.shape.length, 'axis is counted from the front');
  return null;
}

const dot: TfjsRule = ({ inputs }) =>
  inputs.some(({ shape }) => shape === null || shape.length > 3) ? 'Dot of TensorFlow.js ends at rank 3' : null;

function batchNormalization(draft: TfjsDraft): string | null {
  if (draft.reader.flag('renorm', false)) return 'TensorFlow.js has no batch renormalization';
  const axes = draft.reader.list('axis') ?? [-1];
  const { shape } = draft;
  if (shape === null) return UNKNOWN_SHAPE;
  if (shape.length > 4) return 'BatchNormalization of TensorFlow.js ends at rank 4';
  const [axis = -1] = axes;
  // on other axes its cpu backend is wrong without a word
  if (axes.length !== 1 || axisIndex(axis, shape.length) !== shape.length - 1) {
    return 'BatchNormalization of TensorFlow.js is right on the last axis only';
  }
  if (axis < 0 && Array.isArray(draft.config.axis)) draft.set('axis', axis, 'axis is written as a number');
  return null;
}

function layerNormalization(draft: TfjsDraft): string | null {
  if (draft.reader.flag('rms_scaling', false)) return 'TensorFlow.js has no rms_scaling';
  const { shape } = draft;
  if (shape === null) return UNKNOWN_SHAPE;
  if (shape.length > 4) return 'LayerNormalization of TensorFlow.js ends at rank 4';
  const axes = (draft.reader.list('axis') ?? [-1]).map((axis) => axisIndex(axis, shape.length) ?? -1);
  return axes.every((axis, i) => axis > (axes[i - 1] ?? -1)) ? null : 'the axes are not in order';
}

const noResetAfter: TfjsRule = ({ reader, keras }) =>
  reader.flag('reset_after', keras === 3) ? 'GRU of TensorFlow.js has no reset_after' : null;

function recurrent(draft: TfjsDraft): string | null {
  if (draft.reader.flag('time_major', false)) return 'TensorFlow.js has no time_major';
  if (draft.masked && draft.reader.flag('zero_output_for_mask', false))
    return 'TensorFlow.js has no zero_output_for_mask';
  return null;
}

/** The default of TF.js is that of old Keras 2. */
function recurrentActivation(draft: TfjsDraft): string | null {
  if (draft.keras === 3 && draft.reader.lacks('recurrent_activation')) {
    draft.set('recurrent_activation', 'sigmoid', 'the default recurrent_activation is written out');
  }
  return null;
}

/** Judges a layer inside `key`, and writes it back when it changes. */
function inner(draft: TfjsDraft, key: string, layer: NestedLayer, shape: Shape | null): string | null {
  const judged = draft.judgeInner(layer, [{ shape, dtype: draft.inputs[0]?.dtype ?? null }]);
  if (judged.state === 'lacks') return judged.reason;
  if (judged.state === 'rewritten') {
    draft.set(key, { class_name: judged.className, config: judged.config }, `inside: ${judged.note}`);
  }
  return null;
}

function genericRecurrent(draft: TfjsDraft): string | null {
  const cell = Array.isArray(draft.config.cell) ? null : draft.reader.layer('cell');
  if (cell === null) return 'TensorFlow.js reads one cell, not a list';
  const stacked = Array.isArray(cell.config.cells) && cell.config.cells.length > 1;
  if (stacked && draft.reader.flag('return_state', false))
    return 'TensorFlow.js returns the states of stacked cells in reverse';
  return inner(draft, 'cell', cell, null);
}

function stackedCells(draft: TfjsDraft): string | null {
  const cells: JsonValue[] = [];
  const notes: string[] = [];
  for (const cell of draft.reader.layers('cells')) {
    if (cell.className === 'StackedRNNCells') return 'stacked cells cannot be stacked';
    const judged = draft.judgeInner(cell, [{ shape: null, dtype: null }]);
    if (judged.state === 'lacks') return judged.reason;
    const className = judged.state === 'rewritten' ? judged.className : cell.className;
    if (judged.state === 'rewritten') notes.push(judged.note);
    cells.push({ class_name: className, config: judged.config });
  }
  if (notes.length > 0) draft.set('cells', cells, notes.join('; '));
  return null;
}

const WRAPPED_BOTH_WAYS = new Set(['SimpleRNN', 'GRU', 'LSTM', 'RNN']);

/** TF.js makes the backward layer from the forward one, whatever the config says. */
function bidirectional(draft: TfjsDraft): string | null {
  const forward = draft.reader.layer('layer');
  if (forward === null) return 'there is no layer inside';
  if (!WRAPPED_BOTH_WAYS.has(forward.className))
    return `TensorFlow.js cannot run ${forward.className} in both directions`;
  if (draft.inputs.length > 1) return 'Bidirectional of TensorFlow.js with initial states is not checked';
  const backward = draft.reader.layer('backward_layer');
  if (backward !== null && !mirrors(forward, backward)) {
    return 'TensorFlow.js ignores a backward_layer of its own';
  }
  if (forward.config.go_backwards === true) return 'TensorFlow.js cannot start with a layer that goes backwards';
  // both Kerases zero the masked steps of a sequence here, TF.js repeats the step before
  if (draft.masked && forward.config.return_sequences === true) return 'TensorFlow.js does not zero masked steps';
  return inner(draft, 'layer', forward, draft.shape);
}

/** Whether the backward layer is the forward one in the other direction. What acts in training only may differ. */
function mirrors(forward: NestedLayer, backward: NestedLayer): boolean {
  const facts = ({ className, config }: NestedLayer): string => {
    const kept = Object.entries(config).filter(
      ([key]) => !/^(name|seed|go_backwards|trainable)$|_(initializer|regularizer|constraint)$/.test(key),
    );
    return JSON.stringify([className, sorted(Object.fromEntries(kept))]);
  };
  return facts(forward) === facts(backward) && (forward.config.go_backwards ?? false) !== backward.config.go_backwards;
}

/** Keys in order, one level below too: policies and cells. Deeper levels are compared as they stand. */
function sorted(config: JsonObject): JsonValue {
  const entries = Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => [
    key,
    isJsonObject(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : value,
  ]);
}

function timeDistributed(draft: TfjsDraft): string | null {
  const layer = draft.reader.layer('layer');
  if (layer === null) return 'there is no layer inside';
  if (Array.isArray(layer.config.layers)) return 'a model inside TimeDistributed is not checked';
  if (layer.className === 'Bidirectional')
    return 'a Bidirectional inside TimeDistributed loses its weights in TensorFlow.js';
  const { shape } = draft;
  const [batch = null, , ...rest] = shape ?? [];
  return inner(draft, 'layer', layer, shape === null ? null : [batch, ...rest]);
}

function numberOf(value: JsonValue | undefined, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}

const conv = first(noGroups, biasOnChannels);

export const tfjsRules: Record<string, TfjsRule> = {
  InputLayer: inputLayer,
  Flatten: flatten,
  Reshape: reshape,
  ReLU: relu,
  LeakyReLU: leakyRelu,
  ELU: elu,
  Softmax: softmax,
  Conv1D: first(exactRank(3), channelsLast, noCausal, noGroups),
  Conv2D: first(exactRank(4), conv),
  Conv3D: first(exactRank(5), conv),
  Conv2DTranspose: first(exactRank(4), noOutputPadding, noDilation, conv),
  Conv3DTranspose: first(exactRank(5), noOutputPadding, noDilation, conv),
  DepthwiseConv2D: first(exactRank(4), noDilation, biasOnChannels),
  SeparableConv2D: first(exactRank(4), dilatedSteps, separable),
  UpSampling2D: nearestOnly,
  MaxPooling3D: noWideSteps,
  AveragePooling3D: noWideSteps,
  MaxPooling1D: channelsLast,
  AveragePooling1D: channelsLast,
  GlobalMaxPooling1D: first(channelsLast, noKeepDims),
  GlobalAveragePooling1D: first(channelsLast, noKeepDims, noMask),
  GlobalMaxPooling2D: noKeepDims,
  GlobalAveragePooling2D: noKeepDims,
  Concatenate: concatenate,
  Dot: dot,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  SimpleRNN: recurrent,
  GRU: first(recurrent, noResetAfter, recurrentActivation),
  LSTM: first(recurrent, recurrentActivation),
  GRUCell: first(noResetAfter, recurrentActivation),
  LSTMCell: recurrentActivation,
  StackedRNNCells: stackedCells,
  RNN: first(recurrent, genericRecurrent),
  ConvLSTM2D: first(noMask, recurrent, recurrentActivation),
  Bidirectional: bidirectional,
  TimeDistributed: timeDistributed,
};
