import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { closeCut, tensorsReadBy } from '../../../../src/core/slicing/closeCut';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { keras } from '../../../fixtures';
import { openFile } from './plainTfjsModel';

const open = (fixture: string, format = 'tfjs-keras2-h5'): ModelFile =>
  openFile(path.join(keras, fixture, format, 'model.json')).model;

describe('what a layer reads', () => {
  const reads = (fixture: string, address: string, format?: string): string[] =>
    tensorsReadBy(open(fixture, format).graph, address);
  test.each([
    ['in a DAG', 'residual-block', 'add1', ['stem', 'bn2']],
    ['several InputLayers', 'merges', 'add', ['a', 'b']],
    ['one call of a reused layer', 'shared-layer', 'shared#2', ['b']],
    ['one call, which reads another', 'shared-layer', 'pool#2', ['shared#2']],
    ['an InputLayer itself', 'residual-block', 'image', ['image']],
  ])('%s', (_, fixture, address, expected) => {
    expect(reads(fixture, address)).toEqual(expected);
  });
  test('the first layer of a nested model: what the model is given', () => {
    const { graph } = open('nested-three-deep');
    let layers = graph.layers;
    const names: string[] = [];
    let outer = '';
    for (let nested = layers.find((item) => item.graph); nested; nested = layers.find((item) => item.graph)) {
      if (names.length === 0) outer = nested.calls[0]?.inputs[0]?.layer ?? '';
      names.push(nested.name);
      layers = nested.graph?.layers ?? [];
      const first = layers.find(({ calls, className }) => className !== 'InputLayer' && calls.length > 0);
      if (nested.graph?.inputs.some(({ layer }) => first?.calls[0]?.inputs[0]?.layer === layer) && names.length === 1) {
        expect(tensorsReadBy(graph, `${names.join('/')}/${first?.name ?? ''}`)).toEqual([outer]);
        expect(tensorsReadBy(graph, `${names.join('/')}/${nested.graph.inputs[0]?.layer ?? ''}`)).toEqual([outer]);
      }
    }
    expect(names).toHaveLength(3);
  });
  test('the second call of a nested model that is called twice', () => {
    const { graph } = open('siamese');
    const tower = graph.layers.find((layer) => layer.graph);
    const [, second] = tower?.calls ?? [];
    const first = tower?.graph?.layers.find(({ className }) => className !== 'InputLayer');
    expect(tensorsReadBy(graph, `${tower?.name ?? ''}#2/${first?.name ?? ''}`)).toEqual([second?.inputs[0]?.layer]);
  });
  test('leaves out the mask that Keras 3 makes for it', () => {
    expect(reads('text-lstm', 'lstm_state', 'tfjs-keras3')).toEqual(['lstm_sequence']);
  });
  test('a node of a graph-model: no constants', () => {
    const { graph } = open('mobilenet-block', 'tfjs-graph-keras3');
    const product = graph.layers.find(({ className }) => /Conv2D|MatMul/.test(className));
    const all = product?.calls[0]?.inputs.map(({ layer }) => layer) ?? [];
    const found = tensorsReadBy(graph, product?.name ?? '');
    expect(found).toEqual(all.slice(0, 1));
    expect(all.length).toBeGreaterThan(1);
  });
  test('a layer that reads nothing is no start', () => {
    expect(() => reads('residual-block', 'nothing')).toThrow('unknown-address');
  });
});

test('a cut that is closed stays as it is', () => {
  const model = open('residual-block');
  const cut = { outputs: ['stem'], inputs: [] };
  expect(closeCut(model, cut)).toEqual(cut);
});

test('a start before a layer yields the rest of the model', () => {
  const model = open('unet-small');
  for (const { name, className, calls } of model.graph.layers) {
    if (className === 'InputLayer' || calls.length === 0) continue;
    const cut = closeCut(model, { outputs: [], inputs: tensorsReadBy(model.graph, name) });
    const plan = planCut(model, cut);
    expect(plan.boundary.closed).toBe(true);
    expect(plan.layers).toContain(name);
  }
});
