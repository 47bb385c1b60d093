/** Sub-model by layer names: `tf.model({ inputs, outputs })` on the tensors of the loaded model. */
import type { CodeSnippet } from '../codeSnippet';
import {
  describeInputs,
  inputNames,
  isStateful,
  outputNames,
  savedSliceComment,
  snippet,
  sourceParameter,
  writeExtraction,
  writeHelpers,
  type CodeTask,
  type TypeScript,
} from '../languages/typescript';
import { tensorType } from '../literals';

export function functionalByName(task: CodeTask): CodeSnippet {
  return snippet((code) => {
    const { outputs, title } = outputNames(task.plan, task.model);
    writeLoader(code, task, `load${title}Extractor`, outputs);
    code.blank();
    writeExtract(code, task, `extract${title}`, outputs);
    writeHelpers(code, task, outputs);
  });
}

function writeLoader(
  code: TypeScript,
  task: CodeTask,
  name: string,
  outputs: ReturnType<typeof outputNames>['outputs'],
): void {
  const what = outputs.map(({ address }) => address).join(', ');
  const comment =
    task.fileProblem === null
      ? [
          `Computes ${what} of ${task.model.graph.name}.`,
          'Its weights are those of the whole model: disposing of it disposes of them.',
        ]
      : [`Computes ${what} of ${task.model.graph.name}.`, ...savedSliceComment(task)];
  code.function(
    comment,
    `${name}(${sourceParameter(code, task)})${code.type('Promise<tf.LayersModel>')}`,
    () => writeExtraction(code, task, outputs),
    { async: true },
  );
}

function writeExtract(
  code: TypeScript,
  task: CodeTask,
  name: string,
  outputs: ReturnType<typeof outputNames>['outputs'],
): void {
  const inputs = inputNames(task.plan);
  const parameters = [
    'extractor' + code.type('tf.LayersModel'),
    ...inputs.map((input) => input.name + code.type(tensorType(input.shape))),
  ];
  const [only] = outputs;
  const single = outputs.length === 1 && only ? tensorType(only.shape) : null;
  const result = single ?? `{ ${outputs.map((output) => `${output.name}: ${tensorType(output.shape)}`).join('; ')} }`;
  const fed = inputs.length === 1 ? (inputs[0]?.name ?? '') : `[${inputs.map((input) => input.name).join(', ')}]`;
  code.function(
    [`${describeInputs(task.plan)}. Dispose of what it returns.`],
    `${name}(${parameters.join(', ')})${code.type(result)}`,
    () => {
      if (isStateful(task.model.graph))
        code.line('extractor.resetStates(); // or it would go on where the last call ended');
      if (single !== null) {
        code.line(`return tf.tidy(() => extractor.predict(${fed})${code.cast(single)});`);
        return;
      }
      code.line('return tf.tidy(() => {');
      code.line(
        `  const [${outputs.map((output) => output.name).join(', ')}] = extractor.predict(${fed})${code.cast(`[${outputs.map((output) => tensorType(output.shape)).join(', ')}]`)};`,
      );
      code.line(`  return { ${outputs.map((output) => output.name).join(', ')} };`);
      code.line('});');
    },
  );
}
