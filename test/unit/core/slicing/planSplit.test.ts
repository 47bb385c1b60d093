import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import * as tf from '@tensorflow/tfjs';
import { SlicerError } from '../../../../src/core/errors';
import { planSplit } from '../../../../src/core/slicing/planSplit';
import { sliceModel } from '../../../../src/core/slicing/sliceModel';
import { keras } from '../../../fixtures';
import { activations, exampleInputs } from './golden';
import { largestDifference, loadPlain, openFile, predict } from './plainTfjsModel';

const file = (fixture: string) => path.join(keras, fixture, 'tfjs-keras2-h5', 'model.json');
const open = (fixture: string) => openFile(file(fixture)).model;
const addresses = (tensors: readonly { address: string }[]): string[] => tensors.map(({ address }) => address);

function refusal(work: () => unknown): string {
  try {
    work();
    return 'done';
  } catch (error) {
    if (!(error instanceof SlicerError)) return String(error);
    const { reason } = error.data;
    return typeof reason === 'string' ? `${error.code} ${reason}` : error.code;
  }
}

describe('planSplit', () => {
  test('a chain falls in two anywhere', () => {
    const { prefix, suffix, missing } = planSplit(open('digits-cnn'), ['pool_1']);
    expect(missing).toEqual([]);
    expect(prefix.layers).toEqual(['input_layer', 'conv_1', 'pool_1']);
    expect(suffix.layers).toEqual(['conv_2', 'pool_2', 'flatten', 'output_layer']);
    expect(suffix.cut.inputs).toEqual(prefix.cut.outputs);
    expect(prefix.params.total + suffix.params.total).toBe(34826);
  });

  // stem is read by conv1's branch and by add1
  test('a shortcut around the split is missing, and the nearest places where one tensor is enough are named', () => {
    const split = planSplit(open('residual-block'), ['conv1']);
    expect(addresses(split.missing)).toEqual(['stem']);
    expect(split.suffix.boundary.closed).toBe(false);
    expect(split.nearest).toEqual(['stem', 'add1']);
    for (const at of split.nearest) expect(planSplit(open('residual-block'), [at]).missing).toEqual([]);
  });

  test('what is missing is handed over when that is asked for', () => {
    const { prefix, suffix, missing } = planSplit(open('residual-block'), ['conv1'], { close: true });
    expect(missing).toEqual([]);
    expect(prefix.cut.outputs).toEqual(['conv1', 'stem']);
    expect(suffix.cut.inputs).toEqual(['conv1', 'stem']);
  });

  test('several tensors can be asked for at once', () => {
    const { prefix, missing } = planSplit(open('residual-block'), ['conv2', 'projection']);
    expect(missing).toEqual([]);
    expect(prefix.cut.outputs).toEqual(['conv2', 'projection']);
  });

  test("a model input that only the second part reads is simply the second part's", () => {
    const model = open('two-inputs-two-outputs');
    const { graph } = model;
    const own = graph.inputs.map(({ layer }) => layer);
    const onlyOne = graph.layers.find(
      ({ className, calls }) => className !== 'InputLayer' && calls[0]?.inputs.every(({ layer }) => layer === own[0]),
    );
    const { prefix, suffix, missing } = planSplit(model, [onlyOne?.name ?? '']);
    expect(missing).toEqual([]);
    expect(addresses(prefix.inputs)).toEqual([own[0]]);
    expect(addresses(suffix.inputs)).toEqual([onlyOne?.name, own[1]]);
  });

  test.each([
    { fixture: 'digits-cnn', at: 'input_layer', why: 'usage split-before' },
    { fixture: 'digits-cnn', at: 'output_layer', why: 'usage split-after' },
    { fixture: 'digits-cnn', at: 'nowhere', why: 'unknown-address none' },
  ])('$fixture at $at: $why', ({ fixture, at, why }) => {
    expect(refusal(() => planSplit(open(fixture), [at]))).toBe(why);
  });
});

describe("both parts in plain TF.js, one after the other, give Keras's outputs", () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });
  test.each([
    { fixture: 'residual-block', at: ['conv1'] },
    { fixture: 'residual-block', at: ['add1'] },
    { fixture: 'unet-small', at: null },
    { fixture: 'nested-three-deep', at: null },
    { fixture: 'two-inputs-two-outputs', at: null },
  ])('$fixture at $at', async ({ fixture, at }) => {
    const opened = openFile(file(fixture));
    const facts = path.join(keras, fixture, 'golden.json');
    const inputs = exampleInputs(facts);
    const expected = activations(facts);
    const { order } = opened.model.graph;
    const places = at ? [at] : order.slice(1, -1).map(({ layer }) => [layer]);
    let compared = 0;
    for (const place of places) {
      if (/^usage split-/.test(refusal(() => planSplit(opened.model, place)))) continue;
      const split = planSplit(opened.model, place, { close: true });
      const [first, second] = [split.prefix.cut, split.suffix.cut].map((cut) => sliceModel(opened.model, cut));
      if (!first || !second) throw new Error('no slices');
      const prefix = await loadPlain(first, opened);
      const suffix = await loadPlain(second, opened);
      const given = (address: string): tf.Tensor => inputs.get(address.replace(/\\(.)/g, '$1')) as tf.Tensor;
      const middle = predict(
        prefix,
        first.plan.inputs.map(({ address }) => given(address)),
      );
      const fed = second.plan.inputs.map(({ address }) => {
        const handed = first.plan.outputs.findIndex((output) => output.address === address);
        return middle[handed] ?? given(address);
      });
      const outputs = predict(suffix, fed);
      for (const [i, { address }] of second.plan.outputs.entries()) {
        const values = expected(address);
        const output = outputs[i];
        if (!values || !output) throw new Error(`${address} has no facts`);
        const found = Array.from(output.flatten().slice(0, values.length).dataSync());
        expect(largestDifference(tf.tensor1d(found), values), `${place.join()}: ${address}`).toBeLessThanOrEqual(
          1e-4 * Math.max(1, ...values.map(Math.abs)),
        );
        compared += 1;
      }
      prefix.dispose();
      suffix.dispose();
    }
    expect(compared).toBeGreaterThan(0);
  });
});
