import { describe, expect, test } from 'vitest';
import { writeCode } from '../../../../src/core/codegen/writeCode';
import { defaultCodeOptions } from '../../../../src/core/codegen/codeTask';
import { codeLanguages, type RecipeId } from '../../../../src/core/codegen/recipe';
import { composedCodeLimit, headForCode } from '../../../../src/core/composing/composedCode';
import { composeModel, type Composed } from '../../../../src/core/composing/composeModel';
import type { Composition, SecondPart } from '../../../../src/core/composing/composition';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { keras } from '../../../fixtures';
import { compileErrors } from '../codegen/compile';
import { floatManifest, openFixture, openJson } from '../formats/openFixture';

const whole = { outputs: [], inputs: [] };
const plain: Composition = {
  base: { cut: whole, frozen: false },
  second: null,
  inputShape: null,
  before: [],
  head: { pooling: 'none', layers: [] },
  adapt: false,
  seed: 0,
};
const concat: SecondPart = { cut: whole, frozen: false, join: 'concat', inputs: 'own' };
const digits = (): ModelFile => openFixture(keras, 'digits-cnn/tfjs-keras2-h5');

function composed(base: ModelFile, second: ModelFile | null, change: Partial<Composition> = {}): Composed {
  const made = composeModel({ base, second }, { ...plain, ...change });
  if (!made.fits) throw new Error(JSON.stringify(made.findings));
  return made;
}

/** `Dense` layers of 2 in a row, called `names`. */
function chain(names: readonly string[], model = 'm'): ModelFile {
  const layers = [
    { class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, 2], dtype: 'float32' } },
    ...names.map((name) => ({ class_name: 'Dense', config: { name, units: 2, activation: 'tanh' } })),
  ];
  const weights = Object.fromEntries(
    names.flatMap((name) => [
      [`${name}/kernel`, [2, 2]],
      [`${name}/bias`, [2]],
    ]),
  );
  const { weightsManifest, shards } = floatManifest(weights);
  const topology = { class_name: 'Sequential', config: { name: model, layers } };
  return openJson({ modelTopology: { keras_version: '2.15.0', model_config: topology }, weightsManifest }, shards);
}

describe('composing', () => {
  test('says the whole new model before anything is written', () => {
    const { plan } = composed(digits(), null, {
      base: { cut: { outputs: ['pool_1'], inputs: [] }, frozen: true },
      head: { pooling: 'avg', layers: [{ kind: 'dense', units: 4, activation: 'softmax' }] },
    });
    expect(plan.layers.map(({ name, className, role }) => [name, className, role])).toEqual([
      ['input_layer', 'InputLayer', 'input'],
      ['digits_cnn', 'Sequential', 'base'],
      ['head_pool', 'GlobalAveragePooling2D', 'head'],
      ['head_dense', 'Dense', 'head'],
    ]);
    // conv_1: 3 × 3 × 32 + 32; the head: 32 × 4 + 4
    expect(plan.params).toEqual({ total: 452, trainable: 132, nonTrainable: 320 });
    expect(plan.notExportable).toEqual([]);
  });

  test('weights have names that differ everywhere, the head’s too', () => {
    const names = ['a', 'a_1', 'head_dense', 'join'];
    const made = composed(chain(names), chain(names, 'other'), {
      second: concat,
      head: { pooling: 'none', layers: [{ kind: 'dense', units: 1, activation: 'sigmoid' }] },
    });
    const all = made.weights.map(({ name }) => name);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(2 * 2 * names.length + 2);
    expect(made.plan.renamed.map(({ from }) => from)).toEqual(names);
    expect(made.plan.renamed.every(({ part }) => part === 'other')).toBe(true);
  });

  test('names with slashes, and of the same layer in nested models, keep their weights apart', () => {
    const made = composed(chain(['a', 'a/b']), chain(['a/b', 'b']), { second: concat });
    expect(made.plan.renamed).toEqual([{ part: 'm_1', from: 'a/b', to: 'a/b_1' }]);
    expect(made.weights.map(({ name }) => name).sort()).toEqual(
      ['a', 'a/b', 'a/b_1', 'b'].flatMap((name) => [`${name}/bias`, `${name}/kernel`]).sort(),
    );
  });

  test.each(['__proto__', 'toString', 'a\nb', '${x}', "';alert(1)//", 'Ünï', ''])(
    'a layer may be asked for as %j',
    (name) => {
      const { plan } = composed(chain(['d']), null, { base: { cut: whole, frozen: false, name } });
      expect(plan.parts[0]?.name).toMatch(/^[A-Za-z0-9][-A-Za-z0-9._/]*$/);
      expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    },
  );

  test('a range that the first layers read is known, and scaling twice is said', () => {
    const scaled = openJson({
      modelTopology: {
        keras_version: '2.15.0',
        model_config: {
          class_name: 'Sequential',
          config: {
            name: 'scaled',
            layers: [
              {
                class_name: 'InputLayer',
                config: { name: 'in', batch_input_shape: [null, 8, 8, 3], dtype: 'float32' },
              },
              { class_name: 'Rescaling', config: { name: 'own', scale: 1 / 255, offset: 0 } },
            ],
          },
        },
      },
      weightsManifest: [],
    });
    const { plan } = composed(scaled, null, { before: [{ kind: 'rescale', scale: 1 / 255, offset: 0 }] });
    expect(plan.findings).toMatchObject([
      { kind: 'range', blocks: false, adapted: false, data: { actual: '0 to 1', expected: '0 to 255' } },
    ]);
    expect(composed(scaled, null).plan.findings).toEqual([]);
  });

  test('a frozen part is frozen layer by layer, also inside wrappers', () => {
    const made = composed(openFixture(keras, 'bidirectional/tfjs-keras2-h5'), null, {
      base: { cut: { outputs: ['bi_concat'], inputs: [] }, frozen: true },
    });
    expect(made.plan.params.trainable).toBe(0);
    const flags = [...JSON.stringify(made.modelConfig).matchAll(/"class_name":"(?:LSTM|Bidirectional)"/g)];
    expect(flags.length).toBeGreaterThan(1);
    expect(JSON.stringify(made.modelConfig)).not.toMatch(/"class_name":"LSTM","config":\{[^{}]*"trainable":true/);
  });

  test.each<Composition['before'][number]>([
    { kind: 'rescale', scale: NaN, offset: 0 },
    { kind: 'resize', height: -1, width: 2, interpolation: 'nearest' },
    { kind: 'channels', to: 0.5 },
    { kind: 'reshape', shape: [0] },
  ])('%j is refused', (adapter) => {
    expect(() => composed(chain(['d']), null, { inputShape: [2], before: [adapter] })).toThrow(/usage .*adapter/);
  });

  test('the opened models stay as they were', () => {
    const [base, second] = [digits(), digits()];
    const before = structuredClone([base, second]);
    composed(base, second, { base: { cut: whole, frozen: true }, second: { ...concat, frozen: true } });
    expect([base, second]).toEqual(before);
  });

  test('a chain of 5,000 layers is planned', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `layer_${i}`);
    const { plan } = composed(chain(names), chain(names.slice(0, 100)), { second: { ...concat, join: 'sequence' } });
    expect(plan.renamed).toHaveLength(100);
    expect(plan.params.total).toBe(6 * 5100);
  });
});

describe('code with the head that was chosen', () => {
  const composition: Composition = {
    ...plain,
    base: { cut: { outputs: ['pool_1'], inputs: [] }, frozen: true },
    head: {
      pooling: 'max',
      layers: [
        { kind: 'dense', units: 16, activation: 'softplus' },
        { kind: 'dropout', rate: 0.25 },
        { kind: 'activation', activation: 'relu6' },
        { kind: 'dense', units: 3, activation: 'linear' },
      ],
    },
  };
  const ids: RecipeId[] = ['layer-functional', 'layer-subclass', 'layer-sequential', 'layer-frozen', 'layer-lambda'];

  test('every recipe takes it, and its TypeScript compiles', () => {
    const model = digits();
    const { plan } = composed(model, null, composition);
    expect(composedCodeLimit(composition, plan)).toBeNull();
    const options = { ...defaultCodeOptions, head: headForCode(composition, plan) };
    const files = new Map<string, string>();
    for (const language of codeLanguages) {
      for (const recipe of ids) {
        const { text } = writeCode(model, { recipe, language, cut: composition.base.cut, options });
        expect(text).toMatch(language === 'python' ? /Dense\(16, activation="softplus"\)/ : /units: 16/);
        expect(text).toMatch(language === 'python' ? /classes: int = 3/ : /classes = 3/);
        expect(text).toMatch(language === 'python' ? /Dropout\(0\.25\)/ : /rate: 0\.25/);
        if (language === 'typescript') files.set(`${recipe}.ts`, text);
      }
    }
    expect(compileErrors(files)).toEqual([]);
  });
});
