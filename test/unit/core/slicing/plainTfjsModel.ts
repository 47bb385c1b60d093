/** Opens fixtures for slicing, and loads slices with plain `@tensorflow/tfjs`, which is the judge. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import type { ModelFile, WeightEntry } from '../../../../src/core/model/modelFile';
import type { Cut, LayersSlice, Slice } from '../../../../src/core/slicing/slice';
import { sliceModel } from '../../../../src/core/slicing/sliceModel';
import { segmentsOf } from '../../../../src/core/model/weightFiles';

/** A model file with its shards in memory. */
export interface OpenedFile {
  model: ModelFile;
  stored(entry: WeightEntry): Uint8Array;
}

export function openFile(file: string): OpenedFile {
  const parsed = parseModelJson(readFileSync(file), path.basename(file));
  const inFolder = (shard: string): string => path.join(path.dirname(file), shard);
  const shards = parsed.shardPaths.map((shard) => ({
    path: shard,
    size: existsSync(inFolder(shard)) ? statSync(inFolder(shard)).size : null,
  }));
  return {
    model: openParsed(parsed, shards),
    stored: ({ locator }) =>
      Buffer.concat(
        segmentsOf(locator).map(({ file: shard, offset, length }) =>
          readFileSync(inFolder(shard)).subarray(offset, offset + length),
        ),
      ),
  };
}

/** A model given as the JSON of a Keras and the weights of a TF.js model. */
export function openTopology(
  modelConfig: unknown,
  weights: { name: string; tensor: tf.Tensor }[],
  kerasVersion = '2.15.0',
): OpenedFile {
  const specs = weights.map(({ name, tensor }) => ({ name, shape: tensor.shape, dtype: tensor.dtype }));
  const bytes = Buffer.concat(
    weights.map(({ tensor }) => Buffer.from(Uint8Array.from(new Uint8Array(tensor.dataSync().buffer)))),
  );
  const json = {
    format: 'layers-model',
    modelTopology: { keras_version: kerasVersion, backend: 'tensorflow', model_config: modelConfig },
    weightsManifest: [{ paths: ['weights.bin'], weights: specs }],
  };
  const parsed = parseModelJson(new TextEncoder().encode(JSON.stringify(json)), 'model.json');
  return {
    model: openParsed(parsed, [{ path: 'weights.bin', size: bytes.length }]),
    stored: ({ locator }) =>
      Buffer.concat(segmentsOf(locator).map(({ offset, length }) => bytes.subarray(offset, offset + length))),
  };
}

/** The slice of a layers-model. */
export function sliceLayers(model: ModelFile, cut: Cut): LayersSlice {
  return layersSlice(sliceModel(model, cut));
}

function layersSlice(slice: Slice): LayersSlice {
  if (slice.format !== 'layers-model') throw new Error('this is no slice of layers');
  return slice;
}

/** Loads a slice from its topology and bytes alone. Fails as plain TF.js fails: on every weight that does not fit. */
export async function loadPlain(slice: Slice, file: OpenedFile): Promise<tf.LayersModel> {
  const entries = slice.weights.map(({ name, entry }) => {
    const found = file.model.weightEntries[entry];
    if (!found) throw new Error(`no entry ${entry}`);
    return { name, found, bytes: file.stored(found) };
  });
  const weightSpecs = entries.map(({ name, found }) => ({
    name,
    shape: found.shape,
    dtype: found.dtype as 'float32',
    ...(found.quantization
      ? {
          quantization: {
            dtype: found.quantization.dtype,
            scale: found.quantization.scale,
            min: found.quantization.min,
            original_dtype: found.quantization.originalDtype,
          },
        }
      : {}),
  })) as tf.io.WeightsManifestEntry[];
  const weightData = Uint8Array.from(Buffer.concat(entries.map(({ bytes }) => bytes))).buffer;
  // the text, so that what plain TF.js gets is what a file would hold
  const modelTopology = JSON.parse(
    JSON.stringify({ keras_version: '2.15.0', backend: 'tensorflow', model_config: layersSlice(slice).modelConfig }),
  ) as object;
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData, format: 'layers-model' }));
}

/** The model's outputs for `inputs`, as a list. */
export function predict(model: tf.LayersModel, inputs: tf.Tensor[]): tf.Tensor[] {
  const result = model.predict(inputs.length === 1 && inputs[0] ? inputs[0] : inputs);
  return Array.isArray(result) ? result : [result];
}

export function largestDifference(a: tf.Tensor, b: ArrayLike<number>): number {
  const values = a.dataSync();
  if (values.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const difference = Math.abs((values[i] ?? NaN) - (b[i] ?? NaN));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
