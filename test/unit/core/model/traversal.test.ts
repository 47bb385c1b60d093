import { describe, expect, it } from 'vitest';
import { expandCalls, walkLayers } from '../../../../src/core/model/traversal';
import type { LayerGraph } from '../../../../src/core/model/layerGraph';
import { keras } from '../../../fixtures';
import { openFixture, openJson, readGolden, readManifest } from '../formats/openFixture';

const models = readManifest(keras).fixtures.flatMap(({ name, formats }) =>
  Object.keys(formats).includes('tfjs-keras3') && formats['tfjs-keras3']?.golden === 'golden.json' ? [name] : [],
);

describe('expandCalls', () => {
  it.each(models)('%s: every activation that Keras has, each after what it reads', (name) => {
    const calls = expandCalls(openFixture(keras, name, 'tfjs-keras3').graph);
    const made = new Set<string>();
    for (const { inputs, outputs } of calls) {
      for (const address of inputs) expect(made).toContain(address);
      for (const address of outputs) {
        expect(made).not.toContain(address);
        made.add(address);
      }
    }
    const golden = readGolden(`${keras}/${name}/golden.json`) as unknown as { activations: Record<string, unknown> };
    const plain = new Set([...made].map((address) => address.replace(/\\/g, '')));
    expect(Object.keys(golden.activations).filter((address) => !plain.has(address))).toEqual([]);
  });

  it('hands outer tensors into a nested model, and its outputs out', () => {
    const calls = expandCalls(openFixture(keras, 'nested-multi-io', 'tfjs-keras3').graph);
    expect(calls.map(({ kind, address, inputs, outputs }) => [kind, address, inputs, outputs])).toEqual([
      ['input', 'p', [], ['p']],
      ['input', 'q', [], ['q']],
      ['alias', 'inner/left', ['p'], ['inner/left']],
      ['alias', 'inner/right', ['q'], ['inner/right']],
      ['call', 'inner/join', ['inner/left', 'inner/right'], ['inner/join']],
      ['call', 'inner/wide', ['inner/join'], ['inner/wide']],
      ['call', 'inner/narrow', ['inner/join'], ['inner/narrow']],
      ['alias', 'inner', ['inner/wide', 'inner/narrow'], ['inner', 'inner:1']],
      ['call', 'remap', ['inner'], ['remap']],
      ['alias', 'inner#2/left', ['remap'], ['inner#2/left']],
      ['alias', 'inner#2/right', ['q'], ['inner#2/right']],
      ['call', 'inner#2/join', ['inner#2/left', 'inner#2/right'], ['inner#2/join']],
      ['call', 'inner#2/wide', ['inner#2/join'], ['inner#2/wide']],
      ['call', 'inner#2/narrow', ['inner#2/join'], ['inner#2/narrow']],
      ['alias', 'inner#2', ['inner#2/wide', 'inner#2/narrow'], ['inner#2', 'inner#2:1']],
      ['call', 'sum', ['inner', 'inner#2'], ['sum']],
    ]);
  });

  it('refuses nested models that multiply without end', () => {
    const input = {
      class_name: 'InputLayer',
      name: 'i',
      config: { name: 'i', batch_input_shape: [null, 2] },
      inbound_nodes: [],
    };
    let model: object = { class_name: 'Dense', name: 'm', config: { name: 'm', units: 2 } };
    for (let depth = 0; depth < 40; depth += 1) {
      const twice = { ...model, inbound_nodes: [[['i', 0, 0, {}]], [['m', depth === 0 ? 0 : 1, 0, {}]]] };
      model = {
        class_name: 'Functional',
        name: 'm',
        config: {
          name: 'm',
          layers: [input, twice],
          input_layers: [['i', 0, 0]],
          output_layers: [['m', depth === 0 ? 1 : 2, 0]],
        },
      };
    }
    const { graph } = openJson(model);
    expect(walkLayers(graph)).toHaveLength(80);
    expect(() => expandCalls(graph)).toThrow(/too-large/);
  });

  it('walks 5,000 nested models without a stack of its own', () => {
    let graph: LayerGraph = {
      name: 'g',
      className: 'Functional',
      kind: 'functional',
      layers: [],
      inputs: [],
      outputs: [],
      order: [],
    };
    for (let depth = 0; depth < 5000; depth += 1) {
      const call = { inputs: [], args: [], kwargs: {}, outputs: [], macs: null };
      const layer = {
        name: 'm',
        className: 'Functional',
        module: null,
        isLayer: true,
        config: {},
        trainable: true,
        calls: [call],
        weights: [],
        graph,
        index: { keras: 0, tfjs: 0 },
      };
      graph = {
        name: 'g',
        className: 'Functional',
        kind: 'functional',
        layers: [layer],
        inputs: [],
        outputs: [],
        order: [{ layer: 'm', call: 0 }],
      };
    }
    expect(walkLayers(graph)).toHaveLength(5000);
    expect(expandCalls(graph)).toHaveLength(5000);
  });
});
