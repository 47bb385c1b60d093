/** Hashes by which a saved slice says where it came from and what it holds. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import type { JsonObject } from '../../core/model/json';
import type { ModelFile } from '../../core/model/modelFile';
import type { Slice } from '../../core/slicing/slice';
import { readSliceRecord } from '../../core/slicing/sliceRecord';
import { version } from '../../../package.json';
import { Checksum } from './checksum';
import type { OpenedModel } from './openModelFile';
import { WeightsChecksum } from './weightsChecksum';

/** SHA-256 in hex of the topology as it stands after reading: the same for every way of writing the same JSON. */
export function topologySha256({ topology }: ModelFile): string {
  return createHash('sha256').update(JSON.stringify(topology)).digest('hex');
}

/**
 * What a saved slice says of itself: no time and no path, so that the same cut of the same file gives the same bytes.
 * @param held how its weights can be told from others: `shards` or `weightsCrc32`.
 */
export function sliceRecord({ plan }: Slice, model: ModelFile, held: JsonObject): JsonObject {
  return {
    version,
    source: { file: model.file, topologySha256: topologySha256(model) },
    ...held,
    cut: { outputs: plan.cut.outputs, inputs: plan.cut.inputs },
  };
}

export interface SliceOrigin {
  /** Whether the slice says that it was cut from this model; null when it says nothing. */
  sourceMatches: boolean | null;
  /** Whether its weights are still the bytes that were written; null when it says nothing. */
  weightsMatch: boolean | null;
}

export async function originOf(
  slice: Pick<OpenedModel, 'model' | 'shardFiles' | 'readStored'>,
  model: ModelFile,
): Promise<SliceOrigin> {
  const record = readSliceRecord(slice.model.metadata ?? undefined);
  const topology = record?.source.topologySha256 ?? null;
  const shards = record?.shards ?? null;
  const crc32 = record?.weightsCrc32 ?? null;
  return {
    sourceMatches: topology === null ? null : topology === topologySha256(model),
    weightsMatch:
      crc32 === null
        ? shards && (await areUnchanged(slice.shardFiles, shards))
        : crc32 === (await weightsChecksum(slice)),
  };
}

async function weightsChecksum(slice: Pick<OpenedModel, 'model' | 'readStored'>): Promise<string> {
  const checksum = new WeightsChecksum();
  for (const entry of slice.model.weightEntries) {
    checksum.start(entry.name);
    for await (const piece of slice.readStored(entry)) checksum.update(piece);
  }
  return checksum.digest();
}

async function areUnchanged(
  files: readonly string[],
  shards: readonly { file: string; crc32: string }[],
): Promise<boolean> {
  const recorded = new Map(shards.map(({ file, crc32 }) => [file, crc32]));
  if (files.length !== recorded.size) return false;
  for (const file of files) if (recorded.get(path.basename(file)) !== (await checksumOf(file))) return false;
  return true;
}

async function checksumOf(file: string): Promise<string> {
  const checksum = new Checksum();
  for await (const piece of createReadStream(file)) checksum.update(piece as Uint8Array);
  return checksum.digest();
}
