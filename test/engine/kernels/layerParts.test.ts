/** Layers in parts, for every class and config that Keras computed: the parts together are the layer, and what is inside is Keras's. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layerInside } from '../../../src/core/layers/innerTensors';
import { partAddresses, splitLayer } from '../../../src/core/layers/splitLayer';
import type { Layer } from '../../../src/core/model/layerGraph';
import { useBackend } from '../../../src/engine/backends/backend';
import { KernelCall, KernelConfig } from '../../../src/engine/kernels/kernel';
import { layerKernel } from '../../../src/engine/kernels/registry';
import { callOf, coverage, type CoverageCase, type CoverageOutput } from '../../unit/core/layers/coverageCases';
import { fromInside, type Values } from '../../unit/core/layers/fromInside';
import { noise } from '../noise';

const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

function inputsOf({ example, inputDtype }: CoverageCase): tf.Tensor[] {
  const { shapes, low, high } = example as NonNullable<CoverageCase['example']>;
  const whole = inputDtype.startsWith('int');
  return shapes.map((shape, i) => {
    const values = noise(1000 + i, size(shape)).map((v) => (v + 0.5) * (high - low) + low);
    return whole ? tf.tensor(values.map(Math.floor), shape, 'int32') : tf.tensor(values, shape, 'float32');
  });
}

function weightsOf({ weights }: CoverageCase): { name: string; tensor: tf.Tensor }[] {
  return weights.map(({ name, shape }, i) => {
    const shift = name.includes('variance') ? 1 : 0;
    const values = noise(2000 + i, size(shape)).map((v) => v + shift);
    return { name, tensor: tf.tensor(values, shape, 'float32') };
  });
}

function layerOf(row: CoverageCase, keras: 2 | 3): Layer {
  const { args, kwargs } = callOf(row, keras);
  const inputs = row.inputShapes.map((_, i) => ({ layer: `input_${i}`, call: 0, output: 0 }));
  const outputs = row.outputShapes.map((shape, i) => ({ shape, dtype: row.outputDtypes[i] ?? null }));
  return {
    name: 'layer',
    className: row.class,
    module: null,
    isLayer: true,
    config: row.config,
    trainable: true,
    calls: [{ inputs, args, kwargs, outputs, macs: 0 }],
    weights: [],
    graph: null,
    index: { keras: 0, tfjs: 0 },
  };
}

/** Values of everything that the layer's parts hand on, by address. */
function compute(layer: Layer, row: CoverageCase, keras: 2 | 3): Map<string, Values & { declared: unknown }> {
  const split = splitLayer(layer, ({ layer: name }) => ({
    shape: row.inputShapes[Number(name.slice('input_'.length))] ?? null,
    dtype: row.inputDtype,
  }));
  if (!split) throw new Error('no parts');
  const addresses = partAddresses(split, layer, 0, 'layer');
  const made: tf.Tensor[][] = [];
  const found = new Map<string, Values & { declared: unknown }>();
  split.parts.forEach((part, i) => {
    const inputs = part.reads?.map(({ part: from, output }) => made[from]?.[output] as tf.Tensor) ?? inputsOf(row);
    const { className, config } = part.layer;
    const kernel = layerKernel(className);
    const call = part.layer.calls[0];
    if (!kernel || !call) throw new Error(`no kernel for ${className}`);
    expect(kernel.refuses?.(new KernelConfig(config), keras) ?? null).toBeNull();
    const masks = inputs.map(() => null);
    const { args, kwargs } = call;
    const parts = { className, config, keras, inputs, masks, args, kwargs, weights: i === 0 ? weightsOf(row) : [] };
    const outputs = tf.tidy(() => [kernel.run(new KernelCall(parts))].flat());
    expect(outputs.length).toBe(call.outputs.length);
    made.push(outputs);
    outputs.forEach((tensor, output) =>
      found.set(addresses[i]?.[output] ?? '', {
        shape: tensor.shape,
        values: Array.from(tensor.dataSync()),
        declared: call.outputs[output]?.shape?.map((dim, axis) => dim ?? tensor.shape[axis]),
      }),
    );
  });
  return found;
}

function expectValues(found: number[] | undefined, golden: CoverageOutput | undefined): void {
  const expected = (golden?.values ?? golden?.first ?? []).map(Number);
  expect(expected.length).toBeGreaterThan(0);
  const allowed = 1e-4 * Math.max(1, ...expected.map(Math.abs));
  expect(Math.max(...expected.map((value, i) => Math.abs(value - (found?.[i] ?? NaN))))).toBeLessThanOrEqual(allowed);
}

/** The same layer, not asked for what is inside, where Keras was asked. */
function unasked(layer: Layer): { layer: Layer; names: string[] } | null {
  const [call] = layer.calls;
  if (!call) return null;
  const { config, className } = layer;
  if (className === 'Bidirectional' && config.merge_mode === null && call.outputs.length === 2) {
    const outputs = [{ ...call.outputs[0], shape: null, dtype: null }];
    const merged = { ...layer, config: { ...config, merge_mode: 'concat' }, calls: [{ ...call, outputs }] };
    return { layer: merged, names: ['layer@forward', 'layer@backward'] };
  }
  const names = (inside: Layer): string[] => (layerInside(inside)?.names ?? []).map((name) => `layer@${name}`);
  const calls = [{ ...call, outputs: call.outputs.slice(0, 1) }];
  if (config.return_state === true && className !== 'Bidirectional') {
    const plain = { ...layer, config: { ...config, return_state: false }, calls };
    return { layer: plain, names: ['layer', ...names(plain)] };
  }
  const { return_attention_scores: asked, ...kwargs } = call.kwargs;
  if (!asked) return null;
  const plain = { ...layer, calls: calls.map((one) => ({ ...one, kwargs })) };
  return { layer: plain, names: ['layer', ...names(plain)] };
}

for (const { keras, cases } of coverage) {
  const runnable = cases.filter(({ example, outputs }) => example && !example.error && outputs);
  const layers = runnable.map((row) => ({ id: row.id, row, layer: layerOf(row, keras) }));
  const apart = layers.filter(
    ({ layer }) => layerInside(layer)?.refused === null && !layer.className.startsWith('LocallyConnected'),
  );
  const asked = layers.flatMap(({ id, row, layer }) => {
    const found = unasked(layer);
    return found && found.names.length > 1 ? [{ id, row, ...found }] : [];
  });

  describe(`Keras ${keras}`, () => {
    // the cpu has every kernel
    beforeAll(async () => void (await useBackend('cpu')));
    afterAll(() => tf.disposeVariables());

    it('has cases of every kind', () => {
      const kinds = new Set(apart.map(({ layer }) => layerInside(layer)?.kind));
      expect([...kinds].sort()).toEqual(['activation', 'directions', 'scores', 'states']);
      expect(asked.length).toBeGreaterThan(3);
    });

    it.each(apart)('$id: the parts make the layer', ({ row, layer }) => {
      const found = compute(layer, row, keras);
      row.outputs?.forEach((golden, i) => expectValues(found.get(i > 0 ? `layer:${i}` : 'layer')?.values, golden));
      for (const [address, { shape, declared }] of found) expect(declared, address).toEqual(shape);
      const inside = new Map([...found].map(([address, values]) => [address.slice('layer@'.length), values]));
      const made = fromInside(layer, keras, inside);
      if (made) expectValues(made, row.outputs?.[0]);
    });

    it.each(asked)('$id: what Keras hands on when it is asked is what is inside', ({ row, layer, names }) => {
      const found = compute(layer, row, keras);
      names.forEach((name, i) => expectValues(found.get(name)?.values, row.outputs?.[i]));
    });
  });
}
