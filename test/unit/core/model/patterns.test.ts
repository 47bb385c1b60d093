import { describe, expect, it } from 'vitest';
import { matchPattern } from '../../../../src/core/model/patterns';
import { safeRegExp } from '../../../../src/core/model/safeRegExp';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';

const siamese = openFixture(keras, 'siamese', 'tfjs-keras3').graph;

describe('matchPattern', () => {
  it.each([
    ['tower/conv', ['tower/conv']],
    ['tower#2', ['tower#2']],
    ['keras[2]', ['tower']],
    ['tower/c*', ['tower/conv']],
    ['tower*/c*', ['tower/conv', 'tower#2/conv']],
    ['conv*', ['tower/conv', 'tower#2/conv']],
    ['class:Dense', ['tower/embed', 'tower#2/embed', 'same']],
    ['class:G*2D', ['tower/pool', 'tower#2/pool']],
    ['/^(left|right)$/', ['left', 'right']],
    ['nothing*', []],
  ])('%s', (pattern, addresses) => {
    expect(matchPattern(siamese, pattern)).toEqual(addresses);
  });

  it('refuses an unknown address and an expression that could run for ever', () => {
    expect(() => matchPattern(siamese, 'towel/conv')).toThrow(/unknown-address/);
    expect(() => matchPattern(siamese, '/(a+)+$/')).toThrow(/usage/);
    expect(() => matchPattern(siamese, '/(/')).toThrow(/usage/);
  });
});

describe('safeRegExp', () => {
  it.each(['(a+)+', '(a|b)*c', '((a)*)*', '(?:x{2})+', '(.*)\\1', 'a'.repeat(300), '(', '.*.*.*.*.*.*.*x'])(
    'refuses %s',
    (source) => {
      expect(safeRegExp(source)).toBeNull();
    },
  );
  it.each(['conv_\\d+$', '^(a|b)$', '[a-z]+_relu', 'x.*y', '(?:conv|dense)_1', '\\(a+\\)+'])('takes %s', (source) => {
    expect(safeRegExp(source)).toBeInstanceOf(RegExp);
  });
});
