/** The model, or its features, as one layer of a new functional model with a head. */
import { isLoadableName } from '../../slicing/layerNames';
import { headText, writeHeadedModel } from '../languages/typescriptHead';
import { writeBaseLoader } from '../languages/typescriptModel';
import { taskNames, whatOf } from '../languages/typescriptNames';
import { snippet } from '../languages/typescript';
import { firstReason, noSubModel, untrainable, unknownInput, unknownOutput } from '../reasons';
import type { RecipeWriter } from '../recipe';

export const layerFunctional: RecipeWriter = {
  whyNot: (task) =>
    firstReason(noSubModel(task), untrainable(task.model, task.plan.layers), unknownInput(task), unknownOutput(task)),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const head = headText(code, task.options.head);
      // a slice has the model's name, and TF.js names the layer's output after it
      const functional = !isLoadableName(task.model.graph.name);
      writeBaseLoader(code, task, { name: `load${names.title}Base`, comment: [], functional });
      code.function(
        [
          `A new model with ${whatOf(task)} as one layer, and a new head.`,
          'Training it trains the weights inside, too: they are the same ones.',
        ],
        {
          name: `build${names.title}Classifier`,
          parameters: [`base${code.type('tf.LayersModel')}`, head.classes],
          result: 'tf.LayersModel',
        },
        () => writeHeadedModel(code, names, 'base', head),
      );
    }),
};
