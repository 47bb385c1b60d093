/** What Keras's layers do with masks: who makes one, hands it on, computes something else under it. */
import { IDENTITY_CLASSES } from '../layers/tfjsVocabulary';
import { isJsonObject, type JsonObject } from '../model/json';
import type { CallArgument, Layer, LayerCall } from '../model/layerGraph';

/**
 * What becomes of a mask. `make`: the layer makes one. `pass`: each output has that of the first input. `merge`,
 * `concatenate`: those of all inputs together. `sequence`: the first output has the mask that the call respected.
 * `directions`: the first two have. `query`: the first output has that of the first input. `drop`: none.
 */
export type MaskRule = 'make' | 'pass' | 'merge' | 'concatenate' | 'sequence' | 'directions' | 'query' | 'drop';

const PASS = new Set([
  'Activation',
  'ActivityRegularization',
  'AlphaDropout',
  'BatchNormalization',
  'Dense',
  'Dropout',
  'ELU',
  'GaussianDropout',
  'GaussianNoise',
  'GroupNormalization',
  'Identity',
  'LayerNormalization',
  'LeakyReLU',
  'PReLU',
  'RMSNormalization',
  'ReLU',
  'Softmax',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
  'ThresholdedReLU',
  'TimeDistributed',
  'UnitNormalization',
]);

const MERGE = new Set(['Add', 'Average', 'Maximum', 'Minimum', 'Multiply', 'Subtract']);

const RECURRENT = new Set(['ConvLSTM1D', 'ConvLSTM2D', 'ConvLSTM3D', 'GRU', 'LSTM', 'RNN', 'SimpleRNN']);

const ATTENTION = new Set(['AdditiveAttention', 'Attention', 'GroupQueryAttention', 'MultiHeadAttention']);

/** Whether a layer makes a mask of its own. */
export function makesMask({ className, config, isLayer }: Layer): boolean {
  return isLayer && (className === 'Masking' || (className === 'Embedding' && config.mask_zero === true));
}

export function maskRule(layer: Layer): MaskRule {
  const { className, config, isLayer } = layer;
  if (!isLayer) return 'drop';
  if (makesMask(layer)) return 'make';
  // what does nothing in inference hands its input on as it is
  if (PASS.has(className) || IDENTITY_CLASSES.has(className)) return 'pass';
  if (MERGE.has(className)) return 'merge';
  if (className === 'Concatenate') return 'concatenate';
  if (ATTENTION.has(className)) return 'query';
  if (RECURRENT.has(className)) return config.return_sequences === true ? 'sequence' : 'drop';
  if (className !== 'Bidirectional' || inner(config).return_sequences !== true) return 'drop';
  return config.merge_mode === null || config.merge_mode === undefined ? 'directions' : 'sequence';
}

/** Whether the layer computes something else under a mask. */
export function readsMask(layer: Layer): boolean {
  const { className, isLayer } = layer;
  return isLayer && (isRecurrent(layer) || readsAllMasks(layer) || READS.has(className));
}

const READS = new Set(['GlobalAveragePooling1D', 'Softmax']);

/** Attention reads the masks of all that it is given, other layers that of their first input. */
export function readsAllMasks({ className, isLayer }: Layer): boolean {
  return isLayer && ATTENTION.has(className);
}

export function isRecurrent({ className, isLayer }: Layer): boolean {
  return isLayer && (RECURRENT.has(className) || className === 'Bidirectional');
}

function inner(config: JsonObject): JsonObject {
  const layer = isJsonObject(config.layer) ? config.layer : {};
  return isJsonObject(layer.config) ? layer.config : {};
}

// --- masks that are arguments ---

/** `mask`, and Keras 3's `query_mask`, `value_mask` … A user's own `attention_mask` is data. */
export function isMaskKeyword(key: string): boolean {
  return key === 'mask' || key === 'query_mask' || key === 'value_mask' || key === 'key_mask';
}

/** Positions in `LayerCall.inputs` of the tensors that come as masks. */
export function maskArguments({ kwargs }: LayerCall): number[] {
  return Object.entries(kwargs).flatMap(([key, value]) => (isMaskKeyword(key) ? tensorsIn(value) : []));
}

/** Positions in `LayerCall.inputs` of the tensors in an argument. */
export function tensorsIn(argument: CallArgument): number[] {
  const found: number[] = [];
  // a stack, not recursion: a file decides how deep lists nest
  const pending = [argument];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (item.kind === 'tensor') found.push(item.input);
    else if (item.kind !== 'constant') pending.push(...Object.values(item.items));
  }
  return found.reverse();
}
