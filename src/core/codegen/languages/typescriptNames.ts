/** What generated TypeScript calls a task's inputs and outputs, and what it says of them. */
import { resolveAddress } from '../../model/address';
import type { LayerGraph } from '../../model/layerGraph';
import type { CodeTask } from '../codeTask';
import { lastName } from '../savedSlice';
import { Identifiers, isPictureShape, pascalCase, shapeLiteral, tensorType } from '../literals';
import type { TypeScript } from './typescript';

/** A tensor that the code gets hold of, and its name there. */
export interface NamedTensor {
  name: string;
  address: string;
  shape: readonly (number | null)[] | null;
  dtype: string | null;
}

/** Names for what comes in and goes out, all of them different, and for the functions around them. */
export interface TaskNames {
  inputs: NamedTensor[];
  outputs: NamedTensor[];
  /** `Conv2` for the output `conv_2`; the model's where there are several. */
  title: string;
  /** Of the model. */
  model: string;
}

export function taskNames({ plan, model }: CodeTask): TaskNames {
  const names = new Identifiers();
  const outputs = plan.outputs.map(({ address, shape, dtype }) => ({
    name: names.take(lastName(address), 'output'),
    address,
    shape,
    dtype,
  }));
  const single = plan.inputs.length === 1;
  const inputs = plan.inputs.map(({ name, address, shape, dtype }) => ({
    name: names.take(single ? simpleInputName(shape) : name, 'values'),
    address,
    shape,
    dtype,
  }));
  const [only] = outputs;
  const whole = pascalCase(model.graph.name, 'Model');
  return { inputs, outputs, title: outputs.length === 1 && only ? titleOf(only.address) : whole, model: whole };
}

export function titleOf(address: string): string {
  return pascalCase(lastName(address), 'Output');
}

/** What stands in a single input is told by its shape better than by `input_1`. */
function simpleInputName(shape: readonly (number | null)[] | null): string {
  return isPictureShape(shape) ? 'image' : 'batch';
}

/** `a`, or `[a, b]` */
export function listed(names: readonly { name: string }[]): string {
  const [only] = names;
  return names.length === 1 && only ? only.name : `[${names.map(({ name }) => name).join(', ')}]`;
}

/** `a: tf.Tensor4D` for each. */
export function tensorParameters(code: TypeScript, tensors: readonly NamedTensor[]): string[] {
  return tensors.map(({ name, shape }) => name + code.type(tensorType(shape)));
}

/** `{ a: tf.Tensor4D; b: tf.Tensor2D }` */
export function resultType(outputs: readonly NamedTensor[]): string {
  return `{ ${outputs.map(({ name, shape }) => `${name}: ${tensorType(shape)}`).join('; ')} }`;
}

/** `conv_2, pool_2 of digits_cnn` */
export function whatOf({ plan, model }: CodeTask): string {
  return `${plan.outputs.map(({ address }) => address).join(', ')} of ${model.graph.name}`;
}

/** `input: float32 [null, 28, 28, 1]`, for comments. */
export function describeInputs({ plan }: CodeTask): string {
  return plan.inputs
    .map(
      ({ name, dtype, shape }) =>
        `${name}: ${dtype ?? 'float32'} ${shape ? shapeLiteral(shape) : 'of a shape that the file does not say'}`,
    )
    .join('; ');
}

/** First stateful layer of the model, wherever it stands; null where none keeps its state from one call to the next. */
export function statefulLayer(graph: LayerGraph): string | null {
  const open = [graph];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const layer of next.layers) {
      if (layer.config.stateful === true) return layer.name;
      if (layer.graph) open.push(layer.graph);
    }
  }
  return null;
}

/** The first of the plan's layers that keeps its state from one call to the next; null where none does. */
export function statefulIn({ plan, model }: CodeTask): string | null {
  return plan.layers.find((address) => resolveAddress(model.graph, address).layer.config.stateful === true) ?? null;
}
