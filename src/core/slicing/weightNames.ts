/** The names under which plain TF.js looks for a layer's weights. Seen by building each class and listing its variables. */
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json';
import type { Weight } from '../model/layerGraph';

/**
 * @param name the layer's name in the slice.
 * @param config the layer's config as written.
 * @returns one name for each of `weights`, in their order: `conv_1/kernel`, `bidirectional/forward_lstm/bias`.
 */
export function tfjsWeightNames(
  className: string,
  name: string,
  config: JsonObject,
  weights: readonly Weight[],
): string[] {
  if (className === 'Bidirectional') return bidirectional(name, config, weights);
  if (className === 'TimeDistributed') return timeDistributed(name, config, weights);
  if (className === 'RNN' && cellCount(config.cell) > 1) return stackedCells(name, weights);
  const parts = weights.map((weight) => lastPart(weight.name));
  // a class that TF.js lacks (MultiHeadAttention) has several of a name
  if (new Set(parts).size < parts.length) return weights.map((weight) => `${name}/${weight.name}`);
  // Keras 3 calls it `kernel`
  if (className === 'DepthwiseConv2D')
    return parts.map((part) => `${name}/${part === 'kernel' ? 'depthwise_kernel' : part}`);
  return parts.map((part) => `${name}/${part}`);
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function bidirectional(name: string, config: JsonObject, weights: readonly Weight[]): string[] {
  const inner = innerName(config.layer);
  const half = weights.length / 2;
  return weights.map((weight, i) => `${name}/${i < half ? 'forward' : 'backward'}_${inner}/${lastPart(weight.name)}`);
}

/** A wrapped layer's variables are the wrapper's; those of a wrapped model keep their own layers' names. */
function timeDistributed(name: string, config: JsonObject, weights: readonly Weight[]): string[] {
  const layer = isJsonObject(config.layer) ? config.layer : {};
  const isModel = isJsonObject(layer.config) && Array.isArray(layer.config.layers);
  return weights.map((weight) =>
    isModel ? weight.name.split('/').slice(-2).join('/') : `${name}/${lastPart(weight.name)}`,
  );
}

/** TF.js counts the cells (`RNNCell_0`) where Keras names them. */
function stackedCells(name: string, weights: readonly Weight[]): string[] {
  let cell = 0;
  let seen = new Set<string>();
  return weights.map((weight) => {
    const part = lastPart(weight.name);
    if (seen.has(part)) {
      cell += 1;
      seen = new Set();
    }
    seen.add(part);
    return `${name}/RNNCell_${cell}/${part}`;
  });
}

function cellCount(cell: JsonValue | undefined): number {
  if (Array.isArray(cell)) return cell.length;
  const config = isJsonObject(cell) ? cell.config : undefined;
  return isJsonObject(config) && Array.isArray(config.cells) ? config.cells.length : 1;
}

/** The name of the layer inside a wrapper's config. */
export function innerName(layer: JsonValue | undefined): string | null {
  const config = isJsonObject(layer) ? layer.config : undefined;
  return isJsonObject(config) && typeof config.name === 'string' ? config.name : null;
}
