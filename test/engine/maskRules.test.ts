/** What the engine's kernels do with masks is what slicing takes them to do. */
import { expect, test } from 'vitest';
import { maskRule } from '../../src/core/slicing/maskRules';
import { layerKernel } from '../../src/engine/kernels/registry';

const CLASSES = [
  ...['Activation', 'ActivityRegularization', 'Add', 'AdditiveAttention', 'AlphaDropout', 'Attention', 'Average'],
  ...['AveragePooling1D', 'BatchNormalization', 'Concatenate', 'Conv1D', 'Cropping1D', 'Dense', 'Dot', 'Dropout'],
  ...['ELU', 'EinsumDense', 'Flatten', 'GaussianDropout', 'GaussianNoise', 'GlobalAveragePooling1D'],
  ...['GlobalMaxPooling1D', 'GroupNormalization', 'GroupQueryAttention', 'Identity', 'LayerNormalization'],
  ...['LeakyReLU', 'Masking', 'MaxPooling1D', 'Maximum', 'Minimum', 'MultiHeadAttention', 'Multiply', 'PReLU'],
  ...['Permute', 'RMSNormalization', 'ReLU', 'RepeatVector', 'Rescaling', 'Reshape', 'Softmax', 'SpatialDropout1D'],
  ...['SpatialDropout2D', 'SpatialDropout3D', 'Subtract', 'ThresholdedReLU', 'TimeDistributed', 'UnitNormalization'],
  ...['UpSampling1D', 'ZeroPadding1D', 'Normalization', 'SpectralNormalization', 'Resizing', 'RandomFlip'],
];

test.each(CLASSES)('%s', (className) => {
  const kernel = layerKernel(className);
  if (!kernel) return;
  const layer = {
    name: 'x',
    className,
    module: null,
    isLayer: true,
    config: {},
    trainable: true,
    calls: [],
    weights: [],
    graph: null,
    index: { keras: null, tfjs: null },
  };
  const rule = maskRule(layer);
  expect(typeof kernel.mask === 'string' ? kernel.mask : 'several').toBe(
    rule === 'pass' || rule === 'drop' ? rule : 'several',
  );
});
