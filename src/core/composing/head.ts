/** What stands behind the parts: pooling, dense layers, activation, dropout. */
import { SlicerError } from '../errors';
import { TFJS_ACTIVATIONS } from '../layers/tfjsVocabulary';
import { denseLayer } from './adapters';
import type { Composition, Head, HeadLayer } from './composition';
import type { DraftModel, DraftTensor } from './draftModel';
import { poolLayer } from './pooling';

/** More than any picture or vocabulary has. */
const MOST_UNITS = 2 ** 24;

/** Not in the types of TF.js, and not the same in Keras 2 and 3. */
const LEFT_OUT = new Set(['log_softmax', 'hard_sigmoid']);
const ACTIVATIONS = new Set([...TFJS_ACTIVATIONS].filter((name) => !LEFT_OUT.has(name)));

/** @throws SlicerError `usage` where a composition asks for what cannot be. */
export function checkHead({ head }: Pick<Composition, 'head'>): void {
  for (const layer of head.layers) {
    if (layer.kind === 'dropout') {
      if (!(layer.rate >= 0 && layer.rate < 1))
        throw new SlicerError('usage', { reason: 'dropout', value: layer.rate });
      continue;
    }
    if (!ACTIVATIONS.has(layer.activation))
      throw new SlicerError('usage', { reason: 'activation', value: layer.activation, known: [...ACTIVATIONS] });
    if (layer.kind === 'dense' && !(Number.isInteger(layer.units) && layer.units >= 1 && layer.units <= MOST_UNITS))
      throw new SlicerError('usage', { reason: 'units', value: layer.units });
  }
}

/**
 * One tensor of what the parts give: pooled to vectors where the head says so, or where several have to be joined.
 * @returns the tensors as they are where nothing is to be done.
 */
export function joinFeatures(
  draft: DraftModel,
  { pooling, layers }: Head,
  features: readonly DraftTensor[],
  join: boolean,
): DraftTensor[] {
  const joins = features.length > 1 && (join || layers.length > 0);
  const pooled = features.map((feature) => {
    const isVector = feature.shape?.length === 2;
    if (isVector || (pooling === 'none' && !joins)) return feature;
    const how = pooling === 'none' ? 'avg' : pooling;
    return draft.add(how === 'flatten' ? 'head_flatten' : 'head_pool', poolLayer(how, feature, 'head'), [feature]);
  });
  if (!joins) return pooled;
  return [draft.add('join', { className: 'Concatenate', config: { axis: -1 }, role: 'join' }, pooled)];
}

export function addHead(
  draft: DraftModel,
  layers: readonly HeadLayer[],
  input: DraftTensor,
  seed: number,
): DraftTensor {
  return layers.reduce((tensor, layer) => headLayer(draft, layer, tensor, seed), input);
}

function headLayer(draft: DraftModel, layer: HeadLayer, input: DraftTensor, seed: number): DraftTensor {
  switch (layer.kind) {
    case 'dense':
      return draft.add('head_dense', denseLayer(layer.units, layer.activation, seed, 'head'), [input]);
    case 'dropout':
      return draft.add('head_dropout', { className: 'Dropout', config: { rate: layer.rate }, role: 'head' }, [input]);
    case 'activation':
      return draft.add(
        'head_activation',
        { className: 'Activation', config: { activation: layer.activation }, role: 'head' },
        [input],
      );
  }
}

/** `128:relu, 10:softmax`; a layer without activation is linear. Null where the text says something else. */
export function readDenseLayers(text: string): HeadLayer[] | null {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const layers = parts.map((part): HeadLayer | null => {
    const found = /^(\d{1,9})(?:\s*:\s*(\w+))?$/.exec(part);
    return found ? { kind: 'dense', units: Number(found[1]), activation: found[2] ?? 'linear' } : null;
  });
  return layers.every((layer) => layer !== null) ? layers : null;
}
