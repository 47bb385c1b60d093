/** docs/recipes.md: each recipe with a real model, the command that writes it, and the code itself. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { defaultCodeOptions, type CodeOptions } from '../../../../src/core/codegen/codeTask';
import { codeLanguages, type RecipeId } from '../../../../src/core/codegen/recipe';
import { recipes } from '../../../../src/core/codegen/recipes';
import { writeCode } from '../../../../src/core/codegen/writeCode';
import { autoPreprocessing } from '../../../../src/core/inputs/autoPreprocessing';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut } from '../../../../src/core/slicing/slice';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';

interface Example {
  fixture: string;
  format?: string;
  outputs?: string[];
  inputs?: string[];
  /** Pictures prepared as the preview does without being told. */
  pictures?: true;
  /** As somebody has it who never left Python. */
  kerasFile?: string;
  /** What there is to know of this example. */
  about?: string;
}

/** In the order of the page; several examples where a recipe has several uses. */
const EXAMPLES: Record<RecipeId, Example[]> = {
  'functional-by-name': [
    { fixture: 'digits-cnn', outputs: ['conv_2'] },
    {
      fixture: 'tutorial-convnet',
      format: 'tfjs-keras3',
      outputs: ['conv2d_1'],
      about: 'The same for a file that Keras 3 wrote, which plain TF.js cannot load.',
    },
  ],
  'functional-by-index': [{ fixture: 'digits-cnn', outputs: ['conv_2'] }],
  'multi-output': [{ fixture: 'digits-cnn', outputs: ['conv_1', 'conv_2'] }],
  'sequential-prefix': [{ fixture: 'tutorial-convnet', outputs: ['conv2d_1'] }],
  'sequential-range': [{ fixture: 'digits-cnn', inputs: ['conv_1'], outputs: ['flatten'] }],
  'iterate-layers': [{ fixture: 'tutorial-dense', outputs: ['dense_1'] }],
  'identity-tap': [{ fixture: 'residual-block', outputs: ['add1'] }],
  'training-callback': [{ fixture: 'digits-cnn', outputs: ['conv_2'] }],
  'one-liner': [{ fixture: 'digits-cnn', outputs: ['conv_2'] }],
  nested: [
    { fixture: 'nested-three-deep', outputs: ['outer/middle/deep/bn'] },
    {
      fixture: 'tutorial-model-as-layer-functional',
      format: 'tfjs-keras3',
      outputs: ['pretrained_model/norm'],
      pictures: true,
      kerasFile: 'keras3.h5',
      about: 'Features of a picture from an `.h5` file, the picture prepared as in the preview.',
    },
  ],
  'before-after-batchnorm': [{ fixture: 'tutorial-convnet-batchnorm', outputs: ['batch_normalization'] }],
  'layer-attribute': [{ fixture: 'tutorial-custom-layer', outputs: ['my_custom_layer'] }],
  'middle-segment': [{ fixture: 'residual-block', inputs: ['stem', 'relu1'], outputs: ['add1'] }],
  'independent-copy': [{ fixture: 'frozen-layers', outputs: ['live_bn'] }],
  'load-slice': [
    {
      fixture: 'digits-cnn',
      outputs: ['conv_1@pre'],
      about: 'What the layer computes before its activation: no layer hands it out, a slice does.',
    },
  ],
  'layer-functional': [{ fixture: 'tutorial-convnet-batchnorm', outputs: ['conv2d_1'] }],
  'layer-subclass': [{ fixture: 'tutorial-convnet-batchnorm', outputs: ['conv2d_1'] }],
  'layer-sequential': [{ fixture: 'tutorial-convnet-batchnorm', outputs: ['conv2d_1'] }],
  'layer-frozen': [{ fixture: 'tutorial-convnet-batchnorm', outputs: ['conv2d_1'] }],
  'layer-lambda': [{ fixture: 'tutorial-convnet-batchnorm', outputs: ['conv2d_1'] }],
};

const TASKS: [string, RecipeId[]][] = [
  ['What a layer computes, by its name or its index', ['functional-by-name', 'functional-by-index', 'one-liner']],
  ['Several layers at once', ['multi-output', 'identity-tap']],
  ['The first layers, or some in a row, as a Sequential', ['sequential-prefix', 'sequential-range']],
  ['Before and after BatchNorm', ['before-after-batchnorm']],
  ['A layer inside a nested model; features of a picture from an `.h5` file', ['nested']],
  ['An attribute of a layer of your own', ['layer-attribute']],
  ['Layer by layer, or while the model trains', ['iterate-layers', 'training-callback']],
  [
    'From the middle; with weights of its own; from a saved slice',
    ['middle-segment', 'independent-copy', 'load-slice'],
  ],
  [
    'The model as a layer of a new one, in five ways',
    ['layer-functional', 'layer-sequential', 'layer-subclass', 'layer-frozen', 'layer-lambda'],
  ],
];

const WEIGHTS = {
  shared: "shared with the model's: changing one changes both",
  copied: 'a copy: changing it leaves the model alone',
  frozen: "the model's own, and training leaves them alone",
};
const LANGUAGES = { typescript: 'TypeScript', python: 'Python' };

test('docs/recipes.md', async () => {
  expect(TASKS.flatMap(([, ids]) => ids).sort()).toEqual(recipes.map(({ id }) => id).sort());
  const text = [
    '# Recipes',
    '',
    'Ways of writing code for a part of a model, in TypeScript (TF.js) and in Python (Keras 3). The editor offers those that',
    'fit a model and a cut, and says of the others why not: [which fits what](recipe-matrix.md). All code below was compiled',
    'and run. On the command line, `model-slicer code FILE --list` shows them, and `--to FILE` writes one into a file.',
    '',
    'Written by `npx vitest run test/unit/core/codegen/recipeDocs.test.ts -u`.',
    '',
    ...TASKS.map(([task, ids]) => `- ${task}: ${ids.map((id) => `[${id}](#${id})`).join(', ')}`),
    '',
    ...recipes.flatMap(({ id, title, when, costs, weights }) => [
      `## ${id}`,
      '',
      `**${title}.** ${when}`,
      '',
      `- Costs: ${costs}`,
      `- Weights: ${WEIGHTS[weights]}.`,
      '',
      ...EXAMPLES[id].flatMap((example) => section(id, example)),
    ]),
  ].join('\n');
  await expect(text).toMatchFileSnapshot(path.join(__dirname, '../../../../docs/recipes.md'));
});

function section(recipe: RecipeId, example: Example): string[] {
  const { fixture, format = 'tfjs-keras2-h5', outputs = [], inputs = [], about, kerasFile, pictures } = example;
  const opened = openFixture(keras, fixture, format);
  const model: ModelFile = kerasFile === undefined ? opened : { ...opened, file: kerasFile, format: 'keras-h5' };
  const cut: Cut = { outputs, inputs };
  const options: CodeOptions = pictures
    ? { ...defaultCodeOptions, preparation: preparationOf(model) }
    : defaultCodeOptions;
  const modelPath = `./${fixture}/${model.file}`;
  const blocks = codeLanguages.flatMap((language) => {
    const { text } = writeCode(model, { recipe, language, cut, modelPath, options });
    return [`\`\`\`${language}`, text.trimEnd(), '```', ''];
  });
  const flags = [
    `--recipe ${recipe}`,
    ...inputs.map((address) => `--input ${address}`),
    ...outputs.map((address) => `--output ${address}`),
    ...(pictures ? ['--preprocess auto'] : []),
  ];
  const both = `for ${LANGUAGES.typescript}, and with \`--language python\` for ${LANGUAGES.python}:`;
  return [
    ...(about === undefined ? [] : [about, '']),
    `\`model-slicer code ${modelPath.slice(2)} ${flags.join(' ')}\` ${both}`,
    '',
    ...blocks,
  ];
}

function preparationOf(model: ModelFile): CodeOptions['preparation'] {
  return Object.fromEntries(model.graph.inputs.map(({ name }) => [name, autoPreprocessing(model, name)]));
}
