import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { MAX_DEPTH, parseJson } from '../../../../src/core/formats/parseJson';

function errorOf(text: string): { code: string; data: object } {
  try {
    parseJson(text, 'm.json');
  } catch (error) {
    if (error instanceof SlicerError) return { code: error.code, data: error.data };
    throw error;
  }
  throw new Error('no error');
}

describe('parseJson', () => {
  it('reads JSON, with a byte order mark or without', () => {
    expect(parseJson('{"a":[1,"\\"[",null]}', 'm.json')).toEqual({ a: [1, '"[', null] });
    expect(parseJson('\uFEFF[1]', 'm.json')).toEqual([1]);
  });

  it.each([
    ['', 'empty-file', {}],
    [' \n', 'empty-file', {}],
    ['{"a": 1,\n "b": NaN}', 'not-json', { reason: 'not-a-number', word: 'NaN', line: 2, column: 7 }],
    ['[-Infinity]', 'not-json', { word: 'Infinity', line: 1, column: 3 }],
    ['{"a": [1, 2', 'not-json', { reason: 'cut', line: 1 }],
    ['{"a": "tex', 'not-json', { reason: 'cut' }],
    ['{"a": 1,\n}', 'not-json', { reason: 'syntax', line: 2, column: 1 }],
    ['{}x', 'not-json', { reason: 'syntax', line: 1, column: 3 }],
    ['['.repeat(200_000), 'too-deep', { limit: MAX_DEPTH }],
    ['{"a":'.repeat(MAX_DEPTH + 1), 'too-deep', {}],
  ])('refuses %j', (text, code, data) => {
    expect(errorOf(text)).toMatchObject({ code, data: { file: 'm.json', ...data } });
  });

  it('leaves words and brackets inside of strings alone', () => {
    const text = JSON.stringify({ NaN: 'Infinity', '\\': '\\"NaN', deep: '['.repeat(1000) });
    expect(parseJson(text, 'm.json')).toEqual(JSON.parse(text));
  });

  it('reads what is nested as deep as allowed', () => {
    expect(() => parseJson('['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH), 'm.json')).not.toThrow();
  });

  it.each(['{"__proto__": {"polluted": true}, "a": 1}', '{"\\u005f_proto__": {"polluted": true}, "a": 1}'])(
    'drops %s',
    (text) => {
      const value = parseJson(text, 'm.json');
      expect(Object.keys(value as object)).toEqual(['a']);
      expect((value as { polluted?: boolean }).polluted).toBeUndefined();
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );
});
