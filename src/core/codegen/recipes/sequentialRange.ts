/** Consecutive layers of a chain as a Sequential with an input of its own. */
import { chainBetween } from '../languages/chain';
import { inputDtype, inputShape } from '../languages/typescriptHead';
import { snippet } from '../languages/typescript';
import { sourceParameter, writeExtract } from '../languages/typescriptModel';
import { statefulIn, taskNames } from '../languages/typescriptNames';
import { TensorPicker } from '../languages/tensorPicker';
import { shapeLiteral, stringLiteral } from '../literals';
import { firstReason, insideLayer, notComputable, severalInputs, severalOutputs, unknownInput } from '../reasons';
import type { CodeTask } from '../codeTask';
import { beforeLoading } from '../savedSlice';
import type { ParentRecipe } from './parentRecipe';
import { noChain } from './sequentialPrefix';

export const sequentialRange: ParentRecipe = {
  whyNot: (task) =>
    firstReason(
      severalOutputs(task, 'a Sequential has one'),
      severalInputs(task),
      insideLayer(task),
      notComputable(task),
      unknownInput(task),
      noChain(task),
      sharedState(task),
    ),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const [input] = task.plan.inputs;
      const [output] = names.outputs;
      if (!input || !output) throw new TypeError('a range has an input and an output');
      const chain = chainBetween(task.model.graph, input.address, output.address);
      const layers = typeof chain === 'string' ? [] : chain;
      const parameters = [sourceParameter(code, task, task.modelPath)];
      const result = 'Promise<tf.Sequential>';
      code.function(
        [
          `What follows ${input.address} in ${task.model.graph.name}, up to ${output.address}, with a new input.`,
          ...beforeLoading(task),
        ],
        { name: `load${names.title}Range`, parameters, result, async: true },
        () => {
          code.line('const model = await tf.loadLayersModel(source);');
          const model = new TensorPicker(code, task.model.graph, []).modelOf(output.address);
          code.part('SharedLayer');
          code.line('const range = tf.sequential();');
          code.line(`range.add(tf.layers.inputLayer({ ${inputShape(input.shape ?? [])}${inputDtype(input.dtype)} }));`);
          const list = layers.map(({ name }) => stringLiteral(name));
          const inline = `for (const name of [${list.join(', ')}])`;
          if (inline.length <= 100)
            code.block(inline, () => code.line(`range.add(new SharedLayer(${model}.getLayer(name)));`));
          else {
            code.line('const names = [');
            for (const name of list) code.line(`  ${name},`);
            code.line('];');
            code.line(`for (const name of names) range.add(new SharedLayer(${model}.getLayer(name)));`);
          }
          if (output.shape) {
            code.part('expectShape');
            code.line(
              `expectShape(${stringLiteral(output.address)}, range.outputs[0], ${shapeLiteral(output.shape)});`,
            );
          }
          code.line('return range;');
        },
      );
      writeExtract(code, task, { name: `extract${names.title}`, model: 'range', names });
    }),
};

/** What is called with other inputs would go on with the states of its own. */
export function sharedState(task: CodeTask): string | null {
  const stateful = statefulIn(task);
  return stateful === null
    ? null
    : `${stateful} keeps its state from call to call, and the model would share it: save the slice and load that`;
}
