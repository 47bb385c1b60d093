/** The model as the first element of a new Sequential. */
import { headText } from '../languages/typescriptHead';
import { writeBaseLoader } from '../languages/typescriptModel';
import { taskNames, whatOf } from '../languages/typescriptNames';
import { snippet } from '../languages/typescript';
import { firstReason, noSubModel, untrainable, severalInputs, severalOutputs, unknownOutput } from '../reasons';
import type { RecipeWriter } from '../recipe';

export const layerSequential: RecipeWriter = {
  whyNot: (task) =>
    firstReason(
      severalOutputs(task, 'a Sequential has one'),
      severalInputs(task),
      noSubModel(task),
      untrainable(task.model, task.plan.layers),
      unknownOutput(task),
    ),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const [output] = names.outputs;
      const head = headText(code, task.options.head);
      writeBaseLoader(code, task, { name: `load${names.title}Base`, comment: [], functional: true });
      code.function(
        [
          `A new Sequential: first ${whatOf(task)}, then a new head.`,
          'Training it trains the weights inside, too: they are the same ones.',
        ],
        {
          name: `build${names.title}Classifier`,
          parameters: [`base${code.type('tf.LayersModel')}`, head.classes],
          result: 'tf.Sequential',
        },
        () => {
          code.line('return tf.sequential({');
          code.line('  layers: [');
          for (const layer of ['base', head.flatten(output?.shape ?? null), ...head.layers])
            if (layer !== null) code.line(`    ${layer},`);
          code.line('  ],');
          code.line('});');
        },
      );
    }),
};
