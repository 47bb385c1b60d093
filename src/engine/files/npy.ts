/** NumPy's `.npy` files: numpy/lib/format.py describes them. */
import { badInput } from '../badInput';
import { float16Values } from './float16';

export interface NpyArray {
  shape: number[];
  /** NumPy's name of the stored type: `float16`, `int64`, `bool`. */
  dtype: NpyDType;
  /**
   * In C order. float16/bfloat16/float32 → Float32Array; float64 → Float64Array; bool and uint8 → Uint8Array;
   * other integers → Int32Array, or Float64Array where they do not fit (exact up to 2^53, else refused).
   */
  data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

export type NpyDType =
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool';

const codes: Record<string, NpyDType> = {
  f2: 'float16',
  // What NumPy makes of a type it does not know; in these files it is always the one of ml_dtypes.
  V2: 'bfloat16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;
/** NumPy's own limit for headers it trusts is 10,000 characters. */
const maxHeader = 65_536;
const maxRank = 32;

/**
 * Reads a `.npy`: versions 1–3, any byte order, C or Fortran order. `file` names it in errors.
 *
 * Errors: `bad-input` with `reason` `not-npy`, `npy-header`, `npy-truncated` (`expected`, `actual` bytes), `npy-objects`
 * (pickled: never executed), `npy-type`, `integer-range`.
 */
export function readNpy(bytes: Uint8Array, file = ''): NpyArray {
  const { descr, fortran, shape, start } = readHeader(bytes, file);
  const type = /^([<>|=]?)([a-zA-Z?])(\d*)$/.exec(descr);
  const letter = type?.[2] === '?' ? 'b' : type?.[2];
  const dtype = type ? codes[`${letter}${type[2] === '?' ? '1' : type[3]}`] : undefined;
  if (letter === 'O') throw badInput('npy-objects', file);
  if (!type || !dtype) throw badInput('npy-type', file, { type: descr.slice(0, 40) });
  const itemSize = type[2] === '?' ? 1 : Number(type[3]);
  const count = shape.reduce((product, size) => product * size, 1);
  const expected = count * itemSize;
  const actual = bytes.length - start;
  // Also what keeps a header from making us allocate: nothing is larger than the file itself.
  if (!Number.isSafeInteger(expected) || expected > actual) {
    throw badInput('npy-truncated', file, { expected: expected, actual: actual });
  }
  const body = aligned(bytes, start, expected, itemSize);
  if (type[1] === '>' && itemSize > 1) swapBytes(body, itemSize);
  const data = typedValues(body, dtype, file);
  return { shape, dtype, data: fortran && shape.length > 1 ? fromFortranOrder(data, shape) : data };
}

interface Header {
  descr: string;
  fortran: boolean;
  shape: number[];
  /** Where the values start. */
  start: number;
}

function readHeader(bytes: Uint8Array, file: string): Header {
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) throw badInput('not-npy', file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[6] as number;
  if (major < 1 || major > 3) throw badInput('npy-header', file, { version: major });
  if (major > 1 && bytes.length < 12) throw badInput('npy-truncated', file, { expected: 12, actual: bytes.length });
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const from = major === 1 ? 10 : 12;
  if (length > maxHeader) throw badInput('npy-header', file, { length });
  if (from + length > bytes.length) {
    throw badInput('npy-truncated', file, { expected: from + length, actual: bytes.length });
  }
  const text = new TextDecoder('latin1').decode(bytes.subarray(from, from + length));
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]{1,40})['"]/.exec(text)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const sizes = /['"]shape['"]\s*:\s*\(([\d\sL,]*)\)/.exec(text)?.[1];
  // A list instead of a string: a structured type.
  if (descr === undefined && /['"]descr['"]\s*:\s*\[/.test(text))
    throw badInput('npy-type', file, { type: 'structured' });
  if (descr === undefined || order === undefined || sizes === undefined) throw badInput('npy-header', file);
  const shape = sizes
    .split(',')
    .map((size) => size.replace('L', '').trim())
    .filter((size) => size !== '')
    .map(Number);
  if (shape.length > maxRank || shape.some((size) => !Number.isSafeInteger(size))) throw badInput('npy-header', file);
  return { descr, fortran: order === 'True', shape, start: from + length };
}

/** The values' bytes in a buffer of their own: swapping must not touch the file's, and typed arrays want alignment. */
function aligned(bytes: Uint8Array, start: number, length: number, itemSize: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(Math.ceil(length / itemSize) * itemSize);
  copy.set(bytes.subarray(start, start + length));
  return copy;
}

function swapBytes(bytes: Uint8Array<ArrayBuffer>, itemSize: number): void {
  const buffer = Buffer.from(bytes.buffer);
  if (itemSize === 2) buffer.swap16();
  else if (itemSize === 4) buffer.swap32();
  else if (itemSize === 8) buffer.swap64();
}

function typedValues(bytes: Uint8Array<ArrayBuffer>, dtype: NpyDType, file: string): NpyArray['data'] {
  const { buffer } = bytes;
  switch (dtype) {
    case 'float16':
      return float16Values(new Uint16Array(buffer));
    case 'bfloat16':
      return bfloat16Values(new Uint16Array(buffer));
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int8':
      return Int32Array.from(new Int8Array(buffer));
    case 'int16':
      return Int32Array.from(new Int16Array(buffer));
    case 'int32':
      return new Int32Array(buffer);
    case 'uint8':
      return bytes;
    case 'bool':
      return bytes.map((value) => (value === 0 ? 0 : 1));
    case 'uint16':
      return Int32Array.from(new Uint16Array(buffer));
    case 'uint32':
      return narrowed(new Uint32Array(buffer), file);
    case 'int64':
      return narrowed(new BigInt64Array(buffer), file);
    case 'uint64':
      return narrowed(new BigUint64Array(buffer), file);
  }
}

/** bfloat16 is the upper half of a float32. */
function bfloat16Values(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** As int32 where all fit, else as float64 where that is exact. */
function narrowed(values: Uint32Array | BigInt64Array | BigUint64Array, file: string): Int32Array | Float64Array {
  const wide = new Float64Array(values.length);
  let fits = true;
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (!Number.isSafeInteger(value)) throw badInput('integer-range', file, { value: String(values[i]) });
    if (value !== (value | 0)) fits = false;
    wide[i] = value;
  }
  return fits ? Int32Array.from(wide) : wide;
}

/** Columns first → rows first. */
function fromFortranOrder<T extends NpyArray['data']>(data: T, shape: readonly number[]): T {
  const result = data.slice() as T;
  const rank = shape.length;
  const strides = new Array<number>(rank).fill(1);
  for (let axis = 1; axis < rank; axis++) strides[axis] = (strides[axis - 1] as number) * (shape[axis - 1] as number);
  const index = new Array<number>(rank).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    result[to] = data[from] as number;
    for (let axis = rank - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      from += strides[axis] as number;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}

/** The bytes of a `.npy` before its values (version 1.0, C order). The whole header is a multiple of 64 bytes, as NumPy writes it. */
export function npyHeader(
  data: Float32Array | Int32Array | Uint8Array,
  shape: readonly number[],
  bool = false,
): Uint8Array {
  const descr = data instanceof Float32Array ? '<f4' : data instanceof Int32Array ? '<i4' : bool ? '|b1' : '|u1';
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, ' ', 'latin1');
  header.set(magic);
  header.set([1, 0], 6);
  header.writeUInt16LE(length - 10, 8);
  header.write(text, 10, 'latin1');
  header.write('\n', length - 1, 'latin1');
  return new Uint8Array(header);
}

/** The values' bytes as they stand in memory (little-endian, as on every machine that Node runs TF.js on). */
export function rawBytes(data: Float32Array | Int32Array | Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A whole `.npy`: float32, int32, or uint8 (`bool: true`: as booleans), in C order. */
export function writeNpy(
  data: Float32Array | Int32Array | Uint8Array,
  shape: readonly number[],
  bool = false,
): Uint8Array<ArrayBuffer> {
  const header = npyHeader(data, shape, bool);
  const bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(rawBytes(data), header.length);
  return bytes;
}
