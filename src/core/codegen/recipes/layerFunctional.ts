/** The model, or its features, as one layer of a new functional model with a head. */
import { writeHeadedModel } from '../languages/typescriptHead';
import { writeBaseLoader } from '../languages/typescriptModel';
import { taskNames, whatOf } from '../languages/typescriptNames';
import { snippet } from '../languages/typescript';
import { firstReason, noSubModel, untrainable, unknownInput } from '../reasons';
import type { RecipeWriter } from '../recipe';

export const layerFunctional: RecipeWriter = {
  whyNot: (task) => firstReason(noSubModel(task), untrainable(task.model, task.plan.layers), unknownInput(task)),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      writeBaseLoader(code, task, { name: `load${names.title}Base`, comment: [] });
      code.function(
        [
          `A new model with ${whatOf(task)} as one layer, and a new head.`,
          'Training it trains the weights inside, too: they are the same ones.',
        ],
        {
          name: `build${names.title}Classifier`,
          parameters: [`base${code.type('tf.LayersModel')}`, `classes${code.type('number')}`],
          result: 'tf.LayersModel',
        },
        () => writeHeadedModel(code, names, 'base'),
      );
    }),
};
