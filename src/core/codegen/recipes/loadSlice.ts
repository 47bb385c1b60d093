/** The saved sub-model, loaded by itself. */
import { snippet } from '../languages/typescript';
import { sourceParameter, writeExtract, writeSliceLoading } from '../languages/typescriptModel';
import { taskNames, whatOf } from '../languages/typescriptNames';
import { notComputable } from '../reasons';
import type { RecipeWriter } from '../recipe';
import { savedSlicePath, sliceCommand } from '../savedSlice';

export const loadSlice: RecipeWriter = {
  whyNot: notComputable,
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const comment = [`Computes ${whatOf(task)}. It loads what this saves:`, sliceCommand(task)];
      const parameters = [sourceParameter(code, task, savedSlicePath(task))];
      const result = 'Promise<tf.LayersModel>';
      code.function(comment, { name: `load${names.title}Slice`, parameters, result, async: true }, () =>
        writeSliceLoading(code, names.outputs, false),
      );
      writeExtract(code, task, { name: `extract${names.title}`, model: 'slice', names });
    }),
};
