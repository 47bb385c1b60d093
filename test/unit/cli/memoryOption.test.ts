import { expect, it } from 'vitest';
import { memoryLimitOf } from '../../../src/cli/memoryOption';

it('takes megabytes, and leaves the choice to the engine without them', () => {
  expect(memoryLimitOf('512')).toEqual({ memoryLimit: 512 * 2 ** 20 });
  expect(memoryLimitOf('0.5')).toEqual({ memoryLimit: 2 ** 19 });
  expect(memoryLimitOf(undefined)).toEqual({});
});

it.each(['0', '-1', 'x', '', 'Infinity', '1 GB'])('refuses %j', (text) => {
  expect(() => memoryLimitOf(text)).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
});
