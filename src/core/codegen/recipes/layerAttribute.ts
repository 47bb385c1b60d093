/** A tensor that a custom layer keeps as an attribute while it is called. */
import { isCustomLayer } from '../../layers/innerTensors';
import { isKnownClass } from '../../layers/layerFacts';
import { resolveAddress } from '../../model/address';
import { planCut } from '../../slicing/sliceModel';
import type { CodeTask } from '../codeTask';
import { snippet } from '../languages/typescript';
import { sourceParameter, writeStateReset } from '../languages/typescriptModel';
import { describeInputs, listed, taskNames, tensorParameters } from '../languages/typescriptNames';
import { TensorPicker } from '../languages/tensorPicker';
import { stringLiteral } from '../literals';
import { firstReason, insideLayer, severalOutputs, startsInside } from '../reasons';
import type { RecipeWriter } from '../recipe';

export const layerAttribute: RecipeWriter = {
  whyNot: (task) =>
    firstReason(
      severalOutputs(task, 'choose one layer'),
      insideLayer(task),
      noCustomLayer(task),
      startsInside(task),
      notLoadable(task),
    ),
  write: (given) => {
    const task = { ...given, plan: planCut(given.model, { outputs: [], inputs: [] }) };
    return snippet(task, (code) => {
      const own = taskNames(given);
      const names = taskNames(task);
      const address = own.outputs[0]?.address ?? '';
      const { layer, path } = resolveAddress(task.model.graph, address);
      const register = `Register the class ${layer.className} with tf.serialization.registerClass first.`;
      const parameters = [sourceParameter(code, task, task.modelPath)];
      code.function([register], { name: `load${own.model}`, parameters, result: 'Promise<tf.LayersModel>' }, () =>
        code.line('return tf.loadLayersModel(source);'),
      );
      code.function(
        [
          `What ${address} keeps as \`attribute\` while it is called: before, there is nothing, and afterwards it is freed.`,
          `${describeInputs(task)}. Dispose of what it returns.`,
        ],
        {
          name: `read${own.title}`,
          parameters: [
            `model${code.type('tf.LayersModel')}`,
            ...tensorParameters(code, names.inputs),
            "attribute = 'feature_output'",
          ],
          result: 'tf.Tensor',
        },
        () => {
          writeStateReset(code, task, 'model');
          const model = new TensorPicker(code, task.model.graph, ['layer', 'kept', 'current']).modelOf(address);
          code.line(`const layer = ${model}.getLayer(${stringLiteral(path.at(-1)?.name ?? '')});`);
          code.line(`const kept${code.type('tf.Tensor[]')} = [];`);
          code.line(`let current${code.type('unknown')};`);
          code.block(
            'Object.defineProperty(layer, attribute,',
            () => {
              code.line('configurable: true,');
              code.line('get: () => current,');
              code.block(
                `set: (value${code.type('unknown')}) =>`,
                () => {
                  code.line('current = value;');
                  code.line('if (value instanceof tf.Tensor) kept.push(tf.keep(value.clone()));');
                },
                ',',
              );
            },
            ');',
          );
          code.tryFinally(
            () => code.line(`tf.dispose(model.predictOnBatch(${listed(names.inputs)}));`),
            () => code.line('Reflect.deleteProperty(layer, attribute);'),
          );
          code.line('const feature = kept.pop();');
          code.line('tf.dispose(kept);');
          code.line('if (!feature) throw new Error(`${layer.name} keeps no tensor as ${attribute}.`);');
          code.line('return feature;');
        },
      );
    });
  },
};

function noCustomLayer({ model, plan }: CodeTask): string | null {
  const [output] = plan.outputs;
  if (!output) return 'the cut has no output';
  const { layer, address } = resolveAddress(model.graph, output.address);
  if (layer.graph) return `${address} is a model: choose a layer`;
  if (!isCustomLayer(layer)) return `${address} is ${layer.className}, no layer of your own`;
  return layer.calls.length > 1 ? `${address} is called ${layer.calls.length} times, and has one attribute` : null;
}

/** Registering the classes must be all that TF.js needs to load the file. */
function notLoadable({ model, fileProblem }: CodeTask): string | null {
  const whole = planCut(model, { outputs: [], inputs: [] });
  const lack = whole.notExportable.find(({ address }) =>
    isKnownClass(resolveAddress(model.graph, address).layer.className),
  );
  if (lack) return `TF.js cannot compute ${lack.address}: ${lack.reason}`;
  return model.repairs.length > 0 || model.problems.some(({ severity }) => severity === 'error')
    ? `TF.js cannot load ${model.file}, and with a layer of your own it cannot be saved anew: ${fileProblem ?? ''}`
    : null;
}
