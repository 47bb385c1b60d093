import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { TFJS_PASSES_MASKS } from '../../../../src/core/slicing/tfjsMasks';
import {
  embedding,
  embeddingWeights,
  input,
  layer,
  layer3,
  lstm,
  lstmLayer,
  lstmWeights,
  model,
  operation,
  SENTENCES,
  STEPS,
  WIDTH,
  withoutMasked,
  type Keras3Tensor,
} from './maskedModels';
import { largestDifference, loadPlain, type OpenedFile, predict, sliceLayers } from './plainTfjsModel';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const tokens: Keras3Tensor = { name: 'tokens', shape: [STEPS], dtype: 'int32' };
const embedded: Keras3Tensor = { name: 'embed', shape: [STEPS, WIDTH] };
const present: Keras3Tensor = { name: 'not_equal', shape: [STEPS], dtype: 'bool' };

const [words] = embeddingWeights('embed');
const first = lstmWeights('first', WIDTH, 2);
const second = lstmWeights('second', 2, 2);
const look = (x: tf.Tensor2D): tf.Tensor => tf.gather(words?.tensor as tf.Tensor2D, x);
const sequence = (returnSequences: boolean): ((x: tf.Tensor) => tf.Tensor) => lstmLayer(2, first, { returnSequences });

/** The whole model as a slice in plain TF.js. */
async function inPlainTfjs(file: OpenedFile, outputs: string[] = []): Promise<tf.Tensor[]> {
  const slice = sliceLayers(file.model, { outputs, inputs: [] });
  expect(slice.plan.notExportable).toEqual([]);
  return predict(await loadPlain(slice, file), [tf.tensor2d(SENTENCES, undefined, 'int32')]);
}

const reasons = (file: OpenedFile): string[] =>
  planCut(file.model, { outputs: [], inputs: [] }).notExportable.map(({ address, reason }) => `${address}: ${reason}`);

describe('masks that Keras 3 writes as arguments', () => {
  const stacked = (more: object = {}): OpenedFile =>
    model(
      [
        input('tokens', [STEPS], 'int32'),
        layer3('Embedding', 'embed', embedding, tokens),
        operation('NotEqual', 'not_equal', {}, [tokens], 0),
        layer3('Dropout', 'drop', { rate: 0.5 }, embedded),
        layer3('LSTM', 'first', lstm(2, { return_sequences: true }), { name: 'drop', shape: [STEPS, WIDTH] }, present),
        layer3('LSTM', 'second', lstm(2, more), { name: 'first', shape: [STEPS, 2] }, present),
      ],
      ['tokens'],
      ['second'],
      [...(words ? [words] : []), ...first, ...second],
      3,
    );

  test('are left out where TF.js hands on the same mask, and the numbers are those of the steps that count', async () => {
    const file = stacked();
    const { plan, modelConfig } = sliceLayers(file.model, { outputs: [], inputs: [] });
    expect(plan.layers).toEqual(['tokens', 'embed', 'drop', 'first', 'second']);
    expect(JSON.stringify(modelConfig)).not.toContain('not_equal');
    const [found] = await inPlainTfjs(file);
    const last = lstmLayer(2, second);
    const expected = withoutMasked((row) => last(sequence(true)(look(row))));
    expect(largestDifference(found as tf.Tensor, expected)).toBeLessThan(1e-6);
  });

  test('cross a cut behind their source', () => {
    const { model: source } = stacked();
    expect(() => planCut(source, { outputs: [], inputs: ['drop'] })).toThrow(
      /^mask-crosses {"address":"drop","neededBy":"first","source":"embed"/,
    );
    expect(() => planCut(source, { outputs: ['second'], inputs: ['first'] })).toThrow(/"source":"embed"/);
    // the mask is not read before this
    expect(planCut(source, { outputs: ['drop'], inputs: ['embed'] }).boundary.closed).toBe(true);
  });

  test('come along with what they are made of, or are supplied themselves', () => {
    const { model: source } = stacked();
    const made = planCut(source, { outputs: [], inputs: ['drop', 'tokens'] });
    expect(made.boundary.closed).toBe(true);
    expect(made.notExportable.map(({ address }) => address)).toContain('first');
    const given = planCut(source, { outputs: [], inputs: ['drop', 'not_equal'] });
    expect(given.boundary.closed).toBe(true);
    expect(given.inputs.map(({ address, dtype }) => [address, dtype])).toEqual([
      ['drop', 'float32'],
      ['not_equal', 'bool'],
    ]);
    expect(given.notExportable).toEqual([
      { address: 'first', reason: 'TF.js cannot be given its mask, and would not hand on the same by itself' },
      { address: 'second', reason: 'TF.js cannot be given its mask, and would not hand on the same by itself' },
    ]);
    // supplied, though TF.js would make the same: the user wants to say it
    const both = planCut(source, { outputs: [], inputs: ['tokens', 'not_equal'] });
    expect(both.inputs.map(({ address }) => address)).toEqual(['tokens', 'not_equal']);
    expect(both.notExportable).not.toEqual([]);
  });

  test('of a Masking are known by its value', async () => {
    const series: Keras3Tensor = { name: 'series', shape: [STEPS, WIDTH] };
    const build = (value: number): OpenedFile =>
      model(
        [
          input('series', [STEPS, WIDTH]),
          layer3('Masking', 'masking', { mask_value: 0.5 }, series),
          operation('NotEqual', 'not_equal', {}, [series], value),
          operation('Any', 'any', { axis: -1, keepdims: false }, [{ ...series, name: 'not_equal', dtype: 'bool' }]),
          layer3('LSTM', 'first', lstm(2), { name: 'masking', shape: [STEPS, WIDTH] }, { ...present, name: 'any' }),
        ],
        ['series'],
        ['first'],
        first,
        3,
      );
    const file = build(0.5);
    const slice = sliceLayers(file.model, { outputs: [], inputs: [] });
    expect(slice.plan.notExportable).toEqual([]);
    const rows = SENTENCES.map((row) => row.map((word) => (word === 0 ? [0.5, 0.5, 0.5] : [word, 0.5, -word])));
    const [found] = predict(await loadPlain(slice, file), [tf.tensor3d(rows)]);
    const counted = rows.flatMap((row) =>
      Array.from(sequence(false)(tf.tensor3d([row.filter(([, , last]) => last !== 0.5)])).dataSync()),
    );
    expect(largestDifference(found as tf.Tensor, counted)).toBeLessThan(1e-6);
    expect(reasons(build(0))[0]).toMatch(/^first: TF.js cannot be given its mask/);
  });

  test('of one input do not fit a merge that TF.js does in another way', () => {
    const file = model(
      [
        input('tokens', [STEPS], 'int32'),
        layer3('Embedding', 'embed', embedding, tokens),
        operation('NotEqual', 'not_equal', {}, [tokens], 0),
        layer3('Add', 'add', {}, [embedded, embedded]),
        layer3('LSTM', 'first', lstm(2), { ...embedded, name: 'add' }, present),
      ],
      ['tokens'],
      ['first'],
      [...(words ? [words] : []), ...first],
      3,
    );
    expect(reasons(file)[0]).toMatch(/^first: TF.js cannot be given its mask/);
  });
});

describe('masks and nested models', () => {
  const nested = (name: string, kind: 'Sequential' | 'Functional', inside: object[], from: string): object => ({
    class_name: kind,
    name,
    config: { name, layers: inside },
    inbound_nodes: [[[from, 0, 0, {}]]],
  });
  const shape = { batch_input_shape: [null, STEPS, WIDTH] };
  const inner = (class_name: string, name: string, config: object): object => ({
    class_name,
    config: { name, trainable: true, dtype: 'float32', ...config },
  });

  test('a mask that enters one is used inside, as TF.js does', async () => {
    const file = model(
      [
        input('tokens', [STEPS], 'int32'),
        layer('Embedding', 'embed', embedding, 'tokens'),
        nested('tower', 'Sequential', [inner('LSTM', 'first', { ...lstm(2), ...shape })], 'embed'),
      ],
      ['tokens'],
      ['tower#1'],
      [...(words ? [words] : []), ...first],
    );
    const [found] = await inPlainTfjs(file);
    const expected = withoutMasked((row) => sequence(false)(look(row)));
    expect(largestDifference(found as tf.Tensor, expected)).toBeLessThan(1e-6);
    expect(() => planCut(file.model, { outputs: [], inputs: ['embed'] })).toThrow(
      /"address":"embed","neededBy":"tower\/first","source":"embed"/,
    );
  });

  test('a mask that is made inside one is not handed out by TF.js', async () => {
    const file = model(
      [
        input('tokens', [STEPS], 'int32'),
        nested(
          'tower',
          'Sequential',
          [inner('Embedding', 'embed', { ...embedding, batch_input_shape: [null, STEPS] })],
          'tokens',
        ),
        layer('LSTM', 'first', lstm(2), ['tower', 1]),
      ],
      ['tokens'],
      ['first'],
      [...(words ? [words] : []), ...first],
    );
    expect(reasons(file)).toEqual(['first: TF.js does not hand it its mask']);
    // and it really does not
    const slice = sliceLayers(file.model, { outputs: [], inputs: [] });
    const [found] = predict(await loadPlain(slice, file), [tf.tensor2d(SENTENCES, undefined, 'int32')]);
    const expected = withoutMasked((row) => sequence(false)(look(row)));
    expect(largestDifference(found as tf.Tensor, expected)).toBeGreaterThan(1e-3);
    // opened, the mask is there
    expect(planCut(file.model, { outputs: ['first', 'tower/embed'], inputs: [] }).notExportable).toEqual([]);
    expect(() => planCut(file.model, { outputs: [], inputs: ['tower'] })).toThrow(
      /"address":"tower","neededBy":"first","source":"tower\/embed"/,
    );
  });

  test('an unmasked branch inside one gets the mask of another', () => {
    const inside = [
      input('a', [STEPS, WIDTH]),
      input('b', [STEPS, WIDTH]),
      layer('LSTM', 'first', lstm(2), 'a'),
      layer('LSTM', 'second', lstm(2), 'b'),
      layer('Concatenate', 'join', { axis: -1 }, 'first', 'second'),
    ];
    const tower = {
      class_name: 'Functional',
      name: 'tower',
      config: {
        name: 'tower',
        layers: inside,
        input_layers: [
          ['a', 0, 0],
          ['b', 0, 0],
        ],
        output_layers: [['join', 0, 0]],
      },
      inbound_nodes: [
        [
          ['embed', 0, 0, {}],
          ['plain', 0, 0, {}],
        ],
      ],
    };
    const file = model(
      [
        input('tokens', [STEPS], 'int32'),
        input('plain', [STEPS, WIDTH]),
        layer('Embedding', 'embed', embedding, 'tokens'),
        tower,
      ],
      ['tokens', 'plain'],
      ['tower#1'],
      [...(words ? [words] : []), ...first, ...lstmWeights('second', WIDTH, 2)],
    );
    expect(reasons(file)).toEqual(['tower/second: TF.js hands it the mask of another branch']);
  });

  test('initial states stay for the layers after it', async () => {
    const inside = [
      input('x', [STEPS, WIDTH]),
      layer('LSTM', 'first', lstm(2, { return_sequences: true, return_state: true }), 'x'),
      {
        ...layer('LSTM', 'second', lstm(2, { return_sequences: true })),
        inbound_nodes: [
          [
            ['first', 0, 0, {}],
            ['first', 0, 1, {}],
            ['first', 0, 2, {}],
          ],
        ],
      },
      layer('LSTM', 'third', lstm(2), 'second'),
    ];
    const weights = [...first, ...second, ...lstmWeights('third', 2, 2)];
    const config = { name: 'tower', layers: inside, input_layers: [['x', 0, 0]], output_layers: [['third', 0, 0]] };
    const flat = model(inside, ['x'], ['third'], weights);
    expect(reasons(flat)).toEqual([]);
    const file = model(
      [
        input('x', [STEPS, WIDTH]),
        { class_name: 'Functional', name: 'tower', config, inbound_nodes: [[['x', 0, 0, {}]]] },
      ],
      ['x'],
      ['tower#1'],
      weights,
    );
    expect(reasons(file)).toEqual(['tower/third: TF.js hands it the initial states of tower/second']);
    // it really does: the same layers, nested, cannot be run
    const x = tf.randomNormal([2, STEPS, WIDTH], 0, 1, 'float32', 2);
    const cut = { outputs: [], inputs: [] };
    expect(predict(await loadPlain(sliceLayers(flat.model, cut), flat), [x])).toHaveLength(1);
    const loaded = await loadPlain(sliceLayers(file.model, cut), file);
    expect(() => predict(loaded, [x])).toThrow('neither initialState');
  });
});

test('the classes that TF.js lets a mask through are known', () => {
  const built: Record<string, () => tf.layers.Layer> = {
    Dense: () => tf.layers.dense({ units: 1 }),
    LeakyReLU: () => tf.layers.leakyReLU(),
    ReLU: () => tf.layers.reLU(),
    PReLU: () => tf.layers.prelu(),
    ELU: () => tf.layers.elu(),
    ThresholdedReLU: () => tf.layers.thresholdedReLU(),
    Softmax: () => tf.layers.softmax(),
    Activation: () => tf.layers.activation({ activation: 'tanh' }),
    Dropout: () => tf.layers.dropout({ rate: 0.5 }),
    SpatialDropout1D: () => tf.layers.spatialDropout1d({ rate: 0.5 }),
    GaussianNoise: () => tf.layers.gaussianNoise({ stddev: 1 }),
    GaussianDropout: () => tf.layers.gaussianDropout({ rate: 0.5 }),
    AlphaDropout: () => tf.layers.alphaDropout({ rate: 0.5 }),
    BatchNormalization: () => tf.layers.batchNormalization(),
    LayerNormalization: () => tf.layers.layerNormalization(),
    TimeDistributed: () => tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 1 }) }),
    Conv1D: () => tf.layers.conv1d({ filters: 1, kernelSize: 1 }),
    Flatten: () => tf.layers.flatten(),
    Reshape: () => tf.layers.reshape({ targetShape: [1] }),
    Permute: () => tf.layers.permute({ dims: [2, 1] }),
    RepeatVector: () => tf.layers.repeatVector({ n: 2 }),
    GlobalAveragePooling1D: () => tf.layers.globalAveragePooling1d({}),
    GlobalMaxPooling1D: () => tf.layers.globalMaxPooling1d({}),
    MaxPooling1D: () => tf.layers.maxPooling1d({}),
    UpSampling2D: () => tf.layers.upSampling2d({}),
  };
  const passing = Object.entries(built).filter(([, make]) => make().supportsMasking);
  expect(passing.map(([name]) => name).sort()).toEqual([...TFJS_PASSES_MASKS].filter((name) => name in built).sort());
});
