import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { inspectModel } from '../../../../src/core/model/inspect';
import { expandCalls } from '../../../../src/core/model/traversal';
import type { LayerGraph } from '../../../../src/core/model/layerGraph';
import { keras } from '../../../fixtures';
import { floatManifest, openFixture, openJson } from './openFixture';

type Node = { name: string; op: string; input?: string[]; attr?: object };
const open = (node: Node[], more: object = {}): LayerGraph => openJson({ modelTopology: { node }, ...more }).graph;

function codeOf(node: Node[], more: object = {}): string {
  try {
    open(node, more);
  } catch (error) {
    if (error instanceof SlicerError)
      return `${error.code} ${JSON.stringify(error.data.reason ?? '').replaceAll('"', '')}`.trim();
    throw error;
  }
  return 'opens';
}

/** Positions in the order, by name. */
const positions = ({ order }: LayerGraph): Map<string, number> => new Map(order.map(({ layer }, i) => [layer, i]));

describe('graph-models', () => {
  it.each([
    [
      'mobilenet-block/tfjs-graph-keras3',
      [{ name: 'image', address: 'image', shape: [null, 16, 16, 3], dtype: 'float32' }],
      [{ name: 'output_0', address: 'Identity', shape: [null, 4], dtype: 'float32' }],
    ],
    [
      'text-lstm/tfjs-graph-keras2',
      [{ name: 'tokens', address: 'tokens', shape: [null, 7], dtype: 'int32' }],
      [{ name: 'scores', address: 'Identity', shape: [null, 2], dtype: 'float32' }],
    ],
  ])('%s', (name, inputs, outputs) => {
    const model = openFixture(keras, name);
    const document = inspectModel(model);
    expect(document).toMatchObject({
      format: 'graph-model',
      kind: 'graph',
      inputs,
      outputs,
      problems: [],
      repairs: [],
    });
    const at = positions(model.graph);
    expect(at.size).toBe(model.graph.layers.length);
    for (const { name: layer, className, calls } of model.graph.layers) {
      if (className === 'Const') expect(model.weightEntries.some((entry) => entry.name === layer)).toBe(true);
      for (const ref of calls[0]?.inputs ?? []) {
        const source = model.graph.layers.find((item) => item.name === ref.layer);
        if (source?.className !== 'NextIteration') expect(at.get(ref.layer)).toBeLessThan(at.get(layer) ?? 0);
      }
    }
    expect(model.topology.signature).toBeDefined();
    expect(expandCalls(model.graph)).toHaveLength(model.graph.layers.length);
  });

  it('works out the plain shapes of a converted mobilenet block', () => {
    const rows = inspectModel(openFixture(keras, 'mobilenet-block', 'tfjs-graph-keras3')).layers;
    const known = rows.filter(
      ({ calls }) => calls.length > 0 && calls.every(({ outputs }) => outputs.every(({ shape }) => shape !== null)),
    );
    expect(known.length / rows.filter(({ calls }) => calls.length > 0).length).toBeGreaterThan(0.7);
    expect(rows.find(({ name }) => name.endsWith('stem_bn_1/batchnorm/add_1'))?.calls[0]?.outputs[0]?.shape).toEqual([
      null,
      8,
      8,
      8,
    ]);
  });

  it('takes placeholders and unread nodes where there is no signature', () => {
    const graph = open([
      { name: 'x', op: 'Placeholder' },
      { name: 'y', op: 'Relu', input: ['x', '^z'] },
      { name: 'z', op: 'Split', input: ['x:0'] },
      { name: 'w', op: 'Add', input: ['z:2', 'x'] },
    ]);
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'w']);
    expect(graph.layers[1]?.calls[0]?.inputs).toEqual([{ layer: 'x', call: 0, output: 0 }]);
    expect(graph.layers[2]?.calls[0]?.outputs).toHaveLength(3);
  });

  it('follows the loops of control flow', () => {
    expect(
      codeOf([
        { name: 'x', op: 'Placeholder' },
        { name: 'enter', op: 'Enter', input: ['x'] },
        { name: 'merge', op: 'Merge', input: ['enter', 'next'] },
        { name: 'body', op: 'Add', input: ['merge', 'x'] },
        { name: 'next', op: 'NextIteration', input: ['body'] },
        { name: 'exit', op: 'Exit', input: ['merge'] },
      ]),
    ).toBe('opens');
  });

  it.each([
    ['broken-graph self-loop', [{ name: 'a', op: 'Relu', input: ['a'] }]],
    [
      'broken-graph cycle',
      [
        { name: 'a', op: 'Relu', input: ['b'] },
        { name: 'b', op: 'Relu', input: ['a'] },
      ],
    ],
    ['broken-graph unknown-layer', [{ name: 'a', op: 'Relu', input: ['ghost'] }]],
    [
      'broken-graph unknown-layer',
      [
        { name: 'a', op: 'Relu' },
        { name: 'b', op: 'Relu', input: ['a:99999999'] },
      ],
    ],
    [
      'duplicate-layer',
      [
        { name: 'a', op: 'Relu' },
        { name: 'a', op: 'Relu' },
      ],
    ],
    ['not-a-model node', [{ name: 'a' } as Node]],
  ])('%s', (code, node) => {
    expect(codeOf(node)).toBe(code);
  });

  it('refuses a signature that names no node', () => {
    expect(codeOf([{ name: 'a', op: 'Relu' }], { signature: { outputs: { y: { name: 'ghost:0' } } } })).toBe(
      'broken-graph unknown-port',
    );
  });

  it('leaves the weights of functions and of the initializer alone, and reports what is really extra', () => {
    const manifest = floatManifest({ a: [1], 'body_1/w': [1], 'table/keys': [1], ghost: [1] });
    const model = openJson(
      {
        modelTopology: {
          node: [
            { name: 'a', op: 'Const' },
            { name: 'b', op: 'Const' },
          ],
          library: { function: [{ signature: { name: 'body_1' } }] },
        },
        modelInitializer: { node: [{ name: 'table/keys', op: 'Const' }] },
        ...manifest,
      },
      manifest.shards,
    );
    expect(model.problems.map(({ code, data }) => [code, data.weight])).toEqual([
      ['missing-weight', 'b'],
      ['extra-weight', 'ghost'],
    ]);
  });

  it('opens 43,000 nodes, one behind the other', () => {
    const node: Node[] = [];
    for (let i = 42_999; i > 0; i -= 1)
      node.push({
        name: `scope${i % 97}/n${i}`,
        op: 'Relu',
        input: [i === 1 ? 'x' : `scope${(i - 1) % 97}/n${i - 1}`],
      });
    node.push({
      name: 'x',
      op: 'Placeholder',
      attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '3' }] } } },
    });
    const model = openJson({ modelTopology: { node } });
    expect(model.graph.order[0]).toEqual({ layer: 'x', call: 0 });
    expect(inspectModel(model).outputs).toEqual([
      { name: 'scope28/n42999', address: 'scope28\\/n42999', shape: [3], dtype: 'float32' },
    ]);
  });
});
