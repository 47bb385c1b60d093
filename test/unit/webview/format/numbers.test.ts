import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCompact,
  formatMilliseconds,
  formatPercent,
  formatValue,
} from '../../../../webview/format/numbers';

it.each([
  [0, '0'],
  [-0, '0'],
  [1, '1'],
  [-3, '−3'],
  [0.21345678, '0.2135'],
  [4.1587, '4.159'],
  [123456, '123456'],
  [1234567.8, '1.23e6'],
  [8.43e-17, '8.43e-17'],
  [-0.00001, '−1e-5'],
  [NaN, 'NaN'],
  [Infinity, '∞'],
  [-Infinity, '−∞'],
])('formatValue(%d) is %s', (value, text) => {
  expect(formatValue(value)).toBe(text);
});

it.each([
  [999, '999'],
  [9999, '9,999'],
  [18496, '18.5 k'],
  [2440960, '2.44 M'],
  [3e9, '3 G'],
  [4.2e13, '42 T'],
])('formatCompact(%d) is %s', (count, text) => {
  expect(formatCompact(count)).toBe(text);
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1152, '1.1 KB'],
  [139304, '136 KB'],
  [14_000_000, '13 MB'],
  [6.3 * 1024 ** 3, '6.3 GB'],
])('formatBytes(%d) is %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

describe('formatPercent', () => {
  it.each([
    [0, 10, '0 %'],
    [1, 100_000, '<1 %'],
    [61, 100, '61 %'],
    [99_999, 100_000, '>99 %'],
    [5, 5, '100 %'],
    [0, 0, '–'],
  ])('%d of %d is %s', (part, whole, text) => {
    expect(formatPercent(part, whole)).toBe(text);
  });
});

it.each([
  [0.84, '0.8 ms'],
  [12.3, '12 ms'],
  [1420, '1.4 s'],
])('formatMilliseconds(%d) is %s', (ms, text) => {
  expect(formatMilliseconds(ms)).toBe(text);
});
