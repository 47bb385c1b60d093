import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { readNpy, writeNpy } from '../../../src/engine/files/npy';
import { images, keras } from '../../fixtures';

/** A `.npy` by hand: `body` as hex. */
function npy(
  descr: string,
  shape: string,
  body: string,
  more: { fortran?: boolean; version?: number; header?: string } = {},
): Buffer {
  const text =
    more.header ?? `{'descr': ${descr}, 'fortran_order': ${more.fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;
  const version = more.version ?? 1;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length + 1);
  else length.writeUInt32LE(text.length + 1);
  return Buffer.concat([
    Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0]),
    length,
    Buffer.from(`${text}\n`),
    Buffer.from(body, 'hex'),
  ]);
}

function error(action: () => unknown): SlicerError {
  try {
    action();
  } catch (caught) {
    if (caught instanceof SlicerError) return caught;
    throw caught;
  }
  throw new Error('nothing was thrown');
}

describe('readNpy', () => {
  // Bytes as NumPy 2 writes them: np.array([1, -2], dtype).tobytes().hex()
  it.each([
    ["'<f2'", '003c00c0', 'float16', Float32Array, [1, -2]],
    ["'>f2'", '3c00c000', 'float16', Float32Array, [1, -2]],
    ["'<V2'", '803f00c0', 'bfloat16', Float32Array, [1, -2]],
    ["'<f4'", '0000803f000000c0', 'float32', Float32Array, [1, -2]],
    ["'>f4'", '3f800000c0000000', 'float32', Float32Array, [1, -2]],
    ["'=f4'", '0000803f000000c0', 'float32', Float32Array, [1, -2]],
    ["'<f8'", '000000000000f03f00000000000000c0', 'float64', Float64Array, [1, -2]],
    ["'>f8'", '3ff0000000000000c000000000000000', 'float64', Float64Array, [1, -2]],
    ["'|i1'", '01fe', 'int8', Int32Array, [1, -2]],
    ["'<i2'", '0100feff', 'int16', Int32Array, [1, -2]],
    ["'>i2'", '0001fffe', 'int16', Int32Array, [1, -2]],
    ["'<i4'", '01000000feffffff', 'int32', Int32Array, [1, -2]],
    ["'>i4'", '00000001fffffffe', 'int32', Int32Array, [1, -2]],
    ["'<i8'", '0100000000000000feffffffffffffff', 'int64', Int32Array, [1, -2]],
    ["'>i8'", '0000000000000001fffffffffffffffe', 'int64', Int32Array, [1, -2]],
    ["'|u1'", '01fe', 'uint8', Uint8Array, [1, 254]],
    ["'<u2'", '0100feff', 'uint16', Int32Array, [1, 65534]],
    ["'<u4'", '01000000feffffff', 'uint32', Float64Array, [1, 4294967294]],
    ["'<u8'", '01000000000000000200000000000000', 'uint64', Int32Array, [1, 2]],
    ["'|b1'", '0102', 'bool', Uint8Array, [1, 1]],
    ["'?'", '0001', 'bool', Uint8Array, [0, 1]],
  ] as const)('%s %s', (descr, body, dtype, type, values) => {
    const array = readNpy(npy(descr, '(2,)', body));
    expect(array.dtype).toBe(dtype);
    expect(array.data).toBeInstanceOf(type);
    expect(Array.from(array.data)).toEqual(values);
    expect(array.shape).toEqual([2]);
  });

  it('reads the corners of half precision', () => {
    // 2^-24, largest subnormal, smallest normal, largest, infinities, NaN, -0
    const { data } = readNpy(npy("'<f2'", '(8,)', '0100ff030004ff7b007c00fc007e0080'));
    expect(Array.from(data)).toEqual([2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, Infinity, -Infinity, NaN, -0]);
  });

  it('reads Fortran order', () => {
    // np.asfortranarray(np.arange(6).reshape(1, 2, 3)): memory 0 3 1 4 2 5
    const array = readNpy(npy("'|u1'", '(1, 2, 3)', '000301040205', { fortran: true }));
    expect(Array.from(array.data)).toEqual([0, 1, 2, 3, 4, 5]);
    const cube = Array.from({ length: 24 }, (_, i) => i);
    // Memory order of shape (2, 3, 4): first axis fastest.
    const memory = cube.map((i) => (i % 2) * 12 + (Math.floor(i / 2) % 3) * 4 + Math.floor(i / 6));
    const body = Buffer.from(memory).toString('hex');
    expect(Array.from(readNpy(npy("'|u1'", '(2, 3, 4)', body, { fortran: true })).data)).toEqual(cube);
  });

  it.each([2, 3])('reads version %i', (version) => {
    expect(readNpy(npy("'|u1'", '(2,)', '0102', { version })).shape).toEqual([2]);
  });

  it('reads scalars, empty arrays, double quotes and the L of Python 2', () => {
    expect(readNpy(npy("'<f4'", '()', '0000803f'))).toMatchObject({ shape: [], data: Float32Array.of(1) });
    expect(readNpy(npy("'<f4'", '(0, 1000000000)', '')).data).toHaveLength(0);
    expect(
      readNpy(npy('', '', '0102', { header: `{"descr": "|u1", "fortran_order": False, "shape": (2L, 1L)}` })).shape,
    ).toEqual([2, 1]);
  });

  it('does not mind bytes after the values, or where its own lie', () => {
    const padded = Buffer.concat([Buffer.from('xyz'), npy("'>f4'", '(1,)', '3f80000000')]).subarray(3);
    const before = Buffer.from(padded);
    expect(Array.from(readNpy(padded).data)).toEqual([1]);
    expect(padded.equals(before)).toBe(true);
  });

  it.each([
    ['empty', Buffer.alloc(0), 'not-npy'],
    ['other magic', Buffer.from('not an array at all'), 'not-npy'],
    ['unknown version', npy("'<f4'", '()', '0000803f', { version: 9 }), 'npy-header'],
    ['pickled objects', npy("'|O'", '(2,)', '80049500'), 'npy-objects'],
    ['structured', npy("[('a', '<f4'), ('b', '<i4')]", '(1,)', '0000000000000000'), 'npy-type'],
    ['text', npy("'<U3'", '(1,)', '610000006200000063000000'), 'npy-type'],
    ['complex', npy("'<c8'", '(1,)', '0000000000000000'), 'npy-type'],
    ['dates', npy("'<M8[ns]'", '(1,)', '0000000000000000'), 'npy-type'],
    ['truncated values', npy("'<f4'", '(2,)', '0000803f'), 'npy-truncated'],
    ['shape bomb', npy("'<f4'", '(1000000, 1000000, 1000000, 1000000)', '00'), 'npy-truncated'],
    ['endless shape', npy("'<f4'", `(${'9'.repeat(400)},)`, '00'), 'npy-header'],
    ['negative shape', npy("'<f4'", '(-1,)', '00'), 'npy-header'],
    ['code instead of a shape', npy("'<f4'", `__import__('os')`, '00'), 'npy-header'],
    ['no descr', npy('', '', '', { header: '{}' }), 'npy-header'],
    ['header that ends early', npy("'<f4'", '(2,)', '').subarray(0, 40), 'npy-truncated'],
    [
      'header bomb',
      Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 2, 0]), Buffer.from('ffffff7f', 'hex')]),
      'npy-header',
    ],
    ['40-dimensional', npy("'|u1'", `(${'1,'.repeat(40)})`, '01'), 'npy-header'],
    ['64-bit integer that no double holds', npy("'<i8'", '(1,)', 'ffffffffffffff7f'), 'integer-range'],
  ])('refuses: %s', (_name, bytes, reason) => {
    const refused = error(() => readNpy(bytes, 'x.npy'));
    expect(refused.code).toBe('bad-input');
    expect(refused.data).toMatchObject({ reason, file: 'x.npy' });
  });

  it('says how many bytes were expected', () => {
    expect(error(() => readNpy(npy("'<f4'", '(3, 2)', '0000803f'))).data).toMatchObject({ expected: 24, actual: 4 });
  });

  it("reads NumPy's own files", () => {
    const picture = readNpy(readFileSync(path.join(images, 'arrays/png-odd-13x17-png-74.npy')));
    expect([picture.dtype, picture.shape.length]).toEqual(['uint8', 3]);
    expect(readNpy(readFileSync(path.join(keras, 'digits-cnn/input-0.npy'))).shape.slice(1)).toEqual([28, 28, 1]);
    expect(readNpy(readFileSync(path.join(keras, 'text-lstm/input-0.npy')))).toMatchObject({
      shape: [2, 7],
      dtype: 'int32',
    });
  });
});

describe('writeNpy', () => {
  it.each([
    [Float32Array.of(1.5, NaN, -Infinity, -0), [2, 2], false, 'float32'],
    [Int32Array.of(-1, 2 ** 31 - 1), [2], false, 'int32'],
    [Uint8Array.of(7), [], false, 'uint8'],
    [Uint8Array.of(0, 1), [1, 2], true, 'bool'],
    [new Float32Array(0), [0, 3], false, 'float32'],
  ])('%o is read back', (data, shape, bool, dtype) => {
    const bytes = writeNpy(data, shape, bool);
    expect(readNpy(bytes)).toEqual({ shape, dtype, data });
  });

  it("has NumPy's header: 64-byte blocks, a newline at its end", () => {
    const bytes = Buffer.from(writeNpy(Float32Array.of(1), [1]));
    expect(bytes.toString('latin1', 0, 128)).toBe(
      `\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }`.padEnd(127) + '\n',
    );
    expect(bytes.length).toBe(132);
  });

  it('writes views, not their buffers', () => {
    expect(readNpy(writeNpy(Float32Array.of(1, 2, 3).subarray(1), [2])).data).toEqual(Float32Array.of(2, 3));
  });
});
