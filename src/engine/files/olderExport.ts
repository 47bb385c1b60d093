/** Weights files of an export of ours that a new one replaces. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { parseModelJson } from '../../core/formats/openModelJson';
import { readSliceRecord } from '../../core/slicing/sliceRecord';

/** A model JSON of more bytes is not looked into. */
const largestJson = 64 * 2 ** 20;
/** As exports name them. */
const ours = /^[^/\\]*group\d+-shard\d+of\d+\.bin$/;

/**
 * @param json name of the model JSON that will be replaced.
 * @returns names of the shards in `folder` that it lists, where its record says that we wrote it; of other programs'
 *   models nothing is known and nothing is touched.
 */
export async function obsoleteShards(folder: string, json: string): Promise<string[]> {
  const file = path.join(folder, json);
  try {
    const found = await stat(file);
    if (!found.isFile() || found.size > largestJson) return [];
    const { root, shardPaths } = parseModelJson(await readFile(file), json);
    return readSliceRecord(root.userDefinedMetadata) ? shardPaths.filter((name) => ours.test(name)) : [];
  } catch (error) {
    // not there, or no model: then it names no shards
    if (error instanceof SlicerError || (error instanceof Error && 'code' in error)) return [];
    throw error;
  }
}
