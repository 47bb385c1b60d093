/** A weight's stored bytes → its values, dequantized as TF.js does. */
import { SlicerError } from '../../core/errors';
import type { WeightEntry } from '../../core/model/modelFile';
import { float16Values } from './float16';
import { segmentsOf } from '../../core/model/weightFiles';

export type WeightValues =
  Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>[];

/**
 * float32, float16, bfloat16, complex64 (pairs) → Float32Array; whole numbers → Int32Array; bool and uint8 → Uint8Array;
 * string → one Uint8Array each.
 * @throws SlicerError `unsupported` with `reason: 'dtype'`, `truncated-weights`.
 */
export function decodeWeight(entry: WeightEntry, bytes: Uint8Array<ArrayBuffer>, file: string): WeightValues {
  const { quantization } = entry;
  const view = aligned(bytes);
  if (quantization) {
    if (quantization.dtype === 'float16') return float16Values(new Uint16Array(view));
    const stored = quantization.dtype === 'uint8' ? new Uint8Array(view) : new Uint16Array(view);
    return dequantize(stored, quantization.scale ?? 1, quantization.min ?? 0, entry.dtype);
  }
  switch (entry.dtype) {
    case 'float32':
    case 'complex64':
      return new Float32Array(view);
    case 'float16':
      return float16Values(new Uint16Array(view));
    case 'bfloat16':
      return bfloat16Values(new Uint16Array(view));
    case 'int32':
      return new Int32Array(view);
    case 'int16':
      return Int32Array.from(new Int16Array(view));
    case 'uint16':
      return Int32Array.from(new Uint16Array(view));
    case 'int8':
      return Int32Array.from(new Int8Array(view));
    case 'bool':
    case 'uint8':
      return new Uint8Array(view);
    case 'string':
      return strings(entry, bytes, file);
    default:
      throw new SlicerError('unsupported', { reason: 'dtype', file, weight: entry.name, dtype: entry.dtype });
  }
}

/** The bytes in a buffer of their own, as typed arrays of wider elements need it. */
function aligned(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  return byteOffset === 0 && byteLength === buffer.byteLength
    ? buffer
    : buffer.slice(byteOffset, byteOffset + byteLength);
}

function dequantize(stored: Uint8Array | Uint16Array, scale: number, min: number, dtype: string): WeightValues {
  if (dtype === 'int32') return Int32Array.from(stored, (value) => Math.round(value * scale + min));
  const values = new Float32Array(stored.length);
  for (let i = 0; i < stored.length; i += 1) values[i] = (stored[i] ?? 0) * scale + min;
  return values;
}

function bfloat16Values(stored: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(stored.length);
  for (let i = 0; i < stored.length; i += 1) bits[i] = (stored[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}

/** Each string has its length before it, 4 bytes, little-endian. */
function strings(entry: WeightEntry, bytes: Uint8Array<ArrayBuffer>, file: string): Uint8Array<ArrayBuffer>[] {
  const count = entry.shape.reduce((product, dim) => product * dim, 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  while (values.length < count) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.length) {
      throw new SlicerError('truncated-weights', {
        file,
        shard: segmentsOf(entry.locator)[0]?.file ?? '',
        weight: entry.name,
        expected: count,
        actual: values.length,
      });
    }
    values.push(bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return values;
}
