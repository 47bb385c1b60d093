/** Names for the axes of a layer's output, for people to read. */
import type { JsonObject } from '../model/json';
import { isJsonObject } from '../model/json';
import type { NestedLayer } from './configReader';

const SPATIAL: Readonly<Record<number, readonly string[]>> = {
  1: ['steps'],
  2: ['height', 'width'],
  3: ['depth', 'height', 'width'],
};
const RECURRENT = new Set(['SimpleRNN', 'GRU', 'LSTM', 'RNN', 'Embedding']);
const IMAGES = /(\d)D(Transpose)?$/;

/**
 * Names the axes of a layer's first output of `rank` axes, the batch first: `batch, height, width, channels`,
 * `batch, steps, features`. What cannot be told is `axis 1`.
 */
export function axisNames(className: string, config: JsonObject, rank: number): string[] {
  // wrappers are followed step by step: a file decides how deep they nest
  const prefix: string[] = [];
  let layer: NestedLayer = { className, config };
  for (let inner = wrapped(layer); inner !== null && prefix.length < rank; inner = wrapped(layer)) {
    if (layer.className === 'TimeDistributed') prefix.push(prefix.length === 0 ? 'steps' : `axis ${prefix.length + 1}`);
    layer = inner;
  }
  const [batch, ...rest] = ownNames(layer, Math.max(rank - prefix.length, 0));
  return batch === undefined ? ['batch', ...prefix].slice(0, rank) : [batch, ...prefix, ...rest];
}

function wrapped({ className, config }: NestedLayer): NestedLayer | null {
  if (className !== 'TimeDistributed' && className !== 'Bidirectional') return null;
  const layer = Object.hasOwn(config, 'layer') ? config.layer : undefined;
  if (!isJsonObject(layer) || typeof layer.class_name !== 'string' || !isJsonObject(layer.config)) return null;
  return { className: layer.class_name, config: layer.config };
}

function ownNames({ className, config }: NestedLayer, rank: number): string[] {
  if (rank === 0) return [];
  if (className === 'Permute') return numbered(rank);
  const channelsFirst = Object.hasOwn(config, 'data_format') && config.data_format === 'channels_first';
  const spatialRank = Number(IMAGES.exec(className)?.[1] ?? 0);
  const spatial = SPATIAL[spatialRank];
  if (spatial !== undefined) {
    if (rank === 2) return ['batch', 'channels'];
    if (rank === spatialRank + 2) return ['batch', ...image(spatial, channelsFirst)];
    // a sequence of images
    if (rank === spatialRank + 3) return ['batch', 'steps', ...image(spatial, channelsFirst)];
    return numbered(rank);
  }
  if (rank === 1) return ['batch'];
  if (rank === 2) return ['batch', 'features'];
  if (rank === 3) return ['batch', 'steps', 'features'];
  if (RECURRENT.has(className)) return [...numbered(rank - 1), 'features'];
  const axes = SPATIAL[rank - 2];
  return axes === undefined ? numbered(rank) : ['batch', ...image(axes, channelsFirst)];
}

function image(spatial: readonly string[], channelsFirst: boolean): string[] {
  return channelsFirst ? ['channels', ...spatial] : [...spatial, 'channels'];
}

function numbered(rank: number): string[] {
  return Array.from({ length: rank }, (_, i) => (i === 0 ? 'batch' : `axis ${i}`));
}
