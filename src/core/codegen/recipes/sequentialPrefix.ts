/** The first layers of a chain as a Sequential. */
import { snippet } from '../languages/typescript';
import { sourceParameter, writeExtract, writePicking, subModel } from '../languages/typescriptModel';
import { taskNames } from '../languages/typescriptNames';
import { chainBetween } from '../languages/chain';
import type { ParentTask } from '../parentTask';
import { firstReason, noSubModel, severalInputs, severalOutputs } from '../reasons';
import { beforeLoading } from '../savedSlice';
import type { ParentRecipe } from './parentRecipe';

export const sequentialPrefix: ParentRecipe = {
  whyNot: (task) =>
    firstReason(severalOutputs(task, 'a Sequential has one'), severalInputs(task), noSubModel(task), noChain(task)),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const to = task.plan.outputs[0]?.address ?? '';
      const parameters = [sourceParameter(code, task, task.modelPath)];
      const name = `load${names.title}Prefix`;
      code.function(
        [
          `The layers of ${task.model.graph.name} up to ${to}, as a Sequential to add layers to.`,
          ...beforeLoading(task),
        ],
        { name, parameters, result: 'Promise<tf.Sequential>', async: true },
        () => {
          code.line('const model = await tf.loadLayersModel(source);');
          writePicking(code, task, names.outputs);
          code.line(
            '// As one element: adding the layers themselves would call them again, and their output would be ambiguous.',
          );
          code.line(`return tf.sequential({ layers: [${subModel(code, task, names.outputs)}] });`);
        },
      );
      writeExtract(code, task, { name: `extract${names.title}`, model: 'prefix', names });
    }),
};

/** Why the way from the one input to the one output is no chain. */
export function noChain({ model, plan }: ParentTask): string | null {
  const chain = chainBetween(model.graph, plan.inputs[0]?.address ?? '', plan.outputs[0]?.address ?? '');
  return typeof chain === 'string' ? chain : null;
}
