/** What a saved slice says of where it came from: `userDefinedMetadata.modelSlicer`. */
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json';
import type { Cut } from './slice';

export interface SliceRecord {
  /** In canonical addresses of the model that it was cut from; null where it does not say. */
  cut: Cut | null;
  source: {
    /** File name without its folder. */
    file: string | null;
    /** SHA-256 of the source's topology as it was read, in hex. */
    topologySha256: string | null;
  };
  /** Each weights file by its name, with the CRC-32 of its bytes in hex; null where it does not say. */
  shards: { file: string; crc32: string }[] | null;
  /** One checksum of all weights, where they are in one file with the record; null where it does not say. */
  weightsCrc32: string | null;
}

/** Null where the file says nothing of it. Others may have written the metadata: what is not as expected is left out. */
export function readSliceRecord(metadata: JsonValue | undefined): SliceRecord | null {
  const record = isJsonObject(metadata) ? own(metadata, 'modelSlicer') : undefined;
  if (!isJsonObject(record)) return null;
  const found = own(record, 'source');
  const source = isJsonObject(found) ? found : {};
  return {
    cut: cutOf(own(record, 'cut')),
    source: { file: text(own(source, 'file')), topologySha256: text(own(source, 'topologySha256')) },
    shards: shardsOf(own(record, 'shards')),
    weightsCrc32: text(own(record, 'weightsCrc32')),
  };
}

function cutOf(value: JsonValue | undefined): Cut | null {
  if (!isJsonObject(value)) return null;
  const [outputs, inputs] = [texts(own(value, 'outputs')), texts(own(value, 'inputs'))];
  return outputs && inputs && outputs.length > 0 ? { outputs, inputs } : null;
}

function shardsOf(value: JsonValue | undefined): SliceRecord['shards'] {
  if (!Array.isArray(value)) return null;
  const shards = value.flatMap((item) => {
    const [file, crc32] = isJsonObject(item) ? [text(own(item, 'file')), text(own(item, 'crc32'))] : [null, null];
    return file !== null && crc32 !== null ? [{ file, crc32 }] : [];
  });
  return shards.length === value.length ? shards : null;
}

function texts(value: JsonValue | undefined): string[] | null {
  if (!Array.isArray(value)) return null;
  const found = value.filter((item) => typeof item === 'string');
  return found.length === value.length ? found : null;
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
