import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { readJsonArray } from '../../../src/engine/inputs/jsonArray';

function failure(text: string): SlicerError {
  try {
    readJsonArray(text, 'in', 'x.json');
  } catch (caught) {
    if (caught instanceof SlicerError) return caught;
    throw caught;
  }
  throw new Error('it was read');
}

describe('readJsonArray', () => {
  it.each([
    ['7', [], [7]],
    ['[1, 2.5, -3e2]', [3], [1, 2.5, -300]],
    ['[[1,2],[3,4],[5,6]]', [3, 2], [1, 2, 3, 4, 5, 6]],
    ['[]', [0], []],
    ['[[],[]]', [2, 0], []],
    ['[true, false]', [2], [1, 0]],
    ['["NaN", "Infinity", "-Infinity", 1]', [4], [NaN, Infinity, -Infinity, 1]],
    ['[NaN,NaN, -Infinity,\nInfinity]', [4], [NaN, NaN, -Infinity, Infinity]],
    ['["NaN"]', [1], [NaN]],
    ['\uFEFF[1]', [1], [1]],
    ['{"in": [1, 2], "other": [3]}', [2], [1, 2]],
    ['{"whatever": [[3]]}', [1, 1], [3]],
  ])('%s', (text, shape, values) => {
    const array = readJsonArray(text, 'in', 'x.json');
    expect(array.shape).toEqual(shape);
    expect(Array.from(array.data as Float64Array)).toEqual(values);
  });

  it('reads strings', () => {
    expect(readJsonArray('[["a", "NaN"]]', 'in', 'x.json')).toEqual({ shape: [1, 2], data: ['a', 'NaN'] });
  });

  it.each([
    ['', 'not-json', {}],
    ['[1, 2', 'not-json', {}],
    ['[[1, 2], [3]]', 'ragged', { at: '[1]' }],
    ['[[1, 2], 3]', 'ragged', { at: '[1]' }],
    ['[1, [2]]', 'ragged', { at: '[1]' }],
    ['[[[1],[2]],[[3],[4, 5]]]', 'ragged', { at: '[1][1]' }],
    ['[[], [1]]', 'ragged', { at: '[1]' }],
    ['[[1, 2], [3, null]]', 'json-value', { at: '[1][1]', found: 'null' }],
    ['[1, "two"]', 'json-value', { at: '[1]', found: 'string' }],
    ['[{"a": 1}]', 'json-value', { at: '[0]', found: 'object' }],
    ['{"a": [1], "b": [2]}', 'json-member', { names: ['a', 'b'] }],
    ['{"__proto__": [1], "b": [2]}', 'json-member', {}],
    [`${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'too-deep', {}],
    [`${'['.repeat(200_000)}`, 'too-deep', {}],
  ])('refuses %.40s', (text, reason, data) => {
    const refused = failure(text);
    expect(refused.code).toBe('bad-input');
    expect(refused.data).toMatchObject({ reason, file: 'x.json', ...data });
  });

  it('is not led astray by brackets in strings', () => {
    expect(readJsonArray(`["${'['.repeat(100)}\\"${'['.repeat(100)}"]`, 'in', 'x.json').shape).toEqual([1]);
  });
});
