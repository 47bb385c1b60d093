/**
 * Keras 3's weights in several files: `x.weights.json` says which of `x_00000.weights.h5`, `x_00001.weights.h5` … holds
 * which layer's variables; those of one layer may be in several.
 */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { parseJson } from '../../core/formats/parseJson';
import { isJsonObject } from '../../core/model/json';
import type { Problem } from '../../core/model/modelFile';
import { readText, regularFile } from './byteSource';
import { NOT_THE_MODELS, type FoundWeights } from './kerasWeights';

/** The biggest models have some hundred. */
const MAX_SHARDS = 4096;
/** A line for each layer. */
const MAX_INDEX = 64 * 1024 * 1024;

export interface ShardIndex {
  /** Names of the files that are there, in the order in which they are first named. */
  shards: string[];
  /** By the group of variables, `/layers/dense/vars`: the files that hold some of them. */
  places: ReadonlyMap<string, readonly string[]>;
  /** Files that are not there, or not read. */
  problems: Problem[];
}

/**
 * Reads the index; null when the file is none.
 * @throws SlicerError `not-json`, `too-deep`, `too-large`, `missing-file`.
 */
export async function readShardIndex(file: string): Promise<ShardIndex | null> {
  const name = path.basename(file);
  const root = parseJson(await readText(file, name, MAX_INDEX), name);
  const map = isJsonObject(root) ? root.weight_map : null;
  if (!isJsonObject(map)) return null;
  const places = new Map<string, string[]>();
  const shards = new Set<string>();
  for (const [group, value] of Object.entries(map)) {
    const [, top = ''] = group.split('/');
    if (NOT_THE_MODELS.test(top)) continue;
    const files = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
    places.set(group, files);
    for (const one of files) shards.add(one);
  }
  if (shards.size > MAX_SHARDS)
    throw new SlicerError('too-large', { file: name, bytes: shards.size, limit: MAX_SHARDS });
  const problems: Problem[] = [];
  const found: string[] = [];
  for (const shard of shards) {
    const problem = await problemOf(file, shard);
    if (problem) problems.push(problem);
    else found.push(shard);
  }
  return { shards: found, places, problems };
}

async function problemOf(index: string, shard: string): Promise<Problem | null> {
  const problem = (code: Problem['code']): Problem => ({
    code,
    severity: 'error',
    address: null,
    data: { file: path.basename(index), shard },
  });
  // Keras writes bare names; anything else could lead out of the folder
  if (shard === '' || shard === '.' || shard === '..' || /[/\\:\0]/.test(shard)) return problem('unsafe-path');
  const folder = path.dirname(index);
  const target = path.join(folder, shard);
  if (!(await regularFile(target))) return problem('missing-file');
  const homes = [await realpath(folder), path.dirname(await realpath(index))];
  return homes.includes(path.dirname(await realpath(target))) ? null : problem('unsafe-path');
}

/** The index beside a shard that lists it; null where there is none. */
export async function indexOfShard(file: string): Promise<string | null> {
  const [, base] = /^(.*)_\d{5}\.weights\.h5$/.exec(path.basename(file)) ?? [];
  if (base === undefined) return null;
  const index = path.join(path.dirname(file), `${base}.weights.json`);
  if (!(await regularFile(index))) return null;
  const listed = await readShardIndex(index).catch((error: unknown) => {
    if (error instanceof SlicerError) return null;
    throw error;
  });
  return listed?.shards.includes(path.basename(file)) === true ? index : null;
}

/** Weights of all shards as if they were in one file: only what the index says, the first file first, as Keras looks. */
export function joinShards(
  found: readonly { shard: string; weights: FoundWeights }[],
  index: ShardIndex,
): FoundWeights {
  const entries = new Map<string, { rank: number; entry: FoundWeights['entries'][number] }>();
  const folders = new Map<string, { path: string; layer: string | null }>();
  for (const { shard, weights } of found) {
    for (const folder of weights.folders ?? []) {
      const known = folders.get(folder.path);
      if (!known || known.layer === null) folders.set(folder.path, folder);
    }
    for (const entry of weights.entries) {
      const group = `/${entry.name.replace(/\/[^/]*$/, '')}`;
      const rank = index.places.get(group)?.indexOf(shard) ?? -1;
      const known = entries.get(entry.name);
      if (rank >= 0 && (!known || rank < known.rank)) entries.set(entry.name, { rank, entry });
    }
  }
  return {
    // which shard a variable is in depends on their sizes alone: by their names, they are as in one file
    entries: [...entries.values()].map(({ entry }) => entry),
    folders: [...folders.values()],
    problems: [...index.problems, ...found.flatMap(({ weights }) => weights.problems)],
  };
}
