import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../../src/core/model/json';
import { safeShardPath } from '../../../../src/core/formats/shardPath';
import { placeEntries, readManifest } from '../../../../src/core/formats/weightEntries';
import { segmentsOf } from '../../../../src/core/model/weightFiles';

const weight = (name: string, shape: JsonValue, more: object = {}): JsonValue => ({
  name,
  shape,
  dtype: 'float32',
  ...more,
});

function place(weights: JsonValue[], sizes: (number | null)[]): ReturnType<typeof placeEntries> & { codes: string[] } {
  const paths = sizes.map((_, i) => `s${i}`);
  const manifest = readManifest([{ paths, weights }], 'm.json');
  const placed = placeEntries(
    manifest,
    sizes.map((size, i) => ({ path: `s${i}`, size })),
    'm.json',
  );
  return { ...placed, codes: [...manifest.problems, ...placed.problems].map(({ code }) => code) };
}

describe('entries over shards', () => {
  it('runs over the ends of shards', () => {
    const { entries, codes } = place([weight('a', [3]), weight('b', [4]), weight('c', [])], [10, 10, 12]);
    expect(entries.map(({ locator }) => segmentsOf(locator))).toEqual([
      [
        { file: 's0', offset: 0, length: 10 },
        { file: 's1', offset: 0, length: 2 },
      ],
      [
        { file: 's1', offset: 2, length: 8 },
        { file: 's2', offset: 0, length: 8 },
      ],
      [{ file: 's2', offset: 8, length: 4 }],
    ]);
    expect(codes).toEqual([]);
  });

  it('names the shard that is shorter than its neighbours, and what is cut off', () => {
    const { problems } = place([weight('a', [2]), weight('b', [4]), weight('c', [2])], [12, 9, 8]);
    expect(problems).toMatchObject([
      { code: 'truncated-weights', data: { shard: 's1', expected: 12, actual: 9, weight: 'c' } },
    ]);
  });

  it('works out where things are when one shard is missing', () => {
    const { entries, codes } = place([weight('a', [3]), weight('b', [3]), weight('c', [3])], [12, null, 12]);
    expect(codes).toEqual(['missing-file']);
    expect(entries.map(({ locator }) => segmentsOf(locator))).toEqual([
      [{ file: 's0', offset: 0, length: 12 }],
      [{ file: 's1', offset: 0, length: 12 }],
      [{ file: 's2', offset: 0, length: 12 }],
    ]);
  });

  it('counts quantized values by what is stored', () => {
    const q = { scale: 0.5, min: -1 };
    const { entries, codes } = place(
      [
        weight('a', [3], { quantization: { dtype: 'uint8', ...q } }),
        weight('b', [3], { quantization: { dtype: 'uint16', ...q } }),
        weight('c', [3], { quantization: { dtype: 'float16', original_dtype: 'float32' } }),
      ],
      [15],
    );
    expect(codes).toEqual([]);
    expect(entries.map(({ bytes }) => bytes)).toEqual([3, 6, 6]);
  });

  it('gives a string weight what the others leave', () => {
    const { entries } = place([weight('a', [3]), weight('words', [2], { dtype: 'string' }), weight('b', [1])], [40]);
    expect(entries.map(({ bytes, locator }) => [bytes, segmentsOf(locator)[0]?.offset])).toEqual([
      [12, 0],
      [24, 12],
      [4, 36],
    ]);
  });

  it.each([
    [weight('a', [1.5])],
    [weight('a', [-1])],
    [weight('a', 'x')],
    [weight('a', [null])],
    [weight('a', [1e300])],
    [weight('a', [1], { dtype: 'float8' })],
    [weight('a', [1], { dtype: 7 })],
    [{ shape: [1], dtype: 'float32' }],
    ['a'],
    [weight('a', [1], { quantization: {} })],
    [weight('a', [1], { quantization: 'uint8' })],
    [weight('a', [1], { quantization: { dtype: 'uint8', scale: 'x', min: 0 } })],
    [weight('a', [1], { dtype: 'bool', quantization: { dtype: 'uint8', scale: 1, min: 0 } })],
  ])('refuses %j', (entry) => {
    expect(place([entry], [4]).codes).toEqual(['bad-weight-entry']);
  });

  it.each([[7], [{}], [[{ paths: 'x', weights: [] }]], [[{ paths: [1], weights: [] }]], [[null]]])(
    'refuses the manifest %j',
    (value) => {
      expect(readManifest(value as JsonValue, 'm.json').problems.map(({ code }) => code)).toEqual(['bad-weight-entry']);
    },
  );
});

describe('safeShardPath', () => {
  it.each([
    ['group1-shard1of1.bin', 'group1-shard1of1.bin'],
    ['./a/b.bin', 'a/b.bin'],
    ['a/../b.bin', 'b.bin'],
    ['%2e%2e/b', '%2e%2e/b'],
    ['', ''],
    ['.', ''],
    ['../b', null],
    ['a/../../b', null],
    ['/etc/passwd', null],
    ['C:\\x', null],
    ['c:x', null],
    ['..\\b', null],
    ['file:///x', null],
    ['https://example.invalid/x', null],
    ['a\0b', null],
  ])('%j → %j', (path, safe) => {
    expect(safeShardPath(path)).toBe(safe);
  });
});
