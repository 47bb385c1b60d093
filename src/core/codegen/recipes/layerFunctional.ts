/** The model, or its features, as one layer of a new functional model with a head. */
import type { Shape } from '../../model/layerGraph';
import type { CodeSnippet } from '../codeSnippet';
import {
  inputNames,
  outputNames,
  savedSliceComment,
  snippet,
  sourceParameter,
  writeExtraction,
  writeHelpers,
  type CodeTask,
  type NamedOutput,
  type TypeScript,
} from '../languages/typescript';
import { shapeLiteral, stringLiteral } from '../literals';

export function layerFunctional(task: CodeTask): CodeSnippet {
  return snippet((code) => {
    const { outputs, title } = outputNames(task.plan, task.model);
    const what = outputs.map(({ address }) => address).join(', ');
    const source = sourceParameter(code, task);
    code.function(
      [
        `A new model with ${what} of ${task.model.graph.name} as one layer, and a new head.`,
        'Training it trains the weights inside, too: they are the same ones.',
      ],
      `build${title}Classifier(base${code.type('tf.LayersModel')}, classes${code.type('number')})${code.type('tf.LayersModel')}`,
      () => writeBuild(code, task, outputs),
    );
    code.blank();
    code.function(
      savedSliceComment(task),
      `load${title}Base(${source})${code.type('Promise<tf.LayersModel>')}`,
      () => writeExtraction(code, task, outputs),
      { async: true },
    );
    writeHelpers(code, task, outputs);
  });
}

function writeBuild(code: TypeScript, task: CodeTask, outputs: readonly NamedOutput[]): void {
  const inputs = inputNames(task.plan);
  inputs.forEach(({ name }, i) =>
    code.line(`const ${name} = ${inputLayer(task.plan.inputs[i]?.shape ?? [], task.plan.inputs[i]?.dtype ?? null)};`),
  );
  const fed = inputs.length === 1 ? (inputs[0]?.name ?? '') : `[${inputs.map(({ name }) => name).join(', ')}]`;
  const [only] = outputs;
  let vectors = 'flat';
  if (outputs.length === 1 && only) {
    code.line(`const features = base.apply(${fed})${code.cast('tf.SymbolicTensor')};`);
    if (only.shape?.length === 2) vectors = 'features';
    else code.line(`const flat = ${flattened('features', only.shape, code)};`);
  } else {
    code.line(`const features = base.apply(${fed})${code.cast('tf.SymbolicTensor[]')};`);
    const flats = outputs.map(({ shape }, i) =>
      flattened(`features[${i}]${code.cast('tf.SymbolicTensor')}`, shape, code),
    );
    code.line('const flat = tf.layers.concatenate().apply([');
    for (const flat of flats) code.line(`  ${flat},`);
    code.line(`])${code.cast('tf.SymbolicTensor')};`);
  }
  code.line(
    `const scores = tf.layers.dense({ units: classes, activation: 'softmax' }).apply(${vectors})${code.cast('tf.SymbolicTensor')};`,
  );
  code.line(`return tf.model({ inputs: ${fed}, outputs: scores });`);
}

/** The batch dimension is left out unless the model fixes it. */
function inputLayer(shape: Shape, dtype: string | null): string {
  const [batch, ...rest] = shape;
  const type =
    dtype !== null && dtype !== 'float32'
      ? `, dtype: ${stringLiteral(dtype === 'bool' || dtype === 'string' ? dtype : 'int32')}`
      : '';
  return typeof batch === 'number'
    ? `tf.input({ batchShape: ${shapeLiteral(shape)}${type} })`
    : `tf.input({ shape: ${shapeLiteral(rest)}${type} })`;
}

/** One vector for each example. */
function flattened(tensor: string, shape: Shape | null, code: TypeScript): string {
  const cast = code.cast('tf.SymbolicTensor');
  if (shape?.length === 4)
    return `tf.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }).apply(${tensor})${cast}`;
  if (shape?.length === 3) return `tf.layers.globalAveragePooling1d().apply(${tensor})${cast}`;
  return shape?.length === 2 ? tensor : `tf.layers.flatten().apply(${tensor})${cast}`;
}
