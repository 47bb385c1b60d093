/** The JSON of a graph slice as TF.js reads a graph-model. */
import type { ModelFile } from '../../core/model/modelFile';
import type { GraphSlice } from '../../core/slicing/slice';
import type { SliceRoot } from './sliceRoot';

/** A graph-model has no name of its own. */
export function graphModelRoot(slice: GraphSlice, { metadata }: ModelFile): SliceRoot {
  // in TF.js a signature that stands here wins over the model's own
  const { signature: _signature, structuredOutputKeys: _keys, ...others } = metadata ?? {};
  const keys = slice.structuredOutputKeys;
  return {
    format: 'graph-model',
    signature: slice.signature,
    modelTopology: slice.modelTopology,
    ...slice.initializer,
    userDefinedMetadata: { ...others, ...(keys ? { structuredOutputKeys: keys } : {}) },
  };
}
