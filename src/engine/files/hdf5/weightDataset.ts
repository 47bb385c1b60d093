/** A dataset as a weight: its type in TF.js's terms, where its bytes are, and how they are converted where they must be. */
import type { ErrorData } from '../../../core/errors';
import type { Problem, Quantization, WeightEntry } from '../../../core/model/modelFile';
import type { Hdf5Dataset, Hdf5File } from './hdf5File';
import type { Hdf5Metadata } from './hdf5Module';
import { DEFLATE_RATIO } from '../zipArchive';

/** H5T_class_t */
const INTEGER = 0;
const FLOAT = 1;
const OPAQUE = 5;
const ENUM = 8;
/** Deflate, shuffle, Fletcher checksum, n-bit, scale-offset: what every HDF5 library has. */
const FILTERS = new Set([1, 2, 3, 5, 6]);
/** So much may be declared without any bytes behind it: it reads as zeros. */
const MAX_UNWRITTEN = 1024 * 1024;

interface ValueType {
  dtype: string;
  quantization: Quantization | null;
  /** Bytes of one value as handed out. */
  size: number;
  /** Null where the file's bytes are handed out as they are. */
  convert: ((bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) | null;
}

export interface FoundWeight {
  entry: WeightEntry | null;
  problem: Problem | null;
}

/**
 * @param path of the dataset; that no link leads out of the file on the way has been seen to.
 * @param source the weights' file as `locator`s name it, and the model's as messages do.
 */
export function weightEntry(
  hdf5: Hdf5File,
  path: string,
  name: string,
  source: { file: string; model: string },
): FoundWeight {
  const fail = (code: Problem['code'], data: ErrorData): FoundWeight => ({
    entry: null,
    problem: { code, severity: 'error', address: null, data: { file: source.model, weight: name, ...data } },
  });
  const dataset = hdf5.dataset(path);
  const { metadata, filters, storage } = dataset;
  const outside = outsideOf(dataset);
  if (outside !== null) return fail('unsafe-link', { target: outside });
  const type = valueType(hdf5, path, metadata);
  if (metadata.shape === null || !metadata.shape.every(Number.isSafeInteger))
    return fail('bad-weight-entry', { reason: 'shape', shape: metadata.shape });
  if (!type) return fail('bad-weight-entry', { reason: 'hdf5-type', dtype: typeName(metadata) });
  const unknown = filters.find(({ id }) => !FILTERS.has(id));
  const shape = [...metadata.shape];
  const values = shape.reduce((product, dim) => product * dim, 1);
  const bytes = values * type.size;
  const entry: WeightEntry = {
    name,
    shape,
    dtype: type.dtype,
    quantization: type.quantization,
    bytes,
    locator: { kind: 'dataset', file: source.file, path },
  };
  const withProblem = (code: Problem['code'], data: ErrorData): FoundWeight => ({ ...fail(code, data), entry });
  if (unknown) return withProblem('unsupported', { reason: 'hdf5-filter', filter: unknown.name || String(unknown.id) });
  const declared = values * metadata.size;
  const layout = storage?.layout ?? null;
  if (layout?.kind === 'contiguous' || layout?.kind === 'compact') {
    const there = Math.max(0, Math.min(layout.length, hdf5.device.size - layout.offset));
    if (there < declared)
      return withProblem('truncated-weights', { shard: hdf5.name, expected: declared, actual: there });
    const { place } = hdf5.device;
    if (!type.convert && place && declared > 0) {
      const segment = { file: source.file, offset: place.offset + layout.offset, length: declared };
      entry.locator = { kind: 'segments', segments: [segment] };
    }
  } else {
    const most = layout?.kind === 'chunked' ? hdf5.device.size * (filters.length > 0 ? DEFLATE_RATIO : 1) : 0;
    if (declared > most + MAX_UNWRITTEN) return withProblem('too-large', { reason: 'declared', bytes: declared });
  }
  return { entry, problem: null };
}

/** @throws SlicerError where a value cannot be read. */
export function* weightBytes(hdf5: Hdf5File, path: string, data: ErrorData): Generator<Uint8Array<ArrayBuffer>> {
  const { metadata } = hdf5.dataset(path);
  // the library hands out little-endian values whatever the file has
  const convert = valueType(hdf5, path, { ...metadata, littleEndian: true })?.convert;
  for (const piece of hdf5.values(path, metadata, data)) yield convert ? convert(piece) : piece;
}

/** The other file that a dataset's bytes are said to be in. */
function outsideOf({ metadata, storage }: Hdf5Dataset): string | null {
  const [source] = metadata.virtual_sources ?? [];
  if (source) return source.file_name;
  if (storage?.layout.kind === 'virtual') return '?';
  return storage?.external ? (storage.external.names[0] ?? '?') : null;
}

function valueType(hdf5: Hdf5File, path: string, metadata: Hdf5Metadata): ValueType | null {
  const { type, size, littleEndian, signed } = metadata;
  const raw = (dtype: string, quantization: Quantization | null = null): ValueType => ({
    dtype,
    quantization,
    size,
    // a single byte has no order
    convert: littleEndian || size === 1 ? null : (bytes) => bytes,
  });
  const converted = (dtype: string, values: (bytes: ArrayBuffer) => ArrayLike<number>): ValueType => ({
    dtype,
    quantization: null,
    size: 4,
    convert: (bytes) => {
      const from = values(bytes.buffer);
      return new Uint8Array((dtype === 'float32' ? Float32Array.from(from) : Int32Array.from(from)).buffer);
    },
  });
  if (type === FLOAT && size === 4) return raw('float32');
  // TF.js knows float16 as a way of storing float32
  if (type === FLOAT && size === 2) return raw('float32', { dtype: 'float16', originalDtype: 'float32' });
  if (type === FLOAT && size === 8) return converted('float32', (bytes) => new Float64Array(bytes));
  if (type === ENUM && size === 1) return raw('bool');
  if (type === INTEGER) return integerType(size, signed, raw, converted);
  if (type === OPAQUE && size === 2 && (dtypeAttribute(hdf5, path) ?? 'bfloat16') === 'bfloat16') {
    return converted(
      'float32',
      (bytes) => new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer),
    );
  }
  return null;
}

/** TF.js has int32 alone: what does not fit is cut at its ends. */
function integerType(
  size: number,
  signed: boolean,
  raw: (dtype: string) => ValueType,
  converted: (dtype: string, values: (bytes: ArrayBuffer) => ArrayLike<number>) => ValueType,
): ValueType | null {
  const clamp = (value: number | bigint): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Number(value)));
  switch (size) {
    case 1:
      return converted('int32', (bytes) => (signed ? new Int8Array(bytes) : new Uint8Array(bytes)));
    case 2:
      return converted('int32', (bytes) => (signed ? new Int16Array(bytes) : new Uint16Array(bytes)));
    case 4:
      return signed ? raw('int32') : converted('int32', (bytes) => Float64Array.from(new Uint32Array(bytes), clamp));
    case 8:
      return converted('int32', (bytes) =>
        Float64Array.from(Array.from(signed ? new BigInt64Array(bytes) : new BigUint64Array(bytes), clamp)),
      );
    default:
      return null;
  }
}

/** Keras writes types that HDF5 lacks as opaque bytes and names them beside, except in its older HDF5: bfloat16 there. */
function dtypeAttribute(hdf5: Hdf5File, path: string): string | null {
  return hdf5.attributeNames(path).has('dtype') ? (hdf5.text(path, 'dtype')?.[0] ?? null) : null;
}

const TYPE_NAMES = ['integer', 'float', 'time', 'string', 'bitfield', 'opaque', 'compound', 'reference'];

function typeName({ type, size }: Hdf5Metadata): string {
  return `${TYPE_NAMES[type] ?? 'unknown'} (${size} bytes)`;
}
