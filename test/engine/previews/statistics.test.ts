import { readdirSync, readFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNpz } from '../../../src/engine/files/npz';
import { computeStatistics, histogram, type NumericData } from '../../../src/engine/previews/statistics';
import { keras } from '../../fixtures';

interface Fact {
  shape: number[];
  min: number;
  max: number;
  mean: number;
  std: number;
  l2: number;
  first: (number | string)[];
  npz?: string;
}

const models = readdirSync(keras).filter((name) => existsSync(path.join(keras, name, 'activations.npz')));

describe('statistics of arrays written by NumPy, against what Keras and NumPy say of them', () => {
  it.each(models)('%s', (model) => {
    const golden = JSON.parse(readFileSync(path.join(keras, model, 'golden.json'), 'utf8')) as {
      activations: Record<string, Fact>;
    };
    const npz = readNpz(readFileSync(path.join(keras, model, 'activations.npz')), `${model}.npz`);
    let compared = 0;
    for (const [address, fact] of Object.entries(golden.activations)) {
      if (fact.npz === undefined) continue;
      const { data, shape } = npz.read(fact.npz);
      expect(shape, address).toEqual(fact.shape);
      if (data instanceof Float64Array) continue;
      const statistics = computeStatistics(data, shape, -1);
      // The golden has 9 digits, and float32 sums behind some of them.
      const limit = 2e-6 * Math.max(1, Math.abs(fact.max), Math.abs(fact.min), fact.l2);
      for (const key of ['min', 'max', 'mean', 'std', 'l2'] as const) {
        expect(Math.abs(statistics[key] - fact[key]), `${address} ${key}`).toBeLessThan(limit);
      }
      statistics.first.forEach((value, i) => expect(value, address).toBeCloseTo(Number(fact.first[i]), 5));
      expect(statistics.count).toBe(data.length);
      compared++;
    }
    expect(compared).toBe(npz.names.length);
  });
});

/** The same facts by the shortest way, value by value. */
function plainly(data: NumericData, shape: number[], axis: number): Record<string, number> {
  const finite = Array.from(data).filter(Number.isFinite);
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  const channels = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const byChannel = Array.from({ length: channels }, () => [] as number[]);
  data.forEach((value: number, i: number) => byChannel[Math.floor(i / inner) % channels]?.push(value));
  return {
    min: Math.min(...finite),
    max: Math.max(...finite),
    mean,
    std: Math.sqrt(finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / finite.length),
    l2: Math.sqrt(finite.reduce((sum, value) => sum + value * value, 0)),
    zeros: finite.filter((value) => value === 0).length,
    nan: Array.from(data).filter(Number.isNaN).length,
    inf: data.length - finite.length - Array.from(data).filter(Number.isNaN).length,
    deadChannels: byChannel.filter((values) => values.every((value) => value === 0)).length,
    constantChannels: byChannel.filter(
      (values) => values.length > 1 && values[0] !== 0 && values.every((v) => v === values[0]),
    ).length,
  };
}

describe('statistics', () => {
  const noise = (i: number): number => Math.fround(Math.sin(i * 12.9898) * 3);
  const cases: { name: string; shape: number[]; axis: number; value: (i: number, channel: number) => number }[] = [
    {
      name: 'channels last, dead and constant channels',
      shape: [1, 9, 7, 6],
      axis: 3,
      value: (i, c) => (c === 2 ? 0 : c === 4 ? 1.5 : noise(i)),
    },
    { name: 'channels first', shape: [2, 5, 4, 3], axis: 1, value: (i, c) => (c === 0 ? 0 : c === 3 ? -2 : noise(i)) },
    {
      name: 'a channel with one value that differs',
      shape: [1, 40, 40, 3],
      axis: 3,
      value: (i, c) => (c === 1 ? (i === 3 * 777 + 1 ? 1 : 0) : noise(i)),
    },
    {
      name: 'NaN and infinities',
      shape: [1, 5, 5, 3],
      axis: 3,
      value: (i) => (i % 11 === 0 ? NaN : i % 13 === 0 ? Infinity : i % 17 === 0 ? -Infinity : noise(i)),
    },
    {
      name: 'a channel of NaN is not constant',
      shape: [1, 5, 5, 3],
      axis: 3,
      value: (i, c) => (c === 1 ? NaN : noise(i)),
    },
    { name: 'negative zeros are zeros', shape: [1, 3, 3, 2], axis: 3, value: (i, c) => (c === 0 ? -0 : noise(i)) },
    { name: 'denormals are not zeros', shape: [1, 10], axis: 1, value: (i) => (i % 2 ? 1e-45 : 0) },
    { name: 'small deviation on a large mean', shape: [1, 1000], axis: 1, value: (i) => 16_777 + (i % 3) / 512 },
    { name: 'one value per channel', shape: [1, 7], axis: 1, value: (i) => (i < 3 ? 0 : 1) },
  ];
  it.each(cases)('$name', ({ shape, axis, value }) => {
    const count = shape.reduce((a, b) => a * b);
    const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: count }, (_, i) =>
      value(i, Math.floor(i / inner) % (shape[axis] as number)),
    );
    const expected = plainly(data, shape, axis);
    for (const given of [axis, axis - shape.length]) {
      const statistics = computeStatistics(data, shape, given);
      for (const [key, number] of Object.entries(expected)) {
        const actual = statistics[key as keyof typeof statistics] as number;
        expect(Math.abs(actual - number), `${key}: ${actual} for ${number}`).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(number)),
        );
      }
      expect(statistics.channels).toBe(shape[axis]);
    }
  });

  it('reads views that do not start at their buffer', () => {
    const data = Float32Array.from([9, 9, 1, 0, 3, 0]).subarray(2);
    expect(computeStatistics(data, [1, 2, 2], -1)).toMatchObject({
      min: 0,
      max: 3,
      zeros: 2,
      deadChannels: 1,
      count: 4,
    });
  });

  it('says nothing of no values, and all of one', () => {
    expect(computeStatistics(new Float32Array(0), [0, 3], -1)).toMatchObject({
      min: 0,
      max: 0,
      std: 0,
      count: 0,
      channels: 0,
      deadChannels: 0,
    });
    expect(computeStatistics(Float32Array.of(NaN, NaN), [2], -1)).toMatchObject({
      min: 0,
      mean: 0,
      std: 0,
      l2: 0,
      nan: 2,
    });
    expect(computeStatistics(Float32Array.of(-3), [], -1)).toMatchObject({
      min: -3,
      max: -3,
      l2: 3,
      channels: 1,
      first: [-3],
    });
    expect(
      computeStatistics(
        Float32Array.from({ length: 999 }, () => 0.1),
        [999, 1],
        1,
      ).std,
    ).toBe(0);
  });

  it.each([Int32Array, Uint8Array])('counts whole numbers: %o', (type) => {
    const data = type.from([0, 1, 2, 0, 255, 0]);
    expect(computeStatistics(data, [2, 3], -1)).toMatchObject({
      min: 0,
      max: 255,
      mean: 43,
      zeros: 3,
      deadChannels: 1,
      count: 6,
    });
  });
});

describe('histogram', () => {
  // numpy.histogram([...], bins=4, range=(0, 4))
  it('puts edges into the upper bin, the last one excepted', () => {
    const data = Float32Array.of(0, 0.5, 1, 1.5, 2, 3, 3.999, 4, NaN, Infinity);
    expect(histogram(data, 0, 4, 4)).toEqual({ counts: [2, 2, 1, 3], min: 0, max: 4 });
  });

  it.each([
    ['constant', Float32Array.of(2, 2, 2), 2, 2, 3],
    ['denormal range', Float32Array.of(0, 1e-45), 0, Math.fround(1e-45), 2],
    ['largest range', Float32Array.of(-3.4e38, 0, 3.4e38), -3.4e38, 3.4e38, 3],
    ['nothing', new Float32Array(0), 0, 0, 0],
  ] as const)('has 32 bins and loses nothing: %s', (_name, data, min, max, count) => {
    const { counts } = histogram(data, min, max);
    expect(counts).toHaveLength(32);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(count);
  });
});
