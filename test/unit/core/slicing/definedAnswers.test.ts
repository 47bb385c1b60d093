/** Cuts that could mean several things, or nothing: each has one answer, and says it. */
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Cut } from '../../../../src/core/slicing/slice';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { keras } from '../../../fixtures';
import { input, layer, lstm, lstmWeights, model } from './maskedModels';
import {
  largestDifference,
  loadPlain,
  openFile,
  openTopology,
  predict,
  sliceLayers,
  type OpenedFile,
} from './plainTfjsModel';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const open = (fixture: string, format = 'tfjs-keras2-h5'): OpenedFile =>
  openFile(path.join(keras, fixture, format, 'model.json'));

async function run(file: OpenedFile, cut: Cut, inputs: tf.Tensor[]): Promise<tf.Tensor[]> {
  const slice = sliceLayers(file.model, cut);
  expect(slice.plan.notExportable).toEqual([]);
  return predict(await loadPlain(slice, file), inputs);
}

const noise = (shape: number[], seed = 1): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
const values = (tensor: tf.Tensor | undefined): ArrayLike<number> => tensor?.dataSync() ?? [];

describe('an output that is an input is handed through', () => {
  const residual = open('residual-block');
  const image = noise([3, 12, 12, 3]);
  test('alone', async () => {
    const cut = { outputs: ['image'], inputs: [] };
    const { plan } = sliceLayers(residual.model, cut);
    expect(plan).toMatchObject({ calls: 0, weightBytes: 0, boundary: { closed: true } });
    expect(plan.notes).toEqual([
      { address: 'image', message: 'image is an input of the slice, which hands it through.' },
    ]);
    const [found] = await run(residual, cut, [image]);
    expect(largestDifference(found as tf.Tensor, values(image))).toBe(0);
  });
  test('beside others, in the order asked for', async () => {
    const [first, second, third] = await run(residual, { outputs: ['stem', 'image', 'conv1'], inputs: [] }, [image]);
    expect([first?.shape, second?.shape, third?.shape]).toEqual([
      [3, 12, 12, 6],
      [3, 12, 12, 3],
      [3, 12, 12, 6],
    ]);
    expect(largestDifference(second as tf.Tensor, values(image))).toBe(0);
  });
  test('where the cut supplies it', async () => {
    const stem = noise([1, 12, 12, 6]);
    const [found, after] = await run(residual, { outputs: ['stem', 'conv1'], inputs: ['stem'] }, [stem]);
    expect(largestDifference(found as tf.Tensor, values(stem))).toBe(0);
    expect(after?.shape).toEqual([1, 12, 12, 6]);
  });
});

describe('what is asked for in vain', () => {
  const residual = open('residual-block').model;
  const own = planCut(residual, { outputs: [], inputs: [] });
  test('an empty cut is the whole model', () => {
    expect(own.outputs.map(({ address }) => address)).toEqual(residual.graph.outputs.map((output) => output.layer));
    expect(own.inputs.map(({ address }) => address)).toEqual(['image']);
    expect(own.boundary).toEqual({ closed: true, missing: [], suggestions: [] });
  });
  test('an output that the inputs do not lead to needs the inputs of the model', () => {
    const last = own.outputs[0]?.address ?? '';
    const plan = planCut(residual, { outputs: ['stem'], inputs: [last] });
    expect(plan.boundary.missing).toEqual([{ address: 'image', shape: [null, 12, 12, 3], neededBy: ['stem'] }]);
    expect(plan.boundary.suggestions.map(({ inputs }) => inputs)).toEqual([['image']]);
    expect(plan.notes.map(({ message }) => message)).toEqual([
      `${last} is not needed for these outputs and is not an input of the slice.`,
    ]);
  });
  test('one tensor under two addresses comes once', () => {
    const nested = open('nested-sequential').model;
    const around = nested.graph.layers.find(({ graph }) => graph);
    const [outer] = around?.calls[0]?.inputs ?? [];
    const inside = `${around?.name ?? ''}/${around?.graph?.inputs[0]?.layer ?? ''}`;
    const plan = planCut(nested, { outputs: [], inputs: [outer?.layer ?? '', inside] });
    expect(plan.inputs).toHaveLength(1);
    expect(plan.notes.map(({ message }) => message)).toContain(
      `${inside} is the same tensor as ${outer?.layer ?? ''} and is there once.`,
    );
  });
});

describe('names', () => {
  const dense = (name: string, ...from: string[]): object =>
    layer('Dense', name, { units: 3, use_bias: false }, ...from);
  const weights = (name: string): { name: string; tensor: tf.Tensor } => ({
    name: `${name}/kernel`,
    tensor: noise([3, 3]),
  });
  test('of new inputs differ from those of layers', async () => {
    const names = ['a', 'a_input', 'a_input_1', 'b'];
    const file = model(
      [
        input('in', [3]),
        dense('a', 'in'),
        dense('a_input', 'a'),
        dense('a_input_1', 'a_input'),
        dense('b', 'a_input_1'),
      ],
      ['in'],
      ['b'],
      names.map(weights),
    );
    const cut = { outputs: ['b'], inputs: ['a'] };
    const { plan } = sliceLayers(file.model, cut);
    const [name = ''] = plan.inputs.map((tensor) => tensor.name);
    expect(names.slice(1)).not.toContain(name);
    expect(plan.notes.map(({ message }) => message)).toContain(`The input ${name} takes the place of a.`);
    const [found] = await run(file, cut, [noise([2, 3])]);
    expect(found?.shape).toEqual([2, 3]);
  });
});

describe('stateful layers', () => {
  const weights = [...lstmWeights('first', 3, 2), ...lstmWeights('second', 2, 2)];
  const build = (batch: number | null): OpenedFile => {
    const fixed = { name: 'x', batch_input_shape: [batch, 5, 3], dtype: 'float32', sparse: false };
    return model(
      [
        { class_name: 'InputLayer', name: 'x', config: fixed, inbound_nodes: [] },
        layer('LSTM', 'first', lstm(2, { return_sequences: true, stateful: batch !== null }), 'x'),
        layer('LSTM', 'second', lstm(2, { stateful: true }), 'first'),
      ],
      ['x'],
      ['second'],
      weights,
    );
  };
  test('keep the batch size where the start is in the middle, and say that states must be reset', async () => {
    const file = build(2);
    const cut = { outputs: [], inputs: ['first'] };
    const slice = sliceLayers(file.model, cut);
    expect(slice.plan.inputs[0]?.shape).toEqual([2, 5, 2]);
    expect(slice.plan.notes.map(({ message }) => message)).toContain(
      'second keeps its states from run to run: reset them before each (`resetStates()`).',
    );
    const loaded = await loadPlain(slice, file);
    const x = noise([2, 5, 2]);
    const [first] = predict(loaded, [x]).map((tensor) => values(tensor));
    expect(largestDifference(predict(loaded, [x])[0] as tf.Tensor, first ?? [])).toBeGreaterThan(1e-4);
    loaded.resetStates();
    expect(largestDifference(predict(loaded, [x])[0] as tf.Tensor, first ?? [])).toBe(0);
  });
  test('without a batch size are nothing that TF.js could load', async () => {
    const file = build(null);
    const slice = sliceLayers(file.model, { outputs: [], inputs: ['first'] });
    expect(slice.plan.notExportable).toEqual([
      { address: 'second', reason: 'TF.js needs a fixed batch size for a stateful layer' },
    ]);
    await expect(loadPlain(slice, file)).rejects.toThrow(/batch size/);
  });
});

describe('sizes that are not known', () => {
  const custom = { class_name: 'Acme>Mystery', name: 'mystery', config: { name: 'mystery', trainable: true } };
  const file = model(
    [
      input('in', [null, 3]),
      layer('Activation', 'tanh', { activation: 'tanh' }, 'in'),
      layer('Dense', 'dense', { units: 2, use_bias: false }, 'tanh'),
      { ...custom, inbound_nodes: [[['dense', 0, 0, {}]]] },
      layer('Activation', 'relu', { activation: 'relu' }, 'mystery'),
    ],
    ['in'],
    ['relu'],
    [{ name: 'dense/kernel', tensor: noise([3, 2]) }],
  );
  test('lengths are left open', async () => {
    const cut = { outputs: ['dense'], inputs: ['tanh'] };
    expect(sliceLayers(file.model, cut).plan.inputs[0]?.shape).toEqual([null, null, 3]);
    const [found] = await run(file, cut, [noise([2, 7, 3])]);
    expect(found?.shape).toEqual([2, 7, 2]);
  });
  test('a tensor of which not even the rank is known cannot be an input in TF.js', () => {
    const plan = planCut(file.model, { outputs: ['relu'], inputs: ['mystery'] });
    expect(plan.boundary.closed).toBe(true);
    expect(plan.notExportable).toEqual([
      { address: 'mystery', reason: 'its number of axes is not known, which TF.js needs of an input' },
    ]);
  });
});

describe('calls in training mode', () => {
  const normalize = { axis: [1], momentum: 0.99, epsilon: 0.001, center: true, scale: true };
  const build = (training: boolean): OpenedFile =>
    model(
      [
        input('in', [3]),
        {
          ...layer('BatchNormalization', 'norm', normalize),
          inbound_nodes: [[['in', 0, 0, { training }]]],
        },
      ],
      ['in'],
      ['norm'],
      ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((part) => ({
        name: `norm/${part}`,
        tensor: tf.ones([3]),
      })),
    );
  test('false says what is so in any case', async () => {
    const [found] = await run(build(false), { outputs: [], inputs: [] }, [tf.tensor2d([[1, 1, 1]])]);
    expect(Array.from(values(found))).toEqual([1, 1, 1]);
  });
  test('true is refused: TF.js would leave it out', () => {
    expect(planCut(build(true).model, { outputs: [], inputs: [] }).notExportable).toEqual([
      { address: 'norm', reason: 'it is called in training mode, which TF.js leaves out' },
    ]);
  });
});

describe('layers with several outputs', () => {
  const weights = lstmWeights('cell', 3, 2);
  const file = model(
    [
      input('x', [5, 3]),
      layer('LSTM', 'cell', lstm(2, { return_sequences: true, return_state: true }), 'x'),
      {
        ...layer('Add', 'sum', {}),
        inbound_nodes: [
          [
            ['cell', 0, 1, {}],
            ['cell', 0, 2, {}],
          ],
        ],
      },
      {
        ...layer('Concatenate', 'join', { axis: -1 }),
        inbound_nodes: [
          [
            ['sum', 0, 0, {}],
            ['cell', 0, 2, {}],
          ],
        ],
      },
    ],
    ['x'],
    ['join'],
    weights,
  );
  const x = noise([2, 5, 3]);
  const cell = tf.layers.lstm({ units: 2, recurrentActivation: 'sigmoid', returnSequences: true, returnState: true });
  const states = (): tf.Tensor[] => {
    (cell.apply(x) as tf.Tensor[]).forEach((tensor) => tensor.dispose());
    cell.setWeights(weights.map(({ tensor }) => tensor));
    return cell.apply(x) as tf.Tensor[];
  };
  test('hand out those that are asked for', async () => {
    const [, hidden, carried] = states();
    const found = await run(file, { outputs: ['cell:2', 'cell:1'], inputs: [] }, [x]);
    expect(largestDifference(found[0] as tf.Tensor, values(carried))).toBe(0);
    expect(largestDifference(found[1] as tf.Tensor, values(hidden))).toBe(0);
  });
  test('are replaced output by output', async () => {
    const [, hidden, carried] = states();
    const cut = { outputs: ['join'], inputs: ['cell:2', 'cell:1'] };
    expect(sliceLayers(file.model, cut).plan.inputs.map(({ name }) => name)).toEqual(['cell_2_input', 'cell_1_input']);
    const [found] = await run(file, cut, [carried as tf.Tensor, hidden as tf.Tensor]);
    const [whole] = await run(file, { outputs: [], inputs: [] }, [x]);
    expect(largestDifference(found as tf.Tensor, values(whole))).toBe(0);
  });
  test('lack the output that is not given', () => {
    const { missing } = planCut(file.model, { outputs: ['join'], inputs: ['cell:1'] }).boundary;
    expect(missing).toMatchObject([{ address: 'cell:2', shape: [null, 2], neededBy: ['sum', 'join'] }]);
  });
});

describe('a Sequential stays one', () => {
  const classOf = (file: OpenedFile, cut: Cut): unknown => sliceLayers(file.model, cut).modelConfig.class_name;
  test('from the middle to the middle', async () => {
    const file = open('digits-cnn');
    const cut = { outputs: ['pool_2'], inputs: ['conv_1'] };
    expect(classOf(file, cut)).toBe('Sequential');
    const [found] = await run(file, cut, [noise([1, 26, 26, 32])]);
    expect(found?.shape.slice(0, 1)).toEqual([1]);
  });
  test('with an input shape in its first layer only', async () => {
    const dense = (name: string, more: object = {}): object => ({
      class_name: 'Dense',
      config: { name, units: 3, use_bias: false, trainable: true, dtype: 'float32', activation: 'tanh', ...more },
    });
    const config = { name: 'chain', layers: [dense('a', { batch_input_shape: [null, 3] }), dense('b'), dense('c')] };
    const weights = ['a', 'b', 'c'].map((name, i) => ({ name: `${name}/kernel`, tensor: noise([3, 3], i + 1) }));
    const file = openTopology({ class_name: 'Sequential', config }, weights);
    const x = noise([2, 3]);
    const [whole] = await run(file, { outputs: [], inputs: [] }, [x]);
    const [head] = await run(file, { outputs: ['a'], inputs: [] }, [x]);
    const [tail] = await run(file, { outputs: [], inputs: ['a'] }, [head as tf.Tensor]);
    expect(largestDifference(tail as tf.Tensor, values(whole))).toBe(0);
    for (const cut of [
      { outputs: ['a'], inputs: [] },
      { outputs: [], inputs: ['a'] },
      { outputs: ['b'], inputs: ['a'] },
    ])
      expect(classOf(file, cut)).toBe('Sequential');
  });
});
