/** Every recipe compiles against each of the packages that TF.js comes in. */
import { expect, test } from 'vitest';
import type { CodeOptions } from '../../../../src/core/codegen/codeTask';
import { codeRuntimes } from '../../../../src/core/codegen/projectRuntime';
import { fitRecipe, recipes } from '../../../../src/core/codegen/recipes';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut } from '../../../../src/core/slicing/slice';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';
import { compileErrors } from './compile';

const open = (name: string): ModelFile => openFixture(keras, name, 'tfjs-keras2-h5');
const outputs = (...addresses: string[]): Cut => ({ outputs: addresses, inputs: [] });
const CASES: [ModelFile, Cut][] = [
  [open('tutorial-convnet-batchnorm'), outputs('conv2d')],
  [open('tutorial-convnet-batchnorm'), outputs('conv2d', 'dense')],
  [open('tutorial-convnet'), { inputs: ['conv2d'], outputs: ['max_pooling2d_1'] }],
  [open('nested-three-deep'), outputs('outer/middle/deep/bn')],
  [open('tutorial-custom-layer'), outputs('my_custom_layer')],
  [open('siamese'), outputs('tower#2')],
];

test.each(codeRuntimes)('%s', (runtime) => {
  const options: CodeOptions = { runtime, preparation: {} };
  const texts = new Map<string, string>();
  const written = new Set<string>();
  for (const [model, cut] of CASES)
    for (const { id } of recipes) {
      const fit = fitRecipe(model, cut, { recipe: id, language: 'typescript', modelPath: '../models/m.json', options });
      if (!fit.fits) continue;
      const { text, imports } = fit.writer.write(fit.task);
      written.add(id);
      texts.set(`${id}-${texts.size}.ts`, text);
      const module = runtime === 'tfjs-node' ? '@tensorflow/tfjs-node' : '@tensorflow/tfjs';
      expect(imports.map((one) => one.module)).toEqual([module]);
      expect(text).toContain(runtime === 'tfjs-node' ? "= 'file://../models/" : "= '../models/");
    }
  expect(recipes.map(({ id }) => id).filter((id) => !written.has(id))).toEqual([]);
  expect(compileErrors(texts)).toEqual([]);
});

test('a URL stays one', () => {
  const request = { recipe: 'functional-by-name', language: 'typescript' } as const;
  const modelPath = 'https://example.com/models/a b.json?x=1';
  const fit = fitRecipe(open('digits-cnn'), outputs('conv_2'), {
    ...request,
    modelPath,
    options: { runtime: 'tfjs-node', preparation: {} },
  });
  expect(fit.fits && fit.writer.write(fit.task).text).toContain(`= '${modelPath}'`);
});
