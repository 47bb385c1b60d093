import type * as tf from '@tensorflow/tfjs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RecipeId } from '../../../../src/core/codegen/recipe';
import { fitRecipe } from '../../../../src/core/codegen/recipes';
import { writeCode } from '../../../../src/core/codegen/writeCode';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut } from '../../../../src/core/slicing/slice';
import { keras } from '../../../fixtures';
import { activations, exampleInputs, layersModels } from '../slicing/golden';
import { largestDifference, type OpenedFile, openFile, sliceLayers } from '../slicing/plainTfjsModel';
import { compileErrors, runModule } from './compile';

// The generated code requires the package itself: the same copy must be used to make its tensors.
const plain = createRequire(path.join(__dirname, 'x.js'))('@tensorflow/tfjs') as typeof tf;

beforeAll(async () => {
  await plain.setBackend('cpu');
});

/** Recipes that fit every model that TF.js can compute. */
const EVERYWHERE: readonly RecipeId[] = ['functional-by-name', 'layer-functional'];

interface Case {
  fixture: string;
  format?: string;
  outputs: string[];
}

const CASES: Case[] = [
  { fixture: 'digits-cnn', outputs: ['conv_2', 'output_layer'] },
  { fixture: 'digits-cnn', outputs: [] },
  { fixture: 'digits-cnn', outputs: ['pool_1'] },
  { fixture: 'tutorial-convnet', format: 'tfjs-keras3', outputs: ['conv2d_1'] },
  { fixture: 'residual-block', outputs: ['stem'] },
  { fixture: 'two-inputs-two-outputs', outputs: [] },
  { fixture: 'shared-layer', outputs: ['shared', 'shared#2'] },
  { fixture: 'shared-layer', outputs: ['pool#2'] },
  { fixture: 'siamese', outputs: [] },
  { fixture: 'nested-three-deep', outputs: [] },
  { fixture: 'nested-multi-io', outputs: [] },
  { fixture: 'nested-functional', format: 'tfjs-keras3', outputs: [] },
  { fixture: 'text-lstm', outputs: [] },
  { fixture: 'odd-names', outputs: [] },
  { fixture: 'stateful-rnn', outputs: [] },
];

function open({ fixture, format = 'tfjs-keras2-h5' }: Case): OpenedFile {
  return openFile(path.join(keras, fixture, format, 'model.json'));
}

function goldenOf({ fixture, format = 'tfjs-keras2-h5' }: Case): string {
  const found = layersModels().find((row) => row.fixture === fixture && row.format === format);
  if (!found) throw new Error(`no golden for ${fixture} ${format}`);
  return found.golden;
}

/** Loads what the code asks for: the file itself, or the slice that its comment says to save. */
function handler(file: OpenedFile, cut: Cut, text: string): tf.io.IOHandler {
  const { model } = file;
  const saved = text.includes('model-slicer slice');
  const slice = sliceLayers(model, saved ? cut : { outputs: [], inputs: [] });
  const entries = saved
    ? slice.weights.map(({ name, entry }) => ({ name, entry: model.weightEntries[entry] }))
    : model.weightEntries.map((entry) => ({ name: entry.name, entry }));
  const weightSpecs = entries.map(({ name, entry }) => ({
    name,
    shape: entry?.shape ?? [],
    dtype: 'float32' as const,
  }));
  const bytes = entries.map(({ entry }) => (entry ? file.stored(entry) : new Uint8Array()));
  const modelTopology = { model_config: saved ? slice.modelConfig : model.topology };
  const weightData = Uint8Array.from(Buffer.concat(bytes)).buffer;
  return plain.io.fromMemory({
    modelTopology: JSON.parse(JSON.stringify(modelTopology)) as object,
    weightSpecs,
    weightData,
  });
}

/** All addresses of a fixture's layers as cuts of one output, a few at a time. */
function everyLayer(model: ModelFile, golden: (address: string) => number[] | null): string[] {
  return sliceLayers(model, { outputs: [], inputs: [] }).plan.layers.filter((address) => golden(address) !== null);
}

const texts = new Map<string, string>();
afterAll(() => {
  // one program for everything that the tests wrote
  expect(compileErrors(texts)).toEqual([]);
}, 120_000);

async function check(file: OpenedFile, cut: Cut, goldenFile: string, name: string): Promise<void> {
  const expected = activations(goldenFile);
  const inputs = exampleInputs(goldenFile);
  const { plan } = sliceLayers(file.model, cut);
  const fed = plan.inputs.map(({ address }) => {
    const values = inputs.get(address.replace(/\\(.)/g, '$1'));
    if (!values) throw new Error(`no input ${address}`);
    return plain.tensor(values.dataSync(), values.shape, values.dtype);
  });
  for (const recipe of EVERYWHERE) {
    const fit = fitRecipe(file.model, cut, { recipe, language: 'typescript' });
    expect(fit, name).toMatchObject({ fits: true });
    const snippet = writeCode(file.model, {
      recipe,
      language: 'typescript',
      cut,
      modelPath: './model.json',
    });
    texts.set(`${name.replace(/\W+/g, '-')}-${recipe}-${texts.size}.ts`, snippet.text);
    expect(snippet.text).not.toMatch(/\bany\b/);
    const made = runModule(snippet.text);
    const load = Object.entries(made).find(([key]) => key.startsWith('load'))?.[1] as (
      source: tf.io.IOHandler,
    ) => Promise<tf.LayersModel>;
    const model = await load(handler(file, cut, snippet.text));
    const before = plain.memory().numTensors;
    const found = call(recipe, made, model, fed);
    found.forEach((output, i) => {
      const address = plan.outputs[i]?.address ?? '';
      const values = expected(address);
      if (!values) return;
      const part = plain.tidy(() => Array.from(output.flatten().slice(0, values.length).dataSync()));
      const limit = 1e-4 * Math.max(1, ...values.map(Math.abs));
      expect(
        largestDifference(plain.tensor1d(values) as unknown as tf.Tensor, part),
        `${name} ${recipe} ${address}\n${snippet.text}`,
      ).toBeLessThanOrEqual(limit);
    });
    found.forEach((output) => output.dispose());
    if (recipe === 'functional-by-name') expect(plain.memory().numTensors - before).toBeLessThanOrEqual(found.length);
    plain.disposeVariables();
  }
}

function call(recipe: RecipeId, made: Record<string, unknown>, model: tf.LayersModel, fed: tf.Tensor[]): tf.Tensor[] {
  if (recipe === 'layer-functional') {
    const build = Object.entries(made).find(([key]) => key.startsWith('build'))?.[1] as (
      base: tf.LayersModel,
      classes: number,
    ) => tf.LayersModel;
    const built = build(model, 3);
    expect(built.outputs[0]?.shape.at(-1)).toBe(3);
    // the base inside is the same one: its weights are the new model's, too
    expect(built.weights.length).toBeGreaterThanOrEqual(model.weights.length + 2);
    const scores = built.predict(fed.length === 1 ? (fed[0] as tf.Tensor) : fed) as tf.Tensor;
    expect(scores.shape.at(-1)).toBe(3);
    scores.dispose();
    const result = model.predict(fed.length === 1 ? (fed[0] as tf.Tensor) : fed);
    return Array.isArray(result) ? result : [result];
  }
  const extract = Object.entries(made).find(([key]) => key.startsWith('extract'))?.[1] as (
    model: tf.LayersModel,
    ...inputs: tf.Tensor[]
  ) => unknown;
  const result = extract(model, ...fed);
  return result instanceof plain.Tensor ? [result] : (Object.values(result as object) as tf.Tensor[]);
}

describe('generated code runs and gives what Keras gives', () => {
  test.each(CASES)('$fixture $outputs', async (item) => {
    const file = open(item);
    const golden = goldenOf(item);
    const lacking = sliceLayers(file.model, { outputs: item.outputs, inputs: [] }).plan.notExportable;
    if (lacking.length > 0) {
      const fit = fitRecipe(
        file.model,
        { outputs: item.outputs, inputs: [] },
        {
          recipe: 'functional-by-name',
          language: 'typescript',
        },
      );
      expect(fit.fits).toBe(false);
      return;
    }
    await check(file, { outputs: item.outputs, inputs: [] }, golden, item.fixture);
  });

  test.each(['nested-three-deep', 'siamese', 'nested-multi-io', 'odd-names', 'nested-sequential', 'text-lstm'])(
    'every layer of %s',
    async (fixture) => {
      const file = open({ fixture, outputs: [] });
      const golden = goldenOf({ fixture, outputs: [] });
      for (const address of everyLayer(file.model, activations(golden)))
        await check(file, { outputs: [address], inputs: [] }, golden, `${fixture} ${address}`);
    },
  );
});

describe('the text', () => {
  test('functional-by-name', () => {
    const { model } = open({ fixture: 'digits-cnn', outputs: [] });
    const snippet = writeCode(model, {
      recipe: 'functional-by-name',
      language: 'typescript',
      cut: { outputs: ['conv_2'], inputs: [] },
      modelPath: './digits/model.json',
    });
    expect(snippet.text).toMatchSnapshot();
    expect(snippet.untyped).toMatchSnapshot();
  });
  test('layer-functional', () => {
    const { model } = open({ fixture: 'digits-cnn', outputs: [] });
    const snippet = writeCode(model, {
      recipe: 'layer-functional',
      language: 'typescript',
      cut: { outputs: ['conv_2', 'output_layer'], inputs: [] },
      modelPath: './digits/model.json',
    });
    expect(snippet.text).toMatchSnapshot();
  });
  test('inside nested models, in a call of a reused model', () => {
    const { model } = open({ fixture: 'siamese', outputs: [] });
    const [inner] = sliceLayers(model, { outputs: [], inputs: [] }).plan.layers.filter((address) =>
      address.includes('/'),
    );
    const snippet = writeCode(model, {
      recipe: 'functional-by-name',
      language: 'typescript',
      cut: { outputs: [(inner ?? '').replace('/', '#2/')], inputs: [] },
      modelPath: './model.json',
    });
    expect(snippet.text).toMatchSnapshot();
  });
  test('a file that plain TF.js cannot load', () => {
    const { model } = open({ fixture: 'tutorial-convnet', format: 'tfjs-keras3', outputs: [] });
    const snippet = writeCode(model, {
      recipe: 'functional-by-name',
      language: 'typescript',
      cut: { outputs: ['conv2d_1'], inputs: [] },
      modelPath: './model.json',
    });
    expect(snippet.text).toMatchSnapshot();
  });
});

const HOSTILE = [
  "it's",
  '"quoted"',
  'back\\slash',
  'line\nbreak',
  '${process.exit(7)}',
  '`tick`',
  '*/ throw 1; /*',
  'u\u2028v',
  '日本語',
  'class',
  '__proto__',
  '\u202ebidi',
  '</script>',
  '😀',
  '1',
  '',
];

test.each(HOSTILE)('a hostile name is data: %j', async (name) => {
  const config = {
    class_name: 'Sequential',
    config: {
      name,
      layers: [
        {
          class_name: 'InputLayer',
          config: { name: 'in', batch_input_shape: [null, 2], dtype: 'float32', sparse: false },
        },
        { class_name: 'Activation', config: { name, activation: 'relu', trainable: true, dtype: 'float32' } },
        { class_name: 'Activation', config: { name: 'last', activation: 'linear', trainable: true, dtype: 'float32' } },
      ],
    },
  };
  const { openTopology } = await import('../slicing/plainTfjsModel');
  let file: OpenedFile;
  try {
    file = openTopology(config, []);
  } catch {
    return; // refused on opening
  }
  const address = sliceLayers(file.model, { outputs: [], inputs: [] }).plan.layers[1] ?? '';
  for (const recipe of EVERYWHERE) {
    const snippet = writeCode(file.model, {
      recipe,
      language: 'typescript',
      cut: { outputs: [address, 'last'], inputs: [] },
      modelPath: `./${name}/model.json`,
    });
    texts.set(`hostile-${texts.size}.ts`, snippet.text);
    const made = runModule(snippet.text);
    const load = Object.entries(made).find(([key]) => key.startsWith('load'))?.[1] as (
      source: tf.io.IOHandler,
    ) => Promise<tf.LayersModel>;
    const model = await load(handler(file, { outputs: [address, 'last'], inputs: [] }, snippet.text));
    expect(model.outputs.length).toBe(2);
  }
});
