/** Uses generated code as somebody would: one driver for each recipe. */
import type * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import type { RecipeId } from '../../../../src/core/codegen/recipe';

type Tf = typeof tf;
type Exports = Record<string, unknown>;

export interface Driven {
  /** What the cut's outputs are, in its order; null for models as layers. */
  outputs: tf.Tensor[] | null;
  /** The model that was made; null where the code only computes. */
  made: tf.LayersModel | null;
  /** What is a layer of it, where the model is one. */
  base?: tf.LayersModel;
}

export interface DriverInput {
  plain: Tf;
  exports: Exports;
  /** What the code loads. */
  handler: tf.io.IOHandler;
  /** In the order of the code's parameters. */
  inputs: tf.Tensor[];
  /** For the whole model, where that is trained. */
  fitInputs: tf.Tensor[];
  /** How many outputs the whole model has: they come before a tap's. */
  ownOutputs: number;
}

function named(exports: Exports, start: string): (...args: unknown[]) => unknown {
  const found = Object.entries(exports).find(([key]) => key.startsWith(start))?.[1];
  if (typeof found !== 'function') throw new Error(`no ${start}…`);
  return found as (...args: unknown[]) => unknown;
}

function tensors(plain: Tf, result: unknown): tf.Tensor[] {
  return result instanceof plain.Tensor ? [result] : (Object.values(result as object) as tf.Tensor[]);
}

async function load({ exports, handler }: DriverInput): Promise<tf.LayersModel> {
  return (await named(exports, 'load')(handler)) as tf.LayersModel;
}

/** Loads a sub-model and calls it. */
async function extract(input: DriverInput): Promise<Driven> {
  const made = await load(input);
  const before = input.plain.memory().numTensors;
  const outputs = tensors(input.plain, named(input.exports, 'extract')(made, ...input.inputs));
  expect(input.plain.memory().numTensors - before, 'leaks').toBe(outputs.length);
  return { outputs, made };
}

async function classifier(input: DriverInput): Promise<Driven> {
  const base = await load(input);
  return { outputs: null, made: named(input.exports, 'build')(base, 3) as tf.LayersModel, base };
}

export const drivers: Record<RecipeId, (input: DriverInput) => Promise<Driven>> = {
  'functional-by-name': extract,
  'functional-by-index': extract,
  'multi-output': extract,
  'sequential-prefix': extract,
  'sequential-range': extract,
  nested: extract,
  'before-after-batchnorm': extract,
  'middle-segment': extract,
  'load-slice': extract,
  async 'one-liner'(input) {
    const model = await load(input);
    const before = input.plain.memory().numTensors;
    const outputs = tensors(input.plain, named(input.exports, 'extract')(model, ...input.inputs));
    expect(input.plain.memory().numTensors - before, 'leaks').toBe(1);
    return { outputs, made: null };
  },
  async 'iterate-layers'(input) {
    const model = await load(input);
    const seen: string[] = [];
    const before = input.plain.memory().numTensors;
    const result = named(input.exports, 'walk')(model, ...input.inputs, (layer: tf.layers.Layer) => {
      seen.push(layer.name);
    });
    expect(input.plain.memory().numTensors - before, 'leaks').toBe(1);
    expect(input.inputs.every((tensor) => !tensor.isDisposed)).toBe(true);
    expect(seen.length).toBeGreaterThan(0);
    return { outputs: tensors(input.plain, result), made: null };
  },
  async 'identity-tap'(input) {
    const made = await load(input);
    const before = input.plain.memory().numTensors;
    const all = tensors(input.plain, named(input.exports, 'predict')(made, ...input.inputs));
    expect(input.plain.memory().numTensors - before, 'leaks').toBe(all.length);
    all.slice(0, input.ownOutputs).forEach((tensor) => tensor.dispose());
    return { outputs: all.slice(input.ownOutputs), made };
  },
  async 'independent-copy'(input) {
    const model = await load(input);
    const made = (await named(input.exports, 'copy')(model)) as tf.LayersModel;
    const before = input.plain.memory().numTensors;
    const outputs = tensors(input.plain, named(input.exports, 'extract')(made, ...input.inputs));
    expect(input.plain.memory().numTensors - before, 'leaks').toBe(outputs.length);
    return { outputs, made };
  },
  /** With a training rate of 0, so that only BatchNorm's statistics move. */
  async 'training-callback'(input) {
    const { plain, fitInputs } = input;
    const model = await load(input);
    const recorded: { features: tf.Tensor[]; epoch: number }[] = [];
    const save = (features: unknown, { epoch }: { epoch: number }): void => {
      const kept = Array.isArray(features) ? (features as tf.Tensor[]) : tensors(plain, features);
      recorded.push({ features: kept.map((tensor) => tensor.clone()), epoch });
    };
    const callback = named(input.exports, 'record')(model, ...input.inputs, save) as tf.CustomCallback;
    const x = fitInputs.length === 1 && fitInputs[0] ? fitInputs[0] : fitInputs;
    const targets = [model.predict(x)].flat();
    model.compile({ optimizer: plain.train.sgd(0), loss: 'meanSquaredError' });
    const y = targets.length === 1 && targets[0] ? targets[0] : targets;
    await model.fit(x, y, { epochs: 2, verbose: 0, callbacks: callback });
    expect(recorded.map(({ epoch }) => epoch)).toEqual([0, 1]);
    plain.dispose([...targets, ...(recorded[0]?.features ?? [])]);
    return { outputs: recorded[1]?.features ?? [], made: null };
  },
  async 'layer-attribute'(input) {
    const model = await load(input);
    const before = input.plain.memory().numTensors;
    const result = named(input.exports, 'read')(model, ...input.inputs);
    expect(input.plain.memory().numTensors - before, 'leaks').toBe(1);
    return { outputs: tensors(input.plain, result), made: null };
  },
  'layer-functional': classifier,
  'layer-subclass': classifier,
  'layer-sequential': classifier,
  'layer-frozen': classifier,
  'layer-lambda': classifier,
};
