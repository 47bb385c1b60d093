import { expect, test } from 'vitest';
import { callIndices } from '../../../../src/core/slicing/callOrder';

test('calls that are ready keep their order', () => {
  // a(x), b(a), a(b)
  expect(
    callIndices(
      [
        { layer: 0, reads: [] },
        { layer: 1, reads: [0] },
        { layer: 0, reads: [1] },
      ],
      2,
    ),
  ).toEqual([0, 0, 1]);
});

test('a call that must wait is overtaken by a later one of its layer', () => {
  // dense(x), add(x, y), dense(add), dense(dense): TF.js meets dense before add, and makes the last call second
  const calls = [
    { layer: 0, reads: [] },
    { layer: 1, reads: [] },
    { layer: 0, reads: [1] },
    { layer: 0, reads: [0] },
  ];
  expect(callIndices(calls, 2)).toEqual([0, 0, 2, 1]);
});

test('calls that wait for each other have no order', () => {
  expect(
    callIndices(
      [
        { layer: 0, reads: [1] },
        { layer: 1, reads: [0] },
      ],
      2,
    ),
  ).toBeNull();
});
