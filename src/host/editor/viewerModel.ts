/** What the tree needs of a model; the rest is asked for one layer at a time. */
import { tensorAddress } from '../../core/model/address';
import type { InspectDocument, InspectLayer } from '../../core/model/inspectDocument';
import type { Shape } from '../../core/model/layerGraph';
import type { LayerRow, ViewerModel } from '../../protocol/viewer';

/** Canonical address → shape of every tensor between the layers of a model; those inside layers are not among them. */
export type TensorShapes = ReadonlyMap<string, Shape | null>;

export function viewerModel(document: InspectDocument): ViewerModel {
  return { ...document, layers: document.layers.map(layerRow) };
}

function layerRow({ config, weights, inner: _inner, ...row }: InspectLayer): LayerRow {
  const sharedWith = [...new Set(weights.flatMap((weight) => weight.sharedWith))];
  const dataFormat = config.data_format;
  return {
    ...row,
    weights: weights.length,
    ...(sharedWith.length > 0 ? { sharedWith } : {}),
    ...(typeof dataFormat === 'string' ? { dataFormat } : {}),
  };
}

export function tensorShapes(document: InspectDocument): TensorShapes {
  const shapes = new Map<string, Shape | null>();
  for (const { calls } of document.layers) {
    for (const call of calls) {
      call.outputs.forEach(({ shape }, output) => shapes.set(tensorAddress(call.address, output), shape));
    }
  }
  return shapes;
}
