/** The fixtures' arrays: `.npy`, `.npz`, and the noise recipe of `fixtures/keras/README.md`. */
import { inflateRawSync } from 'node:zlib';

export function noise(seed, i) {
  let h = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32 - 0.5;
}

export const sizeOf = (shape) => shape.reduce((product, dim) => product * dim, 1);

const READERS = {
  '<f4': (bytes) => new Float32Array(bytes),
  '<f8': (bytes) => new Float64Array(bytes),
  '<i4': (bytes) => new Int32Array(bytes),
  '<i8': (bytes) => Array.from(new BigInt64Array(bytes), Number),
  '|b1': (bytes) => new Uint8Array(bytes),
  '|u1': (bytes) => new Uint8Array(bytes),
};

/** @returns {{shape: number[], values: ArrayLike<number>} | null} null for types that are not compared */
export function readNpy(buffer) {
  const wide = buffer[6] >= 2;
  const length = wide ? buffer.readUInt32LE(8) : buffer.readUInt16LE(8);
  const start = (wide ? 12 : 10) + length;
  const header = buffer.toString('latin1', wide ? 12 : 10, start);
  const reader = READERS[/'descr': '(.*?)'/.exec(header)?.[1]];
  const shape = (/'shape': \((.*?)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter(Boolean)
    .map(Number);
  return reader ? { shape, values: reader(Uint8Array.from(buffer.subarray(start)).buffer) } : null;
}

/** float32, or int32 for integers. */
export function writeNpy(values, shape, integer = false) {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${integer ? '<i4' : '<f4'}', 'fortran_order': False, 'shape': (${dims}), }`;
  const header = Buffer.from(`${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`, 'latin1');
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  const data = integer ? Int32Array.from(values) : Float32Array.from(values);
  return Buffer.concat([start, header, Buffer.from(data.buffer)]);
}

/** @returns {Map<string, {shape: number[], values: ArrayLike<number>}>} by member name without `.npy` */
export function readNpz(buffer) {
  const arrays = new Map();
  const end = buffer.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = buffer.readUInt32LE(end + 16);
  for (let i = buffer.readUInt16LE(end + 10); i > 0; i--) {
    const method = buffer.readUInt16LE(at + 10);
    const packed = buffer.readUInt32LE(at + 20);
    const [nameLength, extra, comment] = [
      buffer.readUInt16LE(at + 28),
      buffer.readUInt16LE(at + 30),
      buffer.readUInt16LE(at + 32),
    ];
    const local = buffer.readUInt32LE(at + 42);
    const name = buffer.toString('utf8', at + 46, at + 46 + nameLength);
    const start = local + 30 + buffer.readUInt16LE(local + 26) + buffer.readUInt16LE(local + 28);
    const raw = buffer.subarray(start, start + packed);
    const array = readNpy(method === 8 ? inflateRawSync(raw) : raw);
    if (array) arrays.set(name.replace(/\.npy$/, ''), array);
    at += 46 + nameLength + extra + comment;
  }
  return arrays;
}

/** Largest difference, over as many values as are expected. NaN where one side has none. */
export function largestDifference(expected, actual) {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [expected[i], actual[i]];
    if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const difference = Math.abs(a - b);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(largest)) return NaN;
  }
  return largest;
}

export const largestOf = (values) => values.reduce?.((most, value) => Math.max(most, Math.abs(value)), 0) ?? 0;
