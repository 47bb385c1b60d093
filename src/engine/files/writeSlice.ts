/** Writes a slice: as a folder that TF.js loads, its JSON and the weights' bytes copied as they are stored, or as Keras's file. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { manifestGroups, type NamedEntry } from '../../core/formats/weightsManifest';
import type { JsonObject } from '../../core/model/json';
import type { ModelFile } from '../../core/model/modelFile';
import type { Slice, TfjsSlice } from '../../core/slicing/slice';
import { version } from '../../../package.json';
import { AtomicFolder } from './atomicFolder';
import { obsoleteShards } from './olderExport';
import { sliceRecord } from './sliceOrigin';
import { sliceRoot } from './sliceRoot';
import { withVocabularies, type AssetSource } from './vocabulary';
import { writeKeras } from './writeKeras';
import { writeShards, type StoredWeights } from './writeShards';

export const SHARD_BYTES = 4 * 1024 * 1024;

/** What is needed of the opened source; `OpenedModel` is one. */
export interface WeightSource extends StoredWeights, Pick<AssetSource, 'readAsset' | 'readWeight'> {
  path: string;
  shardFiles: string[];
  /** `identity()` as it was when the source was opened. */
  openedAs?: string;
  identity?(): Promise<string>;
}

export interface WriteOptions {
  /** Name of the written model, where its kind has one; the source's without it. */
  name?: string;
  force: boolean;
  shardBytes?: number;
  signal?: AbortSignal;
  onProgress?(progress: { done: number; total: number; at: string }): void;
}

/**
 * @param target for TF.js a folder (made where missing; `model.json` in it), or a file name that ends in `.json`; for
 *   Keras the file.
 * @returns file names in the target folder, the model JSON first, and their bytes.
 * @throws SlicerError `not-exportable`, `target-exists`, `write-failed`, `file-changed`, `cancelled`, and what reading
 * the source throws. After any of them the target is as it was.
 */
export async function writeSlice(
  slice: Slice,
  source: WeightSource,
  target: string,
  options: WriteOptions,
): Promise<{ files: string[]; bytes: number }> {
  const [lack] = slice.plan.notExportable;
  if (lack)
    throw new SlicerError('not-exportable', { file: source.model.file, address: lack.address, why: lack.reason });
  if ('groups' in slice) return writeKeras(slice, source, target, options);
  const entries = slice.weights.map(({ name, entry }) => {
    const found = source.model.weightEntries[entry];
    if (!found) throw new SlicerError('missing-weight', { file: source.model.file, weight: name });
    return { name, entry: found };
  });
  const total = entries.reduce((sum, { entry }) => sum + entry.bytes, 0);
  const shardBytes = Math.max(1, Math.floor(options.shardBytes ?? SHARD_BYTES));
  const { folder, json } = await placeOf(path.resolve(target));
  const shards = shardNames(json, Math.ceil(total / shardBytes));
  const before = source.openedAs ?? (await source.identity?.());
  const output = await AtomicFolder.open(folder, [json, ...shards], {
    force: options.force,
    protect: [source.path, ...source.shardFiles],
    obsolete: await obsoleteShards(folder, json),
  });
  try {
    const checksums = await writeShards({ entries, source, output, shards, shardBytes, total }, options);
    const root = modelJson(slice, source.model, entries, shards, checksums, options.name);
    const text = JSON.stringify(await withVocabularies(root, source));
    const bytes = new TextEncoder().encode(text);
    await (await output.create(json)).write(bytes);
    if ((await source.identity?.()) !== before) throw new SlicerError('file-changed', { file: source.model.file });
    await output.commit(options.signal);
    return { files: [json, ...shards], bytes: total + bytes.length };
  } catch (error) {
    await output.abort();
    throw error;
  }
}

/** A file name that ends in `.json` is the model's; anything else is its folder. */
export async function placeOf(target: string): Promise<{ folder: string; json: string }> {
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
export function shardNames(json: string, count: number): string[] {
  const stem = json === 'model.json' ? '' : `${json.slice(0, -'.json'.length)}.`;
  return Array.from({ length: count }, (_, i) => `${stem}group1-shard${i + 1}of${count}.bin`);
}

function modelJson(
  slice: TfjsSlice,
  model: ModelFile,
  entries: readonly NamedEntry[],
  shards: readonly string[],
  checksums: readonly string[],
  name: string | undefined,
): JsonObject {
  const { format, generatedBy, userDefinedMetadata, ...root } = sliceRoot(slice, model, name);
  return {
    format,
    generatedBy: generatedBy ?? `Model Slicer v${version}`,
    convertedBy: `Model Slicer v${version}`,
    ...root,
    weightsManifest: manifestGroups(entries, shards),
    userDefinedMetadata: {
      ...userDefinedMetadata,
      modelSlicer: sliceRecord(slice, model, {
        shards: shards.map((file, i) => ({ file, crc32: checksums[i] ?? '' })),
      }),
    },
  };
}
