import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CodeOptions } from '../../../../src/core/codegen/codeTask';
import { pythonConstant, pythonProse, pythonString } from '../../../../src/core/codegen/languages/pythonLiterals';
import type { RecipeId } from '../../../../src/core/codegen/recipe';
import { fitRecipe, languagesOf, recipes } from '../../../../src/core/codegen/recipes';
import { writeCode } from '../../../../src/core/codegen/writeCode';
import type { JsonValue } from '../../../../src/core/model/json';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut } from '../../../../src/core/slicing/slice';
import { keras } from '../../../fixtures';
import { pythonCells } from '../../../python/cells';
import { openFixture, openJson } from '../formats/openFixture';
import { pythonWith } from './pythonPrograms';

const python = pythonWith('ast');

/** What a Python program says of some JSON. */
function ask(program: string, data: unknown): unknown {
  const input = JSON.stringify(data);
  return JSON.parse(
    execFileSync(python ?? '', ['-c', program], { input, encoding: 'utf8', maxBuffer: 1 << 26 }),
  ) as unknown;
}

function write(model: ModelFile, recipe: RecipeId, cut: Partial<Cut>, options?: CodeOptions): string {
  const modelPath = './models/model.json';
  return writeCode(model, {
    recipe,
    language: 'python',
    cut: { outputs: [], inputs: [], ...cut },
    modelPath,
    ...(options ? { options } : {}),
  }).text;
}

const open = (name: string, format = 'tfjs-keras2-h5'): ModelFile => openFixture(keras, name, format);

test('every recipe is written in Python', () => {
  expect(recipes.filter(({ id }) => !languagesOf(id).includes('python'))).toEqual([]);
});

describe('the text', () => {
  test.each<[RecipeId, string, Partial<Cut>]>([
    ['functional-by-name', 'digits-cnn', { outputs: ['conv_2'] }],
    ['functional-by-index', 'siamese', { outputs: ['tower#2/conv'] }],
    ['multi-output', 'two-inputs-two-outputs', {}],
    ['sequential-range', 'digits-cnn', { inputs: ['conv_1'], outputs: ['flatten'] }],
    ['iterate-layers', 'stateful-rnn', {}],
    ['training-callback', 'digits-cnn', { outputs: ['conv_2'] }],
    ['middle-segment', 'residual-block', { inputs: ['stem', 'relu1'], outputs: ['add1'] }],
    ['independent-copy', 'digits-cnn', { outputs: ['conv_2'] }],
    ['load-slice', 'digits-cnn', { outputs: ['conv_2'] }],
    ['layer-frozen', 'digits-cnn', { outputs: ['conv_2'] }],
    ['layer-subclass', 'digits-cnn', { outputs: ['conv_1', 'conv_2'] }],
  ])('%s of %s', (recipe, fixture, cut) => {
    expect(write(open(fixture), recipe, cut)).toMatchSnapshot();
  });

  test('a picture prepared as in the preview', () => {
    const preparation = {
      input_layer: {
        width: 28,
        height: 20,
        resize: 'pillow',
        interpolation: 'bilinear',
        colorMode: 'bgr',
        layout: 'channels_first',
        range: 'torch',
        reason: null,
      },
    } as const;
    const options: CodeOptions = { runtime: 'tfjs', preparation };
    expect(write(open('digits-cnn'), 'functional-by-name', { outputs: ['conv_2'] }, options)).toMatchSnapshot();
  });

  test('a file that Keras loads itself', () => {
    const model: ModelFile = { ...open('digits-cnn'), file: 'digits.h5', format: 'keras-h5' };
    const fit = fitRecipe(
      model,
      { outputs: ['conv_2'], inputs: [] },
      { recipe: 'one-liner', language: 'python', modelPath: './digits.h5' },
    );
    const text = fit.fits ? fit.writer.write(fit.task).text : fit.why;
    expect(text).toContain('path: str = "digits.h5"');
    expect(text).not.toContain('tensorflowjs');
  });
});

describe('why not', () => {
  test.each<[RecipeId, string, Partial<Cut>, RegExp]>([
    ['functional-by-name', 'digits-cnn', { inputs: ['conv_1'] }, /starts inside the model: middle-segment/],
    ['functional-by-name', 'digits-cnn', { outputs: ['conv_1@pre'] }, /conv_1@pre is inside a layer/],
    ['functional-by-index', 'ops-as-layers', { outputs: ['sum'] }, /sum has no index in Keras/],
    ['sequential-prefix', 'residual-block', {}, /reads more than one tensor/],
    ['sequential-prefix', 'shared-layer', { outputs: ['shared#2'] }, /more than once/],
    ['sequential-prefix', 'text-lstm', { outputs: ['lstm_state'] }, /lstm_state has several outputs/],
    ['nested', 'digits-cnn', {}, /no output is inside a nested model/],
    ['one-liner', 'siamese', { outputs: ['tower#2'] }, /more than one line/],
    ['before-after-batchnorm', 'digits-cnn', { outputs: ['conv_1'] }, /no BatchNormalization/],
    ['layer-attribute', 'digits-cnn', { outputs: ['conv_1'] }, /a Conv2D of Keras/],
    ['middle-segment', 'digits-cnn', { outputs: ['conv_1'] }, /starts at the inputs/],
    ['training-callback', 'stateful-rnn', {}, /keep states/],
    ['layer-sequential', 'two-inputs-two-outputs', {}, /one input and one output/],
  ])('%s of %s %j', (recipe, fixture, cut, why) => {
    const format = fixture === 'ops-as-layers' ? 'tfjs-keras3' : 'tfjs-keras2-h5';
    const fit = fitRecipe(open(fixture, format), { outputs: [], inputs: [], ...cut }, { recipe, language: 'python' });
    expect(fit).toMatchObject({ fits: false, why: expect.stringMatching(why) });
  });

  test('a model inside a functional one, from a file of Keras 2', () => {
    const opened = open('nested-three-deep');
    const whyOf = (model: ModelFile, recipe: RecipeId, cut: Partial<Cut> = {}): string | null => {
      const fit = fitRecipe(model, { outputs: [], inputs: [], ...cut }, { recipe, language: 'python' });
      return fit.fits ? null : fit.why;
    };
    const file: ModelFile = { ...opened, file: 'model.h5', format: 'keras-h5' };
    expect(whyOf(file, 'functional-by-name')).toMatch(/does not load outer, .* from a file of Keras 2/);
    expect(whyOf({ ...file, producer: { ...file.producer, keras: '3.1.0' } }, 'functional-by-name')).toBeNull();
    expect(whyOf(file, 'functional-by-name')).toContain('model-slicer slice model.h5 --to model.keras');
    // what is saved as .keras is written as Keras 3 does
    expect(whyOf(opened, 'load-slice')).toBeNull();
    expect(write(opened, 'functional-by-name', {})).toMatch(/model-slicer slice \S*model\.json --to \S*model\.keras/);
  });

  test('operations of Keras 2, which Keras 3 cannot load', () => {
    const fit = fitRecipe(
      open('ops-as-layers'),
      { outputs: [], inputs: [] },
      { recipe: 'functional-by-name', language: 'python' },
    );
    expect(fit).toMatchObject({ fits: false, why: expect.stringContaining('a TFOpLambda of Keras 2') });
  });
});

const HOSTILE = [
  "it's",
  '"quoted"',
  '"""',
  'back\\slash',
  'end\\',
  'line\nbreak',
  '{__import__("os")}',
  '%s',
  '# comment',
  'u\u2028v',
  '\u202ebidi',
  '日本語',
  'class',
  '__init__',
  'print',
  'keras',
  '😀',
  '\ud800',
  '1',
  'a.b#2:1@c[0]',
  "'''",
  '"',
];

describe.skipIf(python === null)('read by Python', () => {
  test('every cell of the matrix is Python', () => {
    const cells = pythonCells({ fixtures: keras, kerasFiles: path.join(__dirname, '../../../python/models') });
    const texts = cells
      .filter(({ why }) => why === null)
      .map(({ model, recipe, cut, text }) => [`${model} ${recipe} ${JSON.stringify(cut)}`, text]);
    expect(texts.length).toBeGreaterThan(1000);
    const program = `
import json, sys
bad = []
for name, text in json.load(sys.stdin):
    try: compile(text, name, "exec")
    except SyntaxError as error: bad.append([name, str(error)])
print(json.dumps(bad))`;
    expect(ask(program, texts)).toEqual([]);
  });

  test('literals say what they stand for', () => {
    const strings = [...HOSTILE, '', '\t\r\u0000\u007f\u0085', 'a'.repeat(1000)];
    const program =
      'import ast, json, sys; print(json.dumps([ast.literal_eval(text) for text in json.load(sys.stdin)]))';
    expect(ask(program, strings.map(pythonString))).toEqual(strings);
    const values = [null, true, false, 0, -1.5, 1e-7, 1e300, 'x', [1, [null]], []];
    expect(
      ask(
        program,
        values.map((value) => pythonConstant(value as JsonValue)),
      ),
    ).toEqual(values);
  });

  test('prose cannot leave its docstring', () => {
    const program = `
import ast, json, sys
trees = [ast.parse(f'def f():\\n    """{text}"""\\n') for text in json.load(sys.stdin)]
print(json.dumps([len(tree.body) == 1 and len(tree.body[0].body) == 1 for tree in trees]))`;
    expect(ask(program, HOSTILE.map(pythonProse))).toEqual(HOSTILE.map(() => true));
  });

  test.each(HOSTILE)('a hostile name is data: %j', (name) => {
    const model = hostileModel(name);
    if (!model) return;
    const address = name.replace(/[\\/#:@[]/g, (c) => `\\${c}`);
    const cuts: Cut[] = [
      { outputs: [address], inputs: [] },
      { outputs: [address, 'last'], inputs: [] },
      { outputs: [], inputs: [address] },
    ];
    const texts = cuts.flatMap((cut) =>
      recipes.flatMap(({ id }) => {
        const fit = fitRecipe(model, cut, { recipe: id, language: 'python', modelPath: `./${name}/model.json` });
        return fit.fits ? [fit.writer.write(fit.task).text] : [];
      }),
    );
    expect(texts.length).toBeGreaterThan(20);
    const program = `
import ast, json, sys
bad = []
name, texts = json.load(sys.stdin)
KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
for text in texts:
    tree = ast.parse(text)
    if not all(isinstance(node, KINDS) for node in tree.body): bad.append([text, "statements"])
    names = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    if names & {"print", "keras", "__init__"}: bad.append([text, "names"])
    calls = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    if calls & {"__import__", "eval", "exec", "open"}: bad.append([text, "calls"])
print(json.dumps(bad))`;
    expect(ask(program, [name, texts])).toEqual([]);
    // no character that shows text in another order than it runs
    expect(texts.join('')).not.toMatch(/[\u202a-\u202e\u2028\u2029]/);
  });
});

function hostileModel(name: string): ModelFile | null {
  const layer = (own: string, className: string, config: object): object => ({
    class_name: className,
    config: { name: own, trainable: true, dtype: 'float32', ...config },
  });
  try {
    return openJson({
      format: 'layers-model',
      modelTopology: {
        keras_version: '2.15.0',
        model_config: {
          class_name: 'Sequential',
          config: {
            name,
            layers: [
              layer('in', 'InputLayer', { batch_input_shape: [null, 2], sparse: false }),
              layer(name, 'Activation', { activation: 'relu' }),
              layer('last', 'Activation', { activation: 'tanh' }),
            ],
          },
        },
      },
      weightsManifest: [],
    });
  } catch {
    return null; // refused on opening
  }
}
