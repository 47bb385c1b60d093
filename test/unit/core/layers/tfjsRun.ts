/** Runs one coverage case through plain `@tensorflow/tfjs`: its own deserialization, its own layers, the cpu backend. */
import * as tf from '@tensorflow/tfjs';
import type { JsonObject } from '../../../../src/core/model/json';
import type { CoverageCase, CoverageOutput } from './coverageCases';

/** Number `i` of the noise with which goldens were made: `generator/numbers.py`. */
function noise(seed: number, i: number): number {
  let h = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32 - 0.5;
}

function fill(shape: number[], value: (i: number) => number, dtype: 'float32' | 'int32' = 'float32'): tf.Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Array.from({ length: count }, (_, i) => value(i)),
    shape,
    dtype,
  );
}

export async function startTfjs(): Promise<void> {
  await tf.setBackend('cpu');
  // its warnings about inputs that it ignores are what the test is about
  tf.env().set('IS_TEST', true);
}

/** The outputs of a case when its layer is written as `className` and `config`. Throws what tfjs throws. */
export async function runInTfjs(row: CoverageCase, className: string, config: JsonObject): Promise<tf.Tensor[]> {
  const dtype = row.inputDtype.startsWith('int') ? 'int32' : 'float32';
  const names = row.inputShapes.map((_, i) => `input_${i}`);
  const inputs = row.inputShapes.map((shape, i) => ({
    class_name: 'InputLayer',
    name: names[i],
    config: { name: names[i], batch_input_shape: shape, dtype },
    inbound_nodes: [],
  }));
  const layer = {
    class_name: className,
    name: 'layer',
    config: { ...config, name: 'layer' },
    inbound_nodes: [names.map((name) => [name, 0, 0, {}])],
  };
  const model = await tf.models.modelFromJSON({
    modelTopology: {
      class_name: 'Model',
      config: {
        name: 'model',
        layers: [...inputs, layer],
        input_layers: names.map((name) => [name, 0, 0]),
        output_layers: row.outputShapes.map((_, i) => ['layer', 0, i]),
      },
    },
  } as unknown as JsonObject & { modelTopology: JsonObject });
  model
    .getLayer('layer')
    .setWeights(
      row.weights.map(({ name, shape }, i) =>
        fill(shape, (j) => noise(2000 + i, j) + (name.includes('variance') ? 1 : 0)),
      ),
    );
  const { shapes, low, high } = row.example ?? { shapes: [], low: 0, high: 0 };
  const values = shapes.map((shape, i) =>
    fill(
      shape,
      (j) => {
        const value = (noise(1000 + i, j) + 0.5) * (high - low) + low;
        return dtype === 'int32' ? Math.floor(value) : value;
      },
      dtype,
    ),
  );
  return [model.predict(values)].flat();
}

/** How far outputs are from Keras's, in units of what counts as equal; `Infinity` for another shape or NaN. */
export function distance(outputs: tf.Tensor[], golden: CoverageOutput[]): number {
  if (outputs.length !== golden.length) return Infinity;
  return Math.max(
    ...outputs.map((output, i) => {
      const fact = golden[i];
      if (fact === undefined || JSON.stringify(output.shape) !== JSON.stringify(fact.shape)) return Infinity;
      const data = Array.from(output.dataSync());
      const largest = Math.max(1, ...data.map(Math.abs));
      const known = (fact.values ?? fact.first ?? []).map((value, j) => Math.abs(Number(value) - (data[j] ?? NaN)));
      // of large outputs only the first values are kept: the norm and the extremes speak for the rest
      const l2 = Math.abs(Number(fact.l2) - Math.hypot(...data)) / Math.sqrt(data.length);
      const extremes = [Math.abs(fact.min - Math.min(...data)), Math.abs(fact.max - Math.max(...data))];
      const worst = Math.max(...known, l2, ...extremes);
      return Number.isNaN(worst) ? Infinity : worst / (1e-4 * largest);
    }),
  );
}
