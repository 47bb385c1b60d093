/** Several outputs of one pass, as one typed result. */
import type { CodeTask } from '../codeTask';
import { snippet } from '../languages/typescript';
import type { TypeScript } from '../languages/typescript';
import { writeBaseLoader, writeExtract } from '../languages/typescriptModel';
import { taskNames, whatOf, type NamedTensor } from '../languages/typescriptNames';
import { shapeLiteral, tensorType } from '../literals';
import { firstReason, noSubModel } from '../reasons';
import type { RecipeWriter } from '../recipe';

export const multiOutput: RecipeWriter = {
  whyNot: (task) => firstReason(task.plan.outputs.length < 2 ? 'the cut has one output only' : null, noSubModel(task)),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const result = `${names.title}Features`;
      writeResult(code, task, names.outputs, result);
      writeBaseLoader(code, task, {
        name: `load${names.title}Extractor`,
        comment: [`Computes ${whatOf(task)} in one pass.`],
      });
      writeExtract(code, task, { name: `extract${names.title}`, model: 'extractor', names, result });
    }),
};

/** The interface of what comes out. */
export function writeResult(
  code: TypeScript,
  { model }: CodeTask,
  outputs: readonly NamedTensor[],
  name: string,
): void {
  code.interface(
    [`What comes out of ${model.graph.name}.`],
    name,
    outputs.map(({ name: key, address, shape, dtype }) => ({
      comment: `${address}: ${dtype ?? 'float32'} ${shape ? shapeLiteral(shape) : 'of a shape that the file does not say'}`,
      text: `${key}: ${tensorType(shape)}`,
    })),
  );
}
