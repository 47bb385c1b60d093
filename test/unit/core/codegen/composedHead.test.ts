/** Code with a head that was chosen while composing makes the model that composing makes. */
import type * as tf from '@tensorflow/tfjs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { defaultCodeOptions } from '../../../../src/core/codegen/codeTask';
import type { RecipeId } from '../../../../src/core/codegen/recipe';
import { writeCode } from '../../../../src/core/codegen/writeCode';
import { composedCodeLimit, headForCode } from '../../../../src/core/composing/composedCode';
import { composeModel } from '../../../../src/core/composing/composeModel';
import type { Composition, Head } from '../../../../src/core/composing/composition';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';
import { runModule } from './compile';

const require = createRequire(path.join(__dirname, 'x.js'));
const plain = require('@tensorflow/tfjs') as typeof tf;

beforeAll(async () => {
  await plain.setBackend('cpu');
});

const recipes: RecipeId[] = ['layer-functional', 'layer-subclass', 'layer-sequential', 'layer-frozen', 'layer-lambda'];
const deep: Head['layers'] = [
  { kind: 'dense', units: 8, activation: 'softplus' },
  { kind: 'dropout', rate: 0.25 },
  { kind: 'activation', activation: 'relu6' },
  { kind: 'dense', units: 3, activation: 'softmax' },
];
const cases: { fixture: string; output: string; head: Head }[] = [
  { fixture: 'digits-cnn', output: 'pool_1', head: { pooling: 'max', layers: deep } },
  { fixture: 'digits-cnn', output: 'pool_2', head: { pooling: 'flatten', layers: deep } },
  { fixture: 'digits-cnn', output: 'flatten', head: { pooling: 'none', layers: deep.slice(-1) } },
  { fixture: 'siamese', output: 'product', head: { pooling: 'none', layers: deep } },
];

const rows = cases.flatMap((one) =>
  // two inputs are none for a Sequential
  recipes
    .filter((recipe) => one.fixture !== 'siamese' || recipe !== 'layer-sequential')
    .map((recipe) => [one.fixture, one.output, one.head.pooling, recipe, one] as const),
);

test.each(rows)('%s up to %s, %s, as %s', async (_fixture, _output, _pooling, recipe, { fixture, output, head }) => {
  const model = openFixture(keras, fixture, 'tfjs-keras2-h5');
  const composition: Composition = {
    base: { cut: { outputs: [output], inputs: [] }, frozen: false },
    second: null,
    inputShape: null,
    before: [],
    head,
    adapt: false,
    seed: 0,
  };
  const composed = composeModel({ base: model, second: null }, composition);
  if (!composed.fits) throw new Error(JSON.stringify(composed.findings));
  expect(composedCodeLimit(composition, composed.plan)).toBeNull();
  const options = { ...defaultCodeOptions, head: headForCode(composition, composed.plan) };
  const { text } = writeCode(model, { recipe, language: 'typescript', cut: composition.base.cut, options });
  const exports = runModule(text, { '@tensorflow/tfjs': plain });
  const build = Object.entries(exports).find(([name]) => name.startsWith('build'))?.[1];
  if (typeof build !== 'function') throw new Error(text);

  const [part] = composed.parts;
  const loaded = await plain.models.modelFromJSON(jsonOf(part?.slice.modelConfig));
  // what the code's own `load…` hands on
  const base = plain.model({ inputs: loaded.inputs, outputs: loaded.outputs });
  const made = (build as (base: tf.LayersModel) => tf.LayersModel)(base);
  const whole = await plain.models.modelFromJSON(jsonOf(composed.modelConfig));
  const [first] = composed.plan.parts;
  whole.getLayer(first?.name ?? '').setWeights(base.getWeights());
  const dense = (of: tf.LayersModel): tf.layers.Layer[] =>
    of.layers.filter((layer) => layer.getClassName() === 'Dense');
  expect(dense(made)).toHaveLength(dense(whole).length);
  dense(whole).forEach((layer, i) => layer.setWeights(dense(made)[i]?.getWeights() ?? []));

  const inputs = base.inputs.map(({ shape }, i) =>
    plain.randomNormal(
      shape.map((size) => size ?? 2),
      0,
      1,
      'float32',
      7 + i,
    ),
  );
  const [found, expected] = [made, whole].map((each) => (each.predict(inputs) as tf.Tensor).arraySync());
  expect(found).toEqual(expected);
  // dropout is part of it, though it computes nothing here
  const rates = (of: tf.LayersModel): unknown[] =>
    of.layers.flatMap((layer) => (layer.getClassName() === 'Dropout' ? [layer.getConfig()['rate']] : []));
  expect(rates(made)).toEqual(rates(whole));
  plain.disposeVariables();
});

type ModelJson = Parameters<typeof tf.models.modelFromJSON>[0];

function jsonOf(modelConfig: unknown): ModelJson {
  return JSON.parse(JSON.stringify(modelConfig)) as ModelJson;
}
