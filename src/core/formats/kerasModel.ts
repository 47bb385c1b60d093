/** Keras's own files: a configuration as Keras 2 or 3 writes it, and weights that lie in HDF5. */
import { SlicerError } from '../errors';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { ModelFile, Problem, Producer, WeightEntry } from '../model/modelFile';
import { textField } from './jsonField';
import type { WeightFolder } from './kerasWeightFolders';
import { buildModel, layersConfig, producerOf } from './layersModel';
import { parseJson } from './parseJson';

export interface KerasParts {
  file: string;
  format: Extract<ModelFile['format'], 'keras-v3' | 'keras-h5' | 'weights-h5'>;
  /** The text of `config.json`, of the attribute `model_config`, or of a JSON beside the weights. */
  config: { text: string; file: string };
  producer: Producer;
  /** Every weight that the file holds, in the file's order. */
  entries: WeightEntry[];
  /** Folders of `model.weights.h5`; null where weights go by their layer's name, as in Keras's older HDF5. */
  folders: WeightFolder[] | null;
  /** What is wrong with the weights, or with the file around them. */
  problems: Problem[];
  /** Whether the weights could be looked at; if not, `problems` says why. */
  weightsRead: boolean;
  fileBytes: number;
  /** What others have put beside: `modelSlicer` says of a slice where it was cut from. */
  metadata?: JsonObject | null;
}

/** @throws SlicerError `not-json`, `too-deep`, `not-a-model`, and where the topology contradicts itself. */
export function openKerasModel(parts: KerasParts): ModelFile {
  const { file, config } = parts;
  const root = parseJson(config.text, config.file);
  const entry = modelEntry(root, config.file);
  return buildModel({
    file,
    format: parts.format,
    entry,
    written: parts.producer.keras === null && isJsonObject(root) ? producerOf(root) : parts.producer,
    warnings: parts.problems,
    entries: parts.entries,
    ...(parts.folders ? { folders: parts.folders } : {}),
    excuse: parts.weightsRead ? 'none' : 'reported',
    fileBytes: parts.fileBytes,
    metadata: parts.metadata ?? null,
  });
}

function modelEntry(root: JsonValue, file: string): JsonObject {
  const entry = isJsonObject(root) ? layersConfig(root) : null;
  if (!entry) throw new SlicerError('not-a-model', { file, reason: 'other' });
  return entry;
}

/** `metadata.json` of a `.keras`, or another text of JSON that nobody needs; null where it is none. */
export function metadataOf(text: string | null): JsonObject | null {
  if (text === null) return null;
  try {
    const root = parseJson(text, 'metadata.json');
    return isJsonObject(root) ? root : null;
  } catch (error) {
    if (error instanceof SlicerError) return null;
    throw error;
  }
}

/** What `metadata.json` of a `.keras` says; nothing of it is needed. */
export function producerOfMetadata(text: string | null): Producer {
  const root = metadataOf(text);
  const version = root && textField(root, 'keras_version');
  return { keras: version !== null && /^\d/.test(version) ? version : null, converter: null, backend: null };
}
