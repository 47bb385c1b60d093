import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorData } from '../../../src/core/errors';
import { plainText } from '../../../src/core/messageText';
import { english, noteSentence, repairSentence, sentence } from '../../../src/core/messages';

const source = readFileSync(path.join(__dirname, '../../../src/core/errors.ts'), 'utf8');
const union = /export type ErrorCode =([^;]+);/.exec(source)?.[1] ?? '';
const codes = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code = '']) => code);

describe('sentences', () => {
  it('knows the codes', () => {
    expect(codes.length).toBeGreaterThan(40);
  });

  it.each(codes)('%s is a sentence even without any data', (code) => {
    const known: ErrorData[] = [{}, { file: 'm.json' }, { reason: 'no-such-reason' }];
    for (const data of known) {
      const text = sentence({ code, data });
      expect(text.trim(), code).not.toBe('');
      expect(text).not.toMatch(/undefined|\{\w+\}/);
    }
  });

  it.each([
    [
      'truncated-weights',
      { file: 'm.json', shard: 's.bin', expected: 92, actual: 50, weight: 'a/kernel' },
      ['m.json', 's.bin', '92', '50', 'a/kernel'],
    ],
    ['truncated-weights', { shard: 's.bin', expected: 92, actual: 50 }, ['s.bin', '92', '50']],
    [
      'shape-mismatch',
      { file: 'm.json', reason: 'weight', layer: 'a', weight: 'a/kernel', expected: [4, 3], actual: [null, 3] },
      ['[4,3]', '[?,3]'],
    ],
    [
      'bad-config',
      { file: 'm.json', layer: 'a', class: 'Dense', key: 'units', value: -3 },
      ['a', 'Dense', 'units', '-3'],
    ],
    ['bad-config', { key: 'units', value: null }, ['units', 'null']],
    ['unknown-address', { address: 'x', reason: 'nearest', model: 'm', nearest: ['a', 'b'] }, ['x', 'a, b']],
    [
      'bad-input',
      { reason: 'wrong-shape', input: 'in', expected: [null, 28], actual: [3], file: 'a.npy' },
      ['in', '[?,28]', '[3]', 'a.npy'],
    ],
    ['bad-input', { reason: 'wrong-shape', input: 'in', expected: null, actual: [3] }, ['cannot be used']],
    [
      'not-runnable',
      { file: 'm.json', layers: ['a', 'b'], classes: ['X', 'Y'], reasons: ['no kernel', 'no kernel'] },
      ['a, b', 'X, Y', 'no kernel'],
    ],
    ['missing-weight', { file: 'm.json', reason: 'run', weights: ['a/kernel'] }, ['m.json', 'a/kernel']],
    ['no-such-code', {}, ['no-such-code']],
  ] as [string, ErrorData, string[]][])('%s %j', (code, data, parts) => {
    const text = sentence({ code, data });
    for (const part of parts) expect(text).toContain(part);
    expect(text).not.toMatch(/\{\w+\}/);
  });

  it('translates the message and leaves the values alone', () => {
    const translate = (message: string, args?: Record<string, string | number>): string =>
      english(
        message.toUpperCase().replace(/\{\w+\}/g, (name) => name.toLowerCase()),
        args,
      );
    expect(sentence({ code: 'empty-file', data: { file: 'm.json' } }, translate)).toBe(
      'm.json IS EMPTY: COPY OR DOWNLOAD IT AGAIN.',
    );
  });

  it('is one line of bounded length, whatever names a file holds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        fc.dictionary(
          fc.constantFrom('file', 'layer', 'weight', 'shard', 'address', 'reason', 'key', 'value', 'class', 'nearest'),
          fc.oneof(
            fc.string({ unit: 'binary', maxLength: 3000 }),
            fc.array(fc.string(), { maxLength: 200 }),
            fc.double(),
          ),
        ),
        (code, data) => {
          const text = sentence({ code, data: data });
          expect(text.length).toBeLessThan(2500);
          expect(text).not.toMatch(/[\p{Cc}\u2028\u2029\u202e]/u);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('does not take a placeholder out of a value', () => {
    expect(
      sentence({ code: 'broken-graph', data: { file: '{layer}', reason: 'self-loop', layer: '{file}' } }),
    ).toContain('In {layer}, the layer {file} reads');
  });

  it('knows no code by a name of Object', () => {
    for (const code of ['toString', '__proto__', 'constructor']) expect(sentence({ code, data: {} })).toContain(code);
  });

  it('speaks of repairs and notes', () => {
    expect(repairSentence({ code: 'batch-shape', data: { name: 'in' } })).toContain('in');
    expect(repairSentence({ code: 'dtype-policy', data: { name: 'a', to: 'float32', count: 3 } })).toContain(
      '3 in all',
    );
    expect(noteSentence({ code: 'dimension-assumed', data: { axis: 1, size: 64 } })).toBe(
      'Axis 1 is unknown in the model and was taken as 64.',
    );
  });
});

describe('plainText', () => {
  it('shows what cannot be seen, and leaves the middle of long texts out', () => {
    expect(plainText('a\0b\u202ec')).toBe('a\\u{0}b\\u{202e}c');
    expect(plainText('x'.repeat(5000))).toHaveLength(120);
    expect(plainText(`start${'x'.repeat(5000)}end`)).toMatch(/^start.*…x+end$/);
  });
});
