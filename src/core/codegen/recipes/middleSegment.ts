/** Everything between new inputs and the outputs, called once more by the layers of the model. */
import { inputLayer } from '../languages/typescriptHead';
import { snippet } from '../languages/typescript';
import { sourceParameter, writeExtract, writePick } from '../languages/typescriptModel';
import { listed, taskNames, whatOf } from '../languages/typescriptNames';
import { TensorPicker } from '../languages/tensorPicker';
import { resolveAddress } from '../../model/address';
import type { ParentTask } from '../parentTask';
import { firstReason, insideLayer, notComputable, startsInside, unknownInput } from '../reasons';
import { beforeLoading } from '../savedSlice';
import type { ParentRecipe } from './parentRecipe';
import { sharedState } from './sequentialRange';

export const middleSegment: ParentRecipe = {
  whyNot: (task) =>
    firstReason(
      startsInside(task) === null
        ? "the cut starts at the model's own inputs: choose where inside it shall start"
        : null,
      insideLayer(task),
      notComputable(task),
      unknownInput(task),
      acrossModels(task),
      sharedState(task),
    ),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const parameters = [sourceParameter(code, task, task.modelPath)];
      const from = task.plan.inputs.map(({ address }) => address).join(', ');
      code.function(
        [`Computes ${whatOf(task)} from ${from}.`, 'Its weights are those of the whole model.', ...beforeLoading(task)],
        { name: `load${names.title}Segment`, parameters, result: 'Promise<tf.LayersModel>', async: true },
        () => {
          code.line('const model = await tf.loadLayersModel(source);');
          code.part('callAgain');
          const taken = [...names.inputs, ...names.outputs].map(({ name }) => name);
          const picker = new TensorPicker(code, task.model.graph, taken);
          names.inputs.forEach(({ name, shape, dtype }) =>
            code.line(`const ${name} = ${inputLayer(shape ?? [], dtype)};`),
          );
          const pairs = names.inputs.map(({ name, address }) => `[${picker.inPlace(address)}, ${name}]`);
          const type = code.typed('<tf.SymbolicTensor, tf.SymbolicTensor>');
          if (pairs.length === 1) code.line(`const known = new Map${type}([${pairs.join('')}]);`);
          else {
            code.line(`const known = new Map${type}([`);
            for (const pair of pairs) code.line(`  ${pair},`);
            code.line(']);');
          }
          const layers = names.outputs.length > 1 ? ', layers' : '';
          if (layers) code.line(`const layers = new Map${code.typed('<tf.layers.Layer, SharedLayer>')}();`);
          for (const output of names.outputs)
            writePick(code, output, `callAgain(${picker.inPlace(output.address)}, known${layers})`);
          code.line(`return tf.model({ inputs: ${listed(names.inputs)}, outputs: ${listed(names.outputs)} });`);
        },
      );
      writeExtract(code, task, { name: `extract${names.title}`, model: 'segment', names });
    }),
};

function acrossModels({ model, plan }: ParentTask): string | null {
  const [first, ...others] = [...plan.inputs, ...plan.outputs].map(({ address }) =>
    resolveAddress(model.graph, address),
  );
  const other = others.find(({ graph }) => graph !== first?.graph);
  return first && other
    ? `${first.address} and ${other.address} are not in the same model: save the slice and load that`
    : null;
}
