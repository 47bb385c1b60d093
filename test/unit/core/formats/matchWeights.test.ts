import { describe, expect, it } from 'vitest';
import { walkLayers } from '../../../../src/core/model/traversal';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { keras } from '../../../fixtures';
import { floatManifest, openFixture, openJson } from './openFixture';

/** `address/weight` → the entry's name. */
function matched(model: ModelFile): Record<string, string | null> {
  return Object.fromEntries(
    walkLayers(model.graph).flatMap(({ address, layer }) =>
      layer.weights.map(({ name, entry }) => [
        `${address}/${name}`,
        entry === null ? null : (model.weightEntries[entry]?.name ?? null),
      ]),
    ),
  );
}

const lstm = { class_name: 'LSTM', config: { name: 'memory', units: 2, batch_input_shape: [null, 3, 4] } };
const dense = (name: string, units: number, more: object = {}): object => ({
  class_name: 'Dense',
  config: { name, units, ...more },
});
const sequential = (name: string, ...layers: object[]): object => ({
  class_name: 'Sequential',
  config: { name, layers },
});

describe('names of weights in the wild', () => {
  const shapes = [[4, 8], [2, 8], [8]];
  it.each([
    ['Keras 3', ['memory/lstm_cell/kernel', 'memory/lstm_cell/recurrent_kernel', 'memory/lstm_cell/bias']],
    ['TF.js', ['memory/kernel', 'memory/recurrent_kernel', 'memory/bias']],
    [
      'Keras 2 with numbers',
      ['memory/lstm_cell_7/kernel:0', 'memory/lstm_cell_7/recurrent_kernel:0', 'memory/lstm_cell_7/bias:0'],
    ],
    [
      'a Sequential of Keras 3',
      ['net/memory/lstm_cell/kernel', 'net/memory/lstm_cell/recurrent_kernel', 'net/memory/lstm_cell/bias'],
    ],
    ['the layer twice', ['memory/memory/kernel', 'memory/memory/recurrent_kernel', 'memory/memory/bias']],
    ['.keras', ['layers/lstm/cell/vars/0', 'layers/lstm/cell/vars/1', 'layers/lstm/cell/vars/2']],
  ])('%s', (_, names) => {
    const manifest = floatManifest(Object.fromEntries(names.map((name, i) => [name, shapes[i] ?? []])));
    const model = openJson({ modelTopology: sequential('net', lstm), ...manifest }, manifest.shards);
    expect(Object.values(matched(model))).toEqual(names);
    expect(model.problems).toEqual([]);
  });

  it('counts by class, whatever the layers are called', () => {
    const model = openFixture(keras, 'duplicate-classes', 'tfjs-keras3');
    // `lstm_3` comes first in the model
    expect(matched(model)['lstm_3/lstm_cell/kernel']).toBe('layers/lstm/cell/vars/0');
    expect(matched(model)['lstm/lstm_cell/kernel']).toBe('layers/lstm_1/cell/vars/0');
  });

  it('finds forward and backward, query and key by their words, not by their place in the file', () => {
    const bidirectional = matched(openFixture(keras, 'bidirectional', 'tfjs-keras3'));
    expect(bidirectional['bi_concat/forward_inner_lstm/lstm_cell/kernel']).toBe(
      'layers/bidirectional/forward_layer/cell/vars/0',
    );
    expect(bidirectional['bi_concat/backward_inner_lstm/lstm_cell/bias']).toBe(
      'layers/bidirectional/backward_layer/cell/vars/2',
    );
    const attention = matched(openFixture(keras, 'transformer-block', 'tfjs-keras3'));
    expect(attention['attention/value/kernel']).toBe('layers/multi_head_attention/value_dense/vars/0');
    expect(attention['attention/attention_output/bias']).toBe('layers/multi_head_attention/output_dense/vars/1');
  });

  it('tells layers of one name in two nested models apart by their paths', () => {
    const found = matched(openFixture(keras, 'nested-functional', 'tfjs-keras3'));
    expect(found['block_a/conv/kernel']).toBe('layers/functional/layers/conv2d/vars/0');
    expect(found['block_b/conv/kernel']).toBe('layers/functional_1/layers/conv2d/vars/0');
  });

  it('takes the entry whose shape fits where two layers share a name', () => {
    const manifest = floatManifest({ 'out/kernel': [3, 2], 'inner/out/kernel': [4, 3] });
    const inner = sequential('inner', dense('out', 3, { use_bias: false, batch_input_shape: [null, 4] }));
    const model = openJson(
      { modelTopology: sequential('net', inner, dense('out', 2, { use_bias: false })), ...manifest },
      manifest.shards,
    );
    expect(matched(model)).toEqual({ 'inner/out/kernel': 'inner/out/kernel', 'out/kernel': 'out/kernel' });
    expect(model.problems).toEqual([]);
  });

  it('gives one set of weights to a layer that stands in two models', () => {
    const manifest = floatManifest({ 'shared/kernel': [4, 4] });
    const inner = (name: string): object =>
      sequential(name, dense('shared', 4, { use_bias: false, batch_input_shape: [null, 4] }));
    const model = openJson(
      { modelTopology: sequential('net', inner('one'), inner('two')), ...manifest },
      manifest.shards,
    );
    expect(matched(model)).toEqual({ 'one/shared/kernel': 'shared/kernel', 'two/shared/kernel': 'shared/kernel' });
  });

  it("lists the optimizer's variables as what they are", () => {
    const { problems } = openFixture(keras, 'compiled-adam', 'tfjs-keras3');
    expect(problems).toMatchObject([
      {
        code: 'extra-weight',
        severity: 'warning',
        data: { reason: 'optimizer', count: 10, weight: 'optimizer/vars/0' },
      },
    ]);
  });

  it('gives a layer of an unknown class whatever stands under its name', () => {
    for (const format of ['tfjs-keras3', 'tfjs-keras2-h5', 'tfjs-keras3-h5']) {
      const model = openFixture(keras, 'tutorial-custom-layer', format);
      const custom = model.graph.layers.find(({ name }) => name === 'my_custom_layer');
      expect(
        custom?.weights.map(({ shape }) => shape),
        format,
      ).toEqual([[8, 6], [6], [6, 3], [3]]);
    }
  });

  it('names the weights that are missing, and the layer', () => {
    const manifest = floatManifest({ 'a/kernel': [4, 3] });
    const { problems } = openJson(
      { modelTopology: sequential('net', dense('a', 3, { batch_input_shape: [null, 4] })), ...manifest },
      manifest.shards,
    );
    expect(problems).toMatchObject([
      { code: 'missing-weight', severity: 'error', address: 'a', data: { weight: 'a/bias', layer: 'a' } },
    ]);
  });

  it('does not choke on names made of slashes', () => {
    const manifest = floatManifest({ ['/'.repeat(100_000)]: [1], 'a/kernel': [4, 3] });
    const model = openJson(
      {
        modelTopology: sequential('net', dense('a', 3, { use_bias: false, batch_input_shape: [null, 4] })),
        ...manifest,
      },
      manifest.shards,
    );
    expect(matched(model)).toEqual({ 'a/kernel': 'a/kernel' });
  });
});
