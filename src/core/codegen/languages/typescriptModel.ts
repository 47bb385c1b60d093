/** How generated TypeScript loads the model, and gets hold of its tensors. */
import type { CodeTask } from '../codeTask';
import type { ParentTask } from '../parentTask';
import { beforeLoading, savedSlicePath } from '../savedSlice';
import { shapeLiteral, stringLiteral, tensorType } from '../literals';
import { TensorPicker, type LayerLookup } from './tensorPicker';
import type { TypeScript } from './typescript';
import {
  describeInputs,
  listed,
  resultType,
  statefulLayer,
  taskNames,
  tensorParameters,
  type NamedTensor,
  type TaskNames,
} from './typescriptNames';

/** Where a file is, as TF.js wants to hear it. */
export function sourceParameter(code: TypeScript, { options }: CodeTask, path: string): string {
  const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(path);
  const url = options.runtime === 'tfjs-node' ? `file://${path}` : path.replace(/[%?#]/g, encodeURIComponent);
  // tfjs-node exports `io` as a value only: its types have no name there
  const type =
    options.runtime === 'tfjs-node' ? 'Parameters<typeof tf.loadLayersModel>[0]' : 'string | tf.io.IOHandler';
  return `source${code.type(type)} = ${stringLiteral(isUrl ? path : url)}`;
}

/** The whole model as it was loaded: what recipes start from that look into it. */
export function writeParentLoader(code: TypeScript, task: ParentTask, names: TaskNames): void {
  const before = beforeLoading(task);
  const comment = [...(before.length > 0 ? [`Loads ${task.model.graph.name}.`, ...before] : []), ...sourceNote(task)];
  const name = `load${names.model}`;
  const parameters = [sourceParameter(code, task, task.modelPath)];
  code.function(comment, { name, parameters, result: 'Promise<tf.LayersModel>' }, () =>
    code.line('return tf.loadLayersModel(source);'),
  );
}

/** The sub-model, from the model's own file or from the saved slice. */
export function writeBaseLoader(
  code: TypeScript,
  task: CodeTask,
  { name, comment, functional = false }: { name: string; comment: readonly string[]; functional?: boolean },
): void {
  const { outputs } = taskNames(task);
  const path = task.fileProblem === null ? task.modelPath : savedSlicePath(task);
  const parameters = [sourceParameter(code, task, path)];
  const lines = [...comment, ...beforeLoading(task), ...sourceNote(task)];
  code.function(lines, { name, parameters, result: 'Promise<tf.LayersModel>', async: true }, () => {
    if (task.fileProblem !== null) writeSliceLoading(code, outputs, functional);
    else {
      code.line('const model = await tf.loadLayersModel(source);');
      writePicking(code, task, outputs);
      writeSubModel(code, task, outputs);
    }
  });
}

/** @param functional whether it must not be a Sequential. */
export function writeSliceLoading(code: TypeScript, outputs: readonly NamedTensor[], functional: boolean): void {
  code.line('const slice = await tf.loadLayersModel(source);');
  outputs.forEach(({ address, shape }, i) => {
    if (!shape) return;
    code.part('expectShape');
    code.line(`expectShape(${stringLiteral(address)}, slice.outputs[${i}], ${shapeLiteral(shape)});`);
  });
  code.line(functional ? 'return tf.model({ inputs: slice.inputs, outputs: slice.outputs });' : 'return slice;');
}

/** A constant for each output: its tensor in `model`, with the right shape. */
export function writePicking(
  code: TypeScript,
  task: CodeTask,
  outputs: readonly NamedTensor[],
  lookup: LayerLookup = 'name',
): TensorPicker {
  const picker = new TensorPicker(
    code,
    task.model.graph,
    outputs.map(({ name }) => name),
    lookup,
  );
  for (const output of outputs) writePick(code, output, picker.expression(output.address));
  return picker;
}

export function writePick(code: TypeScript, { name, address, shape }: NamedTensor, expression: string): void {
  if (!shape) {
    code.line(`const ${name} = ${expression};`);
    return;
  }
  code.part('expectShape');
  code.call(`const ${name} = expectShape`, [stringLiteral(address), expression, shapeLiteral(shape)]);
}

/** `return tf.model(…)` of the constants. */
export function writeSubModel(code: TypeScript, task: CodeTask, outputs: readonly NamedTensor[]): void {
  code.line(`return ${subModel(code, task, outputs)};`);
}

export function subModel(code: TypeScript, task: CodeTask, outputs: readonly { name: string }[]): string {
  const names = listed(outputs);
  return `tf.model({ inputs: ${ownInputs(code, task)}, ${names === 'outputs' ? names : `outputs: ${names}`} })`;
}

/** The model's inputs that the outputs need. */
export function ownInputs(code: TypeScript, { model, plan }: CodeTask): string {
  if (plan.inputs.length === model.graph.inputs.length) return 'model.inputs';
  const picker = new TensorPicker(code, model.graph, []);
  return `[${plan.inputs.map(({ address }) => picker.expression(address)).join(', ')}]`;
}

/** Tensors in, tensors out. */
export function writeExtract(
  code: TypeScript,
  task: CodeTask,
  { name, model, names, result }: { name: string; model: string; names: TaskNames; result?: string },
): void {
  const { inputs, outputs } = names;
  const [only] = outputs;
  const single = outputs.length === 1 && only ? tensorType(only.shape) : null;
  code.function(
    [`${describeInputs(task)}. Dispose of what it returns.`],
    {
      name,
      parameters: [model + code.type('tf.LayersModel'), ...tensorParameters(code, inputs)],
      result: result ?? single ?? resultType(outputs),
    },
    () => {
      writeStateReset(code, task, model);
      if (single !== null) {
        code.line(`return tf.tidy(() => ${model}.predict(${listed(inputs)})${code.cast(single)});`);
        return;
      }
      const types = outputs.map(({ shape }) => tensorType(shape)).join(', ');
      code.block(
        'return tf.tidy(() =>',
        () => {
          code.line(
            `const [${outputs.map((output) => output.name).join(', ')}] = ${model}.predict(${listed(inputs)})${code.cast(`[${types}]`)};`,
          );
          code.line(`return { ${outputs.map((output) => output.name).join(', ')} };`);
        },
        ');',
      );
    },
  );
}

export function writeStateReset(code: TypeScript, { model }: CodeTask, name: string): void {
  if (statefulLayer(model.graph) !== null)
    code.line(`${name}.resetStates(); // or it would go on where the last call ended`);
}

function sourceNote({ options }: CodeTask): string[] {
  return options.runtime === 'browser' ? ['`source` is a URL; a relative one counts from the page.'] : [];
}
