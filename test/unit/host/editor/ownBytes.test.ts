import { describe, expect, it } from 'vitest';
import { ownBytes } from '../../../../src/host/editor/ownBytes';

describe('ownBytes', () => {
  it('turns a Buffer, and a view into a larger buffer, into arrays of their own', () => {
    const large = new Uint8Array(1000).map((_, i) => i % 256);
    const result = ownBytes({ picture: { rgba: large.subarray(10, 14) }, list: [{ rgba: Buffer.from([1, 2]) }] });
    expect(result.picture.rgba).toEqual(new Uint8Array([10, 11, 12, 13]));
    expect(result.picture.rgba.buffer.byteLength).toBe(4);
    expect(Buffer.isBuffer(result.list[0]?.rgba)).toBe(false);
    expect(result.list[0]?.rgba).toEqual(new Uint8Array([1, 2]));
  });

  it('keeps float arrays float', () => {
    const values = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
    expect(ownBytes({ values }).values).toEqual(new Float32Array([2, 3]));
  });

  it('leaves an array that owns its memory, and plain data, as they are', () => {
    const rgba = new Uint8Array(8);
    const given = { rgba, shape: [1, 2], label: null, nested: { ok: true } };
    const result = ownBytes(given);
    expect(result.rgba).toBe(rgba);
    expect(result).toEqual(given);
  });
});
