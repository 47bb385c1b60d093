import { describe, expect, it } from 'vitest';
import { inspectModel } from '../../../../src/core/model/inspect';
import { matchRow, parseQuery } from '../../../../src/core/model/search';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';

const rows = inspectModel(openFixture(keras, 'digits-cnn', 'tfjs-keras2-h5')).layers;
const found = (query: string): string[] =>
  rows.filter((row) => matchRow(parseQuery(query), row)).map(({ name }) => name);

describe('search', () => {
  it.each([
    ['', rows.map(({ name }) => name)],
    ['conv', ['conv_1', 'conv_2']],
    ['CONV 26', ['conv_1']],
    ['conv 64', ['conv_2']],
    ['class:Conv2D', ['conv_1', 'conv_2']],
    ['class:pool', ['pool_1', 'pool_2']],
    ['shape:64', ['conv_2', 'pool_2']],
    ['shape:26,26', ['conv_1']],
    ['shape:26x26x32', ['conv_1']],
    ['shape:6', []],
    ['params>1e4', ['conv_2', 'output_layer']],
    ['params>=16k class:Dense', ['output_layer']],
    ['params=320', ['conv_1']],
    ['params<320 pool', ['pool_1', 'pool_2']],
    ['/_[12]$/', ['conv_1', 'pool_1', 'conv_2', 'pool_2']],
    ['/^CONV/i', ['conv_1', 'conv_2']],
    ['"conv_1"', ['conv_1']],
    ['/(a+)+$/', []],
    ['class:', []],
  ])('%s', (query, names) => {
    expect(found(query)).toEqual(names);
  });
});
