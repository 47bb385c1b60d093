import { describe, expect, it } from 'vitest';
import { compareTensors } from '../../../src/engine/run/compare';
import { findingsOf, worstOf, type Compared } from '../../../src/engine/run/findings';
import type { Snapshot } from '../../../src/engine/run/snapshot';

const floats = (...values: number[]): Snapshot => ({
  shape: [1, values.length],
  dtype: 'float32',
  values: Float32Array.from(values),
});
const integers = (...values: number[]): Snapshot => ({
  shape: [1, values.length],
  dtype: 'int32',
  values: Int32Array.from(values),
});
const texts = (...values: string[]): Snapshot => ({ shape: [1, values.length], dtype: 'string', values });

describe('compareTensors', () => {
  it.each<[string, Snapshot, Snapshot, number | string]>([
    ['the same', floats(1, 2), floats(1, 2), 0],
    ['zeros of both signs', floats(0, 1), floats(-0, 1), 0],
    ['the largest difference', floats(1, 2, 3), floats(1.25, 1.5, 3), 0.5],
    ['the smallest there is', floats(1, 2), floats(1, 2 + 2 ** -22), 2 ** -22],
    ['NaN at the same place', floats(NaN, 2), floats(NaN, 2), 0],
    ['NaN on the one side', floats(NaN, 2), floats(1, 2), 'NaN'],
    ['NaN on the other side', floats(1, 2), floats(1, NaN), 'NaN'],
    ['NaN at another place', floats(NaN, 2), floats(2, NaN), 'NaN'],
    ['NaN after an infinity', floats(Infinity, 2), floats(1, NaN), 'NaN'],
    ['infinities', floats(Infinity, -Infinity), floats(Infinity, -Infinity), 0],
    ['an infinity of the other sign', floats(Infinity, 1), floats(-Infinity, 1), 'Infinity'],
    ['an infinity on one side', floats(1e38, 1), floats(Infinity, 1), 'Infinity'],
    ['an infinity against NaN', floats(Infinity, 1), floats(NaN, 1), 'NaN'],
    ['far apart, but finite', floats(3e38), floats(-3e38), 2 * Math.fround(3e38)],
    ['another rank', { ...floats(1), shape: [1] }, floats(1), 'shape'],
    ['another order of axes', { ...floats(1, 2), shape: [2, 1] }, floats(1, 2), 'shape'],
    ['another type', integers(1, 2), floats(1, 2), 'dtype'],
    ['text', texts('a', 'é'), texts('a', 'é'), 0],
    ['other text', texts('a', 'b'), texts('b', 'a'), 'text'],
    ['text against numbers', texts('1'), floats(1), 'dtype'],
    ['nothing', floats(), floats(), 0],
  ])('%s', (_name, a, b, expected) => {
    expect(compareTensors(a, b).maxAbsDiff).toBe(expected);
  });

  it.each<[string, Snapshot, boolean]>([
    ['all the same', floats(2, 2, 2), true],
    ['all NaN', floats(NaN, NaN), true],
    ['one zero', floats(0), true],
    ['one value', floats(0.3), false],
    ['one that is not', floats(2, 2, 3), false],
    ['the same text', texts('a', 'a'), true],
  ])('constant: %s', (_name, value, expected) => {
    expect(compareTensors(value, value).constant).toBe(expected);
  });

  it('counts what is not finite on both sides', () => {
    expect(compareTensors(floats(NaN, Infinity, 1), floats(NaN, 1, 1)).nonFinite).toEqual({ a: 2, b: 1 });
  });
});

describe('findings', () => {
  const compared = (address: string, original: Snapshot, slice: Snapshot): Compared => ({ address, original, slice });
  const same = compared('a', floats(1, 2), floats(1, 2));

  it('keeps a tolerance, and never lets words through it', () => {
    const other = compared('b', floats(1, 2), floats(1, 2.5));
    const broken = compared('c', floats(1, 2), floats(1, NaN));
    const { outputs } = findingsOf([same, other, broken], null, 1);
    expect(outputs.map(({ equal }) => equal)).toEqual([true, true, false]);
    expect(findingsOf([other], null, 0.25).outputs[0]?.equal).toBe(false);
  });

  it('names where the parts differ most', () => {
    const found = findingsOf([same], [same, compared('end', floats(1, 2), floats(3, 2)), same], 0);
    expect(found.wholeFromParts).toEqual({ maxAbsDiff: 2, address: 'end' });
    expect(found.outputs).toEqual([{ address: 'a', maxAbsDiff: 0, equal: true }]);
  });

  it('the worst of several: any difference counts, weak only where all are', () => {
    const constant = findingsOf([compared('a', floats(0, 0), floats(0, 0))], null, 0);
    const fine = findingsOf([same], [same], 0);
    const bad = findingsOf([compared('a', floats(1, 2), floats(1, Infinity))], [same], 0);
    expect(worstOf([constant])).toMatchObject({ weak: true, wholeFromParts: null });
    expect(worstOf([constant, fine])).toMatchObject({ weak: false, wholeFromParts: { maxAbsDiff: 0 } });
    for (const proofs of [[constant, bad, fine] as const, [bad, fine, constant] as const]) {
      expect(worstOf([...proofs])).toMatchObject({
        outputs: [{ address: 'a', maxAbsDiff: 'Infinity', equal: false }],
        nonFinite: { original: 0, slice: 1 },
      });
    }
  });
});
