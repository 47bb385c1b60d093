/** The laws of slicing, on random models that real TF.js built and saved. */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { resolveAddress } from '../../../../src/core/model/address';
import { closeCut } from '../../../../src/core/slicing/closeCut';
import type { Cut, LayersSlice } from '../../../../src/core/slicing/slice';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { largestDifference, loadPlain, openTopology, predict, sliceLayers, type OpenedFile } from './plainTfjsModel';
import { savedModel, savedRecipe, type SavedModel } from './savedModel';

beforeAll(async () => {
  await tf.setBackend('cpu');
});
beforeEach(() => {
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
});

/** `RUNS` says how many; `SEED` runs those of a failure again, which prints its seed. */
const runs = {
  numRuns: Number(process.env.RUNS ?? 25),
  ...(process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) }),
};

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

async function build(recipe: Parameters<typeof savedModel>[0]): Promise<SavedModel> {
  const model = await savedModel(recipe);
  frozen(model.file.model);
  return model;
}

function pick(model: SavedModel, at: number): string {
  return model.tensors[at % model.tensors.length]?.address ?? '';
}

/** What TF.js itself computes for an address. */
function judged({ tensors, example }: SavedModel, address: string): tf.Tensor {
  const judge = tensors.find((tensor) => tensor.address === address)?.judge;
  if (!judge) throw new Error(`nobody computes ${address}`);
  return predict(judge, example)[0] as tf.Tensor;
}

/** The outputs of a slice in plain TF.js, fed with what TF.js computes itself. */
async function outputsOf(model: SavedModel, slice: LayersSlice): Promise<tf.Tensor[]> {
  expect(slice.plan.notExportable).toEqual([]);
  const loaded = await loadPlain(slice, model.file);
  return predict(
    loaded,
    slice.plan.inputs.map(({ address }) => judged(model, address)),
  );
}

async function expectEqual(model: SavedModel, cut: Cut): Promise<void> {
  const slice = sliceLayers(model.file.model, cut);
  const found = await outputsOf(model, slice);
  slice.plan.outputs.forEach(({ address }, i) => {
    expect(largestDifference(found[i] as tf.Tensor, judged(model, address).dataSync()), address).toBe(0);
  });
}

function reopened(slice: LayersSlice, file: OpenedFile): OpenedFile {
  const weights = slice.weights.map(({ name, entry }) => {
    const found = file.model.weightEntries[entry];
    if (!found) throw new Error(`no entry ${entry}`);
    return { name, tensor: tf.tensor(new Float32Array(Uint8Array.from(file.stored(found)).buffer), found.shape) };
  });
  return openTopology(slice.modelConfig, weights);
}

const check = (law: (model: SavedModel, a: number, b: number) => Promise<void>): Promise<void> =>
  fc.assert(
    fc.asyncProperty(savedRecipe, fc.nat(60), fc.nat(60), async (recipe, a, b) => {
      await law(await build(recipe), a, b);
    }),
    runs,
  );

test('the file holds every tensor that TF.js has', () =>
  check(async ({ file, tensors }) => {
    for (const { address, judge } of tensors) {
      const { info, address: canonical } = resolveAddress(file.model.graph, address);
      expect(canonical).toBe(address);
      expect(info.shape).toEqual(judge.outputs[0]?.shape);
    }
    await Promise.resolve();
  }));

test('every tensor can be cut out', () =>
  check(async (model, at) => {
    for (const address of [pick(model, at), pick(model, at + 1), pick(model, at + 2)])
      await expectEqual(model, { outputs: [address], inputs: [] });
  }));

test('all outputs are the model', () =>
  check(async (model) => {
    const slice = sliceLayers(model.file.model, { outputs: [], inputs: [] });
    const found = await outputsOf(model, slice);
    const whole = predict(model.parent, model.example);
    expect(slice.plan.outputs.map(({ address }) => address)).toEqual(model.outputs);
    whole.forEach((tensor, i) => expect(largestDifference(found[i] as tf.Tensor, tensor.dataSync())).toBe(0));
  }));

test('several outputs keep the order asked for', () =>
  check(async (model, a, b) => {
    const asked = [...new Set([pick(model, a), pick(model, b), pick(model, a + b)])];
    const { outputs, notes } = planCut(model.file.model, { outputs: asked, inputs: [] });
    const once = asked.filter(
      (address) => !notes.some((note) => note.address === address && /once/.test(note.message)),
    );
    expect(outputs.map(({ address }) => address)).toEqual(once);
    await expectEqual(model, { outputs: asked, inputs: [] });
    await expectEqual(model, { outputs: [...asked].reverse(), inputs: [] });
  }));

test('suffix after prefix is the whole', () =>
  check(async (model, a, b) => {
    const cut = closeCut(model.file.model, { outputs: [pick(model, b)], inputs: [pick(model, a)] });
    const suffix = sliceLayers(model.file.model, cut);
    const handed = suffix.plan.inputs.map(({ address }) => address);
    const prefix = sliceLayers(model.file.model, { outputs: handed, inputs: [] });
    const fed = prefix.plan.inputs.map(({ address }) => model.example[model.inputs.indexOf(address)] as tf.Tensor);
    const between = predict(await loadPlain(prefix, model.file), fed);
    const [found] = predict(await loadPlain(suffix, model.file), between);
    expect(largestDifference(found as tf.Tensor, judged(model, pick(model, b)).dataSync())).toBe(0);
  }));

test('what is suggested for an open cut is closed and right', () =>
  check(async (model, a, b) => {
    const outputs = [pick(model, b), pick(model, a + b)];
    const { boundary, cut } = planCut(model.file.model, { outputs, inputs: [pick(model, a)] });
    for (const { inputs } of boundary.suggestions) {
      expect(planCut(model.file.model, { outputs: cut.outputs, inputs }).cut.inputs).toEqual(inputs);
      await expectEqual(model, { outputs: cut.outputs, inputs });
    }
  }));

test('a slice of a slice is the slice', () =>
  check(async ({ file, ...model }, a, b) => {
    const cut = closeCut(file.model, {
      outputs: [pick({ file, ...model }, b)],
      inputs: a % 2 === 0 ? [] : [pick({ file, ...model }, a)],
    });
    const slice = sliceLayers(file.model, cut);
    const again = reopened(slice, file);
    expect(again.model.problems).toEqual([]);
    const second = sliceLayers(again.model, { outputs: [], inputs: [] });
    expect(JSON.stringify(second.modelConfig)).toBe(JSON.stringify(slice.modelConfig));
    expect(second.weights.map(({ name }) => name)).toEqual(slice.weights.map(({ name }) => name));
    second.weights.forEach(({ entry }, i) => {
      const [mine, source] = [
        again.model.weightEntries[entry],
        file.model.weightEntries[slice.weights[i]?.entry ?? -1],
      ];
      if (!mine || !source) throw new Error('no entry');
      expect(Buffer.compare(again.stored(mine), file.stored(source))).toBe(0);
    });
    await Promise.resolve();
  }));

test('a layer by Keras’s index, TF.js’s index, from the end and by name is one cut', () =>
  check(async ({ file: { model }, parent }, at) => {
    const layers = model.graph.layers.filter(({ index }) => index.tfjs !== null);
    const layer = layers[at % layers.length];
    const { keras, tfjs } = layer?.index ?? {};
    // what TF.js counts is what TF.js has
    expect(parent.layers[tfjs ?? -1]?.name).toBe(layer?.name);
    const counted = (counting: 'keras' | 'tfjs'): number =>
      model.graph.layers.filter(({ index }) => index[counting] !== null).length;
    const ways = [
      layer?.name ?? '',
      `keras[${keras ?? 0}]`,
      `keras[${(keras ?? 0) - counted('keras')}]`,
      `tfjs[${tfjs ?? 0}]`,
      `tfjs[${(tfjs ?? 0) - counted('tfjs')}]`,
    ];
    const texts = ways.map((way) => JSON.stringify(sliceLayers(model, { outputs: [way], inputs: [] })));
    expect(new Set(texts).size).toBe(1);
    await Promise.resolve();
  }));

test('the parent in memory stays as it is', () =>
  check(async (model, at) => {
    const state = (): unknown =>
      model.parent.layers.map((layer) => ({
        name: layer.name,
        trainable: layer.trainable,
        outputs: layer.inboundNodes.map(({ outputTensors }) => outputTensors.map(({ id }) => id)),
        weights: layer.getWeights().map((weight) => Array.from(weight.dataSync())),
      }));
    const before = state();
    const slice = sliceLayers(model.file.model, { outputs: [pick(model, at)], inputs: [] });
    const loaded = await loadPlain(slice, model.file);
    for (const layer of loaded.layers) layer.trainable = false;
    for (const weight of loaded.getWeights()) expect(weight.isDisposed).toBe(false);
    loaded.setWeights(loaded.getWeights().map((weight) => tf.zerosLike(weight)));
    loaded.dispose();
    expect(state()).toEqual(before);
    const [first] = predict(model.parent, model.example);
    expect(largestDifference(first as tf.Tensor, judged(model, model.outputs[0] ?? '').dataSync())).toBe(0);
  }));
