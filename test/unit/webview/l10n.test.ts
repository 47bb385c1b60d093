import { afterEach, expect, it } from 'vitest';
import { fill, plural, t, useBundle } from '../../../webview/l10n';

afterEach(() => useBundle(null));

it('takes the bundle, and English where it has nothing', () => {
  useBundle({ 'Layer {name}': 'Schicht {name}' });
  expect(t('Layer {name}', { name: 'a' })).toBe('Schicht a');
  expect(t('Run')).toBe('Run');
  expect(t('toString')).toBe('toString');
});

it('never reads placeholders out of the values', () => {
  expect(t('{a} {b}', { a: '{b}', b: '$&' })).toBe('{b} $&');
  expect(t('{missing}')).toBe('{missing}');
});

it('knows one and many', () => {
  expect(plural(1, '1 layer', '{count} layers')).toBe('1 layer');
  expect(plural(20001, '1 layer', '{count} layers')).toBe('20,001 layers');
});

it('leaves places in a sentence for what is no text', () => {
  useBundle({ '{tensor} is missing: {layers} needs it.': '{layers} braucht {tensor}.' });
  expect(fill(t('{tensor} is missing: {layers} needs it.'), { tensor: 1, layers: 2 })).toEqual([
    '',
    2,
    ' braucht ',
    1,
    '.',
  ]);
  expect(fill('{toString} stays', { tensor: 1 })).toEqual(['', '{toString}', ' stays']);
});
