/** What generated TypeScript puts before and behind a model that is a layer: inputs, and a head of its own. */
import type { Shape } from '../../model/layerGraph';
import { shapeLiteral, stringLiteral } from '../literals';
import type { TypeScript } from './typescript';
import { listed, type NamedTensor } from './typescriptNames';

/** `tf.input({ shape: [28, 28, 1] })` */
export function inputLayer(shape: Shape, dtype: string | null): string {
  return `tf.input({ ${inputShape(shape, 'shape', 'batchShape')}${inputDtype(dtype)} })`;
}

/** The batch dimension is left out unless the model fixes it. */
export function inputShape(shape: Shape, open = 'inputShape', fixed = 'batchInputShape'): string {
  const [batch, ...rest] = shape;
  return typeof batch === 'number' ? `${fixed}: ${shapeLiteral(shape)}` : `${open}: ${shapeLiteral(rest)}`;
}

export function inputDtype(dtype: string | null): string {
  if (dtype === null || dtype.startsWith('float') || dtype === 'bfloat16') return '';
  return `, dtype: ${stringLiteral(dtype === 'bool' || dtype === 'string' ? dtype : 'int32')}`;
}

/** The layers that make one vector of each example, as calls of `tf.layers`. */
export function flattening(shape: Shape | null): string | null {
  if (shape?.length === 4) return "tf.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' })";
  if (shape?.length === 3) return 'tf.layers.globalAveragePooling1d()';
  return shape?.length === 2 ? null : 'tf.layers.flatten()';
}

export const scoring = "tf.layers.dense({ units: classes, activation: 'softmax' })";

/**
 * Inputs, `base`, a head, and `return tf.model(…)`.
 * @param call what the inputs go through, as the text before `.apply(…)`.
 */
export function writeHeadedModel(
  code: TypeScript,
  { inputs, outputs }: { inputs: readonly NamedTensor[]; outputs: readonly NamedTensor[] },
  call: string,
): void {
  const cast = code.cast('tf.SymbolicTensor');
  for (const { name, shape, dtype } of inputs) code.line(`const ${name} = ${inputLayer(shape ?? [], dtype)};`);
  const fed = listed(inputs);
  const [only] = outputs;
  let vectors = 'flat';
  if (outputs.length === 1 && only) {
    code.line(`const features = ${call}.apply(${fed})${cast};`);
    const flatten = flattening(only.shape);
    if (flatten === null) vectors = 'features';
    else code.line(`const flat = ${flatten}.apply(features)${cast};`);
  } else {
    code.line(`const features = ${call}.apply(${fed})${code.cast('tf.SymbolicTensor[]')};`);
    code.line('const flat = tf.layers.concatenate().apply([');
    outputs.forEach(({ shape }, i) => {
      const feature = `features[${i}]${cast}`;
      const flatten = flattening(shape);
      code.line(flatten === null ? `  ${feature},` : `  ${flatten}.apply(${feature})${cast},`);
    });
    code.line(`])${cast};`);
  }
  code.line(`const scores = ${scoring}.apply(${vectors})${cast};`);
  code.line(`return tf.model({ inputs: ${fed}, outputs: scores });`);
}
