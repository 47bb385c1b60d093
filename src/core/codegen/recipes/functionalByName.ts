/** Sub-model by layer names: `tf.model({ inputs, outputs })` on the tensors of the loaded model. */
import { resolveAddress } from '../../model/address';
import type { CodeTask } from '../codeTask';
import { writeBaseLoader, writeExtract } from '../languages/typescriptModel';
import { taskNames, whatOf } from '../languages/typescriptNames';
import { snippet } from '../languages/typescript';
import { noSubModel } from '../reasons';
import type { RecipeWriter } from '../recipe';

export const functionalByName: RecipeWriter = {
  whyNot: noSubModel,
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const what = `Computes ${whatOf(task)}.`;
      const shared = 'Its weights are those of the whole model: disposing of it disposes of them.';
      const comment = [what, ...(task.fileProblem === null ? [...insideComment(task), shared] : [])];
      writeBaseLoader(code, task, { name: `load${names.title}Extractor`, comment });
      writeExtract(code, task, { name: `extract${names.title}`, model: 'extractor', names });
    }),
};

/** Why the code is longer where a layer is inside a nested model. */
function insideComment({ model, plan }: CodeTask): string[] {
  const nested = plan.outputs.some(({ address }) => resolveAddress(model.graph, address).path.length > 1);
  return nested
    ? ['Inside a nested model: its own output is not connected with the inputs of the model around it.']
    : [];
}
