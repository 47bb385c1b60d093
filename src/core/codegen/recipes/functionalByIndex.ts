/** Sub-model by layer indices, each checked against the name that belongs there. */
import { formatAddress, resolveAddress } from '../../model/address';
import type { CodeTask } from '../codeTask';
import { snippet } from '../languages/typescript';
import { sourceParameter, writeExtract, writePicking, writeSubModel } from '../languages/typescriptModel';
import { taskNames, whatOf } from '../languages/typescriptNames';
import { tfjsLayerOrder } from '../languages/tfjsLayerOrder';
import type { ParentTask } from '../parentTask';
import { firstReason, noSubModel } from '../reasons';
import { beforeLoading } from '../savedSlice';
import type { ParentRecipe } from './parentRecipe';

export const functionalByIndex: ParentRecipe = {
  whyNot: (task) => firstReason(noSubModel(task), withoutIndex(task)),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const parameters = [sourceParameter(code, task, task.modelPath)];
      const name = `load${names.title}Extractor`;
      const comment = [`Computes ${whatOf(task)}.`, ...counting(task), ...beforeLoading(task)];
      code.function(comment, { name, parameters, result: 'Promise<tf.LayersModel>', async: true }, () => {
        code.line('const model = await tf.loadLayersModel(source);');
        writePicking(code, task, names.outputs, 'index');
        writeSubModel(code, task, names.outputs);
      });
      writeExtract(code, task, { name: `extract${names.title}`, model: 'extractor', names });
    }),
};

function withoutIndex({ model, plan }: CodeTask): string | null {
  const lost = plan.outputs.find(({ address }) => {
    const { path } = resolveAddress(model.graph, address);
    return path.some((_, i) => {
      const { graph, layer } = resolveAddress(model.graph, formatAddress(path.slice(0, i + 1)));
      return !tfjsLayerOrder(graph).includes(layer);
    });
  });
  return lost ? `${lost.address} does not lead to an output of its model, and TF.js leaves such layers out` : null;
}

/** Python counts otherwise where TF.js sees an InputLayer in a Sequential. */
function counting({ model, plan }: ParentTask): string[] {
  const inPython = plan.outputs.flatMap(({ address }) => {
    const { layer, path, graph } = resolveAddress(model.graph, address);
    const { keras } = layer.index;
    return path.length === 1 &&
      graph.kind === 'sequential' &&
      keras !== null &&
      keras !== tfjsLayerOrder(graph).indexOf(layer)
      ? [`${layer.name} is ${keras} there`]
      : [];
  });
  return inPython.length === 0
    ? ["The indices are those of TF.js's model.layers."]
    : [`The indices are those of TF.js's model.layers. Keras does not count the InputLayer: ${inPython.join(', ')}.`];
}
