/** What `@tensorflow/tfjs` 4.22 registers: layer classes, activations, initializers, constraints. */

/** Layer classes that plain TF.js can build and that work inside a model. */
export const TFJS_CLASSES: ReadonlySet<string> = new Set([
  ...['InputLayer', 'Dense', 'Dropout', 'SpatialDropout1D', 'Flatten', 'Activation', 'RepeatVector', 'Reshape'],
  ...['Permute', 'Masking', 'Embedding', 'TimeDistributed', 'Bidirectional'],
  ...['ReLU', 'LeakyReLU', 'PReLU', 'ELU', 'ThresholdedReLU', 'Softmax'],
  ...['Conv1D', 'Conv2D', 'Conv3D', 'Conv2DTranspose', 'Conv3DTranspose', 'SeparableConv2D', 'DepthwiseConv2D'],
  ...['Cropping2D', 'UpSampling2D', 'ZeroPadding2D'],
  ...['SimpleRNN', 'GRU', 'LSTM', 'ConvLSTM2D', 'RNN', 'SimpleRNNCell', 'GRUCell', 'LSTMCell', 'StackedRNNCells'],
  ...['Add', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Concatenate', 'Dot'],
  ...['BatchNormalization', 'LayerNormalization', 'GaussianNoise', 'GaussianDropout', 'AlphaDropout'],
  ...['MaxPooling1D', 'MaxPooling2D', 'MaxPooling3D', 'AveragePooling1D', 'AveragePooling2D', 'AveragePooling3D'],
  ...['GlobalMaxPooling1D', 'GlobalMaxPooling2D', 'GlobalAveragePooling1D', 'GlobalAveragePooling2D', 'Rescaling'],
]);

/** Classes that are registered but do not work inside a model, and how that shows. */
export const TFJS_BROKEN: ReadonlyMap<string, string> = new Map([
  ['Resizing', 'fails on every input (`x must be rank 3 or 4, but got rank 1`)'],
  ['CenterCrop', 'overwrites the shape of its input'],
  ['CategoryEncoding', 'overwrites the shape of its input'],
  ['RandomWidth', 'also changes the width outside of training'],
]);

/** Models are judged layer by layer. */
export const MODEL_CLASSES: ReadonlySet<string> = new Set(['Model', 'Functional', 'Sequential']);

/** Layers that do nothing in inference and that TF.js lacks: a linear activation gives the same numbers. */
export const IDENTITY_CLASSES: ReadonlySet<string> = new Set([
  ...['Identity', 'ActivityRegularization', 'SpatialDropout2D', 'SpatialDropout3D'],
  ...['AugMix', 'CutMix', 'MixUp', 'RandAugment', 'RandomBrightness', 'RandomColorDegeneration', 'RandomColorJitter'],
  ...['RandomContrast', 'RandomElasticTransform', 'RandomErasing', 'RandomFlip', 'RandomGaussianBlur'],
  ...['RandomGrayscale', 'RandomHue', 'RandomInvert', 'RandomPerspective', 'RandomPosterization', 'RandomRotation'],
  ...['RandomSaturation', 'RandomSharpness', 'RandomShear', 'RandomTranslation', 'RandomZoom'],
]);

/** Activations by Keras's name. `hard_sigmoid` is there, but as Keras 2 computes it. */
export const TFJS_ACTIVATIONS: ReadonlySet<string> = new Set([
  ...['elu', 'selu', 'relu', 'relu6', 'linear', 'sigmoid', 'hard_sigmoid', 'softplus', 'softsign', 'tanh', 'softmax'],
  ...['log_softmax', 'gelu', 'mish', 'swish'],
]);

export const TFJS_INITIALIZERS: ReadonlySet<string> = new Set([
  ...['Zeros', 'Ones', 'Constant', 'RandomUniform', 'RandomNormal', 'TruncatedNormal', 'Identity', 'VarianceScaling'],
  ...['GlorotUniform', 'GlorotNormal', 'HeNormal', 'HeUniform', 'LeCunNormal', 'LeCunUniform', 'Orthogonal'],
  // the names as they stand in old files
  ...['zeros', 'ones', 'constant', 'random_uniform', 'random_normal', 'truncated_normal', 'identity'],
  ...['variance_scaling', 'glorot_uniform', 'glorot_normal', 'he_normal', 'he_uniform', 'orthogonal'],
]);

export const TFJS_CONSTRAINTS: ReadonlySet<string> = new Set(['MaxNorm', 'UnitNorm', 'NonNeg', 'MinMaxNorm']);
