/** Shapes and dtypes of a graph-model's nodes: what their attributes declare, and what follows for the plainest ones. */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { DType, Dim, Layer, Shape, TensorInfo } from '../model/layerGraph';
import { arrayField, field, objectField, textField } from './jsonField';

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['DT_FLOAT', 'float32'],
  ['DT_DOUBLE', 'float64'],
  ['DT_INT32', 'int32'],
  ['DT_UINT8', 'uint8'],
  ['DT_INT16', 'int16'],
  ['DT_INT8', 'int8'],
  ['DT_STRING', 'string'],
  ['DT_COMPLEX64', 'complex64'],
  ['DT_INT64', 'int64'],
  ['DT_BOOL', 'bool'],
  ['DT_BFLOAT16', 'bfloat16'],
  ['DT_HALF', 'float16'],
  ['DT_RESOURCE', 'resource'],
  ['DT_VARIANT', 'variant'],
]);
/** Numbers of the same enum in TensorFlow's `types.proto`; some writers leave them. */
const NUMBERS: readonly string[] = [
  '',
  'DT_FLOAT',
  'DT_DOUBLE',
  'DT_INT32',
  'DT_UINT8',
  'DT_INT16',
  'DT_INT8',
  'DT_STRING',
  'DT_COMPLEX64',
  'DT_INT64',
  'DT_BOOL',
];

export function dtypeName(value: JsonValue | undefined): DType | null {
  const name = typeof value === 'number' ? NUMBERS[value] : value;
  return typeof name === 'string' ? (DTYPES.get(name) ?? null) : null;
}

const PROTOS: ReadonlyMap<DType, string> = new Map([...DTYPES].map(([proto, dtype]) => [dtype, proto]));

/** As TensorFlow writes the type: `DT_FLOAT`; null when it is not known. */
export function dtypeProto(dtype: DType | null): string | null {
  return dtype === null ? null : (PROTOS.get(dtype) ?? null);
}

/** As TensorFlow writes the shape; reading it again with `protoShape` gives the same. */
export function shapeProto(shape: Shape | null): JsonObject {
  if (!shape) return { unknownRank: true };
  return shape.length === 0 ? {} : { dim: shape.map((size) => ({ size: String(size ?? -1) })) };
}

/** `{dim: [{size: "-1"}, …]}`; null when the rank is not known. */
export function protoShape(value: JsonValue | undefined): Shape | null {
  if (!isJsonObject(value) || field(value, 'unknownRank') === true) return null;
  const dims = arrayField(value, 'dim');
  if (!dims) return Object.keys(value).length === 0 ? [] : null;
  if (dims.length > 32) return null;
  return dims.map((dim): Dim => {
    const size = isJsonObject(dim) ? Number(field(dim, 'size') ?? 0) : Number.NaN;
    return Number.isSafeInteger(size) && size >= 0 ? size : null;
  });
}

/** Of attributes: `_output_shapes`, a constant's value, a placeholder's shape. */
export function declaredOutputs({ className, config }: Layer): TensorInfo[] {
  const dtype = declaredType(className, config);
  const list = objectField(objectField(config, '_output_shapes') ?? {}, 'list');
  const shapes = list ? arrayField(list, 'shape') : null;
  if (shapes) return shapes.slice(0, 4096).map((shape) => ({ shape: protoShape(shape), dtype }));
  const tensor = objectField(objectField(config, 'value') ?? {}, 'tensor');
  if (className === 'Const' && tensor) {
    return [{ shape: protoShape(field(tensor, 'tensorShape')), dtype: dtypeName(field(tensor, 'dtype')) ?? dtype }];
  }
  if (className.startsWith('Placeholder')) {
    return [{ shape: protoShape(field(objectField(config, 'shape') ?? {}, 'shape')), dtype }];
  }
  return dtype ? [{ shape: null, dtype }] : [];
}

/** Attributes that say the type of what comes out; where none does, `T` is that of what goes in. */
function declaredType(className: string, config: JsonObject): DType | null {
  const keys = ['dtype', 'DstT', 'output_type', ...(TYPE_KEYS.get(className) ?? [])];
  for (const key of keys) {
    const dtype = dtypeName(typeOf(config, key));
    if (dtype !== null) return dtype;
  }
  return /^StringToHashBucket/.test(className) ? 'int64' : null;
}

const TYPE_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ['Gather', ['Tparams']],
  ['GatherV2', ['Tparams']],
  ['GatherNd', ['Tparams']],
  ['LookupTableFind', ['Tout']],
  ['LookupTableFindV2', ['Tout']],
  ['TensorListStack', ['element_dtype']],
  ['TensorListGetItem', ['element_dtype']],
  ['TensorListGather', ['element_dtype']],
  ['TensorListConcat', ['element_dtype']],
]);

function typeOf(config: JsonObject, key: string): JsonValue | undefined {
  return field(objectField(config, key) ?? {}, 'type');
}

const SAME = new Set([
  'Identity',
  'StopGradient',
  'Relu',
  'Relu6',
  'Elu',
  'Selu',
  'LeakyRelu',
  'Sigmoid',
  'Tanh',
  'Softmax',
  'LogSoftmax',
  'Softplus',
  'Abs',
  'Neg',
  'Exp',
  'Log',
  'Log1p',
  'Sqrt',
  'Rsqrt',
  'Square',
  'Floor',
  'Ceil',
  'Round',
  'Sign',
  'Sin',
  'Cos',
  'Reciprocal',
  'BiasAdd',
  'Cast',
  'LogicalNot',
  'ZerosLike',
  'OnesLike',
  'Prelu',
  'ClipByValue',
  'FusedBatchNorm',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
  'Erf',
]);
const ELEMENTWISE = new Set([
  'Add',
  'AddV2',
  'Sub',
  'Mul',
  'RealDiv',
  'Div',
  'DivNoNan',
  'Maximum',
  'Minimum',
  'Pow',
  'SquaredDifference',
  'FloorDiv',
  'FloorMod',
  'Mod',
]);
const COMPARISON = new Set([
  'Equal',
  'NotEqual',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'LogicalAnd',
  'LogicalOr',
]);

/** Of the inputs' shapes. Null for everything that is not plainly so. */
export function outputsOf(layer: Layer, inputs: TensorInfo[]): TensorInfo[] {
  const { className, config } = layer;
  const [first, second] = inputs;
  // what reads a table or a list hands out what is in it
  const isHandle = first?.dtype === 'resource' || first?.dtype === 'variant';
  const dtype = dtypeName(typeOf(config, 'T')) ?? (isHandle ? null : (first?.dtype ?? null));
  if (SAME.has(className)) return [{ shape: first?.shape ?? null, dtype }];
  if (ELEMENTWISE.has(className) && first && second)
    return [{ shape: broadcastShapes(first.shape, second.shape), dtype }];
  if (COMPARISON.has(className) && first && second)
    return [{ shape: broadcastShapes(first.shape, second.shape), dtype: 'bool' }];
  if (className === 'Shape') return [{ shape: first?.shape ? [first.shape.length] : null, dtype: 'int32' }];
  if (/^(_Fused)?(Conv2D|DepthwiseConv2dNative)$|^FusedDepthwiseConv2dNative$/.test(className))
    return [{ shape: convolution(layer, inputs), dtype }];
  if (className === 'MaxPool' || className === 'AvgPool')
    return [{ shape: pooling(layer, first?.shape ?? null), dtype }];
  if (className === 'MatMul' || className === '_FusedMatMul')
    return [{ shape: product(config, first?.shape ?? null, second?.shape ?? null), dtype }];
  const types = OUTPUT_TYPES.get(className);
  if (types) return types.map((type) => ({ shape: null, dtype: type === 'T' ? dtype : type }));
  return dtype ? [{ shape: null, dtype }] : [];
}

/** Types of the outputs that are not of the type of what goes in; `T`: of that type; null: depends on more. */
const OUTPUT_TYPES: ReadonlyMap<string, readonly (DType | null)[]> = new Map([
  ['Where', ['int64']],
  ['Size', ['int32']],
  ['Rank', ['int32']],
  ['ArgMax', ['int64']],
  ['ArgMin', ['int64']],
  ['TopKV2', ['T', 'int32']],
  ['TopK', ['T', 'int32']],
  ['Unique', ['T', 'int32']],
  ['UniqueV2', ['T', 'int32']],
  ['NonMaxSuppressionV2', ['int32']],
  ['NonMaxSuppressionV3', ['int32']],
  ['NonMaxSuppressionV4', ['int32', 'int32']],
  ['NonMaxSuppressionV5', ['int32', 'T', 'int32']],
  ['CombinedNonMaxSuppression', ['float32', 'float32', 'float32', 'int32']],
  ['IsNan', ['bool']],
  ['IsInf', ['bool']],
  ['IsFinite', ['bool']],
  ['ApproximateEqual', ['bool']],
  ['ResizeBilinear', ['float32']],
  ['CropAndResize', ['float32']],
  ['SparseFillEmptyRows', ['int64', 'T', 'bool', 'int64']],
  ['SparseReshape', ['int64', 'int64']],
  ['Multinomial', ['int64']],
  ['Bucketize', ['int32']],
  ['ListDiff', ['T', 'int32']],
  ['LookupTableSize', ['int64']],
  ['LookupTableSizeV2', ['int64']],
  ['TensorListLength', ['int32']],
  ['ShapeN', []],
  ['SparseToDense', [null]],
  ['StringToNumber', [null]],
]);

/** Shape of two tensors that are joined element by element. */
export function broadcastShapes(a: Shape | null, b: Shape | null): Shape | null {
  if (!a || !b) return null;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i): Dim => {
    const [x, y] = [a[a.length - 1 - i], b[b.length - 1 - i]];
    if (x === undefined) return y ?? null;
    if (x === 1) return y === undefined ? 1 : y;
    if (y === undefined || y === 1 || x === y) return x;
    // a known size that is not 1 decides against an unknown one
    return x ?? y;
  }).reverse();
}

function product(config: JsonObject, a: Shape | null, b: Shape | null): Shape | null {
  if (a?.length !== 2 || b?.length !== 2) return null;
  const flag = (key: string): boolean => field(objectField(config, key) ?? {}, 'b') === true;
  return [a[flag('transpose_a') ? 1 : 0] ?? null, b[flag('transpose_b') ? 0 : 1] ?? null];
}

function numbers(config: JsonObject, key: string): number[] | null {
  const list = objectField(objectField(config, key) ?? {}, 'list');
  return list ? (arrayField(list, 'i') ?? []).map(Number) : null;
}

/** Attribute strings are base64 in the JSON, plain in some files. */
function word(config: JsonObject, key: string): string | null {
  const text = textField(objectField(config, key) ?? {}, 's');
  const known: Record<string, string> = {
    U0FNRQ: 'SAME',
    VkFMSUQ: 'VALID',
    TkhXQw: 'NHWC',
    TkNIVw: 'NCHW',
    RVhQTElDSVQ: 'EXPLICIT',
  };
  return text === null ? null : (known[text.replace(/=+$/, '')] ?? text);
}

function spatial(config: JsonObject, input: Shape, kernel: readonly Dim[]): Dim[] | null {
  const strides = numbers(config, 'strides') ?? [1, 1, 1, 1];
  const dilations = numbers(config, 'dilations') ?? [1, 1, 1, 1];
  const padding = word(config, 'padding');
  if (
    (word(config, 'data_format') ?? 'NHWC') !== 'NHWC' ||
    input.length !== 4 ||
    (padding !== 'SAME' && padding !== 'VALID')
  )
    return null;
  return [1, 2].map((axis): Dim => {
    const [size, window] = [input[axis], kernel[axis - 1]];
    const [stride, dilation] = [strides[axis] ?? 1, dilations[axis] ?? 1];
    if (size === null || size === undefined || window === null || window === undefined) return null;
    return padding === 'SAME' ? Math.ceil(size / stride) : Math.ceil((size - (window - 1) * dilation) / stride);
  });
}

function times(a: Dim, b: Dim): Dim {
  return a === null || b === null ? null : a * b;
}

function convolution({ className, config }: Layer, [input, filter]: TensorInfo[]): Shape | null {
  if (!input?.shape || filter?.shape?.length !== 4) return null;
  const space = spatial(config, input.shape, filter.shape);
  if (!space) return null;
  const [, , channels, filters] = filter.shape;
  const deep = className.includes('Depthwise');
  const last = deep ? times(channels ?? null, filters ?? null) : (filters ?? null);
  return [input.shape[0] ?? null, ...space, last];
}

function pooling({ config }: Layer, input: Shape | null): Shape | null {
  const kernel = numbers(config, 'ksize');
  const space = input && kernel ? spatial(config, input, kernel.slice(1)) : null;
  return input && space ? [input[0] ?? null, ...space, input[3] ?? null] : null;
}
