import { execFileSync, spawnSync } from 'node:child_process';
import vm from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePython, decodeTypescript, encodeText } from '../../../../src/core/userCode/stringLiterals';

const hostile = [
  "it's",
  '"',
  '`',
  '\\',
  '\n\r\t\0',
  '${x}',
  '$',
  '\u2028\u2029',
  '🙂',
  '層',
  '\ud800',
  '\u202e',
  '\\u{41}',
  "\\'",
  '{}',
];
const texts = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary' }));
const quotes = fc.constantFrom("'" as const, '"' as const, '`' as const);

describe('a text in a literal', () => {
  it('is what JavaScript makes of it, and of what we read', () => {
    fc.assert(
      fc.property(texts, quotes, (text, quote) => {
        const content = encodeText(text, quote, 'typescript');
        expect(vm.runInNewContext(`${quote}${content}${quote}`)).toBe(text);
        expect(decodeTypescript(content)).toBe(text);
      }),
    );
  });

  it.each(['\\x41', '\\u0041\\u{1F642}', '\\0', "\\'\\q\\\\", 'a\\\nb', '\\b\\f\\v\\n\\r\\t'])(
    'JavaScript: %j',
    (content) => {
      expect(decodeTypescript(content)).toBe(vm.runInNewContext(`'${content}'`));
    },
  );

  it('is read back from Python literals', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom("'" as const, '"' as const), (text, quote) => {
        expect(decodePython(encodeText(text, quote, 'python'), false)).toBe(text);
      }),
    );
  });

  it.skipIf(spawnSync('python3', ['--version']).status !== 0)('is what Python makes of it', () => {
    const contents = [
      ...hostile.map((text) => encodeText(text, "'", 'python')),
      '\\x41\\101\\7',
      '\\u0041\\U0001F642',
      'a\\\nb',
      '\\a\\b\\f\\v\\q\\d',
    ];
    const program = `import json, sys, warnings\nwarnings.simplefilter('ignore')\nprint(json.dumps([eval("'" + c + "'") for c in json.load(sys.stdin)]))`;
    const said = execFileSync('python3', ['-c', program], { input: JSON.stringify(contents), encoding: 'utf8' });
    expect(contents.map((content) => decodePython(content, false))).toEqual(JSON.parse(said));
  });

  it('is not guessed at: names of characters', () => {
    expect(decodePython('\\N{BULLET}', false)).toBeNull();
    expect(decodePython('\\\\N{BULLET}', false)).toBe('\\N{BULLET}');
  });
});
