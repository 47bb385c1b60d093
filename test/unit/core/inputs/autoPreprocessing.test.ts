import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import type { JsonObject } from '../../../../src/core/model/json';
import { autoPreprocessing } from '../../../../src/core/inputs/autoPreprocessing';
import { keras, teachableMachine } from '../../../fixtures';
import { openModel, sequential } from '../../../engine/inputs/modelFiles';

const conv: [string, JsonObject] = ['Conv2D', { filters: 4, kernel_size: [3, 3], data_format: 'channels_last' }];
const picture = [null, 224, 224, 3];

describe('autoPreprocessing', () => {
  it.each([
    // keras.applications' names, and what each one's preprocess_input does
    ['mobilenet_1.00_224', 'signed'],
    ['mobilenetv2_1.00_224', 'signed'],
    ['MobileNetV3Small', 'none'],
    ['inception_v3', 'signed'],
    ['inception_resnet_v2', 'signed'],
    ['xception', 'signed'],
    ['NASNet', 'signed'],
    ['resnet50', 'caffe'],
    ['resnet101v2', 'signed'],
    ['vgg16', 'caffe'],
    ['densenet121', 'torch'],
    ['efficientnetb0', 'none'],
    ['efficientnetv2-b0', 'none'],
    ['convnext_tiny', 'none'],
    ['model_1', 'unit'],
    ['digits', 'unit'],
  ])('%s: %s', (name, range) => {
    const auto = autoPreprocessing(sequential(name, picture, [conv]), 'in');
    expect(auto).toMatchObject({
      range,
      width: 224,
      height: 224,
      resize: 'pillow',
      interpolation: 'nearest',
      layout: 'channels_last',
    });
    expect(auto.colorMode).toBe(range === 'caffe' ? 'bgr' : 'rgb');
    expect(auto.reason).toBeTruthy();
  });

  it.each([
    ['Rescaling', [['Rescaling', { scale: 0.0078, offset: -1 }], conv]],
    ['Normalization', [['Normalization', { axis: -1 }], conv]],
    [
      'after resizing and augmentation',
      [['Resizing', { height: 64, width: 64 }], ['RandomFlip', {}], ['Rescaling', { scale: 0.1, offset: 0 }], conv],
    ],
  ] as [string, [string, JsonObject][]][])('nothing where the model scales itself: %s', (_name, layers) => {
    const auto = autoPreprocessing(sequential('vgg16', picture, layers), 'in');
    expect(auto.range).toBe('none');
    expect(auto.reason).toContain('scales its input itself');
  });

  it('0 to 1 where the model scales that further', () => {
    expect(
      autoPreprocessing(sequential('m', picture, [['Rescaling', { scale: 2, offset: -1 }], conv]), 'in').range,
    ).toBe('unit');
  });

  it("nothing after Keras 2's operators", () => {
    // preprocess_input of MobileNetV2 inside the model: x / 127.5 - 1.
    const truediv: JsonObject = {
      class_name: 'TFOpLambda',
      name: 'tf.math.truediv',
      config: { name: 'tf.math.truediv', trainable: true, dtype: 'float32', function: 'math.truediv' },
      inbound_nodes: [['in', 0, 0, { y: 127.5, name: null }]],
    };
    const input = {
      class_name: 'InputLayer',
      name: 'in',
      config: { batch_input_shape: [null, 8, 8, 3], dtype: 'float32', name: 'in' },
      inbound_nodes: [],
    };
    const config = {
      name: 'mobilenetv2_1.00_224',
      layers: [input, truediv],
      input_layers: [['in', 0, 0]],
      output_layers: [['tf.math.truediv', 0, 0]],
    };
    const json = {
      modelTopology: { keras_version: '2.15.0', model_config: { class_name: 'Functional', config } },
      weightsManifest: [],
    };
    const model = openParsed(parseModelJson(Buffer.from(JSON.stringify(json)), 'model.json'), []);
    expect(autoPreprocessing(model, 'in')).toMatchObject({
      range: 'none',
      reason: 'the model scales its input itself (tf.math.truediv)',
    });
  });

  it('a scaling further inside is not that of the input', () => {
    expect(
      autoPreprocessing(sequential('m', picture, [conv, ['Rescaling', { scale: 2, offset: 0 }]]), 'in').range,
    ).toBe('unit');
  });

  it.each([
    [[null, 28, 28, 1], 'grayscale', 28, 28],
    [[null, 96, 64, 3], 'rgb', 64, 96],
    [[null, null, null, 3], 'rgb', 224, 224],
    [[null, 28, 28], 'grayscale', 28, 28],
    [[null, 784], 'grayscale', 28, 28],
    [[null, 3072], 'rgb', 32, 32],
  ])('size and colours of %j', (shape, colorMode, width, height) => {
    const layers: [string, JsonObject][] =
      shape.length === 2 ? [['Dense', { units: 2 }]] : shape.length === 3 ? [['Flatten', {}]] : [conv];
    expect(autoPreprocessing(sequential('m', shape, layers), 'in')).toMatchObject({ colorMode, width, height });
  });

  it('takes the layout from the layer that reads the input, else from the shape', () => {
    const first: [string, JsonObject] = ['Conv2D', { filters: 4, kernel_size: [3, 3], data_format: 'channels_first' }];
    expect(autoPreprocessing(sequential('m', [null, 3, 32, 48], [first]), 'in')).toMatchObject({
      layout: 'channels_first',
      width: 48,
      height: 32,
      colorMode: 'rgb',
    });
    expect(
      autoPreprocessing(sequential('m', [null, 1, 32, 48], [['Activation', { activation: 'relu' }]]), 'in'),
    ).toMatchObject({ layout: 'channels_first', colorMode: 'grayscale' });
  });

  it('works on real files', () => {
    expect(autoPreprocessing(openModel(path.join(teachableMachine, 'tiny-image')), 'conv2d_27_input').range).toBe(
      'signed',
    );
    const digits = openModel(path.join(keras, 'digits-cnn/tfjs-keras2-h5'));
    expect(autoPreprocessing(digits, digits.graph.inputs[0]?.name ?? '')).toMatchObject({
      range: 'unit',
      colorMode: 'grayscale',
      width: 28,
      height: 28,
    });
    const own = openModel(path.join(keras, 'preprocessing/tfjs-keras2-h5'));
    expect(autoPreprocessing(own, own.graph.inputs[0]?.name ?? '')).toMatchObject({
      range: 'none',
      width: 12,
      height: 10,
    });
  });

  it('has an answer for inputs that are no pictures, and for names that do not exist', () => {
    const text = sequential('m', [null, 7], [['Embedding', { input_dim: 5, output_dim: 2 }]]);
    expect(autoPreprocessing(text, 'in')).toMatchObject({ width: 224, height: 224 });
    expect(autoPreprocessing(text, 'nobody').range).toBe('unit');
  });
});
