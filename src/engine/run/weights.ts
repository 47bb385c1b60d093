/** Weights as tensors: read once, shared by all calls and by all layers that name the same bytes. */
import * as tf from '@tensorflow/tfjs-core';
import { vocabularyAsset } from '../../core/formats/vocabularies';
import type { JsonObject } from '../../core/model/json';
import type { Layer } from '../../core/model/layerGraph';
import type { WeightValues } from '../files/decodeWeight';
import { withVocabulary } from '../files/vocabulary';
import type { KernelWeight } from '../kernels/kernel';
import { disposeCustomLayers } from '../kernels/tfjsLayer';
import type { WeightSource } from './openedModel';

export class WeightStore {
  private readonly tensors = new Map<number, tf.Tensor>();
  private readonly layers = new Map<Layer, KernelWeight[]>();
  private readonly configs = new Map<Layer, JsonObject>();

  constructor(private readonly source: WeightSource) {}

  /** Reads what `layers` need and is not there yet. `between` is called after each and may throw, to stop. */
  async load(layers: readonly Layer[], between: () => void): Promise<void> {
    const { weightEntries } = this.source.model;
    for (const index of entriesOf(layers)) {
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

  /** Whether `load` was called for the layer. */
  isLoaded(layer: Layer): boolean {
    return this.layers.has(layer);
  }

  /** Drops the layer's weights; another layer that shares them must be loaded again. */
  release(layer: Layer): void {
    for (const entry of entriesOf([layer])) {
      this.tensors.get(entry)?.dispose();
      this.tensors.delete(entry);
    }
    this.layers.delete(layer);
  }

  /** Bytes of a weight as a tensor, by its index among the file's. */
  bytesOf(entry: number): number {
    return 4 * sizeOf(this.source.model.weightEntries[entry]?.shape ?? []);
  }

  /** Bytes of what is there and none of `layers` needs. */
  bytesBeside(layers: readonly Layer[]): number {
    const needed = entriesOf(layers);
    return [...this.tensors.keys()].reduce((sum, entry) => sum + (needed.has(entry) ? 0 : this.bytesOf(entry)), 0);
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

function entriesOf(layers: readonly Layer[]): Set<number> {
  return new Set(layers.flatMap((layer) => layer.weights.flatMap(({ entry }) => (entry === null ? [] : [entry]))));
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
