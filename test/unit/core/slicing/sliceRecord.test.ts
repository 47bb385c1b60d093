import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../../../src/core/model/json';
import { readSliceRecord } from '../../../../src/core/slicing/sliceRecord';

const whole = {
  version: '0.1.0',
  source: { file: 'model.json', topologySha256: 'ab' },
  shards: [{ file: 'group1-shard1of1.bin', crc32: 'cd' }],
  cut: { outputs: ['conv_2'], inputs: ['pool_1'] },
};

describe('readSliceRecord', () => {
  test('all that a slice says', () => {
    expect(readSliceRecord({ mine: 1, modelSlicer: whole })).toEqual({
      cut: whole.cut,
      source: { file: 'model.json', topologySha256: 'ab' },
      shards: [{ file: 'group1-shard1of1.bin', crc32: 'cd' }],
      weightsCrc32: null,
    });
  });
  test('of a file that holds its weights', () => {
    expect(readSliceRecord({ modelSlicer: { weightsCrc32: '0badcafe' } })).toMatchObject({ weightsCrc32: '0badcafe' });
    expect(readSliceRecord({ modelSlicer: { weightsCrc32: 7 } })).toMatchObject({ weightsCrc32: null });
  });
  test.each<[string, JsonValue | undefined]>([
    ['no metadata', undefined],
    ['null', null],
    ['a list', [whole]],
    ['none of ours', { signature: {} }],
    ['text in its place', { modelSlicer: 'conv_2' }],
    ['only by inheritance', JSON.parse('{"__proto__": {"modelSlicer": {"cut": {}}}}') as JsonValue],
  ])('nothing: %s', (_name, metadata) => expect(readSliceRecord(metadata)).toBeNull());
  test.each<[string, JsonValue]>([
    ['no cut', {}],
    ['no outputs', { cut: { inputs: [] } }],
    ['outputs that are none', { cut: { outputs: [], inputs: [] } }],
    ['numbers for addresses', { cut: { outputs: ['a', 1], inputs: [] } }],
    ['text for a list', { cut: { outputs: 'a', inputs: [] } }],
    ['a list for a source', { source: ['model.json'], shards: [7] }],
  ])('what is not as expected is left out: %s', (_name, modelSlicer) => {
    expect(readSliceRecord({ modelSlicer })).toEqual({
      cut: null,
      source: { file: null, topologySha256: null },
      shards: null,
      weightsCrc32: null,
    });
  });
});
