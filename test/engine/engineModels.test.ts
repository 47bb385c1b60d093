/** Real models from npm: the loop against plain tfjs, all layers with statistics. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { engineSession } from './session';

const models = path.join(__dirname, '../../.cache/models');

function artifacts(folder: string): tf.io.ModelArtifacts {
  const json = JSON.parse(readFileSync(path.join(folder, 'model.json'), 'utf8')) as {
    modelTopology: object;
    weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
  };
  const bytes = Buffer.concat(
    json.weightsManifest.flatMap(({ paths }) => paths.map((p) => readFileSync(path.join(folder, p)))),
  );
  return {
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
    weightData: Uint8Array.from(bytes).buffer,
  };
}

for (const name of ['mobilenet_v2', 'inception_v3']) {
  const folder = path.join(models, name);
  describe.skipIf(!existsSync(folder))(`${name} (${existsSync(folder) ? folder : 'not in .cache/models'})`, () => {
    it('gives what plain tfjs gives, to the last bit', async () => {
      const engine = engineSession();
      const { model } = await engine.request('open', { path: folder });
      const input = model.graph.inputs[0]?.name ?? '';
      const run = await engine.request('run', {
        inputs: [{ input, source: { kind: 'random', seed: 1 } }],
        want: 'all',
        backend: 'wasm',
        thumbnails: true,
        colorMap: 'viridis',
        keep: true,
      });
      const handle = { epoch: run.epoch, runId: run.runId, address: run.activations[0]?.address ?? '' };
      const { values } = await engine.request('values', { handle, example: 0, channel: null });
      const plain = await loadLayersModel({ load: async () => artifacts(folder) });
      const shape = (run.activations[0]?.shape ?? []) as [number];
      const expected = (plain.predict(tf.tensor(values, shape)) as tf.Tensor).dataSync();
      expect(run.outputs[0]?.values).toEqual(Array.from(expected));
      expect(run.fallbacks).toEqual([]);
      expect(run.firstNonFinite).toBeNull();
      await engine.request('close', {});
    });
  });
}
