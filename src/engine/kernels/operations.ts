/** Operators written as graph nodes: Keras 3's operations and Keras 2's TFOpLambda and SlicingOpLambda. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { JsonValue } from '../../core/model/json';
import { activationOf, softmaxOver } from './activations';
import { einsum } from './einsum';
import { getItem } from './getItem';
import { floating, sizeAt, type Kernel } from './kernel';
import { Arguments } from './operationArguments';

type Operation = (args: Arguments) => tf.Tensor | tf.Tensor[];

const unary =
  (f: (x: tf.Tensor) => tf.Tensor): Operation =>
  (args) =>
    f(args.tensor(0, null, 'x', 'input', 'features', 'inputs'));
const onFloats = (f: (x: tf.Tensor) => tf.Tensor): Operation => unary((x) => f(floating(x)));

function operands(args: Arguments): [tf.Tensor, tf.Tensor] {
  const second = args.value(1, 'y', 'x2', 'b', 'other');
  const a = args.tensor(0, second instanceof tf.Tensor ? second : null, 'x', 'x1', 'a');
  const b = args.tensor(1, a, 'y', 'x2', 'b', 'other');
  if (a.dtype === b.dtype) return [a, b];
  return [floating(a), floating(b)];
}

const binary =
  (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Operation =>
  (args) =>
    f(...operands(args));
const logical =
  (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Operation =>
  (args) =>
    f(...(operands(args).map((x) => tf.cast(x, 'bool')) as [tf.Tensor, tf.Tensor]));

function reduction(f: (x: tf.Tensor, axes: number[] | undefined, keep: boolean) => tf.Tensor): Operation {
  return (args) => {
    const x = args.tensor(0, null, 'x', 'input_tensor', 'input');
    const axes = args.numbers(1, 'axis') ?? undefined;
    return f(x, axes, args.flag(2, false, 'keepdims', 'keep_dims'));
  };
}

const activation =
  (name: string): Operation =>
  (args) => {
    const f = activationOf(name, args.keras);
    if (!f) throw new SlicerError('internal', { reason: name });
    return f(floating(args.tensor(0, null, 'x', 'features', 'logits')));
  };

function tfDtype(name: string): 'float32' | 'int32' | 'bool' {
  if (name === 'bool') return 'bool';
  return /int/.test(name) ? 'int32' : 'float32';
}

function split(args: Arguments): tf.Tensor[] {
  const x = args.tensor(0, null, 'x', 'value');
  const axis = args.number(2, 0, 'axis');
  const sections = args.value(1, 'indices_or_sections', 'num_or_size_splits');
  if (typeof sections === 'number') return tf.split(x, sections, axis);
  const given = args.numbers(1, 'indices_or_sections', 'num_or_size_splits') ?? [];
  // Keras 3 gives the places to cut at, TensorFlow the sizes
  if (args.keras === 2) return tf.split(x, given, axis);
  const places = [0, ...given, sizeAt(x, axis)];
  return tf.split(
    x,
    places.slice(1).map((place, i) => place - (places[i] as number)),
    axis,
  );
}

function matmul(args: Arguments): tf.Tensor {
  const [a, b] = operands(args);
  const [transposeA, transposeB] = [args.flag(2, false, 'transpose_a'), args.flag(3, false, 'transpose_b')];
  return tf.matMul(a, b, transposeA, transposeB);
}

function clip(args: Arguments): tf.Tensor {
  const x = args.tensor(0, null, 'x', 't');
  const min = args.number(1, -Infinity, 'x_min', 'clip_value_min');
  return tf.clipByValue(x, min, args.number(2, Infinity, 'x_max', 'clip_value_max'));
}

const compare = (f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Operation => binary(f);

/** By the class name of Keras 3's operation. */
const operations: Record<string, Operation> = {
  Add: binary((a, b) => tf.add(a, b)),
  Subtract: binary((a, b) => tf.sub(a, b)),
  Multiply: binary((a, b) => tf.mul(a, b)),
  Divide: binary((a, b) => tf.div(floating(a), floating(b))),
  TrueDivide: binary((a, b) => tf.div(floating(a), floating(b))),
  FloorDivide: binary((a, b) => tf.floorDiv(a, b)),
  Mod: binary((a, b) => tf.mod(a, b)),
  Power: binary((a, b) => tf.pow(a, b)),
  Maximum: binary((a, b) => tf.maximum(a, b)),
  Minimum: binary((a, b) => tf.minimum(a, b)),
  SquaredDifference: binary((a, b) => tf.squaredDifference(a, b)),
  Equal: compare((a, b) => tf.equal(a, b)),
  NotEqual: compare((a, b) => tf.notEqual(a, b)),
  Greater: compare((a, b) => tf.greater(a, b)),
  GreaterEqual: compare((a, b) => tf.greaterEqual(a, b)),
  Less: compare((a, b) => tf.less(a, b)),
  LessEqual: compare((a, b) => tf.lessEqual(a, b)),
  LogicalAnd: logical((a, b) => tf.logicalAnd(a, b)),
  LogicalOr: logical((a, b) => tf.logicalOr(a, b)),
  LogicalXor: logical((a, b) => tf.logicalXor(a, b)),
  LogicalNot: unary((x) => tf.logicalNot(tf.cast(x, 'bool'))),
  Negative: unary((x) => tf.neg(x)),
  Absolute: unary((x) => tf.abs(x)),
  Abs: unary((x) => tf.abs(x)),
  Square: unary((x) => tf.square(x)),
  Sqrt: onFloats((x) => tf.sqrt(x)),
  Rsqrt: onFloats((x) => tf.rsqrt(x)),
  Exp: onFloats((x) => tf.exp(x)),
  Expm1: onFloats((x) => tf.expm1(x)),
  Log: onFloats((x) => tf.log(x)),
  Log1p: onFloats((x) => tf.log1p(x)),
  Sin: onFloats((x) => tf.sin(x)),
  Cos: onFloats((x) => tf.cos(x)),
  Tan: onFloats((x) => tf.tan(x)),
  Erf: onFloats((x) => tf.erf(x)),
  Reciprocal: onFloats((x) => tf.reciprocal(x)),
  Floor: unary((x) => tf.floor(x)),
  Ceil: unary((x) => tf.ceil(x)),
  Round: unary((x) => tf.round(x)),
  Sign: unary((x) => tf.sign(x)),
  Isnan: unary((x) => tf.isNaN(x)),
  Identity: unary((x) => x),
  StopGradient: unary((x) => x),
  ZerosLike: (args) => tf.zeros(args.tensor(0, null, 'x', 'input').shape, dtypeOf(args, 1)),
  OnesLike: (args) => tf.ones(args.tensor(0, null, 'x', 'input').shape, dtypeOf(args, 1)),
  Cast: (args) => tf.cast(args.tensor(0, null, 'x'), tfDtype(args.text(1, 'float32', 'dtype', 'DstT'))),
  Mean: reduction((x, axes, keep) => tf.mean(floating(x), axes, keep)),
  Sum: reduction((x, axes, keep) => tf.sum(x, axes, keep)),
  Prod: reduction((x, axes, keep) => tf.prod(x, axes, keep)),
  Max: reduction((x, axes, keep) => tf.max(x, axes, keep)),
  Amax: reduction((x, axes, keep) => tf.max(x, axes, keep)),
  Min: reduction((x, axes, keep) => tf.min(x, axes, keep)),
  Amin: reduction((x, axes, keep) => tf.min(x, axes, keep)),
  Any: reduction((x, axes, keep) => tf.any(tf.cast(x, 'bool'), axes, keep)),
  All: reduction((x, axes, keep) => tf.all(tf.cast(x, 'bool'), axes, keep)),
  Var: reduction((x, axes, keep) => tf.moments(floating(x), axes, keep).variance),
  Std: reduction((x, axes, keep) => tf.sqrt(tf.moments(floating(x), axes, keep).variance)),
  Logsumexp: reduction((x, axes, keep) => tf.logSumExp(floating(x), axes, keep)),
  Argmax: (args) => tf.argMax(args.tensor(0, null, 'x', 'input'), args.number(1, 0, 'axis')),
  Argmin: (args) => tf.argMin(args.tensor(0, null, 'x', 'input'), args.number(1, 0, 'axis')),
  Reshape: (args) => tf.reshape(args.tensor(0, null, 'x', 'tensor'), args.numbers(1, 'newshape', 'shape') ?? []),
  Transpose: (args) => tf.transpose(args.tensor(0, null, 'x', 'a'), args.numbers(1, 'axes', 'perm') ?? undefined),
  ExpandDims: (args) =>
    (args.numbers(1, 'axis') ?? [0]).reduce((x, axis) => tf.expandDims(x, axis), args.tensor(0, null, 'x', 'input')),
  Squeeze: (args) => {
    const x = args.tensor(0, null, 'x', 'input');
    const axes = args.numbers(1, 'axis')?.map((axis) => (axis < 0 ? axis + x.rank : axis));
    return tf.squeeze(x, axes);
  },
  Concatenate: (args) => {
    const all = args.tensors(0, 'xs', 'values');
    const same = all.every((x) => x.dtype === all[0]?.dtype);
    return tf.concat(same ? all : all.map(floating), args.number(1, 0, 'axis'));
  },
  Stack: (args) => tf.stack(args.tensors(0, 'x', 'values'), args.number(1, 0, 'axis')),
  Unstack: (args) => tf.unstack(args.tensor(0, null, 'x', 'value'), args.number(args.keras === 3 ? 2 : 1, 0, 'axis')),
  Split: split,
  GetItem: (args) =>
    getItem(args.tensor(0, null, 'x', 'tensor'), (args.value(1, 'key', 'slice_spec') ?? []) as JsonValue),
  Matmul: matmul,
  Dot: matmul,
  Einsum: (args) => {
    const [a, b] = [args.tensor(1, null), args.tensor(2, null)];
    return einsum(args.text(0, '', 'subscripts', 'equation'), a, b);
  },
  Where: (args) => {
    const condition = tf.cast(args.tensor(0, null, 'condition'), 'bool');
    const [a, b] = [args.tensor(1, null, 'x1', 'x'), args.tensor(2, null, 'x2', 'y')];
    return tf.where(condition, a, b);
  },
  Clip: clip,
  Take: (args) =>
    tf.gather(
      args.tensor(0, null, 'x', 'params'),
      tf.cast(args.tensor(1, null, 'indices'), 'int32'),
      args.number(2, 0, 'axis'),
    ),
  Flip: (args) => tf.reverse(args.tensor(0, null, 'x', 'tensor'), args.numbers(1, 'axis') ?? undefined),
  Tile: (args) => tf.tile(args.tensor(0, null, 'x', 'input'), args.numbers(1, 'repeats', 'multiples') ?? []),
  Pad: (args) => {
    const widths = args.value(1, 'pad_width', 'paddings') as [number, number][];
    return tf.pad(args.tensor(0, null, 'x', 'tensor'), widths, args.number(3, 0, 'constant_values'));
  },
  BroadcastTo: (args) => tf.broadcastTo(args.tensor(0, null, 'x', 'input'), args.numbers(1, 'shape') ?? []),
  OneHot: (args) =>
    tf.cast(
      tf.oneHot(tf.cast(args.tensor(0, null, 'x', 'indices'), 'int32'), args.number(1, 1, 'num_classes', 'depth')),
      'float32',
    ),
  Cumsum: (args) => {
    const x = args.tensor(0, null, 'x');
    const axis = args.number(1, 0, 'axis');
    return tf.cumsum(x, axis < 0 ? axis + x.rank : axis);
  },
  Softmax: (args) => softmaxOver(floating(args.tensor(0, null, 'x', 'logits')), args.numbers(1, 'axis') ?? -1),
  LogSoftmax: activation('log_softmax'),
  Relu: activation('relu'),
  Relu6: activation('relu6'),
  Sigmoid: activation('sigmoid'),
  Tanh: activation('tanh'),
  Silu: activation('silu'),
  HardSigmoid: activation('hard_sigmoid'),
  HardSilu: activation('hard_silu'),
  Softplus: activation('softplus'),
  Softsign: activation('softsign'),
  Elu: activation('elu'),
  Selu: activation('selu'),
  LeakyRelu: (args) =>
    tf.leakyRelu(floating(args.tensor(0, null, 'x', 'features')), args.number(1, 0.2, 'negative_slope', 'alpha')),
  Gelu: (args) => {
    const approximate = args.flag(1, args.keras === 3, 'approximate');
    const f = activationOf(approximate ? 'gelu_new' : 'gelu', args.keras);
    return (f as (x: tf.Tensor) => tf.Tensor)(floating(args.tensor(0, null, 'x', 'features')));
  },
};

function dtypeOf(args: Arguments, position: number): 'float32' | 'int32' | 'bool' {
  const x = args.tensor(0, null, 'x', 'input');
  return tfDtype(args.text(position, x.dtype, 'dtype'));
}

/** Keras 2 names the TensorFlow function: `math.multiply`, `__operators__.add`, `compat.v1.transpose`. */
function operationOfFunction(name: string): Operation | null {
  const last = name.slice(name.lastIndexOf('.') + 1);
  const pascal = last
    .replace(/^reduce_/, '')
    .split('_')
    .filter((part) => part !== '')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
  const renamed: Record<string, string> = {
    Getitem: 'GetItem',
    Truediv: 'Divide',
    Neg: 'Negative',
    Concat: 'Concatenate',
    Sub: 'Subtract',
    Mul: 'Multiply',
    Pow: 'Power',
    Rsub: 'Subtract',
    Gather: 'Take',
    Reverse: 'Flip',
    ClipByValue: 'Clip',
    Floordiv: 'FloorDivide',
    Logsumexp: 'Logsumexp',
    Matmul: 'Matmul',
    Variance: 'Var',
    ReduceVariance: 'Var',
    Swish: 'Silu',
    Addv2: 'Add',
  };
  const found = Object.hasOwn(renamed, pascal) ? (renamed[pascal] as string) : pascal;
  return Object.hasOwn(operations, found) ? (operations[found] as Operation) : null;
}

/** The kernel of a Keras 3 operation; null when it is not known. */
export function operationKernel(className: string): Kernel | null {
  const operation = Object.hasOwn(operations, className) ? operations[className] : undefined;
  return operation ? { run: (call) => operation(new Arguments(call)), mask: 'drop' } : null;
}

const tensorflowFunction: Kernel = {
  run(call) {
    const operation = operationOfFunction(call.config.text('function', ''));
    if (!operation) throw call.config.bad('function');
    return operation(new Arguments(call));
  },
  mask: 'drop',
  refuses: (config) =>
    operationOfFunction(config.text('function', '')) ? null : `function ${config.text('function', '')}`,
};

export const lambdaKernels: Record<string, Kernel> = {
  TFOpLambda: tensorflowFunction,
  SlicingOpLambda: tensorflowFunction,
};
