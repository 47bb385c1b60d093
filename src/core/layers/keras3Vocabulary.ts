/** What Keras 3.15 has: layer classes, the operations of a functional model, activations. Listed from its packages. */

/** Names under which one class is known, and the one that its objects go by. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ...[1, 2, 3].flatMap((n): [string, string][] => [
    [`AvgPool${n}D`, `AveragePooling${n}D`],
    [`Convolution${n}D`, `Conv${n}D`],
    [`Convolution${n}DTranspose`, `Conv${n}DTranspose`],
    [`GlobalAvgPool${n}D`, `GlobalAveragePooling${n}D`],
    [`GlobalMaxPool${n}D`, `GlobalMaxPooling${n}D`],
    [`MaxPool${n}D`, `MaxPooling${n}D`],
    [`SeparableConvolution${n}D`, `SeparableConv${n}D`],
  ]),
  ['GroupQueryAttention', 'GroupedQueryAttention'],
]);

const dimensions = (names: string): string[] =>
  names.split(' ').flatMap((name) => [1, 2, 3].map((n) => name.replace('#', `${n}D`)));

const LAYERS: ReadonlySet<string> = new Set([
  ...dimensions('AdaptiveAveragePooling# AdaptiveMaxPooling# AveragePooling# Conv# Conv#Transpose ConvLSTM# Cropping#'),
  ...dimensions('GlobalAveragePooling# GlobalMaxPooling# MaxPooling# SpatialDropout# UpSampling# ZeroPadding#'),
  ...'Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention AugMix AutoContrast'.split(' '),
  ...'Average BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate CutMix Dense'.split(' '),
  ...'ContrastLimitedAdaptiveHistogramEqualization DepthwiseConv1D DepthwiseConv2D Discretization Dot'.split(' '),
  ...'Dropout ELU EinsumDense Embedding Equalization Flatten FlaxLayer GRU GRUCell GaussianDropout'.split(' '),
  ...'GaussianNoise GroupNormalization HashedCrossing Hashing Identity InputLayer IntegerLookup JaxLayer'.split(' '),
  ...'LSTM LSTMCell Lambda LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes Maximum'.split(' '),
  ...'MelSpectrogram Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline'.split(' '),
  ...'RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter'.split(' '),
  ...'RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur'.split(' '),
  ...'RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation'.split(' '),
  ...'RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector'.split(' '),
  ...'Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D'.split(' '),
  ...'SimpleRNN SimpleRNNCell Softmax Solarization SpectralNormalization StackedRNNCells'.split(' '),
  ...'StringLookup Subtract TFSMLayer TextVectorization TimeDistributed TorchModuleWrapper'.split(' '),
  ...'UnitNormalization Wrapper'.split(' '),
  ...ALIASES.keys(),
]);

/** Classes of Keras 2 that Keras 3 has no more. */
const KERAS_2_ONLY: ReadonlySet<string> = new Set([
  ...'ClassMethod DenseFeatures InstanceMethod InstanceProperty SlicingOpLambda TFOpLambda'.split(' '),
  ...'CuDNNGRU CuDNNLSTM LocallyConnected1D LocallyConnected2D RandomHeight RandomWidth'.split(' '),
  ...'SyncBatchNormalization BatchNormalizationV1 ThresholdedReLU AbstractRNNCell Highway MaxoutDense'.split(' '),
]);

/** Where an operation's class is, for files that leave it out. What is in none of the others is in `numpy`. */
const OPERATIONS: readonly (readonly [string, ReadonlySet<string>])[] = [
  [
    'core',
    new Set([
      ...'AssociativeScan Cast Cond ConvertToTensor ForiLoop Map SaturateCast Scan Scatter ScatterUpdate'.split(' '),
      ...'Slice SliceUpdate StopGradient Switch Unstack VectorizedMap WhileLoop'.split(' '),
    ]),
  ],
  [
    'image',
    new Set([
      ...'AffineTransform CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB MapCoordinates'.split(' '),
      ...'PadImages PerspectiveTransform RGBToGrayscale RGBToHSV Resize SSIM ScaleAndTranslate'.split(' '),
    ]),
  ],
  [
    'linalg',
    new Set([
      ...'Cholesky CholeskyInverse Det Eig Eigh Inv JVP Lstsq LuFactor MatrixRank Norm Pinv Qr SVD'.split(' '),
      ...'Solve SolveTriangular'.split(' '),
    ]),
  ],
  [
    'math',
    new Set([
      ...'CDist Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT InTopK Logdet Logsumexp'.split(' '),
      ...'RFFT Rsqrt STFT SegmentMax SegmentMin SegmentProd SegmentSum TopK ViewAsComplex ViewAsReal'.split(' '),
    ]),
  ],
  [
    'nn',
    new Set([
      ...'AveragePool BatchNorm BinaryCrossentropy CategoricalCrossentropy Celu Conv ConvTranspose'.split(' '),
      ...'DepthwiseConv DotProductAttention Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh'.split(' '),
      ...'LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot Normalize OneHot PSNR'.split(' '),
      ...'Polar RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus'.split(' '),
      ...'Softsign SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Squareplus'.split(' '),
      ...'TanhShrink Threshold'.split(' '),
    ]),
  ],
];

const ACTIVATIONS: ReadonlySet<string> = new Set([
  ...'celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu'.split(' '),
  ...'linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus'.split(' '),
  ...'softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold'.split(' '),
]);

export function isKeras3Layer(className: string): boolean {
  return LAYERS.has(className);
}

export function isKeras2Only(className: string): boolean {
  return KERAS_2_ONLY.has(className);
}

export function isKeras3Activation(name: string): boolean {
  return ACTIVATIONS.has(name);
}

/** The class that an object has when it was made under this name. */
export function ownClassName(className: string): string {
  return ALIASES.get(className) ?? className;
}

/** The module of an operation's class: `keras.src.ops.numpy`. */
export function operationModule(className: string): string {
  const found = OPERATIONS.find(([, classes]) => classes.has(className));
  return `keras.src.ops.${found?.[0] ?? 'numpy'}`;
}
