/** The model with features as further outputs, each handed on by a layer that changes nothing. */
import { formatAddress, layersByName } from '../../model/address';
import { snippet } from '../languages/typescript';
import { sourceParameter, writeExtract, writePicking } from '../languages/typescriptModel';
import { beforeLoading, lastName } from '../savedSlice';
import { taskNames, type NamedTensor } from '../languages/typescriptNames';
import { Identifiers, stringLiteral } from '../literals';
import { planCut } from '../../slicing/sliceModel';
import { loadableName } from '../../slicing/layerNames';
import type { ParentTask } from '../parentTask';
import { firstReason, noSubModel } from '../reasons';
import type { ParentRecipe } from './parentRecipe';

export const identityTap: ParentRecipe = {
  whyNot: (task) =>
    firstReason(
      task.plan.outputs.every(({ address }) => ownOutputs(task).includes(address))
        ? 'the cut has only what the model hands out already'
        : null,
      noSubModel(task),
      noSubModel(whole(task)),
    ),
  write: (task) =>
    snippet(task, (code) => {
      const { features, own, title } = tapNames(task);
      const names = taskNames(whole(task));
      const parameters = [sourceParameter(code, task, task.modelPath)];
      const result = 'Promise<tf.LayersModel>';
      const added = features.map(({ address }) => address).join(', ');
      const comment = [`${task.model.graph.name} with ${added} behind its own outputs.`, ...beforeLoading(task)];
      code.function(comment, { name: `load${names.model}With${title}`, parameters, result, async: true }, () => {
        code.line('const model = await tf.loadLayersModel(source);');
        writePicking(code, task, features);
        code.line('// Layers that change nothing: an output is called as the layer that gives it.');
        const taps = tapsFor(task, features);
        code.line('const taps = [');
        features.forEach(({ name }, i) => {
          const config = `{ activation: 'linear', name: ${stringLiteral(taps[i] ?? '')} }`;
          code.line(`  tf.layers.activation(${config}).apply(${name})${code.cast('tf.SymbolicTensor')},`);
        });
        code.line('];');
        code.line('return tf.model({ inputs: model.inputs, outputs: [...model.outputs, ...taps] });');
      });
      writeExtract(code, whole(task), {
        name: `predictWith${title}`,
        model: 'tapped',
        names: { ...names, outputs: [...own, ...features] },
      });
    }),
};

function ownOutputs({ model }: ParentTask): string[] {
  return model.graph.outputs.map(({ layer, call, output }) => formatAddress([{ name: layer, call }], output));
}

/** The task of the whole model. */
function whole(task: ParentTask): ParentTask {
  return { ...task, plan: planCut(task.model, { outputs: [], inputs: [] }) };
}

function tapNames(task: ParentTask): { features: NamedTensor[]; own: NamedTensor[]; title: string } {
  const { title, outputs } = taskNames(task);
  const names = new Identifiers(taskNames(whole(task)).inputs.map(({ name }) => name));
  const own = taskNames(whole(task)).outputs.map((output) => ({ ...output, name: names.take(output.name, 'output') }));
  const features = outputs
    .filter(({ address }) => !ownOutputs(task).includes(address))
    .map((output) => ({ ...output, name: names.take(output.name, 'feature') }));
  return { features, own, title: outputs.length === 1 ? title : 'Features' };
}

/** Names that are free among the model's layers. */
function tapsFor({ model }: ParentTask, features: readonly NamedTensor[]): string[] {
  const taken = new Set(layersByName(model.graph).keys());
  return features.map(({ address }) => {
    const base = loadableName(`${lastName(address)}_tap`);
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}_${i}`;
    taken.add(name);
    return name;
  });
}
