import { describe, expect, test } from 'vitest';
import { dataSets, type DataOptions } from '../../../src/cli/dataSets';
import type { SlicerError } from '../../../src/core/errors';
import type { InputSource } from '../../../src/protocol/engine';

const one = [{ name: 'in', address: 'in' }];
const two = [
  { name: 'left', address: 'left' },
  { name: 'right', address: 'the right' },
];

function text(source: InputSource): string {
  if (source.kind === 'random') return `random:${source.seed}`;
  if (source.kind === 'array') return source.member === undefined ? source.name : `${source.name}[${source.member}]`;
  return source.kind === 'picture' ? source.name : source.kind;
}

function sets(inputs: typeof one, data: string[], more: DataOptions = {}): Record<string, string>[] {
  return dataSets(inputs, { ...more, data }).map((specs) =>
    Object.fromEntries(specs.map(({ input, source }) => [input, text(source)])),
  );
}

describe('one input: each is a set', () => {
  test.each<[string[], Record<string, string>[]]>([
    [[], [{ in: 'random:0' }]],
    [
      ['zeros', 'random:7', 'digit.png'],
      [{ in: 'zeros' }, { in: 'random:7' }, { in: 'digit.png' }],
    ],
    [
      ['in=ones', 'in=x.npy'],
      [{ in: 'ones' }, { in: 'x.npy' }],
    ],
    [['x.npz'], [{ in: 'x.npz' }]],
  ])('%j', (data, expected) => expect(sets(one, data)).toEqual(expected));
});

describe('two inputs', () => {
  test.each<[string[], Record<string, string>[]]>([
    [[], [{ left: 'random:0', right: 'random:0' }]],
    [
      ['zeros', 'random:7'],
      [
        { left: 'zeros', right: 'zeros' },
        { left: 'random:7', right: 'random:7' },
      ],
    ],
    [['left=a.npy', 'right=b.npy'], [{ left: 'a.npy', right: 'b.npy' }]],
    [['the right=b.npy', 'left=ones'], [{ left: 'ones', right: 'b.npy' }]],
    [
      ['left=a.npy', 'right=b.npy', 'left=c.npy', 'right=d.npy'],
      [
        { left: 'a.npy', right: 'b.npy' },
        { left: 'c.npy', right: 'd.npy' },
      ],
    ],
    [
      ['left=a.npy', 'left=c.npy'],
      [
        { left: 'a.npy', right: 'random:0' },
        { left: 'c.npy', right: 'random:0' },
      ],
    ],
    [
      ['left=a.npy', 'zeros', 'right=b.npy'],
      [
        { left: 'a.npy', right: 'random:0' },
        { left: 'zeros', right: 'zeros' },
        { left: 'random:0', right: 'b.npy' },
      ],
    ],
    [
      ['both.npz', 'zeros'],
      [
        { left: 'both.npz[left]', right: 'both.npz[right]' },
        { left: 'zeros', right: 'zeros' },
      ],
    ],
    [['a.npy', 'b.npy'], [{ left: 'a.npy', right: 'b.npy' }]],
    [
      ['a.npy', 'b.npy', 'c.npy'],
      [
        { left: 'a.npy', right: 'b.npy' },
        { left: 'c.npy', right: 'random:0' },
      ],
    ],
    [['right=b.npy', 'a.npy'], [{ left: 'a.npy', right: 'b.npy' }]],
  ])('%j', (data, expected) => expect(sets(two, data)).toEqual(expected));
});

test('sizes of unknown dimensions go into every set', () => {
  const found = dataSets(one, { data: ['zeros', 'ones'], dim: ['in.1=5'] });
  expect(found.map(([spec]) => spec?.dims)).toEqual([{ 1: 5 }, { 1: 5 }]);
});

test.each([
  [['middle=zeros'], 'bad-input'],
  [['left=what'], 'bad-input'],
  [['what'], 'bad-input'],
])('%j is refused', (data, code) => {
  expect(() => sets(two, data)).toThrow(expect.objectContaining({ code }) as SlicerError);
});
