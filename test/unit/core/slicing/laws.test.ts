import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { largestDifference, loadPlain, type OpenedFile, openTopology, predict, sliceLayers } from './plainTfjsModel';
import { build, recipe, type RandomModel } from './randomModel';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const runs = { numRuns: 30 };

/** Largest difference of a slice's outputs from the judges'. */
async function differenceFrom(model: RandomModel, addresses: string[]): Promise<number> {
  const slice = sliceLayers(model.file.model, { outputs: addresses, inputs: [] });
  expect(slice.plan.notExportable).toEqual([]);
  const loaded = await loadPlain(slice, model.file);
  const example = model.example();
  const fed = slice.plan.inputs.map(({ address }) => example[Number(address.slice('in_'.length))] as tf.Tensor);
  const found = predict(loaded, fed);
  const differences = addresses.map((address, i) => {
    const judge = model.tensors.find((tensor) => tensor.address === address)?.judge as tf.LayersModel;
    const [expected] = predict(judge, example);
    return largestDifference(found[i] as tf.Tensor, (expected as tf.Tensor).dataSync());
  });
  return Math.max(...differences);
}

/** The slice as a model file of its own. */
function reopened(slice: ReturnType<typeof sliceLayers>, file: OpenedFile): OpenedFile {
  const weights = slice.weights.map(({ name, entry }) => {
    const found = file.model.weightEntries[entry];
    if (!found) throw new Error(`no entry ${entry}`);
    const bytes = Uint8Array.from(file.stored(found));
    return { name, tensor: tf.tensor(new Float32Array(bytes.buffer), found.shape) };
  });
  return openTopology(slice.modelConfig, weights);
}

describe('random models', () => {
  test('every tensor of the model can be cut out and is what TF.js computes itself', async () => {
    await fc.assert(
      fc.asyncProperty(recipe, async (item) => {
        const model = build(item);
        for (const { address } of model.tensors) expect(await differenceFrom(model, [address]), address).toBe(0);
      }),
      runs,
    );
  });

  test('several outputs keep the order asked for', async () => {
    await fc.assert(
      fc.asyncProperty(recipe, fc.array(fc.nat(30), { minLength: 2, maxLength: 4 }), async (item, picks) => {
        const model = build(item);
        const addresses = [...new Set(picks.map((pick) => model.tensors[pick % model.tensors.length]?.address ?? ''))];
        const { outputs } = planCut(model.file.model, { outputs: addresses, inputs: [] });
        // two addresses of one tensor come once
        const distinct = outputs.map(({ address }) => address);
        expect(distinct).toEqual(addresses.filter((address) => distinct.includes(address)));
        expect(await differenceFrom(model, distinct)).toBe(0);
      }),
      runs,
    );
  });

  test('all outputs are the model', async () => {
    await fc.assert(
      fc.asyncProperty(recipe, async (item) => {
        const model = build(item);
        const { outputs } = planCut(model.file.model, { outputs: [], inputs: [] });
        expect(outputs.map(({ address }) => address).every((address) => model.outputs.includes(address))).toBe(true);
        expect(
          await differenceFrom(
            model,
            outputs.map(({ address }) => address),
          ),
        ).toBe(0);
      }),
      runs,
    );
  });

  test('suffix after prefix is the whole; what is missing closes the cut', async () => {
    let closed = 0;
    await fc.assert(
      fc.asyncProperty(recipe, fc.nat(30), fc.nat(30), async (item, start, end) => {
        const model = build(item);
        const from = model.tensors[start % model.tensors.length]?.address ?? '';
        const to = model.tensors[end % model.tensors.length]?.address ?? '';
        const open = planCut(model.file.model, { outputs: [to], inputs: [from] }).boundary;
        const inputs = [from, ...open.missing.map(({ address }) => address)];
        const suffix = sliceLayers(model.file.model, { outputs: [to], inputs });
        for (const { inputs: suggested } of open.suggestions) {
          expect(planCut(model.file.model, { outputs: [to], inputs: suggested }).boundary.closed).toBe(true);
        }
        const needed = suffix.plan.inputs.map(({ address }) => address);
        if (needed.length === 0) return;
        closed += 1;
        const example = model.example();
        const handed = needed.map((address) => {
          const judge = model.tensors.find((tensor) => tensor.address === address)?.judge;
          return judge ? (predict(judge, example)[0] as tf.Tensor) : (example[Number(address.slice(3))] as tf.Tensor);
        });
        const loaded = await loadPlain(suffix, model.file);
        const [found] = predict(loaded, handed);
        const [expected] = predict(
          model.tensors.find(({ address }) => address === to)?.judge as tf.LayersModel,
          example,
        );
        expect(largestDifference(found as tf.Tensor, (expected as tf.Tensor).dataSync())).toBe(0);
      }),
      runs,
    );
    expect(closed).toBeGreaterThan(10);
  });

  test('a slice of a slice is the slice', async () => {
    await fc.assert(
      fc.asyncProperty(recipe, fc.nat(30), async (item, pick) => {
        const model = build(item);
        const slice = sliceLayers(model.file.model, {
          outputs: [model.tensors[pick % model.tensors.length]?.address ?? ''],
          inputs: [],
        });
        const again = reopened(slice, model.file);
        expect(again.model.problems).toEqual([]);
        const second = sliceLayers(again.model, { outputs: [], inputs: [] });
        expect(second.modelConfig).toEqual(slice.modelConfig);
        expect(second.weights.map(({ name }) => name)).toEqual(slice.weights.map(({ name }) => name));
      }),
      runs,
    );
  });

  test('the model file is left as it was, and the same cut gives the same text', () => {
    fc.assert(
      fc.property(recipe, fc.nat(30), (item, pick) => {
        const { file, tensors } = build(item);
        const before = JSON.stringify(file.model);
        const cut = { outputs: [tensors[pick % tensors.length]?.address ?? ''], inputs: [] };
        expect(JSON.stringify(sliceLayers(file.model, cut))).toBe(JSON.stringify(sliceLayers(file.model, cut)));
        expect(JSON.stringify(file.model)).toBe(before);
      }),
      runs,
    );
  });
});
