/** What a layer computes, in one line. */
import { resolveAddress } from '../../model/address';
import { snippet } from '../languages/typescript';
import { ownInputs, writeParentLoader } from '../languages/typescriptModel';
import { listed, statefulIn, taskNames, tensorParameters, whatOf } from '../languages/typescriptNames';
import { TensorPicker } from '../languages/tensorPicker';
import { tensorType } from '../literals';
import { firstReason, noSubModel, severalOutputs } from '../reasons';
import type { ParentRecipe } from './parentRecipe';

export const oneLiner: ParentRecipe = {
  whyNot: (task) =>
    firstReason(
      severalOutputs(task, 'that takes more than a line'),
      task.plan.outputs.some(({ address }) => resolveAddress(task.model.graph, address).path.length > 1)
        ? 'inside a nested model it takes more than a line'
        : null,
      task.plan.outputs.some(({ address }) => {
        const { layer, call } = resolveAddress(task.model.graph, address);
        return (layer.calls[call]?.outputs.length ?? 1) > 1;
      })
        ? 'one of several outputs of a layer takes more than a line'
        : null,
      noSubModel(task),
      statefulIn(task) && 'resetting the states takes more than a line',
    ),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const [output] = names.outputs;
      if (!output) throw new TypeError('a line has an output');
      const parameters = [`model${code.type('tf.LayersModel')}`, ...tensorParameters(code, names.inputs)].join(', ');
      const outputs = new TensorPicker(code, task.model.graph, [], 'name', false).expression(output.address);
      writeParentLoader(code, task, names);
      code.apart();
      code.comment([`${whatOf(task)}. Dispose of what it returns.`]);
      const sub = `tf.model({ inputs: ${ownInputs(code, task)}, outputs: ${outputs} })`;
      const type = code.cast(tensorType(output.shape));
      const computed = `() => ${sub}.predict(${listed(names.inputs)})${type}`;
      code.line(`${code.exported()}const extract${names.title} = (${parameters}) =>`);
      code.indented(() => code.call('tf.tidy', [computed]));
    }),
};
