/** Which values an input may hold, as far as the layers that read it tell. */
import type { JsonValue } from '../../core/model/json';
import type { ModelFile } from '../../core/model/modelFile';
import { effectiveLayer, inputConsumers, type Consumer } from '../../core/inputs/inputConsumers';

/** Values pass these unchanged, or at least keep their range. */
const passing = new Set([
  'Reshape',
  'Flatten',
  'RepeatVector',
  'Permute',
  'Masking',
  'Dropout',
  'SpatialDropout1D',
  'Concatenate',
  'Cropping1D',
  'Identity',
  'Cast',
  'ExpandDims',
  'Squeeze',
  'Expand_dims',
  'GetItem',
  'Transpose',
  'StopGradient',
  'Lambda',
]);

/**
 * Integers below this number are valid: the smallest `input_dim` of the embeddings (or size of the vocabularies) that
 * read the input. Null when nothing limits them. Graph-models: the rows of the table that is gathered from.
 */
export function integerLimit(model: ModelFile, inputName: string): number | null {
  let limit: number | null = null;
  for (const consumer of inputConsumers(model, inputName, ({ layer }) => passing.has(layer.className))) {
    const size = tableSize(model, consumer);
    if (size !== null && size > 0 && (limit === null || size < limit)) limit = size;
  }
  return limit;
}

/** The strings that a lookup layer on this input knows; null when there are none in the file. */
export function stringVocabulary(model: ModelFile, inputName: string): string[] | null {
  for (const { layer } of inputConsumers(model, inputName, ({ layer }) => passing.has(layer.className))) {
    const words = vocabulary(effectiveLayer(layer).config.vocabulary);
    const named = words?.filter(
      (word): word is string => typeof word === 'string' && word !== '' && !/^\[.*\]$/.test(word),
    );
    if (named && named.length > 0) return named;
  }
  return null;
}

function tableSize(model: ModelFile, { layer, position }: Consumer): number | null {
  const { className, config } = effectiveLayer(layer);
  const size = (value: JsonValue | undefined): number | null =>
    typeof value === 'number' && Number.isInteger(value) ? value : null;
  if (className === 'Embedding') return size(config.input_dim);
  if (className === 'CategoryEncoding') return size(config.num_tokens) ?? size(config.max_tokens);
  if (className === 'IntegerLookup') return vocabulary(config.vocabulary)?.length ?? size(config.max_tokens);
  if (className === 'OneHot') return size(config.depth) ?? size(config.num_classes);
  // Graph-models: Gather(table, indices).
  if ((className === 'GatherV2' || className === 'Gather' || className === 'ResourceGather') && position > 0) {
    const table = layer.calls[0]?.inputs[0];
    const entry = table && model.weightEntries.find((weight) => weight.name === table.layer);
    return entry?.shape[0] ?? null;
  }
  return null;
}

function vocabulary(value: JsonValue | undefined): JsonValue[] | null {
  return Array.isArray(value) ? value : null;
}
