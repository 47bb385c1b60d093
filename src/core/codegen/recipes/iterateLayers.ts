/** Calls the layers of a chain one after the other and shows what each gives. */
import { chainBetween } from '../languages/chain';
import { tfjsLayerOrder } from '../languages/tfjsLayerOrder';
import { makesMask } from '../../slicing/maskRules';
import { snippet } from '../languages/typescript';
import { writeParentLoader, writeStateReset } from '../languages/typescriptModel';
import { describeInputs, listed, taskNames, tensorParameters } from '../languages/typescriptNames';
import { stringLiteral, tensorType } from '../literals';
import type { ParentTask } from '../parentTask';
import { firstReason, noSubModel, severalInputs, severalOutputs } from '../reasons';
import type { ParentRecipe } from './parentRecipe';
import { noChain } from './sequentialPrefix';

export const iterateLayers: ParentRecipe = {
  whyNot: (task) =>
    firstReason(
      severalOutputs(task, 'choose one'),
      severalInputs(task) && 'several inputs make no chain',
      noSubModel(task),
      noChain(task),
    ),
  write: (task) =>
    snippet(task, (code) => {
      const names = taskNames(task);
      const [output] = names.outputs;
      if (!output) throw new TypeError('a chain has an output');
      const [input] = names.inputs;
      const masked = hasMask(task);
      const type = tensorType(output.shape);
      writeParentLoader(code, task, names);
      code.function(
        [
          `Calls the layers of ${task.model.graph.name} up to ${output.address} and shows each value to \`visit\`:`,
          'what that returns goes on instead. A value is freed when the next layer has read it, unless `tf.keep` kept it.',
          `${describeInputs(task)}. Dispose of what it returns.`,
        ],
        {
          name: `walkTo${names.title}`,
          parameters: [
            `model${code.type('tf.LayersModel')}`,
            ...tensorParameters(code, names.inputs),
            `visit${code.type('(layer: tf.layers.Layer, value: tf.Tensor) => tf.Tensor | undefined')}`,
          ],
          result: type,
        },
        () => {
          writeStateReset(code, task, 'model');
          code.block(
            'return tf.tidy(() =>',
            () => {
              code.line(`let value${code.type('tf.Tensor')} = ${listed(names.inputs)};`);
              if (masked) code.line(`let mask${code.type('tf.Tensor | null')} = null;`);
              const loop = layersOf(task);
              if (loop.declared !== null) code.line(loop.declared);
              code.block(`for (const layer of ${loop.over})`, () => {
                if (loop.declared === null) code.line("if (layer.getClassName() === 'InputLayer') continue;");
                code.line('const before = value;');
                if (masked) {
                  code.line(`const kwargs${code.type('{ mask?: tf.Tensor }')} = mask ? { mask } : {};`);
                  code.line(
                    `mask = layer.supportsMasking ? (layer.computeMask(before, mask ?? undefined)${code.cast('tf.Tensor | null')}) : null;`,
                  );
                }
                code.block(
                  'value = tf.tidy(() =>',
                  () => {
                    code.line(
                      `const output = layer.apply(before${masked ? ', kwargs' : ''})${code.cast('tf.Tensor')};`,
                    );
                    code.line('return visit(layer, output) ?? output;');
                  },
                  ');',
                );
                code.line(`if (before !== ${input?.name ?? ''} && before !== value && !before.kept) before.dispose();`);
                if (loop.declared === null) code.line(`if (layer.name === ${stringLiteral(lastLayer(task))}) break;`);
              });
              code.line(`return value${code.cast(type)};`);
            },
            ');',
          );
        },
      );
    }),
};

function chainOf({ model, plan }: ParentTask): ReturnType<typeof chainBetween> {
  return chainBetween(model.graph, plan.inputs[0]?.address ?? '', plan.outputs[0]?.address ?? '');
}

/** The model's own list where the chain is what it begins with; else the names. */
function layersOf(task: ParentTask): { over: string; declared: string | null } {
  const chain = chainOf(task);
  const layers = typeof chain === 'string' ? [] : chain;
  const own = tfjsLayerOrder(task.model.graph).filter(({ className }) => className !== 'InputLayer');
  if (layers.every((layer, i) => layer === own[i])) return { over: 'model.layers', declared: null };
  const names = layers.map(({ name }) => stringLiteral(name)).join(', ');
  return { over: 'layers', declared: `const layers = [${names}].map((name) => model.getLayer(name));` };
}

function lastLayer(task: ParentTask): string {
  const chain = chainOf(task);
  return typeof chain === 'string' ? '' : (chain.at(-1)?.name ?? '');
}

function hasMask(task: ParentTask): boolean {
  const chain = chainOf(task);
  return typeof chain !== 'string' && chain.some(makesMask);
}
