/** A layer's output before and after its normalization, in one pass. */
import { planCut } from '../../slicing/sliceModel';
import { tensorsAround } from '../../slicing/tensorsAround';
import type { CodeTask } from '../codeTask';
import { snippet } from '../languages/typescript';
import { writeBaseLoader, writeExtract } from '../languages/typescriptModel';
import { taskNames, titleOf } from '../languages/typescriptNames';
import { firstReason, noSubModel, severalOutputs } from '../reasons';
import type { RecipeWriter } from '../recipe';
import { writeResult } from './multiOutput';

export const beforeAfterBatchnorm: RecipeWriter = {
  whyNot: (task) =>
    firstReason(
      severalOutputs(task, 'choose one layer'),
      around(task) ? null : `there is no BatchNormalization at ${task.plan.outputs[0]?.address ?? ''}`,
      noSubModel(around(task) ?? task),
    ),
  write: (given) => {
    const task = around(given) ?? given;
    return snippet(task, (code) => {
      const names = taskNames(task);
      const title = titleOf(given.plan.outputs[0]?.address ?? '');
      const [before, after] = task.plan.outputs.map(({ address }) => address);
      const outputs = names.outputs.map((output, i) => ({ ...output, name: i === 0 ? 'before' : 'after' }));
      const result = `${title}Normalization`;
      writeResult(code, task, outputs, result);
      writeBaseLoader(code, task, {
        name: `load${title}Extractor`,
        comment: [`Computes ${before ?? ''}, which is normalized, and ${after ?? ''}, which is the result.`],
      });
      writeExtract(code, task, {
        name: `extract${title}`,
        model: 'extractor',
        names: { ...names, outputs },
        result,
      });
    });
  },
};

/** The same task for the two tensors; null where there is no BatchNorm. */
function around(task: CodeTask): CodeTask | null {
  const { model, plan } = task;
  const [output] = plan.outputs;
  if (!output) return null;
  const tensors = tensorsAround(model.graph, output.address);
  const before = tensors.find(({ roles }) => roles.includes('before-batchnorm'));
  const after = tensors.find(({ roles }) => roles.includes('after-batchnorm'));
  if (!before || !after) return null;
  const inputs = plan.cut.inputs;
  return { ...task, plan: planCut(model, { outputs: [before.address, after.address], inputs }) };
}
