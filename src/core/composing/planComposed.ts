/** What a composed model will be: it is read as it would be from its file, and what that finds is what is said. */
import { SlicerError } from '../errors';
import { openLayersModel } from '../formats/layersModel';
import { readManifest } from '../formats/weightEntries';
import { manifestGroups } from '../formats/weightsManifest';
import type { JsonObject } from '../model/json';
import type { ModelFile } from '../model/modelFile';
import { planCut } from '../slicing/sliceModel';
import type { ComposePlan } from './composition';
import type { ComposedWeight } from './draftModel';

export interface PlanParts extends Pick<
  ComposePlan,
  'layers' | 'parts' | 'findings' | 'renamed' | 'notes' | 'partNotes'
> {
  modelConfig: JsonObject;
  weights: readonly ComposedWeight[];
  keras: string | null;
}

/** @throws SlicerError what is wrong with the model: then the parts do not go together in a way that nothing foresaw. */
export function planOf({ modelConfig, weights, keras, ...said }: PlanParts): ComposePlan {
  const model = openComposed(modelConfig, weights, keras);
  const fatal = model.problems.find(({ severity }) => severity === 'error');
  if (fatal) throw new SlicerError(fatal.code, fatal.data);
  const { inputs, outputs, params, macs, weightBytes, calls, notExportable } = planCut(model, {
    outputs: [],
    inputs: [],
  });
  return { name: model.name, inputs, outputs, ...said, params, macs, weightBytes, calls, notExportable };
}

const shard = 'weights.bin';

function openComposed(modelConfig: JsonObject, weights: readonly ComposedWeight[], keras: string | null): ModelFile {
  const file = 'model.json';
  // a copy: reading repairs configs in place, and parts of these are the opened models' own
  const root = JSON.parse(
    JSON.stringify({
      ...composedTopology(modelConfig, keras),
      weightsManifest: manifestGroups(weights, [shard]),
    }),
  ) as JsonObject;
  const size = weights.reduce((sum, { entry }) => sum + entry.bytes, 0);
  return openLayersModel({
    file,
    root,
    manifest: readManifest(root.weightsManifest, file),
    hasManifest: true,
    shards: [{ path: shard, size }],
    stringBytes: new Map(weights.map(({ name, entry }) => [name, entry.bytes])),
    warnings: [],
    fileBytes: 0,
  });
}

/** The parts of a model JSON that say what is computed. */
export function composedTopology(modelConfig: JsonObject, keras: string | null): JsonObject {
  return {
    format: 'layers-model',
    ...(keras === null ? {} : { generatedBy: `keras v${keras}` }),
    modelTopology: {
      ...(keras === null ? {} : { keras_version: keras }),
      backend: 'tensorflow',
      model_config: modelConfig,
    },
  };
}
