import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { tensorsAround } from '../../../../src/core/slicing/tensorsAround';
import { inspectModel } from '../../../../src/core/model/inspect';
import { keras } from '../../../fixtures';
import { openJson } from '../formats/openFixture';
import { layersModels } from './golden';
import { openFile } from './plainTfjsModel';

/** `class name <- read, read`, one a line; the first is the input. */
function model(text: string, configs: Record<string, object> = {}): ModelFile {
  const shape = [null, 8, 8, 3];
  const layers = text
    .trim()
    .split('\n')
    .map((line) => {
      const [, className = '', name = '', reads = ''] = /^\s*(\w+) (\S+)(?: <- (.*))?$/.exec(line) ?? [];
      const inputs = reads === '' ? [] : [reads.split(', ').map((read) => [read, 0, 0, {}])];
      const config = {
        name,
        ...(className === 'InputLayer' ? { batch_input_shape: shape } : {}),
        ...(className.startsWith('Conv') ? { filters: 3, kernel_size: 3, padding: 'same' } : {}),
        ...configs[name],
      };
      return { class_name: className, name, config, inbound_nodes: inputs };
    });
  const [first, last] = [layers[0]?.name, layers.at(-1)?.name];
  const config = { name: 'm', layers, input_layers: [[first, 0, 0]], output_layers: [[last, 0, 0]] };
  return openJson({ modelTopology: { keras_version: '2.15.0', model_config: { class_name: 'Functional', config } } });
}

/** `address: roles`, one a line. */
function around({ graph }: ModelFile, address: string): string[] {
  return tensorsAround(graph, address).map((tensor) => `${tensor.address}: ${tensor.roles.join(' ')}`);
}

describe('tensorsAround', () => {
  test('a convolution with BatchNorm and activation behind it, seen from each of them', () => {
    const opened = model(`
      InputLayer x
      Conv2D conv <- x
      BatchNormalization bn <- conv
      Dropout drop <- bn
      ReLU relu <- drop
      MaxPooling2D pool <- relu`);
    const block = [
      'x: before-layer',
      'conv: before-batchnorm',
      'bn: after-batchnorm',
      'drop: before-activation',
      'relu: after-activation',
    ];
    expect(around(opened, 'conv')).toEqual(block);
    expect(around(opened, 'bn')).toEqual([...block.slice(0, 2), 'bn: after-batchnorm', ...block.slice(3)]);
    expect(around(opened, 'relu')).toEqual(block);
    expect(around(opened, 'drop')).toEqual(block);
    expect(around(opened, 'pool')).toEqual(['relu: before-layer', 'pool: output']);
  });

  test('one tensor has all the roles that fall on it', () => {
    const opened = model(
      `
      InputLayer x
      Conv2D conv <- x
      BatchNormalization bn <- conv
      Activation act <- bn
      Conv2D relu_first <- act
      ZeroPadding2D pad <- relu_first
      BatchNormalization bn2 <- pad`,
      { act: { activation: 'relu' }, relu_first: { activation: 'relu' } },
    );
    expect(around(opened, 'conv')).toEqual([
      'x: before-layer',
      'conv: before-batchnorm',
      'bn: after-batchnorm before-activation',
      'act: after-activation',
    ]);
    expect(around(opened, 'bn2')).toEqual([
      'act: before-layer',
      'relu_first@pre: before-activation',
      'relu_first: after-activation',
      'pad: before-batchnorm',
      'bn2: after-batchnorm',
    ]);
    expect(tensorsAround(opened.graph, 'bn2').map(({ shape }) => shape)).toEqual([
      [null, 8, 8, 3],
      [null, 8, 8, 3],
      [null, 8, 8, 3],
      [null, 10, 10, 3],
      [null, 10, 10, 3],
    ]);
  });

  test('what another layer reads too ends the line, but not the way up', () => {
    const opened = model(`
      InputLayer x
      Conv2D conv <- x
      BatchNormalization bn <- conv
      ReLU relu <- conv
      Add add <- bn, relu`);
    expect(around(opened, 'conv')).toEqual(['x: before-layer', 'conv: output']);
    expect(around(opened, 'bn')).toEqual(['x: before-layer', 'conv: before-batchnorm', 'bn: after-batchnorm']);
    expect(around(opened, 'add')).toEqual(['add: output']);
  });

  test('a second BatchNorm belongs to another block', () => {
    const opened = model(`
      InputLayer x
      Conv2D conv <- x
      BatchNormalization bn1 <- conv
      ReLU relu1 <- bn1
      BatchNormalization bn2 <- relu1
      ReLU relu2 <- bn2`);
    expect(around(opened, 'conv').at(-1)).toBe('relu1: after-activation');
    expect(around(opened, 'bn2')).toEqual([
      'conv: before-layer',
      'bn1: before-activation',
      'relu1: after-activation before-batchnorm',
      'bn2: after-batchnorm',
    ]);
  });

  test('what trails off without BatchNorm or activation is left out, unless it was asked for', () => {
    const opened = model(`
      InputLayer x
      Conv2D conv <- x
      Dropout drop <- conv
      GlobalAveragePooling2D pool <- drop`);
    expect(around(opened, 'conv')).toEqual(['x: before-layer', 'conv: output']);
    expect(around(opened, 'drop')).toEqual(['x: before-layer', 'conv: output', 'drop: output']);
  });

  test("the model's input, a linear Activation, and reused layers", () => {
    const opened = model(
      `
      InputLayer x
      Activation nothing <- x
      BatchNormalization bn <- nothing
      Dense dense <- bn`,
      { nothing: { activation: 'linear' }, dense: { units: 2, activation: 'softmax' } },
    );
    expect(around(opened, 'x')).toEqual(['x: output', 'nothing: before-batchnorm', 'bn: after-batchnorm']);
    expect(around(opened, 'dense')).toEqual([
      'bn: before-layer',
      'dense@pre: before-activation',
      'dense: after-activation',
    ]);
    const shared = openFile(path.join(keras, 'shared-layer', 'tfjs-keras2-h5', 'model.json')).model;
    expect(around(shared, 'shared#2').slice(1)).toEqual([
      'shared#2@pre: before-activation',
      'shared#2: after-activation',
    ]);
  });

  test('what else is inside, every output, and what cannot be cut with the reason', () => {
    const wrapped = (config: object): object => ({
      layer: { class_name: 'LSTM', config: { name: 'l', units: 2, ...config } },
    });
    const opened = model(
      `
      InputLayer x
      LSTM lstm <- x
      LSTM states <- x
      Bidirectional bi <- x
      Bidirectional kept <- x`,
      {
        x: { batch_input_shape: [null, 5, 3] },
        lstm: { units: 2 },
        states: { units: 2, return_state: true },
        bi: wrapped({}),
        kept: wrapped({ return_state: true }),
      },
    );
    expect(around(opened, 'lstm')).toEqual([
      'x: before-layer',
      'lstm: output',
      'lstm@state_h: inner',
      'lstm@state_c: inner',
    ]);
    expect(around(opened, 'states').slice(1)).toEqual(['states: output', 'states:1: output', 'states:2: output']);
    expect(around(opened, 'bi').slice(1)).toEqual(['bi@forward: inner', 'bi@backward: inner', 'bi: output']);
    const refused = tensorsAround(opened.graph, 'kept').filter(({ reason }) => reason !== null);
    expect(refused.map(({ address }) => address)).toEqual(['kept@forward', 'kept@backward']);
  });

  test.each(layersModels())('every tensor that it names can be cut: $fixture $format', ({ file }) => {
    const { model: opened } = openFile(file);
    for (const { calls } of inspectModel(opened).layers) {
      for (const { address } of calls) {
        const tensors = tensorsAround(opened.graph, address);
        expect(
          tensors.some((tensor) => tensor.address === address),
          address,
        ).toBe(true);
        expect(new Set(tensors.map((tensor) => tensor.address)).size).toBe(tensors.length);
        for (const { address: at, shape, roles, reason } of tensors) {
          expect(roles.length).toBeGreaterThan(0);
          if (reason !== null) continue;
          const { outputs } = planCut(opened, { outputs: [at], inputs: [] });
          expect(outputs).toMatchObject([{ address: at, shape }]);
        }
      }
    }
  });
});
