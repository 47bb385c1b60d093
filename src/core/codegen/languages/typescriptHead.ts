/** What generated TypeScript puts before and behind a model that is a layer: inputs, and a head of its own. */
import type { Head, HeadLayer } from '../../composing/composition';
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
  if (shape?.length === 4) return 'tf.layers.globalAveragePooling2d({})';
  if (shape?.length === 3) return 'tf.layers.globalAveragePooling1d()';
  return shape?.length === 2 ? null : 'tf.layers.flatten()';
}

const scoring = "tf.layers.dense({ units: classes, activation: 'softmax' })";

/** A head: how features become a vector, the layers behind it, and what `classes` is as a parameter. */
export interface HeadText {
  flatten(shape: Shape | null): string | null;
  layers: string[];
  classes: string;
}

/** @param head default: averages, and a dense layer for classes. Its last layer is a dense one. */
export function headText(code: TypeScript, head: Head | undefined): HeadText {
  if (!head) return { flatten: flattening, layers: [scoring], classes: `classes${code.type('number')}` };
  const last = head.layers.at(-1);
  return {
    flatten: (shape) => pooled(head.pooling, shape),
    layers: head.layers.map((layer) => headLayer(layer, layer === last)),
    classes: last?.kind === 'dense' ? `classes = ${last.units}` : `classes${code.type('number')}`,
  };
}

function pooled(pooling: Head['pooling'], shape: Shape | null): string | null {
  if (pooling === 'avg' || shape?.length === 2) return flattening(shape);
  if (pooling === 'none') return null;
  if (pooling === 'flatten') return 'tf.layers.flatten()';
  if (shape?.length === 4) return "tf.layers.globalMaxPooling2d({ dataFormat: 'channelsLast' })";
  return shape?.length === 3 ? 'tf.layers.globalMaxPooling1d({})' : 'tf.layers.flatten()';
}

function headLayer(layer: HeadLayer, isLast: boolean): string {
  if (layer.kind === 'dropout') return `tf.layers.dropout({ rate: ${layer.rate} })`;
  // TF.js writes its own names in camel case
  const activation = stringLiteral(layer.activation.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
  if (layer.kind === 'activation') return `tf.layers.activation({ activation: ${activation} })`;
  const units = isLast ? 'classes' : String(layer.units);
  return layer.activation === 'linear'
    ? `tf.layers.dense({ units: ${units} })`
    : `tf.layers.dense({ units: ${units}, activation: ${activation} })`;
}

/**
 * Inputs, `base`, a head, and `return tf.model(…)`.
 * @param call what the inputs go through, as the text before `.apply(…)`.
 * @param head its last layer gives `scores`.
 */
export function writeHeadedModel(
  code: TypeScript,
  { inputs, outputs }: { inputs: readonly NamedTensor[]; outputs: readonly NamedTensor[] },
  call: string,
  head: HeadText,
): void {
  const cast = code.cast('tf.SymbolicTensor');
  for (const { name, shape, dtype } of inputs) code.line(`const ${name} = ${inputLayer(shape ?? [], dtype)};`);
  const fed = listed(inputs);
  const [only] = outputs;
  let vectors = 'flat';
  if (outputs.length === 1 && only) {
    code.line(`const features = ${call}.apply(${fed})${cast};`);
    const flatten = head.flatten(only.shape);
    if (flatten === null) vectors = 'features';
    else code.line(`const flat = ${flatten}.apply(features)${cast};`);
  } else {
    code.line(`const features = ${call}.apply(${fed})${code.cast('tf.SymbolicTensor[]')};`);
    code.line('const flat = tf.layers.concatenate().apply([');
    outputs.forEach(({ shape }, i) => {
      const feature = `features[${i}]${cast}`;
      const flatten = head.flatten(shape);
      code.line(flatten === null ? `  ${feature},` : `  ${flatten}.apply(${feature})${cast},`);
    });
    code.line(`])${cast};`);
  }
  head.layers.forEach((layer, i) => {
    const name = i === head.layers.length - 1 ? 'scores' : `hidden${i + 1}`;
    code.line(`const ${name} = ${layer}.apply(${vectors})${cast};`);
    vectors = name;
  });
  code.line(`return tf.model({ inputs: ${fed}, outputs: scores });`);
}
