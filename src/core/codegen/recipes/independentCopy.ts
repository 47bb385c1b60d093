/** The sub-model with weights of its own. */
import { snippet } from '../languages/typescript';
import { subModel, writeExtract, writeParentLoader, writePicking } from '../languages/typescriptModel';
import { taskNames, whatOf } from '../languages/typescriptNames';
import { noSubModel } from '../reasons';
import type { ParentRecipe } from './parentRecipe';

export const independentCopy: ParentRecipe = {
  whyNot: noSubModel,
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      writeParentLoader(code, task, names);
      code.function(
        [
          `Computes ${whatOf(task)} with weights of its own:`,
          'training it, changing it or disposing of it leaves the model as it is.',
        ],
        {
          name: `copy${names.title}`,
          parameters: [`model${code.type('tf.LayersModel')}`],
          result: 'Promise<tf.LayersModel>',
          async: true,
        },
        () => {
          writePicking(code, task, names.outputs);
          code.part('copyWeights');
          code.line(`const shared = ${subModel(code, task, names.outputs)};`);
          code.line(
            `const modelTopology = shared.toJSON(null, false)${code.cast("tf.ModelAndWeightsConfig['modelTopology']")};`,
          );
          code.line('const copy = await tf.models.modelFromJSON({ modelTopology });');
          code.line('copyWeights(shared, copy);');
          code.line('return copy;');
        },
      );
      writeExtract(code, task, { name: `extract${names.title}`, model: 'copy', names });
    }),
};
