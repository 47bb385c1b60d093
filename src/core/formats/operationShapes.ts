/**
 * Shapes of operations that stand in a graph beside layers: Keras 3's (`x + y` is class `Add`) and Keras 2's
 * `TFOpLambda` and `SlicingOpLambda`. They have no weights.
 */
import type { LayerFacts } from '../layers/catalogue';
import type { JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { CallArgument, DType, Dim, Layer, LayerCall, Shape, TensorInfo } from '../model/layerGraph';
import { field, shapeOf, textField } from './jsonField';
import { broadcastShapes } from './graphShapes';
import { snakeCase } from './readModel';

const SAME = new Set(
  (
    'negative absolute abs square sqrt rsqrt exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh arctan erf reciprocal floor ceil round ' +
    'sign identity stop_gradient relu relu6 sigmoid log_sigmoid softmax log_softmax silu swish hard_sigmoid hard_silu hard_swish softplus ' +
    'softsign elu selu celu leaky_relu gelu clip clip_by_value flip reverse cumsum cumprod roll zeros_like ones_like full_like cast ' +
    'l2_normalize normalize negative neg pow_scalar dropout'
  ).split(' '),
);
const BINARY = new Set(
  'add subtract sub multiply mul divide true_divide truediv floor_divide floordiv mod power pow maximum minimum squared_difference add_n where'.split(
    ' ',
  ),
);
const COMPARISON = new Set(
  'equal not_equal greater greater_equal less less_equal logical_and logical_or logical_xor'.split(' '),
);
const REDUCTION = new Set(
  'mean sum prod max amax min amin any all var std variance logsumexp norm argmax argmin count_nonzero'.split(' '),
);
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['getitem', 'get_item'],
  ['concat', 'concatenate'],
  ['neg', 'negative'],
  ['logical_not', 'logical_not'],
  ['is_nan', 'isnan'],
  ['batch_matmul', 'matmul'],
  ['gather', 'take'],
]);

/** Facts of one call; null for an operation that is not among these, or a shape that cannot be told. */
export function operationFacts(layer: Layer, call: LayerCall, inputs: TensorInfo[]): LayerFacts | null {
  const args = new Arguments(layer, call, inputs);
  const outputs = outputsOf(operationName(layer), args);
  return (
    outputs && {
      outputs,
      weights: [],
      macs: outputs.some(({ shape }) => shape === null) ? null : macsOf(operationName(layer), args, outputs),
    }
  );
}

/** `ExpandDims`, `tf.expand_dims` → `expand_dims`; `tf.math.reduce_mean` → `mean`. */
export function operationName({ className, config }: Layer): string {
  const function_ = className.endsWith('OpLambda') ? (textField(config, 'function') ?? '') : '';
  const name =
    function_ === '' ? snakeCase(className) : function_.slice(function_.lastIndexOf('.') + 1).replace(/^reduce_/, '');
  return RENAMED.get(name) ?? name;
}

class Arguments {
  constructor(
    private readonly layer: Layer,
    private readonly call: LayerCall,
    private readonly inputs: TensorInfo[],
  ) {}

  get size(): number {
    return this.call.args.length + Object.keys(this.call.kwargs).length;
  }

  /** What stands at a position or under one of the names. */
  at(position: number, ...names: string[]): CallArgument | undefined {
    const name = names.find((key) => Object.hasOwn(this.call.kwargs, key));
    return name === undefined ? this.call.args[position] : this.call.kwargs[name];
  }

  /** A constant: of the call, or of the operation's own config. */
  value(position: number, ...names: string[]): JsonValue | undefined {
    const named = names.map((key) => field(this.layer.config, key)).find((value) => value !== undefined);
    if (named !== undefined) return named;
    const argument = this.at(position, ...names);
    return argument?.kind === 'constant' ? argument.value : undefined;
  }

  info(argument: CallArgument | undefined): TensorInfo {
    if (argument?.kind === 'tensor') return this.inputs[argument.input] ?? UNKNOWN;
    if (argument?.kind === 'constant' && argument.value !== null)
      return { shape: constantShape(argument.value), dtype: null };
    return UNKNOWN;
  }

  first(): TensorInfo {
    const argument = this.at(0, 'x', 'input', 'tensor', 'a', 'x1', 'input_tensor');
    return argument?.kind === 'list' ? this.info(argument.items[0]) : this.info(argument);
  }

  operands(): TensorInfo[] {
    const [a, b] = [this.at(0, 'x', 'x1', 'a'), this.at(1, 'y', 'x2', 'b')];
    return [this.info(a), this.info(b)];
  }

  /** The tensors of a list in first place, or all of them. */
  list(): TensorInfo[] {
    const [argument] = this.call.args;
    return argument?.kind === 'list' ? argument.items.map((item) => this.info(item)) : this.inputs;
  }

  all(): TensorInfo[] {
    return [...this.call.args, ...Object.values(this.call.kwargs)]
      .map((argument) => this.info(argument))
      .filter(({ shape }) => shape !== null);
  }
}

const UNKNOWN: TensorInfo = { shape: null, dtype: null };

function constantShape(value: JsonValue): Shape | null {
  const shape: number[] = [];
  let next: JsonValue | undefined = value;
  if (isJsonObject(next)) return null;
  while (Array.isArray(next)) {
    shape.push(next.length);
    next = next[0];
  }
  return shape;
}

function outputsOf(name: string, args: Arguments): TensorInfo[] | null {
  const first = args.first();
  const one = (shape: Shape | null, dtype: DType | null = first.dtype): TensorInfo[] | null =>
    shape === null ? null : [{ shape, dtype }];
  if (SAME.has(name)) return one(first.shape, textOf(args.value(1, 'dtype')) ?? first.dtype);
  if (name === 'logical_not' || name === 'isnan' || name === 'isfinite') return one(first.shape, 'bool');
  if (name === 'where')
    return one(
      args
        .all()
        .map(({ shape }) => shape)
        .reduce<Shape | null>(broadcastShapes, []),
      args.operands()[1]?.dtype ?? first.dtype,
    );
  if (BINARY.has(name) || COMPARISON.has(name)) {
    const [a = UNKNOWN, b = UNKNOWN] = args.operands();
    return one(broadcastShapes(a.shape, b.shape), COMPARISON.has(name) ? 'bool' : (a.dtype ?? b.dtype));
  }
  if (REDUCTION.has(name)) return reduce(name, args, first);
  switch (name) {
    case 'reshape':
      return one(reshape(first.shape, shapeOf(args.value(1, 'newshape', 'shape'))));
    case 'transpose':
    case 'permute_dimensions':
      return one(transpose(first.shape, integers(args.value(1, 'axes', 'perm'))));
    case 'expand_dims':
      return one((integers(args.value(1, 'axis')) ?? []).reduce<Shape | null>(expand, first.shape));
    case 'squeeze':
      return one(squeeze(first.shape, integers(args.value(1, 'axis'))));
    case 'concatenate':
      return one(concatenate(args.list(), integers(args.value(1, 'axis'))?.[0] ?? -1));
    case 'stack':
      return one(
        expandAt(args.list()[0]?.shape ?? null, integers(args.value(1, 'axis'))?.[0] ?? 0, args.list().length),
      );
    case 'split':
      return split(
        first,
        args.value(1, 'indices_or_sections', 'num_or_size_splits'),
        integers(args.value(2, 'axis'))?.[0] ?? 0,
      );
    case 'get_item':
      return one(getItem(first.shape, args.value(1, 'key', 'slice_spec')));
    case 'matmul':
      return one(matmul(args.operands(), args.value(2, 'transpose_a') === true, args.value(3, 'transpose_b') === true));
    case 'one_hot':
      return one(
        first.shape && [...first.shape, integers(args.value(1, 'num_classes', 'depth'))?.[0] ?? null],
        textOf(args.value(2, 'dtype')) ?? 'float32',
      );
    default:
      return null;
  }
}

function macsOf(name: string, args: Arguments, [output]: TensorInfo[]): number | null {
  if (name !== 'matmul') return 0;
  const inner = args.operands()[0]?.shape?.at(args.value(2, 'transpose_a') === true ? -2 : -1);
  return (output?.shape?.slice(1) ?? []).reduce<number | null>(
    (product, dim) => (product === null || dim === null ? null : product * dim),
    inner ?? null,
  );
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value.replace(/^tf\./, '') : null;
}

function integers(value: JsonValue | undefined): number[] | null {
  const list = Array.isArray(value) ? value : [value];
  const found = list.filter((item) => typeof item === 'number' && Number.isSafeInteger(item)) as number[];
  return found.length === list.length ? found : null;
}

/** An axis counted from the front; null when there is no such axis. */
function axisOf(axis: number, rank: number): number | null {
  const at = axis < 0 ? axis + rank : axis;
  return at >= 0 && at < rank ? at : null;
}

function reduce(name: string, args: Arguments, { shape, dtype }: TensorInfo): TensorInfo[] | null {
  if (!shape) return null;
  const value = args.value(1, 'axis');
  const axes =
    value === undefined || value === null
      ? shape.map((_, i) => i)
      : (integers(value) ?? []).map((axis) => axisOf(axis, shape.length));
  const keep = args.value(2, 'keepdims') === true;
  const reduced = shape.flatMap((dim, i): Dim[] => (!axes.includes(i) ? [dim] : keep ? [1] : []));
  const bool = name === 'any' || name === 'all';
  const index = name === 'argmax' || name === 'argmin';
  return [{ shape: reduced, dtype: bool ? 'bool' : index ? 'int32' : dtype }];
}

function reshape(from: Shape | null, to: Shape | null): Shape | null {
  if (!to) return null;
  // `-1` reads as unknown; it can be worked out where all else is known, the batch apart
  const open = to.filter((dim) => dim === null).length;
  if (!from || open !== 1 || from.slice(1).includes(null)) return to;
  const rest = from.slice(1).reduce<number>((product, dim) => product * (dim ?? 1), 1);
  const known = to.reduce<number>((product, dim) => product * (dim ?? 1), 1);
  if (to[0] === null) {
    // the batch stays open only where it is the open one
    return from[0] === null ? to : [(from[0] ?? 1) * (rest / known), ...to.slice(1)];
  }
  return from[0] === null ? to : to.map((dim) => dim ?? ((from[0] ?? 1) * rest) / known);
}

function transpose(shape: Shape | null, axes: number[] | null): Shape | null {
  if (!shape) return null;
  if (!axes) return [...shape].reverse();
  return axes.length === shape.length ? axes.map((axis) => shape[axisOf(axis, shape.length) ?? -1] ?? null) : null;
}

function expand(shape: Shape | null, axis: number): Shape | null {
  return expandAt(shape, axis, 1);
}

function expandAt(shape: Shape | null, axis: number, size: number): Shape | null {
  const at = shape && axisOf(axis, shape.length + 1);
  return shape && at !== null ? [...shape.slice(0, at), size, ...shape.slice(at)] : null;
}

function squeeze(shape: Shape | null, axes: number[] | null): Shape | null {
  if (!shape) return null;
  const at = axes?.map((axis) => axisOf(axis, shape.length));
  return shape.filter((dim, i) => (at ? !at.includes(i) : dim !== 1));
}

function concatenate(tensors: TensorInfo[], axis: number): Shape | null {
  const [first] = tensors;
  const at = first?.shape ? axisOf(axis, first.shape.length) : null;
  if (!first?.shape || at === null || tensors.some(({ shape }) => shape?.length !== first.shape?.length)) return null;
  const sizes = (axisAt: number): Dim[] => tensors.map(({ shape }) => shape?.[axisAt] ?? null);
  const total = sizes(at).reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0);
  return first.shape.map((_, i) => (i === at ? total : (sizes(i).find((size) => size !== null) ?? null)));
}

function split({ shape, dtype }: TensorInfo, sections: JsonValue | undefined, axis: number): TensorInfo[] | null {
  const at = shape ? axisOf(axis, shape.length) : null;
  const size = shape && at !== null ? (shape[at] ?? null) : null;
  if (!shape || at === null) return null;
  const part = (length: Dim): TensorInfo => ({ shape: shape.map((dim, i) => (i === at ? length : dim)), dtype });
  if (typeof sections === 'number' && sections >= 1 && sections <= 4096 && Number.isInteger(sections)) {
    return Array.from({ length: sections }, () => part(size === null ? null : size / sections));
  }
  return null;
}

/** `x[:, 1:3, ::2, 0]`: whole numbers drop their axis, slices keep it; Keras 3 writes `__slice__`, Keras 2 `{start, stop, step}`. */
function getItem(shape: Shape | null, key: JsonValue | undefined): Shape | null {
  if (!shape || key === undefined) return null;
  const keys = Array.isArray(key) ? key : [key];
  const result: Dim[] = [];
  let axis = 0;
  for (const item of keys) {
    if (item === null) {
      result.push(1);
      continue;
    }
    const dim = shape[axis];
    if (dim === undefined) return null;
    axis += 1;
    if (typeof item === 'number') continue;
    const slice = isJsonObject(item) ? (isJsonObject(item.config) ? item.config : item) : null;
    if (!slice) return null;
    result.push(sliceLength(dim, field(slice, 'start'), field(slice, 'stop'), field(slice, 'step')));
  }
  return [...result, ...shape.slice(axis)];
}

function sliceLength(
  dim: Dim,
  start: JsonValue | undefined,
  stop: JsonValue | undefined,
  step: JsonValue | undefined,
): Dim {
  const by = typeof step === 'number' && step !== 0 ? step : 1;
  if (dim === null) return null;
  const clamp = (value: JsonValue | undefined, fallback: number): number =>
    typeof value !== 'number'
      ? fallback
      : Math.min(by < 0 ? dim - 1 : dim, Math.max(by < 0 ? -1 : 0, value < 0 ? value + dim : value));
  const from = clamp(start, by < 0 ? dim - 1 : 0);
  const to = clamp(stop, by < 0 ? -1 : dim);
  return Math.max(0, Math.ceil((to - from) / by));
}

function matmul([a, b]: TensorInfo[], flipA: boolean, flipB: boolean): Shape | null {
  const flip = (shape: Shape | null | undefined, yes: boolean): Shape | null =>
    !shape || shape.length < 2
      ? null
      : yes
        ? [...shape.slice(0, -2), shape.at(-1) ?? null, shape.at(-2) ?? null]
        : shape;
  const [x, y] = [flip(a?.shape, flipA), flip(b?.shape, flipB)];
  if (!x || !y) return null;
  const batch = broadcastShapes(x.slice(0, -2), y.slice(0, -2));
  return batch && [...batch, x.at(-2) ?? null, y.at(-1) ?? null];
}
