/** Dense, Embedding, activations as layers, masking: the layers without space. */
import * as tf from '@tensorflow/tfjs-core';
import { activate, activationName, leakyRelu, softmaxOver, unknownActivation } from './activations';
import { dense } from './denseProduct';
import { einsum } from './einsum';
import { int8Lookup, int8Product, quantizationOf, unknownQuantization } from './quantized';
import { floating, identityKernel, sizeAt, type Kernel, type KernelCall } from './kernel';

const denseKernel: Kernel = {
  run(call) {
    const { config, keras } = call;
    const hasBias = config.flag('use_bias', true);
    if (quantizationOf(config) === 'int8') {
      const product = int8Product(call, floating(call.input()), hasBias ? 1 : 0);
      return activate(hasBias ? tf.add(product, call.weight(0)) : product, config, keras);
    }
    const bias = hasBias ? call.weight(1) : null;
    const { name, config: options } = activationName(config.raw('activation'));
    const fused = (name === 'relu' && Object.keys(options).length === 0) || name === 'linear' ? name : null;
    const x = floating(call.input());
    if (fused) return dense(x, call.weight(0), bias, fused);
    // tfjs-layers adds the bias apart where it cannot fuse the activation: equal to the last bit only like this
    const y = dense(x, call.weight(0), null);
    return activate(bias ? tf.add(y, bias) : y, config, keras);
  },
  mask: 'pass',
  refuses: (config, keras) => unknownActivation(config, keras, 'activation') ?? unknownQuantization(config, ['int8']),
};

const einsumDense: Kernel = {
  run(call) {
    const { config, keras } = call;
    const equation = config.text('equation', '');
    let y = einsum(equation, floating(call.input()), call.weight(0));
    if (!config.lacks('bias_axes'))
      y = tf.add(y, einsumBias(equation, config.text('bias_axes', ''), y, call.weight(1)));
    return activate(y, config, keras);
  },
  mask: 'drop',
  refuses: (config, keras) => unknownActivation(config, keras, 'activation') ?? unknownQuantization(config, []),
};

/** The bias with ones put in for the axes it lacks: its axes stand in the order of `bias_axes`'s letters in the output. */
function einsumBias(equation: string, axes: string, y: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const output = equation.split('->')[1] ?? '';
  const [before = '', after = ''] = output.includes('...') ? output.split('...') : [output, ''];
  const dots = Array.from({ length: y.rank - before.length - after.length }, () => '.');
  const letters = [...before, ...dots, ...after];
  return tf.reshape(
    bias,
    letters.map((letter, i) => (axes.includes(letter) ? (y.shape[i] ?? 1) : 1)),
  );
}

const embedding: Kernel = {
  run(call) {
    const indices = tf.cast(call.input(), 'int32');
    return quantizationOf(call.config) === 'int8' ? int8Lookup(call, indices) : tf.gather(call.weight(0), indices);
  },
  refuses: (config) => unknownQuantization(config, ['int8']),
  mask: (call) => [call.config.flag('mask_zero', false) ? tf.notEqual(call.input(), 0) : null],
};

/** Called with `reverse`, it turns vectors into scores of the words. */
const reversibleEmbedding: Kernel = {
  ...embedding,
  refuses: (config) => unknownQuantization(config, []),
  run(call) {
    if (call.named('reverse') !== true) return embedding.run(call);
    const { config } = call;
    const tied = config.flag('tie_weights', true);
    const x = floating(call.input());
    const flat = tf.reshape(x, [-1, sizeAt(x, -1)]);
    const scores = tf.matMul(flat, call.weight(tied ? 0 : 1), false, tied);
    const y = tf.reshape(scores, [...x.shape.slice(0, -1), sizeAt(scores, 1)]);
    const cap = config.numberOrNull('logit_soft_cap');
    return cap === null ? y : tf.mul(tf.tanh(tf.div(y, cap)), cap);
  },
  mask: (call) => [
    call.named('reverse') !== true && call.config.flag('mask_zero', false) ? tf.notEqual(call.input(), 0) : null,
  ],
};

const masking: Kernel = {
  run: (call) => {
    const x = call.input();
    return tf.mul(x, tf.cast(tf.any(notMasked(call), -1, true), x.dtype));
  },
  mask: (call) => [tf.any(notMasked(call), -1)],
};

function notMasked(call: KernelCall): tf.Tensor {
  return tf.notEqual(call.input(), call.config.number('mask_value', 0));
}

const softmax: Kernel = {
  run(call) {
    let x = floating(call.input());
    const axis = call.config.list('axis') ?? [-1];
    const mask = call.mask();
    // as Keras does: a large negative number, not minus infinity
    if (mask) x = tf.add(x, tf.mul(tf.sub(1, tf.cast(mask, 'float32')), -1e9));
    return softmaxOver(x, axis);
  },
  mask: 'pass',
};

const prelu: Kernel = {
  run(call) {
    const x = floating(call.input());
    const alpha = call.weight(0);
    const inner = x.shape.slice(1);
    // the wasm backend repeats a smaller alpha as if it were flat
    if (alpha.shape.every((size, axis) => size === inner[axis])) return tf.prelu(x, alpha);
    return tf.where(tf.less(x, 0), tf.mul(x, alpha), x);
  },
  mask: 'pass',
};

const activationLayer = (f: (call: KernelCall) => tf.Tensor): Kernel => ({ run: f, mask: 'pass' });

export const coreKernels: Record<string, Kernel> = {
  Dense: denseKernel,
  EinsumDense: einsumDense,
  Embedding: embedding,
  ReversibleEmbedding: reversibleEmbedding,
  Masking: masking,
  Activation: {
    run: (call) => activate(floating(call.input()), call.config, call.keras),
    mask: 'pass',
    refuses: (config, keras) => unknownActivation(config, keras, 'activation'),
  },
  ReLU: activationLayer((call) => {
    const { config } = call;
    const slope = config.number('negative_slope', 0);
    return leakyRelu(floating(call.input()), slope, config.number('threshold', 0), config.numberOrNull('max_value'));
  }),
  LeakyReLU: activationLayer((call) => {
    const { config } = call;
    const slope = config.lacks('negative_slope') ? config.number('alpha', 0.3) : config.number('negative_slope');
    return tf.leakyRelu(floating(call.input()), slope);
  }),
  PReLU: prelu,
  ELU: activationLayer((call) => {
    const x = floating(call.input());
    const alpha = call.config.number('alpha', 1);
    return alpha === 1 ? tf.elu(x) : tf.where(tf.greater(x, 0), x, tf.mul(tf.expm1(tf.minimum(x, 0)), alpha));
  }),
  ThresholdedReLU: activationLayer((call) => {
    const x = floating(call.input());
    return tf.mul(x, tf.cast(tf.greater(x, call.config.number('theta', 1)), 'float32'));
  }),
  Softmax: softmax,
  Identity: identityKernel,
  Dropout: identityKernel,
  SpatialDropout1D: identityKernel,
  SpatialDropout2D: identityKernel,
  SpatialDropout3D: identityKernel,
  GaussianDropout: identityKernel,
  GaussianNoise: identityKernel,
  AlphaDropout: identityKernel,
  ActivityRegularization: identityKernel,
};
