import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { sentence } from '../../../../src/core/messages';
import { isAttribute, resolveAddress } from '../../../../src/core/model/address';
import { inspectModel } from '../../../../src/core/model/inspect';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { openJson } from '../formats/openFixture';

interface Entry {
  class: string;
  name: string;
  config?: object;
  /** Names of what each call reads. */
  calls?: string[][];
}

/** A functional model of Keras 2 whose input is `x`. */
function model(shape: (number | null)[], entries: Entry[], more: object[] = []): ModelFile {
  const reads = (name: string): unknown => {
    const [layer, call = '1'] = name.split('#');
    return [layer, Number(call) - 1, 0, {}];
  };
  const layers = entries.map((entry) => ({
    class_name: entry.class,
    name: entry.name,
    config: { name: entry.name, ...entry.config },
    inbound_nodes: (entry.calls ?? [['x']]).map((names) => names.map(reads)),
  }));
  const input = {
    class_name: 'InputLayer',
    name: 'x',
    config: { name: 'x', batch_input_shape: shape },
    inbound_nodes: [],
  };
  const last = entries.at(-1)?.name ?? 'x';
  return openJson({
    modelTopology: {
      keras_version: '2.15.0',
      model_config: {
        class_name: 'Functional',
        config: {
          name: 'm',
          layers: [input, ...layers, ...more],
          input_layers: [['x', 0, 0]],
          output_layers: [[last, 0, 0]],
        },
      },
    },
  });
}

const dense = (name: string, calls?: string[][], activation: unknown = 'relu'): Entry => ({
  class: 'Dense',
  name,
  config: { units: 4, activation },
  ...(calls ? { calls } : {}),
});

function failure(opened: ModelFile, text: string): string {
  try {
    resolveAddress(opened.graph, text);
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
    expect(error.code).toBe('unknown-address');
    return sentence(error);
  }
  throw new Error(`${text} was found`);
}

const lstm = (config: object = {}): object => ({ units: 3, ...config });
const wrapped = (className: string, name: string, config: object): object => ({
  layer: { class_name: className, config: { name, ...config } },
});

describe('inner tensors', () => {
  it('are found under every way of writing the layer', () => {
    const opened = model([null, 4], [dense('a'), dense('odd@name/b', [['a']]), dense('c', [['odd@name/b'], ['a']])]);
    for (const [text, address] of [
      ['a@pre', 'a@pre'],
      ['keras[1]@pre', 'a@pre'],
      ['tfjs[-3]@pre', 'a@pre'],
      ['odd@name/b@pre', 'odd\\@name\\/b@pre'],
      ['odd\\@name\\/b@pre', 'odd\\@name\\/b@pre'],
      ['c#2@pre', 'c#2@pre'],
    ] as const) {
      const found = resolveAddress(opened.graph, text);
      expect(found).toMatchObject({ address, inner: 'pre', output: 0, info: { shape: [null, 4], dtype: 'float32' } });
      expect(resolveAddress(opened.graph, found.address)).toEqual(found);
    }
    expect(resolveAddress(opened.graph, 'a').inner).toBeNull();
  });

  it('come before a layer whose name reads like them, which is escaped', () => {
    const opened = model([null, 4], [dense('a'), dense('a@pre', [['a']])]);
    expect(resolveAddress(opened.graph, 'a@pre')).toMatchObject({ address: 'a@pre', inner: 'pre' });
    expect(resolveAddress(opened.graph, 'a\\@pre')).toMatchObject({ address: 'a\\@pre', inner: null });
    const linear = model([null, 4], [dense('a', undefined, 'linear'), dense('a@pre', [['a']])]);
    expect(resolveAddress(linear.graph, 'a@pre')).toMatchObject({ address: 'a\\@pre', inner: null });
  });

  it('have the shapes of what they are', () => {
    const series: Entry[] = [
      { class: 'LSTM', name: 'lstm', config: lstm({ return_sequences: true }) },
      { class: 'Bidirectional', name: 'bi', config: { ...wrapped('LSTM', 'lstm', lstm({ return_sequences: true })) } },
      { class: 'Attention', name: 'attention', calls: [['lstm', 'x']] },
    ];
    const opened = model([null, 5, 3], series);
    const shapeOf = (address: string): unknown => resolveAddress(opened.graph, address).info.shape;
    expect(shapeOf('lstm@state_h')).toEqual([null, 3]);
    expect(shapeOf('lstm@state_c')).toEqual([null, 3]);
    expect(shapeOf('bi@forward')).toEqual([null, 5, 3]);
    expect(shapeOf('bi@backward')).toEqual([null, 5, 3]);
    expect(shapeOf('attention@scores')).toEqual([null, 5, 5]);
  });

  it('that the layer hands on anyway are its outputs', () => {
    const opened = model(
      [null, 5, 3],
      [
        { class: 'LSTM', name: 'lstm', config: lstm({ return_state: true }) },
        { class: 'Bidirectional', name: 'bi', config: { ...wrapped('GRU', 'gru', lstm()), merge_mode: null } },
      ],
    );
    for (const [text, address] of [
      ['lstm@state_h', 'lstm:1'],
      ['lstm@state_c', 'lstm:2'],
      ['bi@forward', 'bi'],
      ['bi@backward', 'bi:1'],
    ] as const)
      expect(resolveAddress(opened.graph, text)).toMatchObject({ address, inner: null });
  });

  it('stand in the rows of inspect', () => {
    const opened = model(
      [null, 5, 3],
      [
        dense('a'),
        dense('plain', [['a']], 'linear'),
        { class: 'GRU', name: 'gru', config: lstm() },
        { class: 'Bidirectional', name: 'bi', config: { ...wrapped('GRU', 'gru', lstm({ return_state: true })) } },
      ],
    );
    const rows = new Map(inspectModel(opened).layers.map(({ name, inner }) => [name, inner]));
    expect(rows.get('a')).toEqual([{ name: 'pre', cut: true }]);
    expect(rows.get('plain')).toEqual([]);
    expect(rows.get('gru')).toEqual([{ name: 'state_h', cut: true }]);
    const reason = expect.stringContaining('states') as unknown;
    expect(rows.get('bi')).toEqual(['forward', 'backward'].map((name) => ({ name, cut: false, reason })));
  });

  it('inside wrappers are what is well-defined of them', () => {
    const relu = { units: 4, activation: 'relu' };
    const opened = model(
      [null, 5, 3],
      [
        { class: 'TimeDistributed', name: 'td', config: wrapped('Dense', 'dense', relu) },
        { class: 'Bidirectional', name: 'bi', config: wrapped('LSTM', 'forward_lstm', lstm()) },
      ],
    );
    for (const [text, address] of [
      ['td/dense', 'td'],
      ['td/dense@pre', 'td@pre'],
      ['bi/forward_lstm', 'bi@forward'],
      ['bi/backward_lstm', 'bi@backward'],
    ] as const)
      expect(resolveAddress(opened.graph, text).address).toBe(address);
    expect(failure(opened, 'td/other')).toMatch(/td\/other.*dense.*td, td@pre/);
    expect(failure(opened, 'bi/lstm')).toMatch(/@forward and @backward.*bi, bi@forward, bi@backward/);
    expect(failure(opened, 'bi/forward_lstm@state_h')).toMatch(/@forward, @backward/);
    expect(failure(opened, 'td@forward')).toMatch(/@pre/);
    expect(failure(opened, 'bi@state_h')).toMatch(/@forward, @backward/);
  });

  it.each<[string, Entry, string, RegExp]>([
    ['a linear activation', dense('a', undefined, 'linear'), 'a@pre', /linear/],
    [
      'an Activation given as one',
      dense('a', undefined, { class_name: 'Activation', config: { activation: 'linear' } }),
      'a@pre',
      /linear/,
    ],
    ['no activation', { class: 'Flatten', name: 'a' }, 'a@pre', /no activation of its own/],
    ['an activation layer', { class: 'ReLU', name: 'a' }, 'a@pre', /the tensor that it reads/],
    ['a recurrent layer', { class: 'GRU', name: 'a', config: lstm() }, 'a@pre', /every step/],
    ['another name', dense('a'), 'a@post', /is @pre/],
    ['one output', dense('a'), 'a:0@pre', /^$/],
    ['a class without any', { class: 'Flatten', name: 'a' }, 'a@scores', /nothing inside a Flatten/],
    ['no name of a property', { class: 'acme>Mystery', name: 'a' }, 'a@feature-output', /no name that an attribute/],
    [
      'a wrapped model',
      { class: 'TimeDistributed', name: 'a', config: wrapped('Sequential', 'inner', { layers: [] }) },
      'a/inner',
      /model is wrapped/,
    ],
    [
      'in a wrapped model',
      { class: 'TimeDistributed', name: 'a', config: wrapped('Sequential', 'inner', { layers: [] }) },
      'a/inner/b@pre',
      /model is wrapped/,
    ],
    [
      'a cell',
      { class: 'RNN', name: 'a', config: { cell: { class_name: 'LSTMCell', config: lstm({ name: 'cell' }) } } },
      'a/cell',
      /every step/,
    ],
    [
      'states beside directions',
      { class: 'Bidirectional', name: 'a', config: wrapped('GRU', 'gru', lstm({ return_state: true })) },
      'a@forward',
      /states/,
    ],
    ['a name that every object has', dense('a'), 'a@constructor', /is @pre/],
  ])('say why there is none: %s', (_, entry, text, why) => {
    const opened = model([null, 5, 3], [entry]);
    if (why.source === '^$') expect(resolveAddress(opened.graph, text).address).toBe('a@pre');
    else expect(failure(opened, text)).toMatch(why);
  });

  it('are refused of one of several outputs, of nodes of a graph-model and of layers that are never called', () => {
    expect(failure(model([null, 4], [dense('a')]), 'a:1@pre')).toMatch(/written a@pre/);
    const never = {
      class_name: 'Dense',
      name: 'b',
      config: { name: 'b', units: 4, activation: 'relu' },
      inbound_nodes: [],
    };
    expect(failure(model([null, 4], [dense('a')], [never]), 'b@pre')).toMatch(/never called/);
    const nodes = openJson({
      format: 'graph-model',
      modelTopology: { node: [{ name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' } } }] },
      weightsManifest: [],
    });
    expect(failure(nodes, 'x@pre')).toMatch(/graph-model/);
  });
});

describe('attributes of a class of the user’s own', () => {
  const opened = model(
    [null, 4],
    [{ class: 'acme>Mystery', name: 'a@b', calls: [['x'], ['a@b']] }, dense('last', [['a@b#2']])],
  );

  it.each([
    ['a\\@b@feature_output', 'a\\@b@feature_output', 0],
    ['a\\@b#2@feature_output', 'a\\@b#2@feature_output', 1],
    ['tfjs[1]@$out', 'a\\@b@$out', 0],
    ['a@b@_x', 'a\\@b@_x', 0],
  ])('have addresses before a run can tell that they are there: %s', (text, address, call) => {
    const found = resolveAddress(opened.graph, text);
    expect(found).toMatchObject({ address, call, output: 0, info: { shape: null, dtype: null } });
    expect(isAttribute(found)).toBe(true);
    expect(resolveAddress(opened.graph, address).address).toBe(address);
    expect(isAttribute(resolveAddress(opened.graph, 'last@pre'))).toBe(false);
  });

  it('are no outputs of slices: it is said why', () => {
    const error = cutFailure(opened, 'a\\@b#2@feature_output');
    expect(error.data.reason).toBe('cut-attribute');
    expect(sentence(error)).toMatch(/is an attribute of the class acme>Mystery, which .* does not hand on/);
  });

  it('are not listed, as nobody knows them yet', () => {
    expect(inspectModel(opened).layers.find(({ name }) => name === 'a@b')?.inner).toEqual([]);
  });
});

function cutFailure(opened: ModelFile, output: string): SlicerError {
  try {
    planCut(opened, { outputs: [output], inputs: [] });
  } catch (error) {
    if (error instanceof SlicerError) return error;
  }
  throw new Error(`${output} was cut`);
}
