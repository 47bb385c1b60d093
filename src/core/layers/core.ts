/** Input, dense and embedding layers, and those that hand their input on. */
import type { Dim, Shape } from '../model/layerGraph';
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall, Variable } from './rule';
import { plainFacts, weightSpecs } from './rule';
import { mismatch, product, replaceDim } from './shapes';

/** Output: `batch_input_shape` (Keras 2), `batch_shape` (Keras 3), or null + `input_shape`. */
function inputLayer({ config }: RuleCall): LayerFacts {
  const batchShape = config.dimensions('batch_input_shape') ?? config.dimensions('batch_shape');
  const shape = config.dimensions('input_shape') ?? config.dimensions('shape');
  const dtype = config.lacks('dtype') ? 'float32' : config.text('dtype', 'float32');
  return plainFacts(batchShape ?? (shape === null ? null : [null, ...shape]), dtype);
}

/** Input: `[batch, …, in]`. Output: `[batch, …, units]`. MACs: positions × in × units. */
function dense(call: RuleCall): LayerFacts {
  const units = call.config.integer('units');
  const { shape } = call;
  if (shape !== null && shape.length < 2) throw mismatch('rank 2 or more', shape);
  const depth = shape?.at(-1) ?? null;
  const bias: Variable[] = call.config.flag('use_bias', true) ? [{ name: 'bias', shape: [units] }] : [];
  const rank = loraRank(call);
  let variables: Variable[] = [{ name: 'kernel', shape: [depth, units], trainable: rank === null }, ...bias];
  if (call.policy.quantization === 'int8') {
    // Keras replaces the kernel after the build, so that it comes after the trainable bias
    variables = [
      ...bias,
      { name: 'kernel', shape: [depth, units], dtype: 'int8', trainable: false },
      { name: 'kernel_scale', shape: [units], trainable: false },
    ];
  }
  if (rank !== null) {
    variables.push({ name: 'lora_kernel_a', shape: [depth, rank] }, { name: 'lora_kernel_b', shape: [rank, units] });
  }
  return {
    outputs: [{ shape: shape === null ? null : replaceDim(shape, shape.length - 1, units), dtype: call.computed }],
    weights: weightSpecs(variables, call.policy),
    macs: shape === null ? null : product(...shape.slice(1), units),
  };
}

/** Input: integers of any shape. Output: that shape with `output_dim` behind it. A lookup has no MACs. */
function embedding(call: RuleCall): LayerFacts {
  const size = call.config.integer('input_dim');
  const depth = call.config.integer('output_dim');
  const rank = loraRank(call);
  const quantized = call.policy.quantization === 'int8';
  const variables: Variable[] = [
    {
      name: 'embeddings',
      shape: [size, depth],
      trainable: rank === null && !quantized,
      dtype: quantized ? 'int8' : call.policy.variable,
    },
  ];
  if (quantized) variables.push({ name: 'embeddings_scale', shape: [size], trainable: false });
  if (rank !== null) {
    variables.push(
      { name: 'lora_embeddings_a', shape: [size, rank] },
      { name: 'lora_embeddings_b', shape: [rank, depth] },
    );
  }
  const reversible = call.className === 'ReversibleEmbedding';
  if (reversible && !call.config.flag('tie_weights', true)) {
    variables.push({ name: 'reverse_embeddings', shape: [depth, size] });
  }
  const { shape } = call;
  const weights = weightSpecs(variables, call.policy);
  if (reversible && call.asks('reverse')) {
    const output = shape === null ? null : replaceDim(shape, shape.length - 1, size);
    const macs = shape === null ? null : product(...shape.slice(1), size);
    return { outputs: [{ shape: output, dtype: call.computed }], weights, macs };
  }
  return { outputs: [{ shape: shape === null ? null : [...shape, depth], dtype: call.computed }], weights, macs: 0 };
}

/** The rank of a LoRA adapter; `null` without one. */
export function loraRank({ config }: RuleCall): number | null {
  return config.lacks('lora_rank') ? null : config.integer('lora_rank');
}

/** Output: as the input. */
const elementwise: LayerRule = (call) => plainFacts(call.shape, call.elementwise);

/** Hands tensors on as they are. */
const identity: LayerRule = (call) => plainFacts(call.shape, call.kept());

/** What a Lambda computes is Python code: its shape is only what the config says. */
function lambda(call: RuleCall): LayerFacts {
  const declared = call.config.raw('output_shape');
  const dims = Array.isArray(declared) ? declared.filter((dim) => dim === null || typeof dim === 'number') : [];
  const known = Array.isArray(declared) && dims.length === declared.length;
  return plainFacts(known ? [call.shape?.[0] ?? null, ...dims] : null, null, null);
}

const EINSUM = /^([a-zA-Z]*)(\.\.\.)?([a-zA-Z]*),([a-zA-Z]*)->([a-zA-Z]*)(\.\.\.)?([a-zA-Z]*)$/;

/** Input and output as the equation says. MACs: one per value of all the equation's indices but the batch. */
function einsumDense(call: RuleCall): LayerFacts {
  const match = EINSUM.exec(call.config.text('equation', '').replaceAll(' ', ''));
  if (match === null || (match[2] === undefined) !== (match[6] === undefined)) throw call.config.bad('equation');
  const [, inLeft = '', ellipsis, inRight = '', kernelLabels = '', outLeft = '', , outRight = ''] = match;
  const declared = call.config.dimensions('output_shape') ?? [];
  const { shape } = call;
  const named = inLeft.length + inRight.length;
  if (shape !== null && (ellipsis === undefined ? shape.length !== named : shape.length < named)) {
    throw mismatch(`rank ${named}`, shape);
  }
  // the axes behind `...` get labels of their own, numbers that no equation can hold
  const elided = ellipsis === undefined || shape === null ? 0 : shape.length - named;
  const hidden = Array.from({ length: elided }, (_, i) => String(i));
  const inputLabels = [...inLeft, ...hidden, ...inRight];
  const outputLabels = [...outLeft, ...hidden, ...outRight];

  const inputDims = new Map<string, Dim>(inputLabels.map((label, i) => [label, shape?.[i] ?? null]));
  const dims = new Map(inputDims);
  // with the ellipsis behind, Keras counts from the batch on, and may have named more than there is
  const explicit =
    outRight === '' && ellipsis !== undefined
      ? [...outLeft].slice(1, 1 + declared.length)
      : [...outLeft, ...outRight].slice(-declared.length || Infinity);
  explicit.forEach((label, i) => {
    const own = declared[i] ?? null;
    // Keras 3 keeps a null of `output_shape`; Keras 2 fills it in from the input
    dims.set(label, call.keras === 3 || own !== null ? own : (inputDims.get(label) ?? null));
  });
  // Keras 3 inserts the dimensions of a leading `...` one before the other, so that it declares them in reverse
  const declaredLabels =
    call.keras === 3 && outLeft === '' && hidden.length > 2
      ? [...hidden.slice(0, 1), ...hidden.slice(1).reverse(), ...outRight]
      : outputLabels;
  const output = declaredLabels.map((label) => dims.get(label) ?? null);
  const resolved = (label: string): Dim => inputDims.get(label) ?? dims.get(label) ?? null;

  const variables: Variable[] = [{ name: 'kernel', shape: [...kernelLabels].map(resolved) }];
  const biasAxes = call.config.text('bias_axes', '');
  if (biasAxes !== '') {
    const places = [...biasAxes].map((label) => outputLabels.indexOf(label));
    const first = Math.min(...places);
    if (first < 0) throw call.config.bad('bias_axes');
    const until = outRight === '' && ellipsis !== undefined ? outLeft.length : outputLabels.length;
    variables.push({
      name: 'bias',
      shape: outputLabels.slice(first, until).map((label) => (biasAxes.includes(label) ? resolved(label) : 1)),
    });
  }
  const batch = inputLabels[0];
  const counted = new Set([...inputLabels, ...kernelLabels].filter((label) => label !== batch));
  return {
    outputs: [{ shape: shape === null ? null : output, dtype: call.computed }],
    weights: weightSpecs(variables, call.policy),
    macs: shape === null ? null : product(...[...counted].map(resolved)),
  };
}

/** Output: as the input. One `alpha` for every value, `shared_axes` counted once. */
function prelu(call: RuleCall): LayerFacts {
  const shared = call.config.list('shared_axes') ?? [];
  const { shape } = call;
  const alpha = (all: Shape): Dim[] => all.map((dim, i) => (shared.includes(i) ? 1 : dim)).slice(1);
  return {
    outputs: [{ shape, dtype: call.elementwise }],
    weights: shape === null ? null : weightSpecs([{ name: 'alpha', shape: alpha(shape) }], call.policy),
    macs: 0,
  };
}

export const coreRules: Record<string, LayerRule> = {
  InputLayer: inputLayer,
  Dense: dense,
  EinsumDense: einsumDense,
  Embedding: embedding,
  ReversibleEmbedding: embedding,
  Identity: identity,
  Lambda: lambda,
  Masking: elementwise,
  Activation: elementwise,
  ReLU: elementwise,
  LeakyReLU: elementwise,
  PReLU: prelu,
  ELU: elementwise,
  ThresholdedReLU: elementwise,
  Softmax: elementwise,
  Dropout: elementwise,
  SpatialDropout1D: elementwise,
  SpatialDropout2D: elementwise,
  SpatialDropout3D: elementwise,
  GaussianDropout: elementwise,
  GaussianNoise: elementwise,
  AlphaDropout: elementwise,
  ActivityRegularization: elementwise,
};
