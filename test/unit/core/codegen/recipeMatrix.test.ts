/** Every recipe for models of every kind: what is offered compiles, runs and is right; what is not says why. */
import type * as tf from '@tensorflow/tfjs';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Recipe, RecipeId } from '../../../../src/core/codegen/recipe';
import { fitRecipe, recipes } from '../../../../src/core/codegen/recipes';
import { resolveAddress } from '../../../../src/core/model/address';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut, LayersSlice } from '../../../../src/core/slicing/slice';
import { tensorsAround } from '../../../../src/core/slicing/tensorsAround';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';
import { activations, exampleInputs, layersModels } from '../slicing/golden';
import { openFile, sliceLayers, type OpenedFile } from '../slicing/plainTfjsModel';
import { compileErrors, runModule } from './compile';
import { parentState, predictions, weightValues, type ParentState } from './parentState';
import { caseModels, cutsOf, cutText, type CaseModel } from './recipeCases';
import { drivers } from './recipeDrivers';

// The generated code requires the package itself: the same copy must be used to make its tensors.
const require = createRequire(path.join(__dirname, 'x.js'));
const plain = require('@tensorflow/tfjs') as typeof tf;

beforeAll(async () => {
  await plain.setBackend('cpu');
});

const FORMATS = ['tfjs-keras2-h5', 'tfjs-keras3'];
/** `npm run conformance` tries every cell; `npm test` some cuts of each model. */
const whole = process.env.MODEL_SLICER_RECIPES === 'whole';
const only = process.env.MODEL_SLICER_RECIPES_ONLY ?? '';

interface Row {
  name: string;
  format: string;
  cut: Cut;
}

function rowsOf(name: string, { cuts, shown }: CaseModel, number: number): Row[] {
  if ((!shown && !whole) || !name.includes(only)) return [];
  const formats = FORMATS.filter((format) => existsSync(path.join(keras, name, format)));
  return formats.flatMap((format, i) => {
    const all = cutsOf(openFixture(keras, name, format), cuts).map((cut) => ({ name, format, cut }));
    if (whole) return all;
    // the model's own cuts stand behind the first; what all models get comes after those
    const sample = i === 0 ? all.slice(0, 2) : [all[(number % (all.length - 1)) + 1] ?? all[0]];
    return [...new Set(sample)].flatMap((row) => row ?? []);
  });
}

const rows = Object.entries(caseModels).flatMap(([name, model], i) => rowsOf(name, model, i));
const offered = new Set<RecipeId>();
const texts = new Map<string, string>();

afterAll(() => {
  // one program for everything that the tests wrote
  expect(compileErrors(texts)).toEqual([]);
}, 120_000);

test.each(rows.map((row) => [`${row.name} ${row.format} ${cutText(row.cut)}`, row] as const))(
  '%s',
  async (_, { name, format, cut }) => {
    const file = openFile(path.join(keras, name, format, 'model.json'));
    const custom = path.join(keras, name, 'custom-layers.js');
    if (existsSync(custom)) (require(custom) as (given: typeof plain) => void)(plain);
    const golden = layersModels().find((row) => row.fixture === name && row.format === format)?.golden ?? '';
    for (const recipe of recipes) await cell(file, cut, golden, recipe);
  },
  60_000,
);

/** A real model; its first layers only, and nothing is predicted with all of it: on this backend that takes seconds. */
const mobilenet = path.join(__dirname, '../../../../.cache/models/mobilenet_v2/model.json');
const MOBILENET_CUTS: Cut[] = [
  { outputs: ['expanded_conv_project_BN'], inputs: [] },
  { outputs: ['Conv1_relu', 'expanded_conv_project_BN'], inputs: [] },
  { outputs: ['expanded_conv_project_BN'], inputs: ['Conv1_relu'] },
];
if (whole && 'mobilenet_v2'.includes(only) && existsSync(mobilenet))
  test.each(MOBILENET_CUTS.map((cut) => [`mobilenet_v2 ${cutText(cut)}`, cut] as const))(
    '%s',
    async (_, cut) => {
      const file = openFile(mobilenet);
      for (const recipe of recipes) await cell(file, cut, '', recipe);
    },
    900_000,
  );

if (only === '')
  test('every recipe was offered', () => {
    expect(recipes.map(({ id }) => id).filter((id) => !offered.has(id))).toEqual([]);
  });

/** What is offered is right; what is not says why. */
async function cell(file: OpenedFile, cut: Cut, golden: string, recipe: Recipe): Promise<void> {
  const { model } = file;
  const request = { recipe: recipe.id, language: 'typescript', modelPath: './model.json' } as const;
  const fit = fitRecipe(model, cut, request);
  const where = `${recipe.id} of ${model.graph.name} ${cut.outputs.join()}`;
  if (!fit.fits) {
    expect(fit.why, where).toMatch(/\S \S/);
    return;
  }
  offered.add(recipe.id);
  const { text } = fit.writer.write(fit.task);
  texts.set(`${where.replace(/\W+/g, '-')}-${texts.size}.ts`, text);
  expect(text, where).not.toMatch(/\bany\b/);

  const asked = { ...cut, outputs: outputsOf(recipe, model, cut) };
  const planned = sliceLayers(model, asked);
  const whole = sliceLayers(model, { outputs: [], inputs: [] });
  const feeds = feedsOf(golden, planned, cut);
  const given = feeds(planned);
  // what is loaded: the saved slice, the saved model, or the file itself
  const loaded = text.includes(' --output ') ? planned : whole;
  const parentInputs = loaded === planned ? given : cut.inputs.length > 0 || golden === '' ? null : feeds(whole);
  const inputs = recipe.id === 'identity-tap' && parentInputs ? parentInputs : given;

  const seen: { parent: tf.LayersModel; before: ParentState }[] = [];
  const watched = {
    ...plain,
    loadLayersModel: async (source: tf.io.IOHandler) => {
      const parent = await plain.loadLayersModel(source);
      seen.push({ parent, before: parentState(parent, parentInputs) });
      return parent;
    },
  };
  const exports = runModule(text, { '@tensorflow/tfjs': watched });
  const handler = handlerOf(file, text.includes('model-slicer slice') ? loaded : null);
  const ownOutputs = whole.plan.outputs.length;
  const fitInputs = parentInputs ?? inputs;
  const driven = await drivers[recipe.id]({ plain, exports, handler, inputs, fitInputs, ownOutputs });
  const [loading] = seen;
  if (!loading || seen.length > 1) throw new Error(`${where} loads ${seen.length} models`);
  const { parent, before } = loading;
  if (recipe.id === 'layer-attribute') await compareAttribute(driven.outputs ?? [], file, given);
  else if (driven.outputs)
    await compare(driven.outputs, {
      file,
      planned,
      golden: cut.inputs.length > 0 ? '' : golden,
      given,
      where,
      text,
      trained: recipe.id === 'training-callback' ? parent : null,
    });
  const after = parentState(parent, parentInputs);
  expect(after.layers, where).toEqual(before.layers);
  // a training moves BatchNorm's statistics
  const moves = recipe.id === 'training-callback' && JSON.stringify(model.topology).includes('BatchNormalization');
  if (!moves) expect(same(after.predictions, before.predictions), where).toBe(true);
  if (driven.made && recipe.kind === 'extraction' && recipe.id !== 'load-slice')
    checkSharing(recipe, driven.made, parent, inputs, where);
  if (driven.base && driven.made)
    await checkTraining({ recipe, exports, base: driven.base, made: driven.made, parent, given, parentInputs, where });
  driven.outputs?.forEach((tensor) => tensor.dispose());
  plain.disposeVariables();
}

/** What the code computes. */
function outputsOf(recipe: Recipe, model: ModelFile, cut: Cut): string[] {
  if (recipe.id === 'before-after-batchnorm') return normalized(model, cut);
  if (recipe.id !== 'identity-tap') return cut.outputs;
  const own = addressesOf(model, []);
  return addressesOf(model, cut.outputs).filter((address) => !own.includes(address));
}

function addressesOf(model: ModelFile, outputs: string[]): string[] {
  return sliceLayers(model, { outputs, inputs: [] }).plan.outputs.map(({ address }) => address);
}

function normalized(model: ModelFile, { outputs }: Cut): string[] {
  const [address] = addressesOf(model, outputs);
  const around = tensorsAround(model.graph, address ?? '');
  return (['before-batchnorm', 'after-batchnorm'] as const).map(
    (role) => around.find(({ roles }) => roles.includes(role))?.address ?? '',
  );
}

/** Keras's example where the model is fed, noise where a cut starts inside. */
function feedsOf(golden: string, planned: LayersSlice, cut: Cut): (slice: LayersSlice) => tf.Tensor[] {
  const examples = golden === '' ? new Map<string, tf.Tensor>() : exampleInputs(golden);
  const known = new Map<string, tf.Tensor>();
  return (slice) =>
    slice.plan.inputs.map(({ address, shape }) => {
      const made = known.get(address);
      if (made) return made;
      const example = cut.inputs.length > 0 ? undefined : examples.get(address.replace(/\\(.)/g, '$1'));
      const tensor = example
        ? plain.tensor(example.dataSync(), example.shape, example.dtype)
        : plain.randomNormal((shape ?? []).map((dim) => dim ?? 2));
      known.set(address, tensor);
      return tensor;
    });
}

/** @param saved the slice that the code says to save; null: the file itself. */
function handlerOf({ model, stored }: OpenedFile, saved: LayersSlice | null): tf.io.IOHandler {
  const entries = saved
    ? saved.weights.map(({ name, entry }) => ({ name, entry: model.weightEntries[entry] }))
    : model.weightEntries.map((entry) => ({ name: entry.name, entry }));
  const weightSpecs = entries.map(({ name, entry }) => ({
    name,
    shape: entry?.shape ?? [],
    dtype: 'float32' as const,
    ...(entry?.quantization ? { quantization: { ...entry.quantization, original_dtype: 'float32' as const } } : {}),
  })) as tf.io.WeightsManifestEntry[];
  const bytes = entries.map(({ entry }) => (entry ? stored(entry) : new Uint8Array()));
  const modelTopology = { keras_version: '2.15.0', model_config: saved ? saved.modelConfig : model.topology };
  return plain.io.fromMemory({
    modelTopology: JSON.parse(JSON.stringify(modelTopology)) as object,
    weightSpecs,
    weightData: Uint8Array.from(Buffer.concat(bytes)).buffer,
  });
}

interface Comparison {
  file: OpenedFile;
  planned: LayersSlice;
  golden: string;
  given: tf.Tensor[];
  where: string;
  text: string;
  /** Was trained meanwhile: its weights are the right ones. */
  trained: tf.LayersModel | null;
}

/** With plain TF.js's own predict of the slice, and with Keras. */
async function compare(
  found: tf.Tensor[],
  { file, planned, golden, given, where, text, trained }: Comparison,
): Promise<void> {
  const reference = await plain.loadLayersModel(handlerOf(file, planned));
  const weights = new Map(trained?.weights.map((weight) => [weight.originalName, weight]));
  for (const weight of reference.weights) weight.write(weights.get(weight.originalName)?.read() ?? weight.read());
  const expected = predictions(reference, given);
  expect(found.length, where).toBe(expected.length);
  found.forEach((output, i) => {
    const address = planned.plan.outputs[i]?.address ?? '';
    const values = output.dataSync();
    expect(differenceOf(values, expected[i] ?? []), `${where} ${address}\n${text}`).toBeLessThanOrEqual(1e-6);
    const keras = golden === '' || trained ? null : activations(golden)(address);
    if (keras)
      expect(differenceOf(values.slice(0, keras.length), keras), `${where} ${address}`).toBeLessThanOrEqual(1e-4);
  });
}

/** What the fixture's layer keeps is no tensor of the graph: by its own formula, from what it reads. */
async function compareAttribute(found: tf.Tensor[], file: OpenedFile, given: tf.Tensor[]): Promise<void> {
  const read = resolveAddress(file.model.graph, 'my_custom_layer').layer.calls[0]?.inputs[0]?.layer ?? '';
  const before = await plain.loadLayersModel(handlerOf(file, sliceLayers(file.model, { outputs: [read], inputs: [] })));
  const [x] = predictions(before, given);
  const weight = (end: string): tf.Tensor => {
    const entry = file.model.weightEntries.find(({ name }) => name.endsWith(end));
    const bytes = Uint8Array.from(entry ? file.stored(entry) : []).buffer;
    return plain.tensor(new Float32Array(bytes), entry?.shape);
  };
  const kernel = weight('features/kernel');
  const sum = plain
    .tensor1d(x ?? [])
    .reshape([-1, kernel.shape[0] ?? 1])
    .matMul(kernel)
    .add(weight('features/bias'));
  expect(differenceOf(found[0]?.dataSync() ?? [], sum.tanh().dataSync())).toBeLessThanOrEqual(1e-6);
}

/** Largest difference, relative to the largest value or 1. */
function differenceOf(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  let largest = 0;
  let scale = 1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((found[i] ?? NaN) - (expected[i] ?? NaN));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
    scale = Math.max(scale, Math.abs(expected[i] ?? 0));
  }
  return largest / scale;
}

/** Changing a weight changes the other model if and only if the recipe says so. */
function checkSharing(
  recipe: Recipe,
  made: tf.LayersModel,
  parent: tf.LayersModel,
  inputs: tf.Tensor[],
  where: string,
): void {
  const shared = recipe.weights === 'shared';
  const before = JSON.stringify(predictions(made, inputs));
  const parentWeights = weightValues(parent);
  expect(made.weights.every((weight) => parent.weights.includes(weight)) || !shared, where).toBe(true);
  changeWeights(shared ? parent : made);
  const hasWeights = made.weights.length > 0;
  expect(JSON.stringify(predictions(made, inputs)) !== before, where).toBe(hasWeights);
  expect(weightValues(parent) !== parentWeights, where).toBe(shared && parent.weights.length > 0);
}

function changeWeights(model: tf.LayersModel): void {
  for (const weight of model.weights) {
    const changed = plain.tidy(() => weight.read().mul(0.9).add(0.05));
    weight.write(changed);
    changed.dispose();
  }
}

interface Training {
  recipe: Recipe;
  exports: Record<string, unknown>;
  base: tf.LayersModel;
  made: tf.LayersModel;
  parent: tf.LayersModel;
  given: tf.Tensor[];
  parentInputs: tf.Tensor[] | null;
  where: string;
}

const HEAD = 2;

/** One real epoch; then what was tracked, trained and saved. */
async function checkTraining({
  recipe,
  exports,
  base,
  made,
  parent,
  given,
  parentInputs,
  where,
}: Training): Promise<void> {
  const x = given.length === 1 && given[0] ? given[0] : given;
  const count = given[0]?.shape[0] ?? 1;
  const y = plain.tidy(() => plain.oneHot(plain.range(0, count, 1, 'int32').mod(3).toInt(), 3).toFloat());
  const trained = ['layer-functional', 'layer-subclass', 'layer-sequential'].includes(recipe.id);
  const owns = recipe.id !== 'layer-lambda';
  expect(made.weights.length, where).toBe((owns ? base.weights.length : 0) + HEAD);
  expect(made.trainableWeights.length, where).toBe((trained ? base.trainableWeights.length : 0) + HEAD);

  const weights = weightValues(base);
  const before = parentInputs && predictions(parent, parentInputs);
  const head = headOf(made);
  made.compile({ optimizer: plain.train.sgd(0.1), loss: 'categoricalCrossentropy' });
  await made.fit(x, y, { epochs: 1, verbose: 0, batchSize: count });
  y.dispose();
  expect(headOf(made) !== head, where).toBe(true);
  if (!trained || base.trainableWeights.length > 0)
    expect(weightValues(base) === weights, `${where}: weights as before`).toBe(!trained);
  if (!trained && parentInputs) expect(same(predictions(parent, parentInputs), before), where).toBe(true);

  const saved = await artifactsOf(made);
  expect(saved.weightSpecs?.length, where).toBe(made.weights.length);
  if (!owns) {
    const wrapper = Object.entries(exports).find(([key]) => key.endsWith('Call'))?.[1] as { base?: tf.LayersModel };
    await expect(plain.loadLayersModel(plain.io.fromMemory(saved))).rejects.toThrow('.base first');
    wrapper.base = base;
  }
  const again = await plain.loadLayersModel(plain.io.fromMemory(saved));
  expect([again.weights.length, again.trainableWeights.length], where).toEqual([
    made.weights.length,
    made.trainableWeights.length,
  ]);
  expect(differenceOf(predictions(again, given).flat(), predictions(made, given).flat()), where).toBeLessThanOrEqual(
    1e-6,
  );
}

function headOf(made: tf.LayersModel): string {
  return JSON.stringify(
    made.layers
      .at(-1)
      ?.getWeights()
      .map((weight) => Array.from(weight.dataSync())),
  );
}

/** Bit for bit; the values are too many to be printed. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

async function artifactsOf(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let saved: tf.io.ModelArtifacts = {};
  await model.save(
    plain.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } });
    }),
  );
  return saved;
}
