/** A small model made and saved by plain TF.js, whose every setting can be seen in its numbers. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';

/** One layer of a written model. */
export interface WrittenLayer {
  class_name: string;
  name: string;
  config: Record<string, unknown>;
  inbound_nodes: unknown[];
}

export interface WrittenModel {
  modelTopology: {
    model_config: { config: { layers: WrittenLayer[]; output_layers: unknown[]; input_layers: unknown[] } };
  };
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: string }[] }[];
  userDefinedMetadata?: { modelSlicer?: Record<string, unknown> };
}

/**
 * `image` [5, 5, 1] → `conv` (2 × 2, strides 2) → `bn` → `act` → `flat` → `left` and `right`, two outputs of 3.
 * Strides of 3 would give the same shapes.
 */
export async function writeTinyModel(folder: string): Promise<void> {
  const image = tf.input({ shape: [5, 5, 1], name: 'image' });
  const normal = (seed: number): ReturnType<typeof tf.initializers.randomNormal> =>
    tf.initializers.randomNormal({ mean: 0, stddev: 1, seed });
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor): tf.SymbolicTensor =>
    layer.apply(x) as tf.SymbolicTensor;
  const conv = apply(
    tf.layers.conv2d({ name: 'conv', filters: 4, kernelSize: 2, strides: 2, kernelInitializer: normal(1) }),
    image,
  );
  const bn = apply(
    tf.layers.batchNormalization({
      name: 'bn',
      gammaInitializer: normal(2),
      betaInitializer: normal(3),
      movingMeanInitializer: normal(4),
      movingVarianceInitializer: tf.initializers.randomUniform({ minval: 0.01, maxval: 0.1, seed: 5 }),
    }),
    conv,
  );
  const act = apply(tf.layers.activation({ name: 'act', activation: 'tanh' }), bn);
  const flat = apply(tf.layers.flatten({ name: 'flat' }), act);
  const dense = (name: string, seed: number): tf.SymbolicTensor =>
    apply(
      tf.layers.dense({ name, units: 3, kernelInitializer: normal(seed), biasInitializer: normal(seed + 1) }),
      flat,
    );
  const model = tf.model({ inputs: image, outputs: [dense('left', 6), dense('right', 8)], name: 'tiny' });
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      const { modelTopology, weightSpecs, weightData } = artifacts;
      mkdirSync(folder, { recursive: true });
      const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      writeFileSync(path.join(folder, 'model.json'), JSON.stringify({ modelTopology, weightsManifest: manifest }));
      writeFileSync(path.join(folder, 'weights.bin'), new Uint8Array(weightData as ArrayBuffer));
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } });
    }),
  );
  model.dispose();
}

export function editJson(folder: string, edit: (model: WrittenModel) => void): void {
  const file = path.join(folder, 'model.json');
  const model = JSON.parse(readFileSync(file, 'utf8')) as WrittenModel;
  edit(model);
  writeFileSync(file, JSON.stringify(model));
}

/** The written config of a layer. */
export function layerOf({ modelTopology }: WrittenModel, name: string): WrittenLayer {
  const found = modelTopology.model_config.config.layers.find((layer) => layer.config.name === name);
  if (!found) throw new Error(`no layer ${name}`);
  return found;
}

/** Changes the float32 values of one weight in a folder whose weights stand in one shard. */
export function editWeight(
  folder: string,
  name: string,
  edit: (values: Float32Array, bytes: Uint8Array) => void,
): void {
  const { weightsManifest } = JSON.parse(readFileSync(path.join(folder, 'model.json'), 'utf8')) as WrittenModel;
  const [group] = weightsManifest;
  const file = path.join(folder, group?.paths[0] ?? '');
  const all = Uint8Array.from(readFileSync(file));
  let at = 0;
  for (const weight of group?.weights ?? []) {
    const count = weight.shape.reduce((product, size) => product * size, 1);
    if (weight.name === name) {
      edit(new Float32Array(all.buffer, at, count), new Uint8Array(all.buffer, at, 4 * count));
      writeFileSync(file, all);
      return;
    }
    at += 4 * count;
  }
  throw new Error(`no weight ${name}`);
}
