import { expect, test } from 'vitest';
import { weightFolders, type WeightFolder } from '../../../../src/core/formats/kerasWeightFolders';
import type { Layer, LayerGraph } from '../../../../src/core/model/layerGraph';

/** `name: Class`, or a nested model. */
type Sketch = [name: string, className: string, inner?: Sketch[]];

function graphOf(layers: Sketch[]): LayerGraph {
  return {
    name: 'm',
    className: 'Functional',
    kind: 'functional',
    inputs: [],
    outputs: [],
    order: [],
    layers: layers.map(([name, className, inner]): Layer => ({
      name,
      className,
      module: null,
      isLayer: true,
      config: {},
      trainable: true,
      calls: [],
      weights: [],
      graph: inner ? graphOf(inner) : null,
      index: { keras: null, tfjs: null },
    })),
  };
}

function folders(layers: Sketch[], found: (string | [path: string, layer: string])[]): Record<string, string> {
  const given = found.map((item): WeightFolder =>
    typeof item === 'string' ? { path: item, layer: null } : { path: item[0], layer: item[1] },
  );
  return Object.fromEntries([...weightFolders(graphOf(layers), given)].map(([{ name }, path]) => [name, path]));
}

test.each([
  {
    title: 'counts by class in the order of the layers (Keras 3.0)',
    layers: [
      ['b', 'Dense'],
      ['x', 'LSTM'],
      ['a', 'Dense'],
    ] as Sketch[],
    found: ['layers/dense', 'layers/dense_1', 'layers/lstm'],
    expected: { b: 'layers/dense', a: 'layers/dense_1', x: 'layers/lstm' },
  },
  {
    title: 'goes by the names where every folder has one',
    layers: [
      ['b', 'Dense'],
      ['a', 'Dense'],
    ] as Sketch[],
    found: [
      ['layers/dense', 'a'],
      ['layers/dense_1', 'b'],
    ] as [string, string][],
    expected: { a: 'layers/dense', b: 'layers/dense_1' },
  },
  {
    title: 'does not trust names that stand twice',
    layers: [
      ['b', 'Dense'],
      ['a', 'Dense'],
    ] as Sketch[],
    found: [
      ['layers/dense', 'a'],
      ['layers/dense_1', 'a'],
    ] as [string, string][],
    expected: { b: 'layers/dense', a: 'layers/dense_1' },
  },
  {
    title: 'takes the order where numbers have gaps (Keras 2.12 counts layers with weights twice)',
    layers: [
      ['one', 'TimeDistributed'],
      ['two', 'TimeDistributed'],
      ['three', 'TimeDistributed'],
    ] as Sketch[],
    found: ['time_distributed_3', 'time_distributed', 'time_distributed_2'].map(
      (name) => `_layer_checkpoint_dependencies/${name}`,
    ),
    expected: {
      one: '_layer_checkpoint_dependencies/time_distributed',
      two: '_layer_checkpoint_dependencies/time_distributed_2',
      three: '_layer_checkpoint_dependencies/time_distributed_3',
    },
  },
  {
    title: 'goes into nested models',
    layers: [
      ['in', 'Functional', [['c', 'Conv2D']]],
      ['out', 'Functional', [['c2', 'Conv2D']]],
    ] as Sketch[],
    found: [
      'layers/functional',
      'layers/functional/layers/conv2d',
      'layers/functional_1',
      'layers/functional_1/layers/conv2d',
    ],
    expected: {
      in: 'layers/functional',
      out: 'layers/functional_1',
      c: 'layers/functional/layers/conv2d',
      c2: 'layers/functional_1/layers/conv2d',
    },
  },
])('$title', ({ layers, found, expected }) => {
  expect(folders(layers, found)).toEqual(expected);
});
