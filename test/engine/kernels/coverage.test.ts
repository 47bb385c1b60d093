/** Every kernel against what Keras computed for noise inputs and noise weights. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/engine/backends/backend';
import { KernelCall, KernelConfig } from '../../../src/engine/kernels/kernel';
import { layerKernel } from '../../../src/engine/kernels/registry';
import { callOf, coverage, type CoverageCase } from '../../unit/core/layers/coverageCases';
import { lacksNative, nativeSearch, onNative } from '../backends/native';
import { noise } from '../noise';

/** Python code, which is never run. */
const withoutKernel = new Set(['Lambda']);

function inputsOf(row: CoverageCase): tf.Tensor[] {
  const { shapes, low, high } = row.example as { shapes: number[][]; low: number; high: number };
  const whole = row.inputDtype.startsWith('int');
  return shapes.map((shape, i) => {
    const values = noise(1000 + i, size(shape)).map((v) => (v + 0.5) * (high - low) + low);
    return whole ? tf.tensor(values.map(Math.floor), shape, 'int32') : tf.tensor(values, shape, 'float32');
  });
}

function weightsOf(row: CoverageCase): { name: string; tensor: tf.Tensor }[] {
  return row.weights.map(({ name, shape }, i) => {
    const shift = name.includes('variance') ? 1 : 0;
    return {
      name,
      tensor: tf.tensor(
        noise(2000 + i, size(shape)).map((v) => v + shift),
        shape,
        'float32',
      ),
    };
  });
}

const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

const places = coverage.flatMap((part) => [
  { ...part, backend: 'wasm', title: 'on wasm' } as const,
  { ...part, backend: 'tensorflow', title: onNative } as const,
]);

for (const { keras, cases, backend, title } of places) {
  describe.skipIf(backend === 'tensorflow' && lacksNative)(`Keras ${keras} ${title}`, () => {
    beforeAll(async () => void (await useBackend(backend, nativeSearch)));
    afterAll(() => tf.disposeVariables());

    for (const row of cases) {
      const runnable = row.example && !row.example.error && row.outputs && !withoutKernel.has(row.class);
      it.skipIf(!runnable)(row.id, async () => {
        const kernel = layerKernel(row.class);
        if (!kernel) throw new Error(`no kernel for ${row.class}`);
        expect(kernel.refuses?.(new KernelConfig(row.config), keras) ?? null).toBeNull();
        const inputs = inputsOf(row);
        const { args, kwargs } = callOf(row, keras);
        const call = new KernelCall({
          className: row.class,
          config: row.config,
          keras,
          inputs,
          masks: inputs.map(() => null),
          args,
          kwargs,
          weights: weightsOf(row),
        });
        const run = (): tf.Tensor[] => tf.tidy(() => [kernel.run(call)].flat());
        let outputs: tf.Tensor[];
        try {
          outputs = run();
        } catch (error) {
          if (backend !== 'wasm' || !/not registered for backend/.test(String(error))) throw error;
          await useBackend('cpu');
          outputs = run();
        }
        expect(outputs.map((y) => y.shape)).toEqual((row.outputs ?? []).map(({ shape }) => shape));
        row.outputs?.forEach((golden, i) => {
          const data = (outputs[i] as tf.Tensor).dataSync();
          const expected = golden.values ?? golden.first ?? [];
          const allowed = 1e-4 * Math.max(1, ...expected.map((v) => Math.abs(Number(v))));
          expected.forEach((value, at) => {
            const difference = Math.abs(Number(value) - Number(data[at]));
            if (!(difference <= allowed))
              throw new Error(`${row.id} output ${i}[${at}]: ${data[at]}, Keras says ${value}`);
          });
        });
        await useBackend(backend);
      });
    }
  });
}
