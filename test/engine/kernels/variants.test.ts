/**
 * Arguments that no fixture has, and strings, against what Keras computed: Keras 3.15 on TensorFlow and tf_keras 2.20,
 * by `test/conformance/layerVariants.py`; `npm run conformance` checks all of its cases.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../src/core/model/json';
import type { CallArgument } from '../../../src/core/model/layerGraph';
import { useBackend } from '../../../src/engine/backends/backend';
import { KernelCall, KernelConfig } from '../../../src/engine/kernels/kernel';
import { layerKernel } from '../../../src/engine/kernels/registry';
import { lacksNative, nativeSearch, onNative } from '../backends/native';
import { noise } from '../noise';

interface Variant {
  id: string;
  keras: 2 | 3;
  class: string;
  config: JsonObject;
  call?: { inputs?: (string | [string, number])[]; [argument: string]: unknown };
  inputs: { dtype: string; example: number[]; low?: number; high?: number; values?: (number | string)[] }[];
  weights?: [name: string, shape: number[]][];
  outputs: { shape: number[]; values: (number | string)[] }[];
}

const variants = JSON.parse(readFileSync(path.join(__dirname, 'golden/layerVariants.json'), 'utf8')) as Variant[];

const sizeOf = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

function tensorOf({ dtype, example, low = -1, high = 1, values }: Variant['inputs'][number], seed: number): tf.Tensor {
  if (values) return tf.tensor(values, example, dtype as 'int32');
  const numbers = noise(seed, sizeOf(example)).map((value) => (value + 0.5) * (high - low) + low);
  if (dtype === 'float32') return tf.tensor(numbers, example, 'float32');
  return tf.cast(tf.tensor(numbers.map(Math.floor), example, 'int32'), dtype === 'bool' ? 'bool' : 'int32');
}

/** The first input by position, the others by the names that the case gives them. */
function callOf({ call, inputs }: Variant): { args: CallArgument[]; kwargs: Record<string, CallArgument> } {
  const tensors = inputs.map((_, input): CallArgument => ({ kind: 'tensor', input }));
  const kwargs: Record<string, CallArgument> = {};
  for (const [name, value] of Object.entries(call ?? {}))
    if (name !== 'inputs') kwargs[name] = { kind: 'constant', value: value as JsonValue };
  if (!call?.inputs) return { args: tensors.length > 1 ? [{ kind: 'list', items: tensors }] : tensors, kwargs };
  const rest = tensors.slice(1);
  for (const role of call.inputs.slice(1)) if (typeof role === 'string') kwargs[role] = rest.shift() as CallArgument;
  return { args: tensors.slice(0, 1), kwargs };
}

function run(variant: Variant): { shape: number[]; values: (number | string)[] }[] {
  const kernel = layerKernel(variant.class);
  if (!kernel) throw new Error(`no kernel for ${variant.class}`);
  expect(kernel.refuses?.(new KernelConfig(variant.config), variant.keras) ?? null).toBeNull();
  return tf.tidy(() => {
    const inputs = variant.inputs.map((input, i) => tensorOf(input, 1000 + i));
    const weights = (variant.weights ?? []).map(([name, shape], i) => ({
      name,
      tensor: tf.tensor(noise(2000 + i, sizeOf(shape)), shape, 'float32'),
    }));
    const { class: className, config, keras } = variant;
    const parts = { className, config, keras, inputs, masks: inputs.map(() => null), weights, ...callOf(variant) };
    return [kernel.run(new KernelCall(parts))].flat().map((y) => ({
      shape: y.shape,
      values: Array.from(y.dataSync() as unknown as ArrayLike<number | string>),
    }));
  });
}

const backends = [
  { title: 'on wasm', backend: 'wasm' },
  { title: 'on cpu', backend: 'cpu' },
  { title: onNative, backend: 'tensorflow' },
] as const;

for (const { title, backend } of backends)
  describe.skipIf(backend === 'tensorflow' && lacksNative)(title, () => {
    beforeEach(async () => void (await useBackend(backend, nativeSearch)));

    it.each(variants.map((variant) => ({ name: `${variant.id} of Keras ${variant.keras}`, variant })))(
      '$name',
      ({ variant }) => {
        const found = run(variant);
        expect(found.map(({ shape }) => shape)).toEqual(variant.outputs.map(({ shape }) => shape));
        variant.outputs.forEach(({ values }, i) => {
          const actual = found[i]?.values ?? [];
          if (values.some((value) => typeof value === 'string')) {
            expect(actual).toEqual(values);
            return;
          }
          const largest = values.reduce<number>((most, value) => Math.max(most, Math.abs(Number(value))), 1);
          const apart = values.map((value, at) => Math.abs(Number(value) - Number(actual[at])));
          expect(Math.max(...apart) / largest).toBeLessThan(1e-4);
        });
      },
    );
  });
