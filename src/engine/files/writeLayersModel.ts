/** Writes a slice as a TF.js layers-model: topology, manifest, and the weights' bytes copied as they are stored. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import type { JsonObject } from '../../core/model/json';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { Slice } from '../../core/slicing/slice';
import { version } from '../../../package.json';
import { AtomicFolder } from './atomicFolder';

const SHARD_BYTES = 4 * 1024 * 1024;

/** What is needed of the opened source; `OpenedModel` is one. */
export interface WeightSource {
  model: ModelFile;
  path: string;
  shardFiles: string[];
  readStored(entry: WeightEntry): AsyncIterable<Uint8Array>;
  identity?(): Promise<string>;
}

export interface WriteOptions {
  /** Name of the written model; the source's without it. */
  name?: string;
  force: boolean;
  shardBytes?: number;
  signal?: AbortSignal;
  onProgress?(progress: { done: number; total: number; at: string }): void;
}

/**
 * @param target a folder (made where missing; `model.json` in it), or a file name that ends in `.json`.
 * @returns file names in the target folder, the model JSON first, and their bytes.
 * @throws SlicerError `not-exportable`, `target-exists`, `write-failed`, `file-changed`, `cancelled`, and what reading
 * the source throws. After any of them the target is as it was.
 */
export async function writeLayersModel(
  slice: Slice,
  source: WeightSource,
  target: string,
  options: WriteOptions,
): Promise<{ files: string[]; bytes: number }> {
  const [lack] = slice.plan.notExportable;
  if (lack)
    throw new SlicerError('not-exportable', { file: source.model.file, address: lack.address, why: lack.reason });
  const entries = slice.weights.map(({ name, entry }) => {
    const found = source.model.weightEntries[entry];
    if (!found) throw new SlicerError('missing-weight', { file: source.model.file, weight: name });
    return { name, entry: found };
  });
  const total = entries.reduce((sum, { entry }) => sum + entry.bytes, 0);
  const shardBytes = Math.max(1, Math.floor(options.shardBytes ?? SHARD_BYTES));
  const { folder, json } = await placeOf(path.resolve(target));
  const shards = shardNames(json, Math.ceil(total / shardBytes));
  const before = await source.identity?.();
  const output = await AtomicFolder.open(folder, [json, ...shards], {
    force: options.force,
    protect: [source.path, ...source.shardFiles],
  });
  try {
    const weightsHash = await copyWeights(entries, source, output, shards, shardBytes, total, options);
    const text = JSON.stringify(modelJson(slice, source.model, entries, shards, weightsHash, options.name));
    const bytes = new TextEncoder().encode(text);
    await (await output.create(json)).write(bytes);
    if ((await source.identity?.()) !== before) throw new SlicerError('file-changed', { file: source.model.file });
    stopIfAborted(options.signal);
    await output.commit();
    return { files: [json, ...shards], bytes: total + bytes.length };
  } catch (error) {
    await output.abort();
    throw error;
  }
}

/** A file name that ends in `.json` is the model's; anything else is its folder. */
async function placeOf(target: string): Promise<{ folder: string; json: string }> {
  const found = await stat(target).catch(() => null);
  if (found && !found.isDirectory() && !target.endsWith('.json')) {
    throw new SlicerError('target-exists', { file: path.basename(target) });
  }
  const isFile = target.endsWith('.json') && !found?.isDirectory();
  return isFile
    ? { folder: path.dirname(target), json: path.basename(target) }
    : { folder: target, json: 'model.json' };
}

/** Another name than `model.json` marks its shards, so that two models can stand in one folder. */
function shardNames(json: string, count: number): string[] {
  const stem = json === 'model.json' ? '' : `${json.slice(0, -'.json'.length)}.`;
  return Array.from({ length: count }, (_, i) => `${stem}group1-shard${i + 1}of${count}.bin`);
}

/** @returns SHA-256 of all bytes in the order of the manifest. */
async function copyWeights(
  entries: readonly { name: string; entry: WeightEntry }[],
  source: WeightSource,
  output: AtomicFolder,
  shards: readonly string[],
  shardBytes: number,
  total: number,
  { signal, onProgress }: WriteOptions,
): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  let shard: { write(bytes: Uint8Array): Promise<void> } | null = null;
  for (const { name, entry } of entries) {
    let left = entry.bytes;
    for await (const piece of source.readStored(entry)) {
      stopIfAborted(signal);
      left -= piece.length;
      hash.update(piece);
      for (let at = 0; at < piece.length;) {
        const room = shardBytes - (done % shardBytes);
        if (room === shardBytes) shard = await output.create(shards[Math.floor(done / shardBytes)] ?? '');
        const part = piece.subarray(at, at + room);
        await shard?.write(part);
        at += part.length;
        done += part.length;
      }
      onProgress?.({ done, total, at: name });
    }
    if (left !== 0) throw new SlicerError('missing-weight', { file: source.model.file, weight: entry.name });
  }
  return hash.digest('hex');
}

function modelJson(
  slice: Slice,
  model: ModelFile,
  entries: readonly { name: string; entry: WeightEntry }[],
  shards: readonly string[],
  weightsHash: string,
  name: string | undefined,
): JsonObject {
  const { keras, backend } = model.producer;
  return {
    format: 'layers-model',
    generatedBy: keras === null ? `Model Slicer v${version}` : `keras v${keras}`,
    convertedBy: `Model Slicer v${version}`,
    modelTopology: {
      ...(keras === null ? {} : { keras_version: keras }),
      backend: backend ?? 'tensorflow',
      model_config: name === undefined ? slice.modelConfig : renamed(slice.modelConfig, name),
    },
    weightsManifest:
      entries.length === 0
        ? []
        : [{ paths: [...shards], weights: entries.map(({ name: weight, entry }) => manifestEntry(weight, entry)) }],
    userDefinedMetadata: {
      ...model.metadata,
      // No time and no path: the same cut of the same file gives the same bytes.
      modelSlicer: {
        version,
        source: { file: model.file, topologySha256: sha256(JSON.stringify(model.topology)) },
        weightsSha256: weightsHash,
        cut: { outputs: slice.plan.cut.outputs, inputs: slice.plan.cut.inputs },
      },
    },
  };
}

function renamed(modelConfig: JsonObject, name: string): JsonObject {
  const { config } = modelConfig;
  return {
    ...modelConfig,
    config:
      typeof config === 'object' && config !== null && !Array.isArray(config) ? { ...config, name } : (config ?? null),
  };
}

function manifestEntry(name: string, { shape, dtype, quantization }: WeightEntry): JsonObject {
  if (!quantization) return { name, shape, dtype };
  const { scale, min, originalDtype } = quantization;
  return {
    name,
    shape,
    dtype,
    quantization: {
      dtype: quantization.dtype,
      ...(scale === undefined ? {} : { scale }),
      ...(min === undefined ? {} : { min }),
      original_dtype: originalDtype,
    },
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SlicerError('cancelled');
}
