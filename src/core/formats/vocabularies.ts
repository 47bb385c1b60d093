/**
 * Vocabularies that lookup layers have learned. Keras 3, and Keras 2 in `.keras`, write them beside the weights:
 * `assets/layers/text_vectorization/vocabulary.txt`. Until it is read, the place stands in the layer's config as
 * `vocabulary: {asset}`, and that of the inverse document frequencies as `idf_weights: {weight}`, so that they stay with
 * the layer in whatever is made of the model.
 */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Layer, LayerGraph } from '../model/layerGraph';
import type { ModelFile, Problem } from '../model/modelFile';
import { walkLayers } from '../model/traversal';
import { weightFolders, type WeightFolder } from './kerasWeightFolders';

const CLASSES: ReadonlySet<string> = new Set(['StringLookup', 'IntegerLookup', 'TextVectorization']);
const ASSETS = 'assets/';
const FILE = 'vocabulary.txt';

/** The asset that holds the vocabulary of a layer with this config; null where it is in the config, or nowhere. */
export function vocabularyAsset(config: JsonObject): string | null {
  return placeIn(config.vocabulary, 'asset');
}

/** Name of the weight entry that holds the idf weights of a layer with this config; null as for `vocabularyAsset`. */
export function idfEntry(config: JsonObject): string | null {
  return placeIn(config.idf_weights, 'weight');
}

function placeIn(value: JsonValue | undefined, key: 'asset' | 'weight'): string | null {
  const place = isJsonObject(value) ? value[key] : undefined;
  return typeof place === 'string' ? place : null;
}

/** Whether a layer's vocabulary must stand in the file, because its config has none. */
export function lacksVocabulary({ className, isLayer, config }: Layer): boolean {
  return isLayer && CLASSES.has(className) && (config.vocabulary ?? null) === null;
}

/** Whether there are layers whose vocabularies are to be looked for. */
export function hasLearnedVocabularies(graph: LayerGraph): boolean {
  return walkLayers(graph).some(({ layer }) => lacksVocabulary(layer));
}

/**
 * Sets the places of vocabularies in the layers' configs.
 * @param folders of the weights' file; null where weights go by their layers' names.
 * @param assets paths of all assets: `assets/layers/string_lookup/vocabulary.txt`.
 * @returns a warning for each layer whose vocabulary is nowhere.
 */
export function placeVocabularies(
  model: Pick<ModelFile, 'file' | 'graph' | 'weightEntries'>,
  folders: readonly WeightFolder[] | null,
  assets: ReadonlySet<string>,
): Problem[] {
  const problems: Problem[] = [];
  const folderOf = weightFolders(model.graph, withAssets(folders ?? [], assets));
  const entries = new Set(model.weightEntries.map(({ name }) => name));
  for (const { address, layer } of walkLayers(model.graph)) {
    if (!lacksVocabulary(layer)) continue;
    const folder = folderOf.get(layer);
    const asset = folder === undefined ? null : `${ASSETS}${folder}/${FILE}`;
    if (asset === null || !assets.has(asset)) {
      const data = { file: model.file, reason: 'vocabulary', layer: address, class: layer.className };
      problems.push({ code: 'missing-weight', severity: 'warning', address, data });
      continue;
    }
    layer.config.vocabulary = { asset };
    const idf = `${folder ?? ''}/vars/idf_weights`;
    if ((layer.config.idf_weights ?? null) === null && entries.has(idf)) layer.config.idf_weights = { weight: idf };
  }
  return problems;
}

/** Files that say nothing of layers without variables still have folders for their assets. */
function withAssets(folders: readonly WeightFolder[], assets: ReadonlySet<string>): WeightFolder[] {
  const all = new Map(folders.map((folder) => [folder.path, folder]));
  for (const asset of assets) {
    if (!asset.startsWith(ASSETS) || !asset.endsWith(`/${FILE}`)) continue;
    let path = asset.slice(ASSETS.length, -FILE.length - 1);
    while (path !== '' && !all.has(path)) {
      all.set(path, { path, layer: null });
      path = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    }
  }
  return [...all.values()];
}
