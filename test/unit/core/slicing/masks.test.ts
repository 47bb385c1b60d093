import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { planCut, sliceModel } from '../../../../src/core/slicing/sliceModel';
import { openTopology } from './plainTfjsModel';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const input = (name: string): object => ({
  class_name: 'InputLayer',
  name,
  config: { name, batch_input_shape: [null, 3, 2], dtype: 'float32', sparse: false },
  inbound_nodes: [],
});
const layer = (class_name: string, name: string, config: object, ...from: string[]): object => ({
  class_name,
  name,
  config: { name, trainable: true, dtype: 'float32', ...config },
  inbound_nodes: [from.map((source) => [source, 0, 0, {}])],
});
const lstm = {
  units: 2,
  activation: 'tanh',
  recurrent_activation: 'sigmoid',
  use_bias: false,
  return_sequences: false,
};

/** A masked and an unmasked branch; what is joined first decides what TF.js computes. */
function twoBranches(...joined: string[]): ReturnType<typeof openTopology> {
  const weights = ['masked_lstm', 'plain_lstm'].flatMap((name) => [
    { name: `${name}/kernel`, tensor: tf.randomNormal([2, 8]) },
    { name: `${name}/recurrent_kernel`, tensor: tf.randomNormal([2, 8]) },
  ]);
  const config = {
    name: 'branches',
    layers: [
      input('a'),
      input('b'),
      layer('Masking', 'mask', { mask_value: 0 }, 'a'),
      layer('LSTM', 'masked_lstm', lstm, 'mask'),
      layer('LSTM', 'plain_lstm', lstm, 'b'),
      layer('Concatenate', 'join', { axis: -1 }, ...joined),
    ],
    input_layers: [
      ['a', 0, 0],
      ['b', 0, 0],
    ],
    output_layers: [['join', 0, 0]],
  };
  return openTopology({ class_name: 'Functional', config }, weights);
}

test('a slice in which TF.js would hand a mask to another branch is refused', () => {
  const { model } = twoBranches('plain_lstm', 'masked_lstm');
  expect(planCut(model, { outputs: [], inputs: [] }).notExportable).toEqual([
    { address: 'plain_lstm', reason: 'TF.js hands it the mask of another branch' },
  ]);
  // in the other order the unmasked branch comes first
  expect(planCut(twoBranches('masked_lstm', 'plain_lstm').model, { outputs: [], inputs: [] }).notExportable).toEqual(
    [],
  );
  expect(planCut(model, { outputs: ['plain_lstm'], inputs: [] }).notExportable).toEqual([]);
});

test('a start behind the layer that makes a mask which is read is refused, and names where to start', () => {
  const { model } = twoBranches('masked_lstm', 'plain_lstm');
  expect(() => sliceModel(model, { outputs: ['masked_lstm'], inputs: ['mask'] })).toThrow('mask-crosses');
  expect(sliceModel(model, { outputs: ['mask'], inputs: ['a'] }).plan.layers).toEqual(['a', 'mask']);
});
