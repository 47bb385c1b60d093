import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { sentence } from '../../../../src/core/messages';
import { escapeName, formatAddress, resolveAddress, tensorInfo } from '../../../../src/core/model/address';
import type { Layer, LayerGraph } from '../../../../src/core/model/layerGraph';
import { expandCalls, walkLayers } from '../../../../src/core/model/traversal';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';

function layer(name: string, calls = 1, outputs = 1, inner: Layer[] | null = null): Layer {
  return {
    name,
    className: inner ? 'Functional' : 'Dense',
    module: null,
    isLayer: true,
    config: {},
    trainable: true,
    weights: [],
    calls: Array.from({ length: calls }, (_, call) => ({
      inputs: [],
      args: [],
      kwargs: {},
      macs: 0,
      outputs: Array.from({ length: outputs }, (__, output) => ({ shape: [null, call, output], dtype: 'float32' })),
    })),
    graph: inner ? graph(inner) : null,
    index: { keras: null, tfjs: null },
  };
}

function graph(layers: Layer[]): LayerGraph {
  layers.forEach((item, i) => {
    item.index = { keras: i, tfjs: i };
  });
  const order = layers.flatMap(({ name, calls }) => calls.map((_, call) => ({ layer: name, call })));
  return { name: 'm', className: 'Functional', kind: 'functional', layers, inputs: [], outputs: [], order };
}

function failure(model: LayerGraph, text: string): { data: Record<string, unknown>; text: string } {
  try {
    resolveAddress(model, text);
  } catch (error) {
    if (error instanceof SlicerError) {
      expect(error.code).toBe('unknown-address');
      return { data: error.data, text: sentence(error) };
    }
    throw error;
  }
  throw new Error(`${text} was found`);
}

const odd = fc.oneof(
  fc.constantFrom(
    'dense',
    'a/b',
    'a#2',
    'a:1',
    'x@pre',
    'keras[0]',
    '\\',
    '\\/',
    '',
    '__proto__',
    'toString',
    '/',
    '#',
    ' ',
    '層_🙂',
  ),
  fc.string(),
);
const parts = fc.array(fc.record({ name: odd, calls: fc.integer({ min: 1, max: 3 }), call: fc.nat(2) }), {
  minLength: 1,
  maxLength: 4,
});

describe('addresses', () => {
  it('come back as what they were made of, whatever the names hold', () => {
    fc.assert(
      fc.property(parts, fc.nat(2), fc.array(odd, { maxLength: 5 }), (path, output, others) => {
        const around = (inner: Layer): Layer[] =>
          [...new Set(others)]
            .filter((name) => name !== inner.name)
            .map((name) => layer(name))
            .concat(inner);
        let inner: Layer | null = null;
        for (const { name, calls } of [...path].reverse()) inner = layer(name, calls, 3, inner ? around(inner) : null);
        const model = graph(around(inner as Layer));
        const wanted = path.map(({ name, call, calls }) => ({ name, call: call % calls }));
        const address = formatAddress(wanted, output);
        const found = resolveAddress(model, address);
        expect(found.address).toBe(address);
        expect(found.path).toEqual(wanted);
        expect([found.layer.name, found.call, found.output]).toEqual([path.at(-1)?.name, wanted.at(-1)?.call, output]);
        expect(tensorInfo(model, address).shape).toEqual([null, found.call, output]);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    'odd-names/tfjs-keras3',
    'odd-names/tfjs-keras2-h5',
    'siamese/tfjs-keras3',
    'nested-multi-io/tfjs-keras3',
    'bad/tfjs-recursive-model',
    'bad/tfjs-proto-keys',
  ])('of %s resolve to themselves, layers and calls', (name) => {
    const model = openFixture(keras, name).graph;
    for (const { address } of walkLayers(model)) expect(resolveAddress(model, address).address).toBe(address);
    for (const { outputs } of expandCalls(model))
      for (const address of outputs) expect(resolveAddress(model, address).address).toBe(address);
  });

  it.each([
    ['scope/inner/dense', 'scope\\/inner\\/dense'],
    ['scope/inner/dense:0', 'scope\\/inner\\/dense'],
    ['scope\\/inner\\/dense', 'scope\\/inner\\/dense'],
    ['toString', 'toString'],
    ['1.b', '1.b'],
  ])('reads %s as people write it', (text, address) => {
    expect(resolveAddress(openFixture(keras, 'odd-names', 'tfjs-keras2-h5').graph, text).address).toBe(address);
  });

  it('takes full names before syntax', () => {
    const model = graph([layer('a.b#2:1'), layer('keras[0]'), layer('x@pre'), layer('a', 2)]);
    expect(resolveAddress(model, 'a.b#2:1').address).toBe('a.b\\#2\\:1');
    expect(resolveAddress(model, 'keras[0]').address).toBe('keras\\[0]');
    expect(resolveAddress(model, 'x@pre').address).toBe('x\\@pre');
    expect(resolveAddress(model, 'a#2').address).toBe('a#2');
    expect(resolveAddress(model, 'a#1').address).toBe('a');
  });

  it('counts as Keras and as TF.js do, from either end, inside of nested models too', () => {
    const model = openFixture(keras, 'digits-cnn', 'tfjs-keras2-h5').graph;
    const [first, second] = model.layers;
    expect(resolveAddress(model, 'keras[0]').layer).toBe(second);
    expect(resolveAddress(model, 'tfjs[0]').layer).toBe(first);
    expect(resolveAddress(model, 'keras[-1]').layer).toBe(model.layers.at(-1));
    const nested = openFixture(keras, 'nested-sequential', 'tfjs-keras3').graph;
    expect(resolveAddress(nested, 'head/keras[0]').address).toBe('head/hidden');
    expect(resolveAddress(nested, 'keras[1]/tfjs[-1]').address).toBe('head/scores');
  });

  it('says the range where an index is out of it', () => {
    const model = openFixture(keras, 'digits-cnn', 'tfjs-keras2-h5').graph;
    const { data, text } = failure(model, 'keras[99]');
    expect(data).toMatchObject({
      reason: 'index',
      kerasLast: model.layers.length - 2,
      tfjsLast: model.layers.length - 1,
    });
    expect(text).toContain(`0 to ${model.layers.length - 2}`);
    expect(failure(model, 'tfjs[-99]').data).toMatchObject({ reason: 'index' });
  });

  it.each([
    ['conv_3', 'nearest', /conv_1|conv_2/],
    ['Conv_2', 'nearest', /conv_2/],
    ['conv_2#2', 'call', /called 1 time/],
    ['conv_2:1', 'output', /:0 to :0/],
    ['conv_2@nothing', 'inner', /nothing/],
    ['zzzzzzzzzzzzzzzzzzzz', 'none', /zzzz/],
  ])('explains %s', (address, reason, expected) => {
    const { data, text } = failure(openFixture(keras, 'digits-cnn', 'tfjs-keras2-h5').graph, address);
    expect(data.reason).toBe(reason);
    expect(text).toMatch(expected);
  });

  it('finds the nearest name inside of a nested model', () => {
    expect(failure(openFixture(keras, 'nested-sequential', 'tfjs-keras3').graph, 'head/hiden').data.nearest).toContain(
      'head/hidden',
    );
  });

  it('escapes what an address takes for syntax', () => {
    expect(escapeName('a/b#1:2@c[3]\\')).toBe('a\\/b\\#1\\:2\\@c\\[3]\\\\');
  });
});
