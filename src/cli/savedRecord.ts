/** What a saved slice says of itself, read without its weights. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../core/errors';
import { parseModelJson } from '../core/formats/openModelJson';
import type { ModelFile } from '../core/model/modelFile';
import { formatOfFile } from '../core/slicing/sliceFormat';
import { readSliceRecord, type SliceRecord } from '../core/slicing/sliceRecord';

export interface SavedRecord {
  /** Name of its JSON. */
  file: string;
  record: SliceRecord | null;
}

/**
 * @param slice its JSON, or the folder that holds it, or a file of Keras's.
 * @param read opens what is no JSON.
 * @throws SlicerError `missing-file`, and what is wrong with the file.
 */
export async function savedRecord(
  slice: string,
  read: (path: string) => Promise<{ model: ModelFile }>,
): Promise<SavedRecord> {
  const target = await jsonOf(slice);
  const file = path.basename(target);
  if (formatOfFile(file) !== null) {
    const { model } = await read(path.resolve(target));
    return { file, record: readSliceRecord(model.metadata ?? undefined) };
  }
  const bytes = await readFile(target).catch((cause: unknown) => {
    throw new SlicerError('missing-file', { file }, { cause });
  });
  return { file, record: readSliceRecord(parseModelJson(bytes, file).root.userDefinedMetadata) };
}

/** As a slice records it of its source: SHA-256 of the topology as it stands after reading. */
export function topologySha256({ topology }: ModelFile): string {
  return createHash('sha256').update(JSON.stringify(topology)).digest('hex');
}

async function jsonOf(slice: string): Promise<string> {
  if ((await stat(slice).catch(() => null))?.isDirectory() !== true) return slice;
  const [only, ...others] = (await readdir(slice)).filter((name) => name.toLowerCase().endsWith('.json'));
  return path.join(slice, only !== undefined && others.length === 0 ? only : 'model.json');
}
