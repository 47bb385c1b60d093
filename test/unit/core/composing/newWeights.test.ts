import { describe, expect, test } from 'vitest';
import { glorotUniform, initialValues, type Initial } from '../../../../src/core/composing/newWeights';

function all(initial: Initial, count: number): number[] {
  return [...initialValues(initial, count)].flatMap((piece) => Array.from(piece));
}

describe('new weights', () => {
  test("are within Keras's limits, spread over them, and none like another", () => {
    const values = all(glorotUniform(300, 700, 0, 'a/kernel'), 210_000);
    const limit = Math.sqrt(6 / 1000);
    expect(values).toHaveLength(210_000);
    expect(Math.max(...values.slice(0, 50_000))).toBeLessThanOrEqual(limit);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    // the mean of n such numbers is within 4 standard errors of 0
    expect(Math.abs(mean)).toBeLessThan((4 * limit) / Math.sqrt(3 * values.length));
    expect(variance / (limit ** 2 / 3)).toBeCloseTo(1, 2);
  });

  test('depend on seed and name', () => {
    const first = (seed: number, name: string): number[] => all(glorotUniform(2, 2, seed, name), 4);
    expect(first(0, 'a/kernel')).toEqual(first(0, 'a/kernel'));
    expect(first(1, 'a/kernel')).not.toEqual(first(0, 'a/kernel'));
    expect(first(0, 'b/kernel')).not.toEqual(first(0, 'a/kernel'));
  });

  test('rows of a resize add up to one', () => {
    for (const [from, to] of [
      [7, 3],
      [3, 7],
      [1, 5],
      [5, 1],
    ] as const) {
      const values = all({ kind: 'resize', from, to, interpolation: 'bilinear' }, from * to);
      for (let target = 0; target < to; target++) {
        const sum = Array.from({ length: from }, (_, source) => values[source * to + target] ?? 0).reduce(
          (a, b) => a + b,
          0,
        );
        expect(sum).toBeCloseTo(1, 6);
      }
    }
  });
});
