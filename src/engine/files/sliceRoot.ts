/** A slice's JSON, without its weights manifest: the same for the file on disk and for the proof. */
import type { JsonObject } from '../../core/model/json';
import type { ModelFile } from '../../core/model/modelFile';
import type { TfjsSlice } from '../../core/slicing/slice';
import { graphModelRoot } from './writeGraphModel';
import { layersModelRoot } from './writeLayersModel';

export interface SliceRoot extends JsonObject {
  format: 'layers-model' | 'graph-model';
  modelTopology: JsonObject;
  userDefinedMetadata: JsonObject;
}

/** @param name of the written model, where its kind has one; the source's without it. */
export function sliceRoot(slice: TfjsSlice, model: ModelFile, name?: string): SliceRoot {
  return slice.format === 'graph-model' ? graphModelRoot(slice, model) : layersModelRoot(slice, model, name);
}
