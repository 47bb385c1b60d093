/** Where the engine reads a model: the file itself, or a temporary copy of what lies elsewhere. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Uri, workspace } from 'vscode';
import { SlicerError } from '../../core/errors';
import { parseJson } from '../../core/formats/parseJson';
import { safeShardPath } from '../../core/formats/shardPath';
import { isJsonObject } from '../../core/model/json';

/** A copy larger than this is refused. */
const COPY_LIMIT = 200 * 1024 * 1024;

export interface ModelSource {
  /** For the engine. */
  path: string;
  dispose(): Promise<void>;
}

/**
 * Only `file:` is read in place: the `fsPath` of another scheme (a diff's `git:`) names a different file.
 * `weights: false` copies the model alone: enough for its structure.
 * @throws SlicerError `missing-file`, `too-large` (`{file, bytes, limit}`).
 */
export async function sourceOf(uri: Uri, { weights = true } = {}): Promise<ModelSource> {
  if (uri.scheme === 'file') return { path: uri.fsPath, dispose: () => Promise.resolve() };
  const folder = await mkdtemp(path.join(os.tmpdir(), 'model-slicer-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const target = path.join(folder, path.posix.basename(uri.path));
    const model = await read(uri, COPY_LIMIT);
    await writeFile(target, model);
    if (weights) await copyShards(uri, folder, model);
    return { path: target, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A shard that cannot be read is left out: the engine then opens the structure alone and says which one is missing. */
async function copyShards(uri: Uri, folder: string, model: Uint8Array): Promise<void> {
  let left = COPY_LIMIT - model.byteLength;
  for (const shard of shardPaths(model, path.posix.basename(uri.path))) {
    const bytes = await read(Uri.joinPath(uri, '..', shard), left).catch((error: unknown) => {
      if (error instanceof SlicerError && error.code === 'missing-file') return null;
      throw error;
    });
    if (!bytes) continue;
    left -= bytes.byteLength;
    const target = path.join(folder, ...shard.split('/'));
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
}

/** Shards that the manifest names and that stay in the model's folder. What is wrong with the file, the engine says. */
function shardPaths(model: Uint8Array, file: string): Set<string> {
  const shards = new Set<string>();
  try {
    const document = parseJson(new TextDecoder().decode(model), file);
    const manifest = isJsonObject(document) ? document['weightsManifest'] : null;
    for (const group of Array.isArray(manifest) ? manifest : []) {
      const paths = isJsonObject(group) ? group['paths'] : null;
      for (const named of Array.isArray(paths) ? paths : []) {
        const shard = typeof named === 'string' ? safeShardPath(named) : null;
        if (shard) shards.add(shard);
      }
    }
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
  }
  return shards;
}

async function read(uri: Uri, limit: number): Promise<Uint8Array> {
  const file = path.posix.basename(uri.path);
  let size: number;
  try {
    size = (await workspace.fs.stat(uri)).size;
  } catch (cause) {
    throw new SlicerError('missing-file', { file }, { cause });
  }
  if (size > limit) throw new SlicerError('too-large', { file, bytes: size, limit: COPY_LIMIT });
  try {
    return await workspace.fs.readFile(uri);
  } catch (cause) {
    throw new SlicerError('missing-file', { file }, { cause });
  }
}
