/**
 * Random models, once as Keras 2 JSON (what the product reads) and once built with TF.js's own API (the judge):
 * branches, reused layers, several outputs, nested models with equal inner names, called more than once.
 */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../../../src/core/model/json';
import { openTopology, type OpenedFile } from './plainTfjsModel';

/** Every tensor has this many features. */
const WIDTH = 3;

type Step =
  | { kind: 'dense' | 'activation' | 'normalize'; from: number }
  | { kind: 'again'; layer: number; from: number }
  | { kind: 'add' | 'multiply' | 'concatenate'; from: number; other: number };

export interface Recipe {
  inputs: number;
  steps: (Step | { kind: 'nested'; from: number; inner: Step[] })[];
  outputs: number[];
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('dense' as const, 'activation' as const, 'normalize' as const), from: fc.nat(20) }),
  fc.record({ kind: fc.constant('again' as const), layer: fc.nat(20), from: fc.nat(20) }),
  fc.record({
    kind: fc.constantFrom('add' as const, 'multiply' as const, 'concatenate' as const),
    from: fc.nat(20),
    other: fc.nat(20),
  }),
);

export const recipe: fc.Arbitrary<Recipe> = fc.record({
  inputs: fc.integer({ min: 1, max: 2 }),
  steps: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: step },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('nested' as const),
          from: fc.nat(20),
          inner: fc.array(step, { minLength: 1, maxLength: 4 }),
        }),
      },
    ),
    { minLength: 1, maxLength: 9 },
  ),
  outputs: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
});

/** A layer as JSON and as TF.js has it. */
interface Made {
  name: string;
  className: string;
  config: JsonObject;
  layer: tf.layers.Layer;
  nodes: JsonValue[];
  isModel: boolean;
  /** Reads the joined features of a concatenation. */
  isWide: boolean;
}

/** A tensor: where it is in the JSON, its address, and TF.js's own. */
export interface MadeTensor {
  ref: [string, number, number];
  address: string;
  symbolic: tf.SymbolicTensor;
}

export interface RandomModel {
  file: OpenedFile;
  inputs: tf.SymbolicTensor[];
  /** Every tensor of the model, inner ones of nested models included, with TF.js's own sub-model for it. */
  tensors: { address: string; judge: tf.LayersModel }[];
  outputs: string[];
  /** The same values for every model with these inputs. */
  example(): tf.Tensor[];
}

class Graph {
  readonly made: Made[] = [];
  readonly tensors: MadeTensor[] = [];
  private count = 0;

  constructor(
    readonly name: string,
    readonly inputs: tf.SymbolicTensor[],
    inputNames: string[],
  ) {
    inputs.forEach((symbolic, i) => {
      const name = inputNames[i] ?? '';
      this.tensors.push({ ref: [name, 0, 0], address: name, symbolic });
    });
  }

  tensor(i: number): MadeTensor {
    return this.tensors[i % this.tensors.length] as MadeTensor;
  }

  fresh(kind: string): string {
    return `${kind}_${this.count++}`;
  }

  call(made: Made, from: MadeTensor[]): MadeTensor {
    const call = made.nodes.length;
    made.nodes.push(from.map(({ ref }) => [...ref, {}]));
    const [only] = from;
    // TF.js frees a tensor too early that a call reads twice: the judge must not
    const fed = from.map(({ symbolic: tensor }, i) =>
      from.findIndex(({ symbolic: other }) => other === tensor) < i
        ? (tf.layers.activation({ activation: 'linear' }).apply(tensor) as tf.SymbolicTensor)
        : tensor,
    );
    const symbolic = made.layer.apply(from.length === 1 && only ? only.symbolic : fed) as tf.SymbolicTensor;
    const address = call === 0 ? made.name : `${made.name}#${call + 1}`;
    const tensor: MadeTensor = { ref: [made.name, made.isModel ? call + 1 : call, 0], address, symbolic };
    this.tensors.push(tensor);
    return tensor;
  }

  add(className: string, layer: tf.layers.Layer, config: JsonObject, isModel = false): Made {
    const made = { name: layer.name, className, config, layer, nodes: [], isModel, isWide: false };
    this.made.push(made);
    return made;
  }

  config(outputs: MadeTensor[], inputNames: string[]): JsonObject {
    const inputs = inputNames.map((name) => ({
      class_name: 'InputLayer',
      config: { name, batch_input_shape: [null, WIDTH], dtype: 'float32', sparse: false },
      name,
      inbound_nodes: [],
    }));
    return {
      name: this.name,
      trainable: true,
      layers: [
        ...inputs,
        ...this.made.map(({ className, config, name, nodes }) => ({
          class_name: className,
          config,
          name,
          inbound_nodes: nodes,
        })),
      ],
      input_layers: inputNames.map((name) => [name, 0, 0]),
      output_layers: outputs.map(({ ref }) => [...ref]),
    };
  }
}

function addStep(graph: Graph, item: Step): void {
  const from = graph.tensor(item.from);
  switch (item.kind) {
    case 'dense':
      graph.call(dense(graph), [from]);
      return;
    case 'activation': {
      const name = graph.fresh('activation');
      graph.call(
        graph.add('Activation', tf.layers.activation({ activation: 'tanh', name }), {
          name,
          activation: 'tanh',
          trainable: true,
          dtype: 'float32',
        }),
        [from],
      );
      return;
    }
    case 'normalize': {
      const name = graph.fresh('normalize');
      const config = {
        name,
        axis: [1],
        momentum: 0.99,
        epsilon: 0.001,
        center: true,
        scale: true,
        trainable: true,
        dtype: 'float32',
      };
      graph.call(graph.add('BatchNormalization', tf.layers.batchNormalization({ name, epsilon: 0.001 }), config), [
        from,
      ]);
      return;
    }
    case 'again': {
      const single = graph.made.filter(
        ({ className, isWide }) => !isWide && !['Add', 'Multiply', 'Concatenate'].includes(className),
      );
      const made = single[item.layer % Math.max(1, single.length)];
      if (made) graph.call(made, [from]);
      return;
    }
    case 'add':
    case 'multiply':
    case 'concatenate': {
      const name = graph.fresh(item.kind);
      const pair = [from, graph.tensor(item.other)];
      if (item.kind === 'concatenate') {
        const joined = graph.call(
          graph.add('Concatenate', tf.layers.concatenate({ name, axis: -1 }), {
            name,
            axis: -1,
            trainable: true,
            dtype: 'float32',
          }),
          pair,
        );
        // back to the common width
        graph.tensors.pop();
        const back = dense(graph);
        back.isWide = true;
        graph.call(back, [joined]);
        return;
      }
      const layer = item.kind === 'add' ? tf.layers.add({ name }) : tf.layers.multiply({ name });
      graph.call(
        graph.add(item.kind === 'add' ? 'Add' : 'Multiply', layer, { name, trainable: true, dtype: 'float32' }),
        pair,
      );
    }
  }
}

function dense(graph: Graph): Made {
  const name = graph.fresh('dense');
  const layer = tf.layers.dense({
    units: WIDTH,
    name,
    activation: 'tanh',
    useBias: true,
    biasInitializer: 'randomUniform',
    kernelInitializer: 'randomNormal',
  });
  return graph.add('Dense', layer, {
    name,
    units: WIDTH,
    activation: 'tanh',
    use_bias: true,
    trainable: true,
    dtype: 'float32',
  });
}

/** Builds both forms of a model. */
export function build({ inputs: inputCount, steps, outputs }: Recipe): RandomModel {
  const inputNames = Array.from({ length: inputCount }, (_, i) => `in_${i}`);
  const inputs = inputNames.map((name) => tf.input({ shape: [WIDTH], name }));
  const graph = new Graph('outer', inputs, inputNames);
  const inner: { graph: Graph; made: Made; model: tf.LayersModel }[] = [];
  for (const item of steps) {
    if (item.kind !== 'nested') {
      addStep(graph, item);
      continue;
    }
    const name = graph.fresh('nested');
    // the inner names are the same in every nested model, and some in the model around
    const input = tf.input({ shape: [WIDTH], name: 'in_0' });
    const nested = new Graph(name, [input], ['in_0']);
    for (const innerStep of item.inner) addStep(nested, innerStep);
    const output = nested.tensors.at(-1) as MadeTensor;
    const model = tf.model({ inputs: input, outputs: output.symbolic, name });
    const made = graph.add('Functional', model, nested.config([output], ['in_0']), true);
    inner.push({ graph: nested, made, model });
    graph.call(made, [graph.tensor(item.from)]);
  }
  const chosen = [...new Set(outputs.map((i) => graph.tensor(i)))];
  const judged = graph.tensors.map(({ address, symbolic }) => ({
    address,
    judge: tf.model({ inputs, outputs: symbolic }),
  }));
  for (const { graph: nested, made, model } of inner) {
    for (const [call, node] of made.nodes.entries()) {
      const [[layer, index]] = node as [[string, number]];
      const fed = graph.tensors.find(({ ref }) => ref[0] === layer && ref[1] === index);
      for (const { address, symbolic } of nested.tensors) {
        const part = tf.model({ inputs: model.inputs, outputs: symbolic });
        const output = part.apply((fed as MadeTensor).symbolic) as tf.SymbolicTensor;
        judged.push({
          address: `${made.name}${call > 0 ? `#${call + 1}` : ''}/${address}`,
          judge: tf.model({ inputs, outputs: output }),
        });
      }
    }
  }
  const weights = [
    ...weightsOf(graph, ''),
    ...inner.flatMap(({ graph: nested, made }) => weightsOf(nested, `${made.name}/`)),
  ];
  return {
    file: openTopology({ class_name: 'Functional', config: graph.config(chosen, inputNames) }, weights),
    inputs,
    tensors: judged,
    outputs: chosen.map(({ address }) => address),
    example: () => inputNames.map((_, i) => tf.randomUniform([2, WIDTH], -1, 1, 'float32', 7 + i)),
  };
}

function weightsOf(graph: Graph, prefix: string): { name: string; tensor: tf.Tensor }[] {
  return graph.made.flatMap(({ name, layer, isModel }) =>
    isModel
      ? []
      : layer.weights.map((weight) => ({
          name: `${prefix}${name}/${weight.originalName.split('/').at(-1) ?? ''}`,
          tensor: weight.read(),
        })),
  );
}
