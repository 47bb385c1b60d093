/** What is told of a tensor: statistics and a small picture. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Layer } from '../../core/model/layerGraph';
import type { Activation, BackendName } from '../../protocol/engine';
import { heapSums, pieceSums } from '../backends/heapStatistics';
import { heapView } from '../backends/wasm';
import { computeStatistics, emptyStatistics } from '../previews/statistics';
import { thumbnail } from '../previews/thumbnail';

export interface ActivationOptions {
  thumbnails: boolean;
  colorMap: string;
}

/** Statistics (and a thumbnail) of `tensor`, read where it lies when that is possible. */
export function activationOf(
  address: string,
  tensor: tf.Tensor,
  channelAxis: number,
  call: { ms: number; backend: BackendName },
  { thumbnails, colorMap }: ActivationOptions,
): Activation {
  const base = { address, shape: tensor.shape.slice(), dtype: tensor.dtype, ms: call.ms, backend: call.backend };
  if (tensor.dtype === 'string' || tensor.dtype === 'complex64') {
    return { ...base, statistics: emptyStatistics(tensor.size), thumbnail: null };
  }
  const view = heapView(tensor);
  const data = view ?? tensor.dataSync<'float32' | 'int32' | 'bool'>();
  const sums = data instanceof Float32Array ? ((view && heapSums(data)) ?? pieceSums(data)) : null;
  const statistics = computeStatistics(data, tensor.shape, channelAxis, sums);
  return {
    ...base,
    statistics,
    thumbnail: thumbnails ? thumbnail(data, tensor.shape, { colorMap, channelAxis }) : null,
  };
}

/** Which axis of a call's output holds the channels: what its config says, else what its first input has. */
export function channelAxisOf(layer: Layer, output: number, rank: number, ofInput: number | undefined): number {
  const { data_format: format, axis } = layer.config;
  if (rank < 3) return -1;
  // attention hands on its output and its scores, which are by head
  if (/Attention/.test(layer.className)) return output === 1 && rank > 3 ? 1 : -1;
  if (format === 'channels_first') return 1;
  if (format === 'channels_last') return -1;
  if (/BatchNormalization/.test(layer.className)) {
    const only = Array.isArray(axis) ? axis[0] : axis;
    if (only === 1 && rank > 3) return 1;
  }
  return ofInput === 1 ? 1 : -1;
}
