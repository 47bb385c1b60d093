/** Weights as tensors: read once, shared by all calls and by all layers that name the same bytes. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { vocabularyAsset } from '../../core/formats/vocabularies';
import type { JsonObject } from '../../core/model/json';
import type { Layer } from '../../core/model/layerGraph';
import type { WeightValues } from '../files/decodeWeight';
import { withVocabulary } from '../files/vocabulary';
import type { KernelWeight } from '../kernels/kernel';
import { disposeCustomLayers } from '../kernels/tfjsLayer';
import type { WeightSource } from './openedModel';

/** The wasm heap ends at 4 GB; activations need some of it. */
const maxWeightBytes = 3.25 * 2 ** 30;

export class WeightStore {
  private readonly tensors = new Map<number, tf.Tensor>();
  private readonly layers = new Map<Layer, KernelWeight[]>();
  private readonly configs = new Map<Layer, JsonObject>();

  constructor(private readonly source: WeightSource) {}

  /** Reads what `layers` need and is not there yet. `between` is called after each and may throw, to stop. */
  async load(layers: readonly Layer[], between: () => void): Promise<void> {
    const { weightEntries } = this.source.model;
    const needed = new Set(
      layers.flatMap((layer) => layer.weights.flatMap(({ entry }) => (entry === null ? [] : [entry]))),
    );
    const bytes = [...needed].reduce((sum, entry) => sum + 4 * sizeOf(weightEntries[entry]?.shape ?? []), 0);
    if (bytes > maxWeightBytes)
      throw new SlicerError('out-of-memory', { reason: 'weights', bytes, limit: maxWeightBytes });
    for (const index of needed) {
      const entry = weightEntries[index];
      if (this.tensors.has(index) || !entry) continue;
      const values = await this.source.readWeight(entry);
      this.tensors.set(index, tensorOf(values, entry.shape, entry.dtype));
      between();
    }
    for (const layer of layers) {
      this.layers.set(layer, this.ofLayer(layer));
      if (vocabularyAsset(layer.config) === null || this.configs.has(layer)) continue;
      const owner = { layer: layer.name, class: layer.className };
      this.configs.set(layer, await withVocabulary(layer.config, owner, this.source));
      between();
    }
  }

  /** The layer's config, with the vocabulary that `load` has read. */
  configOf(layer: Layer): JsonObject {
    return this.configs.get(layer) ?? layer.config;
  }

  of(layer: Layer): KernelWeight[] {
    return this.layers.get(layer) ?? [];
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
    disposeCustomLayers(this.layers.keys());
    this.layers.clear();
    this.configs.clear();
  }

  private ofLayer(layer: Layer): KernelWeight[] {
    return layer.weights.flatMap(({ name, entry }) => {
      const tensor = entry === null ? undefined : this.tensors.get(entry);
      return tensor ? [{ name, tensor }] : [];
    });
  }
}

/** A tensor of the values: bytes are booleans, or the integers that tfjs has no smaller type for. */
export function tensorOf(
  values: WeightValues | Float32Array | Int32Array | Uint8Array | string[],
  shape: number[],
  dtype: string,
): tf.Tensor {
  if (Array.isArray(values)) return tf.tensor(values, shape, 'string');
  if (values instanceof Float32Array) return tf.tensor(values, shape, 'float32');
  if (values instanceof Int32Array) return tf.tensor(values, shape, 'int32');
  return dtype === 'bool' ? tf.tensor(values, shape, 'bool') : tf.tensor(Int32Array.from(values), shape, 'int32');
}

export function sizeOf(shape: readonly (number | null)[]): number {
  return shape.reduce<number>((product, size) => product * (size ?? 1), 1);
}
