import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import type { CallContext, LayerFacts, WeightSpec } from '../../../../src/core/layers/catalogue';
import { isKnownClass, layerFacts } from '../../../../src/core/layers/layerFacts';
import type { JsonObject } from '../../../../src/core/model/json';
import type { TensorInfo } from '../../../../src/core/model/layerGraph';
import { keras as kerasFolder } from '../../../fixtures';
import { callOf, coverage } from './coverageCases';

/** Cases that the catalogue cannot tell, and why. */
const UNSUPPORTED: Record<string, string> = {
  'Lambda-1 (Keras 3)': 'what a Lambda computes is Python code, which is never run',
};

describe.each(coverage)('against Keras $keras', ({ keras, cases }) => {
  it.each(cases.map((row) => ({ name: `${row.id} (Keras ${keras})`, row })))('$name', ({ name, row }) => {
    expect(isKnownClass(row.class)).toBe(true);
    const facts = layerFacts(callOf(row, keras));
    const told = {
      outputShapes: facts?.outputs.map((output) => output.shape),
      outputDtypes: facts?.outputs.map((output) => output.dtype),
      weights: facts?.weights,
    };
    const golden = { outputShapes: row.outputShapes, outputDtypes: row.outputDtypes, weights: row.weights };
    if (Object.hasOwn(UNSUPPORTED, name)) expect(told).not.toEqual(golden);
    else expect(told).toEqual(golden);
  });
});

type Dims = (number | null)[] | null;

function callWith(className: string, config: JsonObject, shapes: Dims[], more: Partial<CallContext> = {}): CallContext {
  const inputs = shapes.map((shape) => ({ shape, dtype: 'float32' }));
  return { className, config, keras: 3, inputs, args: [], kwargs: {}, ...more };
}

const inner = (className: string, config: JsonObject): JsonObject => ({ layer: { class_name: className, config } });

describe('multiply-accumulates, calculated by hand', () => {
  it.each<[string, JsonObject, Dims[], number | null]>([
    // in × units × positions
    ['Dense', { units: 4 }, [[null, 3]], 3 * 4],
    ['Dense', { units: 4 }, [[null, 5, 3]], 5 * 3 * 4],
    ['Dense', { units: 4 }, [[null, null, 3]], null],
    ['EinsumDense', { equation: 'abc,cde->abde', output_shape: [null, 2, 3] }, [[null, 4, 5]], 4 * 5 * 2 * 3],
    // output positions × kernel elements × input channels per group × filters
    ['Conv2D', { filters: 8, kernel_size: [3, 3], padding: 'same' }, [[null, 28, 28, 1]], 28 * 28 * 9 * 1 * 8],
    ['Conv2D', { filters: 4, kernel_size: 3, groups: 2 }, [[null, 7, 8, 2]], 5 * 6 * 9 * 1 * 4],
    ['Conv1D', { filters: 3, kernel_size: 3, strides: 2 }, [[null, 8, 2]], 3 * 3 * 2 * 3],
    ['Conv2D', { filters: 8, kernel_size: 3 }, [[null, null, null, 3]], null],
    // input positions × …
    ['Conv2DTranspose', { filters: 3, kernel_size: 3, strides: 2 }, [[null, 4, 5, 2]], 4 * 5 * 9 * 2 * 3],
    ['DepthwiseConv2D', { kernel_size: 3, depth_multiplier: 2 }, [[null, 7, 8, 2]], 5 * 6 * 9 * 2 * 2],
    ['SeparableConv2D', { filters: 3, kernel_size: 3 }, [[null, 7, 8, 2]], 5 * 6 * 9 * 2 + 5 * 6 * 2 * 3],
    ['LocallyConnected1D', { filters: 2, kernel_size: 3 }, [[null, 6, 2]], 4 * 3 * 2 * 2],
    // steps × gates × (in + units) × units
    ['SimpleRNN', { units: 3 }, [[null, 4, 2]], 4 * 1 * (2 + 3) * 3],
    ['GRU', { units: 3 }, [[null, 4, 2]], 4 * 3 * (2 + 3) * 3],
    ['LSTM', { units: 3 }, [[null, 4, 2]], 4 * 4 * (2 + 3) * 3],
    ['LSTM', { units: 3 }, [[null, null, 2]], null],
    ['ConvLSTM2D', { filters: 2, kernel_size: 3 }, [[null, 2, 5, 5, 1]], 2 * 4 * 9 * 9 * (1 + 2) * 2],
    ['Bidirectional', inner('LSTM', { units: 2 }), [[null, 3, 2]], 2 * (3 * 4 * (2 + 2) * 2)],
    ['TimeDistributed', inner('Dense', { units: 3 }), [[null, 4, 2]], 4 * 2 * 3],
    // projections (query, key, value), both products, output projection
    [
      'MultiHeadAttention',
      { num_heads: 2, key_dim: 3, value_dim: 4 },
      [
        [null, 4, 5],
        [null, 3, 6],
      ],
      4 * 5 * 6 + 3 * 6 * 6 + 3 * 6 * 8 + 4 * 3 * 6 + 4 * 3 * 8 + 4 * 8 * 5,
    ],
    [
      'Attention',
      {},
      [
        [null, 3, 4],
        [null, 5, 4],
      ],
      3 * 5 * 4 + 3 * 5 * 4,
    ],
    ['Embedding', { input_dim: 7, output_dim: 3 }, [[null, 4]], 0],
    ['BatchNormalization', {}, [[null, 8, 8, 3]], 0],
    ['MaxPooling2D', {}, [[null, 8, 8, 3]], 0],
    [
      'Add',
      {},
      [
        [null, 4],
        [null, 4],
      ],
      0,
    ],
  ])('%s %j', (className, config, shapes, macs) => {
    expect(layerFacts(callWith(className, config, shapes))?.macs).toBe(macs);
  });
});

describe('configs that cannot be', () => {
  it.each<[string, JsonObject, string]>([
    ['Dense', { units: -3 }, 'units'],
    ['Dense', { units: 'three' }, 'units'],
    ['Dense', { units: 2.5 }, 'units'],
    ['Dense', { units: 1e300 }, 'units'],
    ['Dense', { units: null }, 'units'],
    ['Dense', {}, 'units'],
    ['Dense', { units: 3, use_bias: 'yes' }, 'use_bias'],
    ['Conv2D', { filters: 2, kernel_size: [3] as number[], padding: 'round' }, 'padding'],
    ['Conv2D', { filters: 2, kernel_size: [3, 3, 3] }, 'kernel_size'],
    ['Conv2D', { filters: 2, kernel_size: [3, 0] }, 'kernel_size'],
    ['Conv2D', { filters: 2, kernel_size: 3, data_format: 7 }, 'data_format'],
    ['MaxPooling2D', { pool_size: [2, 'x'] }, 'pool_size'],
    ['ZeroPadding2D', { padding: [[1], 1] }, 'padding'],
    ['Permute', { dims: [1, 1, 2] }, 'dims'],
    ['TimeDistributed', { layer: 'Dense' }, 'layer'],
    ['Bidirectional', { ...inner('LSTM', { units: 2 }), merge_mode: 'max' }, 'merge_mode'],
  ])('%s %j', (className, config, key) => {
    const failure = failureOf(() => layerFacts(callWith(className, config, [[null, 8, 8, 4]])));
    expect([failure.code, failure.data.key]).toEqual(['bad-config', key]);
  });

  it('leaves sizes that no file can hold to the check against the weights', () => {
    const facts = layerFacts(callWith('Dense', { units: 10 ** 12 }, [[null, 3]]));
    expect(facts?.weights?.[0]?.shape).toEqual([3, 10 ** 12]);
  });
});

describe('shapes that cannot meet', () => {
  it.each<[string, JsonObject, Dims[]]>([
    ['Conv2D', { filters: 2, kernel_size: 3 }, [[null, 8, 8]]],
    ['Conv2D', { filters: 2, kernel_size: 9 }, [[null, 4, 4, 1]]],
    ['Conv2D', { filters: 2, kernel_size: 3, groups: 2 }, [[null, 8, 8, 3]]],
    ['Dense', { units: 3 }, [[null]]],
    ['LSTM', { units: 3 }, [[null, 4]]],
    [
      'Concatenate',
      {},
      [
        [null, 2, 3],
        [null, 4, 3],
      ],
    ],
    [
      'Concatenate',
      { axis: 5 },
      [
        [null, 2, 3],
        [null, 2, 3],
      ],
    ],
    [
      'Add',
      {},
      [
        [null, 2, 3],
        [null, 2, 4],
      ],
    ],
    [
      'Dot',
      { axes: 1 },
      [
        [null, 4],
        [null, 5],
      ],
    ],
    ['Reshape', { target_shape: [5] }, [[null, 4]]],
    ['Cropping2D', { cropping: 2 }, [[null, 4, 4, 1]]],
    ['BatchNormalization', { axis: 3 }, [[null, 4]]],
  ])('%s %j on %j', (className, config, shapes) => {
    const failure = failureOf(() => layerFacts(callWith(className, config, shapes)));
    expect(failure.code).toBe('shape-mismatch');
    expect(failure.data).toHaveProperty('expected');
    expect(failure.data).toHaveProperty('actual');
  });
});

describe('what is unknown', () => {
  it.each(['toString', 'constructor', '__proto__', 'acme>Mystery', 'Functional', ''])('class %j', (className) => {
    expect(layerFacts(callWith(className, {}, [[null, 3]]))).toBeNull();
    expect(isKnownClass(className)).toBe(false);
  });

  it.each<[string, JsonObject, number, string[] | null]>([
    ['Dense', { units: 3 }, 1, null],
    ['Embedding', { input_dim: 5, output_dim: 2 }, 1, ['embeddings']],
    ['LSTM', { units: 3, return_state: true }, 3, null],
    ['Conv2D', { filters: 3, kernel_size: 3 }, 1, null],
    ['Flatten', {}, 1, []],
    ['TimeDistributed', inner('Mystery', {}), 1, null],
    ['TimeDistributed', inner('Functional', {}), 1, null],
    ['RNN', { cell: { class_name: 'MyCell', config: {} } }, 1, null],
  ])('%s on an input of unknown shape', (className, config, outputs, weights) => {
    const facts = layerFacts(callWith(className, config, [null]));
    expect(facts?.outputs.map((output) => output.shape)).toEqual(Array.from({ length: outputs }, () => null));
    expect(facts?.weights?.map((weight) => weight.name) ?? null).toEqual(weights);
  });

  it('follows a Sequential inside a wrapper', () => {
    const layers: JsonObject[] = [
      { class_name: 'InputLayer', config: { batch_shape: [null, 8] } },
      { class_name: 'Dense', config: { name: 'a', units: 4 } },
      { class_name: 'Dense', config: { name: 'b', units: 2, use_bias: false } },
    ];
    const facts = layerFacts(callWith('TimeDistributed', inner('Sequential', { name: 'net', layers }), [[null, 5, 8]]));
    expect(facts?.outputs[0]?.shape).toEqual([null, 5, 2]);
    expect(facts?.weights?.map(({ name, shape }) => [name, ...shape])).toEqual([
      ['net/a/kernel', 8, 4],
      ['net/a/bias', 4],
      ['net/b/kernel', 4, 2],
    ]);
    expect(facts?.macs).toBe(5 * (8 * 4 + 4 * 2));
  });

  it('refuses wrappers nested too deeply', () => {
    let config = inner('Dense', { units: 1 });
    for (let i = 0; i < 50_000; i += 1) config = inner('TimeDistributed', config);
    const shape = Array.from({ length: 60_000 }, () => null);
    expect(failureOf(() => layerFacts(callWith('TimeDistributed', config, [shape]))).code).toBe('too-deep');
  });
});

describe('dtype policies', () => {
  const policy = (name: string): JsonObject => ({ module: 'keras', class_name: 'DTypePolicy', config: { name } });
  it.each<[string, JsonObject, string, string]>([
    ['nothing', {}, 'float32', 'float32'],
    ['a name', { dtype: 'float16' }, 'float16', 'float16'],
    ['a policy', { dtype: policy('mixed_float16') }, 'float16', 'float32'],
    [
      'a Keras 2 policy',
      { dtype: { class_name: 'Policy', config: { name: 'mixed_bfloat16' } } },
      'bfloat16',
      'float32',
    ],
    [
      'a policy per path',
      { dtype: { class_name: 'DTypePolicyMap', config: { default_policy: 'float16' } } },
      'float16',
      'float16',
    ],
  ])('%s', (_, config, output, variable) => {
    const facts = layerFacts(callWith('Dense', { units: 2, ...config }, [[null, 3]]));
    expect([facts?.outputs[0]?.dtype, facts?.weights?.[0]?.dtype]).toEqual([output, variable]);
  });

  it('casts floats only', () => {
    const flatten = (dtype: string): string | null | undefined =>
      layerFacts({ ...callWith('Flatten', { dtype: 'mixed_float16' }, []), inputs: [{ shape: [null, 4], dtype }] })
        ?.outputs[0]?.dtype;
    expect(['float32', 'int32', 'bool'].map(flatten)).toEqual(['float16', 'int32', 'bool']);
  });
});

/** Layers in the order of a Sequential or a chain, each fed the one before: enough for these fixtures. */
function chainFacts(file: string): LayerFacts[] {
  const topology = JSON.parse(readFileSync(path.join(kerasFolder, file), 'utf8')) as {
    modelTopology: { model_config: { config: { layers: { class_name: string; config: JsonObject }[] } } };
  };
  const found: LayerFacts[] = [];
  for (const { class_name, config } of topology.modelTopology.model_config.config.layers) {
    const inputs = found.at(-1)?.outputs ?? [];
    const facts = layerFacts({ className: class_name, config, keras: 2, inputs, args: [], kwargs: {} });
    if (facts !== null) found.push(facts);
  }
  return found;
}

it('counts 2,440,960 multiply-accumulates in digits-cnn', () => {
  const facts = chainFacts('digits-cnn/tfjs-keras2-h5/model.json');
  expect(facts.reduce((total, layer) => total + (layer.macs ?? NaN), 0)).toBe(2_440_960);
});

interface ApplicationTopology {
  config: { layers: { name: string; class_name: string; config: JsonObject; inbound_nodes: unknown[] }[] };
}

interface ApplicationGolden {
  layers: [
    address: string,
    className: string,
    shapes: Dims[][],
    params: number,
    trainable: number,
    weights: number[][],
  ][];
}

const applications = ['MobileNetV2', 'ResNet50', 'VGG16', 'EfficientNetB0', 'DenseNet121', 'NASNetMobile'];

/** The layers that an inbound node names, in either Keras's notation. */
function sourcesOf(node: unknown): string[] {
  const text = JSON.stringify(node);
  const modern = [...text.matchAll(/"keras_history":\["([^"]+)"/g)];
  return (modern.length > 0 ? modern : [...text.matchAll(/\["([^"]+)",0,0,/g)]).map((match) => match[1] ?? '');
}

describe.each([
  ...applications.map((name) => ({ name, keras: 3 as const })),
  ...['MobileNetV2.keras2', 'EfficientNetB0.keras2'].map((name) => ({ name, keras: 2 as const })),
])('$name of keras.applications', ({ name, keras }) => {
  const read = (kind: string): unknown =>
    JSON.parse(
      gunzipSync(readFileSync(path.join(kerasFolder, 'applications', `${name}.${kind}.json.gz`))).toString('utf8'),
    );

  it('has the shapes and parameters of Keras in every layer', () => {
    const topology = read('topology') as ApplicationTopology;
    const golden = (read('golden') as ApplicationGolden).layers;
    const outputs = new Map<string, TensorInfo[]>();
    const told = topology.config.layers.map(({ name: layer, class_name, config, inbound_nodes }) => {
      const inputs = sourcesOf(inbound_nodes).flatMap((source) => outputs.get(source) ?? []);
      const facts = layerFacts({ className: class_name, config, keras, inputs, args: [], kwargs: {} });
      outputs.set(layer, facts?.outputs ?? []);
      const weights = facts?.weights ?? [];
      const count = (some: WeightSpec[]): number =>
        some.reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
      const trainable = count(weights.filter((weight) => weight.trainable));
      const shapes = facts?.outputs.map((output) => output.shape);
      return [layer, class_name, [shapes], count(weights), trainable, weights.map(({ shape }) => shape)];
    });
    expect(told).toEqual(golden);
  });
});

function failureOf(action: () => unknown): SlicerError {
  try {
    action();
  } catch (error) {
    if (error instanceof SlicerError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
