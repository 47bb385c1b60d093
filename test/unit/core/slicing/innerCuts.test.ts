import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/core/model/json';
import type { Cut, LayersSlice } from '../../../../src/core/slicing/slice';
import { sliceModel } from '../../../../src/core/slicing/sliceModel';
import { keras } from '../../../fixtures';
import { floatManifest, openJson } from '../formats/openFixture';
import { openFile } from './plainTfjsModel';

function slice(fixture: string, cut: Cut): LayersSlice {
  const made = sliceModel(openFile(path.join(keras, fixture, 'tfjs-keras2-h5', 'model.json')).model, cut);
  if (made.format !== 'layers-model') throw new Error(made.format);
  return made;
}

/** `class name (activation)` of each layer. */
function layersOf({ modelConfig }: LayersSlice): string[] {
  const { layers } = modelConfig.config as { layers: { class_name: string; config: JsonObject }[] };
  return layers.map(({ class_name: className, config }) => {
    const parts = [className, config.name, config.activation].filter((part) => typeof part === 'string');
    return parts.join(' ');
  });
}

describe('cuts inside layers', () => {
  test('before an activation: the layer without it; a Sequential stays one', () => {
    const made = slice('digits-cnn', { outputs: ['conv_2@pre'], inputs: ['conv_1@pre'] });
    expect(made.modelConfig.class_name).toBe('Sequential');
    expect(layersOf(made)).toEqual([
      'InputLayer conv_1_input',
      'Activation conv_1_activation relu',
      'MaxPooling2D pool_1',
      'Conv2D conv_2 linear',
    ]);
    expect(made.weights.map(({ name }) => name)).toEqual(['conv_2/kernel', 'conv_2/bias']);
    expect(made.plan).toMatchObject({
      cut: { outputs: ['conv_2@pre'], inputs: ['conv_1@pre'] },
      layers: ['conv_1', 'pool_1', 'conv_2'],
      notExportable: [],
      boundary: { closed: true },
    });
  });

  test('a suffix from there holds the activation alone, and reads no weight', () => {
    const made = slice('digits-cnn', { outputs: ['conv_1'], inputs: ['conv_1@pre'] });
    expect(layersOf(made)).toEqual(['InputLayer conv_1_input', 'Activation conv_1_activation relu']);
    expect(made.weights).toEqual([]);
    expect(made.plan).toMatchObject({ params: { total: 0 }, weightBytes: 0, layers: ['conv_1'] });
  });

  test('the tensor inside and the output beside it', () => {
    const made = slice('digits-cnn', { outputs: ['conv_1', 'conv_1@pre'], inputs: [] });
    expect(made.plan.outputs.map(({ name, address }) => [name, address])).toEqual([
      ['conv_1_activation', 'conv_1'],
      ['conv_1', 'conv_1@pre'],
    ]);
    const whole = slice('digits-cnn', { outputs: ['conv_1'], inputs: [] });
    expect(made.plan.params).toEqual(whole.plan.params);
    expect(made.plan.macs).toBe(whole.plan.macs);
    expect(made.weights).toEqual(whole.weights);
  });

  test('all calls of a reused layer, so that it is still one', () => {
    const made = slice('shared-layer', { outputs: ['shared', 'shared#2@pre'], inputs: [] });
    expect(layersOf(made).filter((layer) => layer.includes('shared'))).toEqual([
      'Dense shared linear',
      expect.stringMatching(/^Activation shared_activation/),
    ]);
    expect(made.weights.map(({ name }) => name)).toEqual(['shared/kernel', 'shared/bias']);
  });

  test('in a nested model, in one of its calls', () => {
    const made = slice('siamese', { outputs: ['tower#2/conv@pre'], inputs: [] });
    expect(layersOf(made).at(-1)).toBe('Conv2D conv linear');
    expect(made.plan).toMatchObject({
      cut: { outputs: ['tower#2/conv@pre'] },
      layers: [expect.any(String), 'tower/conv'],
    });
    expect(made.plan.inputs).toHaveLength(1);
  });

  test('the same bytes each time', () => {
    const cut = { outputs: ['bi_concat@backward', 'bi_concat'], inputs: [] };
    expect(JSON.stringify(slice('bidirectional', cut))).toBe(JSON.stringify(slice('bidirectional', cut)));
    expect(layersOf(slice('bidirectional', cut)).slice(1)).toEqual([
      'Bidirectional bi_concat',
      'Concatenate bi_concat_merge',
    ]);
  });

  test('names that are taken, odd, or that every object has', () => {
    const dense = (name: string): object => ({
      class_name: 'Dense',
      config: { name, units: 2, activation: 'tanh', use_bias: false },
    });
    const names = ['a', 'a_activation', '__proto__', 'b/c@d'];
    const { weightsManifest, shards } = floatManifest(
      Object.fromEntries(names.map((name) => [`${name}/kernel`, [2, 2]])),
    );
    const input = { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 2] } };
    const opened = openJson(
      {
        modelTopology: {
          keras_version: '2.15.0',
          model_config: { class_name: 'Sequential', config: { name: 'm', layers: [input, ...names.map(dense)] } },
        },
        weightsManifest,
      },
      shards,
    );
    const outputs = ['a@pre', '__proto__@pre', 'b\\/c\\@d@pre', 'b\\/c\\@d'];
    const made = sliceModel(opened, { outputs, inputs: [] });
    if (made.format !== 'layers-model') throw new Error(made.format);
    expect(made.plan.outputs.map(({ address }) => address)).toEqual(outputs);
    const written = layersOf(made).map((layer) => layer.split(' ')[1]);
    expect(new Set(written).size).toBe(written.length);
    expect(written).toHaveLength(1 + 4 + 3);
    expect(made.weights).toHaveLength(4);
  });

  test('is planned in a graph of 10,000 layers as fast as any other', () => {
    const layers: object[] = [
      { class_name: 'InputLayer', name: 'l0', config: { name: 'l0', batch_input_shape: [null, 1] }, inbound_nodes: [] },
    ];
    for (let i = 1; i < 10_000; i++)
      layers.push({
        class_name: 'Dense',
        name: `l${i}`,
        config: { name: `l${i}`, units: 1, activation: 'relu' },
        inbound_nodes: [[[`l${i - 1}`, 0, 0, {}]]],
      });
    const config = { name: 'm', layers, input_layers: [['l0', 0, 0]], output_layers: [['l9999', 0, 0]] };
    const opened = openJson({
      modelTopology: { keras_version: '2.15.0', model_config: { class_name: 'Functional', config } },
    });
    const outputs = Array.from({ length: 1000 }, (_, i) => `l${9999 - i}@pre`);
    expect(sliceModel(opened, { outputs, inputs: [] }).plan.layers).toHaveLength(10_000);
  });
});
