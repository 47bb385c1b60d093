import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { keras } from '../../../fixtures';
import { openFile, openTopology, sliceLayers } from './plainTfjsModel';

const open = (fixture: string, format = 'tfjs-keras2-h5') =>
  openFile(path.join(keras, fixture, format, 'model.json')).model;

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'done';
  } catch (error) {
    return error instanceof SlicerError ? error.code : String(error);
  }
}

describe('what a cut will be', () => {
  test('the prefix of a Sequential is a Sequential', () => {
    const { plan, modelConfig } = sliceLayers(open('digits-cnn'), { outputs: ['pool_1'], inputs: [] });
    expect(modelConfig.class_name).toBe('Sequential');
    expect(plan).toMatchObject({
      layers: ['input_layer', 'conv_1', 'pool_1'],
      params: { total: 320, trainable: 320, nonTrainable: 0 },
      weightBytes: 1280,
      calls: 2,
      macs: 194688,
      inputs: [{ name: 'input_layer', shape: [null, 28, 28, 1] }],
      outputs: [{ address: 'pool_1', shape: [null, 13, 13, 32] }],
      notExportable: [],
      notes: [],
    });
  });
  test('the suffix that fits it is one, too', () => {
    const { plan, modelConfig } = sliceLayers(open('digits-cnn'), { outputs: [], inputs: ['pool_1'] });
    expect(modelConfig.class_name).toBe('Sequential');
    expect(plan.layers).toEqual(['conv_2', 'pool_2', 'flatten', 'output_layer']);
    expect(plan.inputs).toMatchObject([{ name: 'pool_1_input', address: 'pool_1', shape: [null, 13, 13, 32] }]);
  });
  test('several outputs make it functional, in the order asked for', () => {
    const { plan, modelConfig } = sliceLayers(open('digits-cnn'), { outputs: ['flatten', 'conv_1'], inputs: [] });
    expect(modelConfig.class_name).toBe('Functional');
    expect(plan.outputs.map(({ address }) => address)).toEqual(['flatten', 'conv_1']);
  });
  test('a nested model that is not entered stays one layer; one that is is opened as far as needed', () => {
    const model = open('nested-three-deep');
    const nested = model.graph.layers.find(({ graph }) => graph);
    const whole = sliceLayers(model, { outputs: [nested?.name ?? ''], inputs: [] });
    const names = (config: unknown): string[] =>
      (config as { layers: { class_name: string }[] }).layers.map(({ class_name }) => class_name);
    expect(names(whole.modelConfig.config)).toContain(nested?.className);
    const inside =
      whole.plan.layers.find((address) => address.split('/').length === 2 && !address.includes('in')) ?? '';
    const entered = sliceLayers(model, { outputs: [inside], inputs: [] });
    expect(entered.plan.layers).not.toContain(nested?.name);
    expect(entered.plan.layers).toContain(inside);
  });
  test('layers of one name in two nested models get two names, and it is said', () => {
    const { plan, weights } = sliceLayers(open('nested-functional', 'tfjs-keras3'), { outputs: [], inputs: [] });
    expect(new Set(weights.map(({ name }) => name)).size).toBe(weights.length);
    expect(plan.notes.map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringContaining('block_b/conv is called block_b_conv')]),
    );
  });
  test('inputs that are not needed are left out', () => {
    const plan = planCut(open('shared-layer'), { outputs: ['pool#2'], inputs: [] });
    expect(plan.inputs.map(({ address }) => address)).toEqual(['b']);
    expect(plan.layers).toEqual(['b', 'shared', 'pool']);
    expect(plan.calls).toBe(2);
  });
  test('a frozen model around a layer stays frozen when it is opened', () => {
    const model = open('tutorial-model-as-layer-frozen');
    const inner =
      sliceLayers(model, { outputs: [], inputs: [] }).plan.layers.find((address) => address.endsWith('/norm')) ?? '';
    const { plan, modelConfig } = sliceLayers(model, { outputs: [inner], inputs: [] });
    expect(plan.params.trainable).toBe(0);
    expect(JSON.stringify(modelConfig)).not.toContain('"class_name":"Conv2D","config":{"trainable":true');
  });
});

describe('defined answers', () => {
  const model = open('residual-block');
  test('the same tensor asked for twice is there once', () => {
    const plan = planCut(model, { outputs: ['stem', 'stem'], inputs: [] });
    expect(plan.outputs.map(({ address }) => address)).toEqual(['stem']);
    expect(plan.notes[0]?.message).toMatch(/asked for twice/);
  });
  test('an output that is an input', () => {
    const [input] = planCut(model, { outputs: [], inputs: [] }).inputs;
    const plan = planCut(model, { outputs: [input?.address ?? '', 'stem'], inputs: [] });
    expect(plan.outputs.map(({ address }) => address)).toEqual([input?.address, 'stem']);
    expect(plan.boundary.closed).toBe(true);
  });
  test('an input that is not needed is left out and named', () => {
    const last = planCut(model, { outputs: [], inputs: [] }).outputs[0]?.address ?? '';
    const plan = planCut(model, { outputs: ['stem'], inputs: ['stem', last] });
    expect(plan.inputs.map(({ address }) => address)).toEqual(['stem']);
    expect(plan.notes.map(({ address }) => address)).toContain(last);
  });
  test('an unknown address', () => {
    expect(codeOf(() => planCut(model, { outputs: ['stem_7'], inputs: [] }))).toBe('unknown-address');
  });
  test('a cut that is not closed names what it lacks, and what would close it', () => {
    const addition = model.graph.layers.find(({ className }) => className === 'Add');
    const inside = addition?.calls[0]?.inputs[1]?.layer ?? '';
    const skipped = addition?.calls[0]?.inputs[0]?.layer ?? '';
    const plan = planCut(model, { outputs: [addition?.name ?? ''], inputs: [inside] });
    expect(plan.boundary.closed).toBe(false);
    expect(plan.boundary.missing).toMatchObject([{ address: skipped, neededBy: [addition?.name] }]);
    for (const { inputs } of plan.boundary.suggestions) {
      expect(planCut(model, { outputs: [addition?.name ?? ''], inputs }).boundary.closed).toBe(true);
    }
    expect(codeOf(() => sliceLayers(model, { outputs: [addition?.name ?? ''], inputs: [inside] }))).toBe('cut-open');
  });
  test('an output that the given inputs do not lead to needs the model’s own', () => {
    const two = open('two-inputs-two-outputs');
    const [a, b] = two.graph.inputs;
    const [, last] = two.graph.outputs;
    const plan = planCut(two, { outputs: [a?.layer ?? '', last?.layer ?? ''], inputs: [a?.layer ?? ''] });
    expect(plan.boundary.missing.map(({ address }) => address)).toContain(b?.layer);
  });
});

test('planning a cut of ten thousand layers is quick', () => {
  const count = 10_000;
  const layers = Array.from({ length: count }, (_, i) => ({
    class_name: 'Add',
    name: `add_${i}`,
    config: { name: `add_${i}`, trainable: true, dtype: 'float32' },
    inbound_nodes: [
      [
        [i === 0 ? 'in' : `add_${i - 1}`, 0, 0, {}],
        [i < 2 ? 'in' : `add_${i - 2}`, 0, 0, {}],
      ],
    ],
  }));
  const config = {
    name: 'long',
    layers: [
      {
        class_name: 'InputLayer',
        name: 'in',
        config: { name: 'in', batch_input_shape: [null, 2], dtype: 'float32', sparse: false },
        inbound_nodes: [],
      },
      ...layers,
    ],
    input_layers: [['in', 0, 0]],
    output_layers: [[`add_${count - 1}`, 0, 0]],
  };
  const { model } = openTopology({ class_name: 'Functional', config }, []);
  const before = performance.now();
  const plan = planCut(model, { outputs: [`add_${count / 2}`], inputs: [] });
  if (process.env.SHOW) console.log(performance.now() - before);
  expect(plan.calls).toBe(count / 2 + 1);
});
