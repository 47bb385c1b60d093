/** The JSON of a slice as TF.js reads a layers-model. */
import { isJsonObject, type JsonObject } from '../../core/model/json';
import type { ModelFile } from '../../core/model/modelFile';
import type { LayersSlice } from '../../core/slicing/slice';
import type { SliceRoot } from './sliceRoot';

/** @param name of the written model; the source's without it. */
export function layersModelRoot(slice: LayersSlice, { producer, metadata }: ModelFile, name?: string): SliceRoot {
  const { keras, backend } = producer;
  return {
    format: 'layers-model',
    ...(keras === null ? {} : { generatedBy: `keras v${keras}` }),
    modelTopology: {
      ...(keras === null ? {} : { keras_version: keras }),
      backend: backend ?? 'tensorflow',
      model_config: name === undefined ? slice.modelConfig : renamed(slice.modelConfig, name),
    },
    userDefinedMetadata: metadata ?? {},
  };
}

function renamed(modelConfig: JsonObject, name: string): JsonObject {
  const { config } = modelConfig;
  return { ...modelConfig, config: isJsonObject(config) ? { ...config, name } : (config ?? null) };
}
