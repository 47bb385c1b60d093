/** What stands in the configurations of slices for Keras; that Keras reads them is `npm run conformance`'s. */
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/core/model/json';
import { isJsonObject } from '../../../../src/core/model/json';
import type { KerasSlice, SliceFormat } from '../../../../src/core/slicing/slice';
import { pythonJson } from '../../../../src/core/slicing/pythonJson';
import { formatsFor, formatOfFile, ownFormat } from '../../../../src/core/slicing/sliceFormat';
import { planCut, sliceModel } from '../../../../src/core/slicing/sliceModel';
import { openModelFile, type OpenedModel } from '../../../../src/engine/files/openModelFile';
import { keras } from '../../../fixtures';

let opened: OpenedModel | null = null;
afterEach(async () => {
  await opened?.close();
  opened = null;
});

async function sliced(file: string, format: SliceFormat, outputs: string[] = []): Promise<KerasSlice> {
  opened = await openModelFile(path.join(keras, file));
  const slice = sliceModel(opened.model, { outputs, inputs: [] }, format);
  if (!('groups' in slice)) throw new Error('not for Keras');
  return slice;
}

function layersOf({ modelConfig }: KerasSlice): JsonObject[] {
  const { config } = modelConfig;
  const layers = isJsonObject(config) ? config.layers : [];
  return Array.isArray(layers) ? layers.filter(isJsonObject) : [];
}

function entry(slice: KerasSlice, name: string): JsonObject {
  const found = layersOf(slice).find(({ config }) => isJsonObject(config) && config.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
}

describe('of Keras 3', () => {
  test('says of which module each class is, operations too', async () => {
    const slice = await sliced('text-lstm/model.keras', 'keras-h5');
    expect(entry(slice, 'embed')).toMatchObject({ module: 'keras.layers', class_name: 'Embedding' });
    expect(entry(slice, 'not_equal')).toMatchObject({ module: 'keras.src.ops.numpy', class_name: 'NotEqual' });
    expect(slice.modelConfig).toMatchObject({ class_name: 'Functional' });
    expect(slice.kerasVersion).toMatch(/^3\./);
  });

  test('numbers nested functional models from 1 in its outputs alone', async () => {
    const slice = await sliced('nested-functional/model.keras', 'keras-v3', ['block_a']);
    const { config } = slice.modelConfig;
    expect(isJsonObject(config) && config.output_layers).toEqual(['block_a', 1, 0]);
    expect(isJsonObject(config) && config.input_layers).toEqual(['image', 0, 0]);
  });

  test('folders are by class and number, groups by layer', async () => {
    const folders = (await sliced('text-lstm/model.keras', 'keras-v3')).groups.filter(
      (group) => group.weights.length > 0,
    );
    expect(folders.map((group) => group.path)).toEqual([
      'layers/embedding',
      'layers/lstm/cell',
      'layers/lstm_1/cell',
      'layers/dense',
    ]);
    const groups = (await sliced('text-lstm/model.keras', 'keras-h5')).groups.filter(
      (group) => group.weights.length > 0,
    );
    expect(groups.map((group) => group.path)).toEqual(['embed', 'lstm_sequence', 'lstm_state', 'scores']);
  });
});

describe('of Keras 2', () => {
  test('stays as it is in .h5, but for what says nothing', async () => {
    const slice = await sliced('text-lstm/keras2.h5', 'keras-h5');
    const lstm = entry(slice, 'lstm_sequence');
    expect(lstm).not.toHaveProperty('module');
    expect(lstm.config).not.toHaveProperty('time_major');
    expect(Array.isArray(lstm.inbound_nodes) && Array.isArray(lstm.inbound_nodes[0])).toBe(true);
    expect(slice.kerasVersion).toMatch(/^2\./);
  });

  test('functions of TensorFlow take one tensor, not a list of one, as tf_keras reads it', async () => {
    const slice = await sliced('ops-as-layers/keras2.h5', 'keras-h5', ['tf.math.square', 'tf.concat']);
    expect(entry(slice, 'tf.math.square').inbound_nodes).toMatchObject([['y', 0, 0, {}]]);
    expect(entry(slice, 'tf.concat').inbound_nodes).toMatchObject([
      [
        ['tf.__operators__.getitem', 0, 0, { axis: -1 }],
        ['tf.math.reduce_mean', 0, 0, { axis: -1 }],
      ],
    ]);
  });

  test('a number before a tensor of floats is a float for Python: tf_keras refuses 2 for 2.0 there', async () => {
    const { modelConfig } = await sliced('ops-as-layers/keras2.h5', 'keras-h5', ['tf.math.multiply']);
    expect(pythonJson(modelConfig)).toContain('["_CONSTANT_VALUE",-1,2.0,{');
  });

  test('is written in the way of Keras 3 in .keras', async () => {
    const slice = await sliced('text-lstm/keras2.h5', 'keras-v3');
    const lstm = entry(slice, 'lstm_sequence');
    expect(lstm).toMatchObject({ module: 'keras.layers', class_name: 'LSTM' });
    expect(lstm.inbound_nodes).toMatchObject([{ args: [{ class_name: '__keras_tensor__' }], kwargs: {} }]);
    expect(slice.kerasVersion).toMatch(/^3\./);
  });

  test('what Keras 3 computes otherwise, or lacks, is said', async () => {
    opened = await openModelFile(path.join(keras, 'conv-lstm/tfjs-keras2-h5/model.json'));
    for (const format of ['keras-v3', 'keras-h5'] as const) {
      const [lack] = planCut(opened.model, { outputs: [], inputs: [] }, format).notExportable;
      expect(lack?.reason).toMatch(/another hard_sigmoid/);
    }
  });

  test.each([
    ['nested-functional/keras2.h5', /a model inside a functional model/],
    ['ops-as-layers/keras2.h5', /no layer class TFOpLambda/],
  ])('%s as .h5 is for Keras 2 alone, which is said', async (file, text) => {
    const { plan } = await sliced(file, 'keras-h5');
    const notes = plan.notes.map(({ message }) => message).filter((message) => message.startsWith('Only Keras 2'));
    expect(notes.join('\n')).toMatch(text);
  });
});

test('a class of its own is named, with what Keras needs for it', async () => {
  const { plan } = await sliced('tutorial-custom-layer/model.keras', 'keras-v3');
  expect(plan.notExportable).toEqual([]);
  expect(plan.notes.map(({ message }) => message).join()).toMatch(/FeatureLayer.*custom_objects/);
});

test('a graph-model has no form for Keras, layers none as a graph', async () => {
  opened = await openModelFile(path.join(keras, 'mobilenet-block/tfjs-graph-keras3/model.json'));
  const { model } = opened;
  expect(() => planCut(model, { outputs: [], inputs: [] }, 'keras-v3')).toThrow('not-exportable');
  expect(formatsFor(model)).toEqual(['graph-model']);
  await opened.close();
  opened = await openModelFile(path.join(keras, 'digits-cnn/keras2.h5'));
  const layers = opened.model;
  expect(() => planCut(layers, { outputs: [], inputs: [] }, 'graph-model')).toThrow('not-exportable');
  expect(ownFormat(layers)).toBe('keras-h5');
  expect(formatsFor(layers)).toEqual(['keras-h5', 'keras-v3', 'layers-model']);
});

test.each<[string, JsonValue]>([
  ['a.keras', 'keras-v3'],
  ['a.H5', 'keras-h5'],
  ['a.hdf5', 'keras-h5'],
  ['a.json', null],
  ['a', null],
])('%s is a file of %s', (name, format) => expect(formatOfFile(name)).toBe(format));
