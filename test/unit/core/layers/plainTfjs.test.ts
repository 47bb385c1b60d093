import { abs, layers, max, sequential, serialization, sub, tensor } from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PlainTfjs, TfjsLayer } from '../../../../src/core/layers/catalogue';
import { plainTfjs } from '../../../../src/core/layers/plainTfjs';
import { TFJS_CLASSES } from '../../../../src/core/layers/tfjsVocabulary';
import type { JsonObject, JsonValue } from '../../../../src/core/model/json';
import { isJsonObject } from '../../../../src/core/model/json';
import { callOf, coverage } from './coverageCases';
import type { CoverageCase } from './coverageCases';
import { distance, runInTfjs, startTfjs } from './tfjsRun';

beforeAll(startTfjs);

/** Whether tfjs registers a layer class: the registry also holds initializers and the like. */
function tfjsHas(className: string): boolean {
  const map = serialization.SerializationMap.getMap().classNameMap;
  const registered = Object.hasOwn(map, className) ? map[className]?.[0] : undefined;
  return registered !== undefined && 'call' in registered.prototype;
}

/** The config as a file gives it to tfjs after the usual repairs: dtype policies as names. */
function repaired(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(repaired);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const policy = key === 'dtype' && isJsonObject(item) && isJsonObject(item.config ?? null);
      return [key, policy ? ((item.config as JsonObject).name ?? null) : repaired(item)];
    }),
  );
}

describe.each(coverage)('what real tfjs makes of the cases of Keras $keras', ({ keras, cases }) => {
  it.each(cases.map((row) => ({ id: row.id, row })))('$id', async ({ row }: { id: string; row: CoverageCase }) => {
    const { kwargs, inputs } = callOf(row, keras);
    const { outputs: golden } = row;
    const config = repaired(row.config) as JsonObject;
    const answer = plainTfjs({ className: row.class, config, kwargs }, keras, inputs);
    const unrepaired = plainTfjs({ className: row.class, config: row.config, kwargs }, keras, inputs);
    // without numbers of Keras there is nothing to hold it against
    if (golden === undefined) return;
    if (answer.state === 'lacks') {
      expect(unrepaired.state).toBe('lacks');
      if (!tfjsHas(row.class)) return;
      const found = await runInTfjs(row, row.class, config).then(
        (outputs) => distance(outputs, golden),
        () => Infinity,
      );
      expect(found, answer.reason).toBeGreaterThan(1);
      return;
    }
    if (answer.state === 'same') expect(answer.config).toEqual(config);
    for (const each of [answer, unrepaired]) {
      if (each.state === 'lacks') throw new Error(each.reason);
      const className = each.state === 'rewritten' ? each.className : row.class;
      expect(distance(await runInTfjs(row, className, each.config), golden)).toBeLessThanOrEqual(1);
    }
  });
});

/** Rules that no case of the coverage shows. */
describe('beyond the cases', () => {
  const answerOf = (
    className: string,
    config: JsonObject,
    more: Partial<TfjsLayer> = {},
    keras: 2 | 3 = 3,
  ): PlainTfjs => plainTfjs({ className, config, ...more }, keras, [{ shape: [null, 5, 4], dtype: 'float32' }]);
  const mirrored = (forward: JsonObject, backward: JsonObject): JsonObject => ({
    layer: { class_name: 'LSTM', config: { units: 2, recurrent_activation: 'sigmoid', ...forward } },
    backward_layer: {
      class_name: 'LSTM',
      config: { go_backwards: true, recurrent_activation: 'sigmoid', units: 2, ...backward },
    },
  });

  it.each<[string, JsonObject, Partial<TfjsLayer>, 2 | 3]>([
    ['Dense', { units: 2, name: 'toString' }, {}, 3],
    ['Dense', { units: 2, name: 'constructor' }, {}, 2],
    ['Dense', { units: 2, name: '__proto__' }, {}, 2],
    ['Dense', { units: 2, activation: { class_name: 'Custom', config: {} } }, {}, 3],
    ['Dense', { units: 2, dtype: 'int8_from_float32' }, {}, 3],
    ['Dense', { units: 2, lora_rank: 2 }, {}, 3],
    ['acme>Mystery', {}, {}, 3],
    ['LSTM', { units: 2 }, { kwargs: { mask: { kind: 'tensor', input: 1 } } }, 3],
    ['LSTM', { units: 2 }, { kwargs: { initial_state: { kind: 'list', items: [{ kind: 'tensor', input: 1 }] } } }, 3],
    ['LSTM', { units: 2, time_major: true }, {}, 2],
    ['LSTM', { units: 2, zero_output_for_mask: true }, { masked: true }, 3],
    ['GlobalAveragePooling1D', {}, { masked: true }, 2],
    ['Softmax', { axis: -1 }, { masked: true }, 2],
    ['Concatenate', { axis: 1 }, { masked: true }, 2],
    ['ConvLSTM2D', { filters: 2, kernel_size: 1 }, { masked: true }, 2],
    ['Bidirectional', mirrored({ return_sequences: true }, { return_sequences: true }), { masked: true }, 3],
    ['BatchNormalization', { axis: 1 }, {}, 3],
    ['GRU', { units: 2 }, {}, 3],
    ['TimeDistributed', { layer: { class_name: 'Dense', config: { units: 2, activation: 'hard_silu' } } }, {}, 3],
    ['TimeDistributed', { layer: { class_name: 'Sequential', config: { layers: [] } } }, {}, 3],
    ['Bidirectional', mirrored({}, { units: 3 }), {}, 3],
    ['Bidirectional', mirrored({}, { go_backwards: false }), {}, 3],
    [
      'Bidirectional',
      mirrored({ recurrent_activation: 'hard_sigmoid' }, { recurrent_activation: 'hard_sigmoid' }),
      {},
      3,
    ],
    ['InputLayer', { batch_input_shape: [null, 1], dtype: 'string' }, {}, 3],
  ])('%s %j is lacking', (className, config, more, keras) => {
    expect(answerOf(className, config, more, keras).state).toBe('lacks');
  });

  it.each<[string, JsonObject, Partial<TfjsLayer>, 2 | 3]>([
    ['Dense', { units: 2, activation: 'hard_sigmoid' }, {}, 2],
    ['GRU', { units: 2 }, {}, 2],
    ['LSTM', { units: 2, recurrent_activation: 'sigmoid' }, { masked: true }, 3],
    ['Concatenate', { axis: -1 }, { masked: true }, 2],
    ['Bidirectional', mirrored({}, {}), { masked: true }, 3],
    ['Dropout', { rate: 0.5 }, { kwargs: { training: { kind: 'constant', value: false } } }, 3],
    ['Bidirectional', mirrored({ name: 'forward_a' }, { name: 'backward_a' }), {}, 3],
    ['Functional', { layers: [] }, {}, 3],
  ])('%s %j stays the same', (className, config, more, keras) => {
    expect(answerOf(className, config, more, keras)).toEqual({ state: 'same', config });
  });

  it.each<[string, JsonObject, string, JsonObject]>([
    ['ReLU', { name: 'r', negative_slope: 0.1, threshold: 0, max_value: null }, 'LeakyReLU', { alpha: 0.1 }],
    ['ReLU', { negative_slope: 0, threshold: 0.2 }, 'ThresholdedReLU', { theta: 0.2 }],
    ['Softmax', {}, 'Softmax', { axis: -1 }],
    ['LSTM', { units: 2 }, 'LSTM', { recurrent_activation: 'sigmoid' }],
    ['Dense', { units: 2, dtype: 'mixed_float16' }, 'Dense', { dtype: 'float32' }],
    ['Dense', { units: 2, activation: { class_name: 'function', config: 'relu' } }, 'Dense', { activation: 'relu' }],
    [
      'Dense',
      { units: 2, kernel_regularizer: 'l1' },
      'Dense',
      { kernel_regularizer: { class_name: 'L1L2', config: { l1: 0.01, l2: 0 } } },
    ],
    ['Dense', { units: 2, kernel_constraint: { class_name: 'Own', config: {} } }, 'Dense', { kernel_constraint: null }],
    [
      'Dense',
      { units: 2, kernel_initializer: 'own' },
      'Dense',
      { kernel_initializer: { class_name: 'Zeros', config: {} } },
    ],
    [
      'InputLayer',
      { batch_shape: [null, 5], dtype: 'int64' },
      'InputLayer',
      { batch_input_shape: [null, 5], dtype: 'int32' },
    ],
  ])('%s %j is rewritten', (className, config, newClass, part) => {
    const before = structuredClone(config);
    expect(answerOf(className, config)).toMatchObject({ state: 'rewritten', className: newClass, config: part });
    expect(config).toEqual(before);
  });

  it('can leave a masked Bidirectional as it is: tfjs steps over masked steps in both directions', () => {
    const layer = layers.bidirectional({ layer: layers.lstm({ units: 2 }), mergeMode: 'concat' });
    const input = (steps: number[][]): Tensor => tensor([steps]);
    const masking = layers.masking({ inputShape: [null, 2] });
    const model = sequential({ layers: [masking, layer] });
    const whole = model.predict(
      input([
        [0, 0],
        [1, 2],
        [0, 0],
        [3, -1],
        [0, 0],
      ]),
    ) as Tensor;
    const rest = model.predict(
      input([
        [1, 2],
        [3, -1],
      ]),
    ) as Tensor;
    const difference = max(abs(sub(whole, rest))).dataSync()[0];
    expect(difference).toBeLessThan(1e-6);
  });

  it('casts where the layer that it replaces does', () => {
    const answer = plainTfjs({ className: 'RandomFlip', config: {} }, 3, [{ shape: [null, 8, 8, 3], dtype: 'uint8' }]);
    expect(answer).toMatchObject({ state: 'rewritten', className: 'Rescaling', config: { scale: 1, offset: 0 } });
  });

  it('answers for every class of the catalogue of tfjs', () => {
    const map = serialization.SerializationMap.getMap().classNameMap;
    const broken = new Set(['Resizing', 'CenterCrop', 'CategoryEncoding', 'RandomWidth']);
    const known = Object.keys(map).filter((name) => tfjsHas(name) && !broken.has(name));
    for (const name of TFJS_CLASSES) expect(known).toContain(name);
  });
});
