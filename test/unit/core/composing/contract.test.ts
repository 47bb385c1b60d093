import { describe, expect, test } from 'vitest';
import { adapterText } from '../../../../src/core/composing/adapters';
import { checkContract, type ContractPort } from '../../../../src/core/composing/contract';
import { sentence } from '../../../../src/core/messages';

type Sizes = (number | null)[];

function port(name: string, shape: Sizes | null, more: Partial<ContractPort> = {}): ContractPort {
  return { name, shape: shape && [null, ...shape], dtype: 'float32', range: null, ...more };
}

function found(given: ContractPort, wanted: ContractPort): string[] {
  return checkContract(given, wanted).map(
    ({ kind, adapter, blocks }) =>
      `${kind}${blocks ? '' : ' (may stay)'}: ${adapter?.map(adapterText).join(', ') ?? 'nothing'}`,
  );
}

describe('shapes', () => {
  test.each<[Sizes | null, Sizes | null, string[]]>([
    [[28, 28, 1], [28, 28, 1], []],
    [[28, 28, 1], [null, null, 1], []],
    [[28, 28, 1], null, []],
    [null, [28, 28, 1], []],
    [[64, 64, 1], [28, 28, 1], ['shape: resize to 28 × 28 (bilinear)']],
    [
      [64, 64, 3],
      [28, 28, 1],
      ['shape: resize to 28 × 28 (bilinear)', 'channels: channels to 1'],
    ],
    [[224, 224, 1], [null, null, 3], ['channels: channels to 3']],
    [[224, 224, 4], [224, 224, 3], ['channels: channels to 3']],
    [[3, 224, 224], [224, 224, 3], ['shape: axes in the order 2,3,1']],
    [[224, 224, 3], [3, 224, 224], ['shape: axes in the order 3,1,2']],
    [[784], [28, 28, 1], ['rank: reshape to [28,28,1]']],
    [[28, 28], [28, 28, 1], ['rank: reshape to [28,28,1]']],
    [
      [64, 64],
      [28, 28, 1],
      ['rank: reshape to [64,64,1]', 'shape: resize to 28 × 28 (bilinear)'],
    ],
    [[7, 7, 64], [64], ['rank: average over positions']],
    [[7, 7, 64], [10], ['rank: average over positions', 'shape: a dense layer of 10 units, to be trained']],
    [[10], [100], ['shape: a dense layer of 100 units, to be trained']],
    [[5, 5, 32], [5, 5, 64], ['channels: a dense layer of 64 units, to be trained']],
    [[7, 7, 64], [null, 64], ['rank: reshape to [49,64]']],
    [[null, null, 3], [28, 28, 3], ['shape: nothing']],
    [[null], [10], ['shape: nothing']],
    [[10], [28, 28, 1], ['rank: nothing']],
  ])('%j into %j', (given, wanted, expected) => {
    expect(found(port('a', given), port('b', wanted))).toEqual(expected);
  });

  test('a batch of a fixed size', () => {
    const wanted = { ...port('b', [4]), shape: [2, 4] };
    expect(found(port('a', [4]), wanted)).toEqual(['shape: nothing']);
    expect(found({ ...port('a', [4]), isInput: true }, wanted)).toEqual([]);
  });
});

describe('types and ranges', () => {
  const range = (min: number, max: number, whole = false): Partial<ContractPort> => ({ range: { min, max, whole } });

  test.each<[Partial<ContractPort>, Partial<ContractPort>, string[]]>([
    [{ dtype: 'int32' }, {}, ['dtype: cast to float32']],
    [{}, { dtype: 'int32' }, ['dtype: nothing']],
    [{ dtype: 'string' }, {}, ['dtype: nothing']],
    [{ dtype: 'float16' }, {}, []],
    [{ dtype: null }, { dtype: 'int32' }, []],
    [{}, range(0, 9, true), ['range: nothing']],
    [{ dtype: 'int32' }, { dtype: 'int32', ...range(0, 9, true) }, []],
    [{ isInput: true }, range(0, 9, true), []],
    [range(0, 1), range(0, 255), ['range (may stay): rescale by 255']],
    [range(-1, 1), range(0, 255), ['range (may stay): rescale by 127.5 + 127.5']],
    [range(0, Infinity), range(0, 255), ['range (may stay): nothing']],
    [range(0, 255), range(0, 255), []],
    [{}, range(0, 255), []],
    [range(0, 1), {}, []],
  ])('%j into %j', (given, wanted, expected) => {
    expect(found(port('a', [4], given), port('b', [4], wanted))).toEqual(expected);
  });

  test('says what does not fit and what would help', () => {
    const [finding] = checkContract(port('image', [64, 64, 1]), port('digits', [28, 28, 1]));
    expect(sentence({ code: 'does-not-fit', data: finding?.data ?? {} })).toBe(
      'image gives the shape [?,64,64,1], but digits takes [?,28,28,1]: have it adapted (resize to 28 × 28 (bilinear)).',
    );
  });
});
