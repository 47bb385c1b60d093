/** Features of some samples after each epoch, or each n-th batch, of a training. */
import { walkLayers } from '../../model/traversal';
import { snippet, type TypeScript } from '../languages/typescript';
import { subModel, writeParentLoader, writePicking } from '../languages/typescriptModel';
import {
  listed,
  resultType,
  statefulIn,
  taskNames,
  tensorParameters,
  whatOf,
  type TaskNames,
} from '../languages/typescriptNames';
import { tensorType } from '../literals';
import type { CodeTask } from '../codeTask';
import { firstReason, mixedRanks, noSubModel, untrainable } from '../reasons';
import type { ParentRecipe } from './parentRecipe';

export const trainingCallback: ParentRecipe = {
  whyNot: (task) =>
    firstReason(noSubModel(task), mixedState(task), mixedRanks(task.model), untrainable(task.model, allLayers(task))),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const { inputs, outputs } = names;
      const [only] = outputs;
      const single = outputs.length === 1 && only ? tensorType(only.shape) : null;
      const features = single ?? resultType(outputs);
      writeParentLoader(code, task, names);
      const at = '{ epoch: number; batches: number }';
      code.function(
        [
          `For \`model.fit\`: hands ${whatOf(task)} for some samples to \`save\` after each epoch,`,
          'or, with `everyBatches`, after so many batches. They are disposed of when that is done.',
        ],
        {
          name: `record${names.title}`,
          parameters: [
            `model${code.type('tf.LayersModel')}`,
            ...tensorParameters(code, inputs),
            `save${code.type(`(features: ${features}, at: ${at}) => void | Promise<void>`)}`,
            'everyBatches = 0',
          ],
          result: 'tf.CustomCallback',
        },
        () => {
          writePicking(code, task, outputs);
          code.line(`const extractor = ${subModel(code, task, outputs)};`);
          code.line('let epoch = 0;');
          code.line('let batches = 0;');
          code.block('const record = async () =>', () => writeRecord(code, names, single), ';');
          code.block(
            'return new tf.CustomCallback(',
            () => {
              code.block(
                `onEpochBegin: (started${code.type('number')}) =>`,
                () => {
                  code.line('epoch = started;');
                },
                ',',
              );
              code.block(
                'onBatchEnd: async () =>',
                () => {
                  code.line('batches += 1;');
                  code.line('if (everyBatches > 0 && batches % everyBatches === 0) await record();');
                },
                ',',
              );
              code.block('onEpochEnd: async () =>', () => code.line('if (everyBatches === 0) await record();'), ',');
            },
            ');',
          );
        },
      );
    }),
};

function writeRecord(code: TypeScript, { inputs, outputs }: TaskNames, single: string | null): void {
  const types = outputs.map(({ shape }) => tensorType(shape)).join(', ');
  code.line(`const features = extractor.predict(${listed(inputs)})${code.cast(single ?? `[${types}]`)};`);
  const named = outputs.map(({ name }, i) => `${name}: features[${i}]`).join(', ');
  code.tryFinally(
    () => code.line(`await save(${single === null ? `{ ${named} }` : 'features'}, { epoch, batches });`),
    () => code.line('tf.dispose(features);'),
  );
}

/** The training goes through the whole model. */
function allLayers({ model }: CodeTask): string[] {
  return walkLayers(model.graph).map(({ address }) => address);
}

/** The samples would go through the states that the training is in. */
function mixedState(task: CodeTask): string | null {
  const stateful = statefulIn(task);
  return stateful === null
    ? null
    : `${stateful} keeps its state from call to call: the samples would disturb the training`;
}
