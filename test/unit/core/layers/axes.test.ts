import { expect, it } from 'vitest';
import { axisNames } from '../../../../src/core/layers/axes';
import type { JsonObject } from '../../../../src/core/model/json';

const first: JsonObject = { data_format: 'channels_first' };
const around = (className: string, config: JsonObject = {}): JsonObject => ({
  layer: { class_name: className, config },
});

it.each<[string, JsonObject, number, string]>([
  ['Conv2D', {}, 4, 'batch height width channels'],
  ['Conv2D', first, 4, 'batch channels height width'],
  ['Conv3DTranspose', {}, 5, 'batch depth height width channels'],
  ['MaxPooling1D', {}, 3, 'batch steps channels'],
  ['GlobalAveragePooling2D', {}, 2, 'batch channels'],
  ['GlobalAveragePooling2D', { keepdims: true }, 4, 'batch height width channels'],
  ['ConvLSTM2D', {}, 5, 'batch steps height width channels'],
  ['ConvLSTM2D', first, 4, 'batch channels height width'],
  ['Dense', {}, 2, 'batch features'],
  ['Dense', {}, 3, 'batch steps features'],
  ['Add', {}, 4, 'batch height width channels'],
  ['LSTM', {}, 3, 'batch steps features'],
  ['Embedding', {}, 4, 'batch,axis 1,axis 2,features'],
  ['Permute', {}, 3, 'batch,axis 1,axis 2'],
  ['Reshape', {}, 7, 'batch,axis 1,axis 2,axis 3,axis 4,axis 5,axis 6'],
  ['Flatten', {}, 1, 'batch'],
  ['Dense', {}, 0, ''],
  ['TimeDistributed', around('Conv2D', first), 5, 'batch steps channels height width'],
  ['TimeDistributed', around('Dense'), 3, 'batch steps features'],
  ['Bidirectional', around('LSTM'), 3, 'batch steps features'],
  ['TimeDistributed', {}, 3, 'batch steps features'],
])('%s %j of rank %i', (className, config, rank, names) => {
  const expected = names === '' ? [] : names.split(names.includes(',') ? ',' : ' ');
  expect(axisNames(className, config, rank)).toEqual(expected);
});

it('survives wrappers nested deeper than any stack', () => {
  let config = around('Dense');
  for (let i = 0; i < 50_000; i += 1) config = around('Bidirectional', config);
  expect(axisNames('Bidirectional', config, 3)).toEqual(['batch', 'steps', 'features']);
});
