/** A model inside TimeDistributed, against plain tfjs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { afterAll, expect, it } from 'vitest';
import { useBackend } from '../../src/engine/backends/backend';
import { engineSession } from './session';

const temporary = mkdtempSync(path.join(tmpdir(), 'wrapped-'));
afterAll(() => rmSync(temporary, { recursive: true }));

it('computes TimeDistributed around a Sequential', async () => {
  await useBackend('wasm');
  const stack = [
    layers.layers.conv2d({ inputShape: [6, 6, 1], filters: 2, kernelSize: 3, activation: 'relu', name: 'conv' }),
    layers.layers.batchNormalization({ name: 'norm' }),
    layers.layers.flatten(),
    layers.layers.dense({ units: 3, name: 'inner_dense' }),
  ];
  const inner = layers.sequential({ layers: stack, name: 'inner' });
  const series = layers.input({ shape: [4, 6, 6, 1], name: 'frames' });
  const wrapped = layers.layers.timeDistributed({ layer: inner, name: 'each' }).apply(series) as layers.SymbolicTensor;
  const model = layers.model({
    inputs: series,
    outputs: layers.layers
      .lstm({ units: 2, name: 'lstm', recurrentInitializer: 'glorotNormal' })
      .apply(wrapped) as layers.SymbolicTensor,
  });
  model.setWeights(model.getWeights().map((w, i) => tf.abs(tf.randomNormal(w.shape, 0.3, 0.2, 'float32', i))));

  const folder = path.join(temporary, 'model');
  mkdirSync(folder);
  await model.save({
    save: async ({ modelTopology, weightSpecs, weightData }) => {
      writeFileSync(path.join(folder, 'w.bin'), Buffer.from(weightData as ArrayBuffer));
      const json = {
        format: 'layers-model',
        modelTopology,
        weightsManifest: [{ paths: ['w.bin'], weights: weightSpecs }],
      };
      writeFileSync(path.join(folder, 'model.json'), JSON.stringify(json));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  const engine = engineSession();
  await engine.request('open', { path: folder });
  const run = await engine.request('run', {
    inputs: [{ input: 'frames', source: { kind: 'random', seed: 1 } }],
    want: 'all',
    backend: 'wasm',
    thumbnails: false,
    colorMap: 'viridis',
    keep: true,
  });
  const handle = { epoch: run.epoch, runId: run.runId, address: 'frames' };
  const { values } = await engine.request('values', { handle, example: 0, channel: null });
  const expected = (model.predict(tf.tensor(values, [1, 4, 6, 6, 1])) as tf.Tensor).dataSync();
  expect(run.outputs[0]?.values.length).toBe(expected.length);
  expected.forEach((value, i) => expect(Number(run.outputs[0]?.values[i])).toBeCloseTo(value, 5));
});
