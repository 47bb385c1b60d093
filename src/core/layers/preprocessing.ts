/** Preprocessing: no weights but for the spectrogram's fixed kernels. */
import type { DType, Dim, Shape } from '../model/layerGraph';
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall } from './rule';
import { plainFacts, weightSpecs } from './rule';
import { convLength, mismatch, product } from './shapes';

const sameShape: LayerRule = (call) => plainFacts(call.shape, call.computed);

/** Sets height and width of an image, batched or not. */
function resized(call: RuleCall, height: Dim | 'kept', width: Dim | 'kept'): LayerFacts {
  const { shape, channelsFirst } = call;
  if (shape === null) return plainFacts(null, call.computed);
  if (shape.length !== 3 && shape.length !== 4) throw mismatch('rank 3 or 4', shape);
  const row = shape.length - (channelsFirst ? 2 : 3);
  const output = shape.map((dim, i) => {
    if (i === row && height !== 'kept') return height;
    return i === row + 1 && width !== 'kept' ? width : dim;
  });
  return plainFacts(output, call.computed);
}

const toSize: LayerRule = (call) => resized(call, call.config.integer('height'), call.config.integer('width'));

/** Output: integers as they came, or one axis of `depth` for each sample. */
function encoded(call: RuleCall, depth: Dim, whole: DType): LayerFacts {
  const mode = call.config.text('output_mode', 'int');
  const { shape } = call;
  if (mode === 'int') return plainFacts(shape, whole);
  if (shape === null) return plainFacts(null, call.policy.compute);
  // one_hot adds an axis unless the last one holds a single value; the other modes count along the last axis
  const keeps = mode === 'one_hot' && shape.at(-1) !== 1;
  const output = shape.length <= 1 || keeps ? [...shape, depth] : [...shape.slice(0, -1), depth];
  const dtype = /^u?int/.test(call.computed) ? 'float32' : call.computed;
  return plainFacts(output, dtype);
}

function categoryEncoding(call: RuleCall): LayerFacts {
  const depth = call.config.integer('num_tokens');
  const { shape } = call;
  const mode = call.config.text('output_mode', 'multi_hot');
  if (shape === null) return plainFacts(null, call.computed);
  const keeps = mode === 'one_hot' && shape.at(-1) !== 1;
  return plainFacts(keeps ? [...shape, depth] : [...shape.slice(0, -1), depth], call.computed);
}

function discretization(call: RuleCall): LayerFacts {
  const boundaries = call.config.raw('bin_boundaries');
  const bins = call.config.lacks('num_bins') ? null : call.config.integer('num_bins');
  const depth = Array.isArray(boundaries) ? boundaries.length + 1 : bins;
  const { shape } = call;
  const facts = encoded(call, depth, call.keras === 3 ? 'int32' : 'int64');
  const counts = ['multi_hot', 'count'].includes(call.config.text('output_mode', 'int'));
  if (shape === null || shape.length < 3 || !counts || call.keras === 2) return facts;
  // Keras 3 traces what it computes, which counts along the second axis
  return {
    ...facts,
    outputs: facts.outputs.map(({ dtype }) => ({ shape: [...shape.slice(0, 1), ...shape.slice(2), depth], dtype })),
  };
}

/** Keras 3 declares one axis of bins for the last axis also where `one_hot` keeps both. */
function hashing(call: RuleCall): LayerFacts {
  const bins = call.config.integer('num_bins');
  const facts = encoded(call, bins, 'int64');
  const { shape } = call;
  if (call.keras === 2 || shape === null || call.config.text('output_mode', 'int') === 'int') return facts;
  return { ...facts, outputs: facts.outputs.map(({ dtype }) => ({ shape: [...shape.slice(0, -1), bins], dtype })) };
}

const hashedCrossing: LayerRule = (call) => encoded(call, call.config.integer('num_bins'), 'int64');

/** How many values a vocabulary layer tells apart. */
function vocabularySize({ config }: RuleCall): Dim {
  if (config.flag('pad_to_max_tokens', false) && !config.lacks('max_tokens')) return config.integer('max_tokens');
  return config.lacks('vocabulary_size') ? null : config.integer('vocabulary_size');
}

function lookup(call: RuleCall): LayerFacts {
  // inverted, it maps indices back to terms
  if (call.config.flag('invert', false)) {
    return plainFacts(call.shape, call.className === 'StringLookup' ? 'string' : 'int64');
  }
  return encoded(call, vocabularySize(call), 'int64');
}

/** Input: strings, `[batch]` or `[batch, 1]`. Output: `[batch, tokens]`. */
function textVectorization(call: RuleCall): LayerFacts {
  const { config, shape } = call;
  const batch = shape?.[0] ?? null;
  if (config.text('output_mode', 'int') !== 'int') return plainFacts([batch, vocabularySize(call)], 'float32');
  const length = config.lacks('output_sequence_length') ? null : config.integer('output_sequence_length');
  return plainFacts([batch, length], 'int64');
}

/** Input: `[batch, samples]`. Output: `[batch, mel bins, frames]`. */
function melSpectrogram(call: RuleCall): LayerFacts {
  const bins = call.config.integer('num_mel_bins', 128);
  const stride = call.config.integer('sequence_stride', 512);
  const { shape } = call;
  if (shape === null) return plainFacts(null, call.computed);
  const samples = shape.at(-1) ?? null;
  const frames = samples === null ? null : Math.floor((samples + stride + 1) / stride);
  return plainFacts([...shape.slice(0, -1), bins, frames], call.computed);
}

/** Input: `[batch, samples, channels]`. Two convolutions with fixed kernels, for the real and the imaginary part. */
function stftSpectrogram(call: RuleCall): LayerFacts {
  const { config, shape } = call;
  const mode = config.text('mode', 'log');
  const frame = config.integer('frame_length', 256);
  const step = config.integer('frame_step', Math.max(Math.floor(frame / 2), 1));
  const bins = Math.floor(config.integer('fft_length', 2 ** Math.ceil(Math.log2(frame))) / 2) + 1;
  const padding = config.choice('padding', ['valid', 'same'], 'valid');
  const parts = mode === 'real' ? ['real_kernel'] : mode === 'imag' ? ['imag_kernel'] : ['real_kernel', 'imag_kernel'];
  const weights = weightSpecs(
    parts.map((name) => ({ name, shape: [frame, 1, bins] })),
    call.policy,
  );
  if (shape === null) return { outputs: [{ shape: null, dtype: call.computed }], weights, macs: null };
  if (shape.length !== 3) throw mismatch('rank 3', shape);
  const { channelsFirst } = call;
  const [batch = null, second = null, third = null] = shape;
  const [samples, channels] = channelsFirst ? [third, second] : [second, third];
  const frames = convLength(samples, frame, step, 1, padding);
  const values = mode === 'stft' ? 2 * bins : bins;
  const output: Shape = config.flag('expand_dims', false)
    ? channelsFirst
      ? [batch, channels, frames, values]
      : [batch, frames, values, channels]
    : channelsFirst
      ? [batch, product(channels, values), frames]
      : [batch, frames, product(channels, values)];
  return {
    outputs: [{ shape: output, dtype: call.computed }],
    weights,
    macs: product(frames, frame, channels, bins, parts.length),
  };
}

/** Image augmentation: the identity in inference. */
const AUGMENTATIONS = [
  ...['AugMix', 'AutoContrast', 'CutMix', 'Equalization', 'MixUp', 'RandAugment', 'Solarization'],
  ...['ContrastLimitedAdaptiveHistogramEqualization', 'RandomBrightness', 'RandomColorDegeneration'],
  ...['RandomColorJitter', 'RandomContrast', 'RandomElasticTransform', 'RandomErasing', 'RandomFlip'],
  ...['RandomGaussianBlur', 'RandomGrayscale', 'RandomHue', 'RandomInvert', 'RandomPerspective'],
  ...['RandomPosterization', 'RandomRotation', 'RandomSaturation', 'RandomSharpness', 'RandomShear'],
  ...['RandomTranslation', 'RandomZoom', 'MaxNumBoundingBoxes'],
];

export const preprocessingRules: Record<string, LayerRule> = {
  ...Object.fromEntries(AUGMENTATIONS.map((name) => [name, sameShape])),
  Rescaling: sameShape,
  Resizing: toSize,
  CenterCrop: toSize,
  RandomCrop: toSize,
  RandomHeight: (call) => resized(call, null, 'kept'),
  RandomWidth: (call) => resized(call, 'kept', null),
  CategoryEncoding: categoryEncoding,
  Discretization: discretization,
  Hashing: hashing,
  HashedCrossing: hashedCrossing,
  IntegerLookup: lookup,
  StringLookup: lookup,
  TextVectorization: textVectorization,
  MelSpectrogram: melSpectrogram,
  STFTSpectrogram: stftSpectrogram,
};
