/** Opens a TF.js model JSON in two steps, because core reads no files: `parseModelJson`, then `openParsed`. */
import { SlicerError } from '../errors';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { ModelFile, ModelFormat, Problem } from '../model/modelFile';
import { graphTopology, openGraphModel } from './graphModel';
import { field, textField } from './jsonField';
import { layersConfig, openLayersModel } from './layersModel';
import { parseJson } from './parseJson';
import type { Manifest, ManifestGroup, ShardFile } from './weightEntries';
import { readManifest } from './weightEntries';

export interface ParsedModel {
  file: string;
  /** From the content, never from the file's name. */
  format: Extract<ModelFormat, 'layers-model' | 'graph-model'>;
  /** Paths of the shards relative to the file's folder, each checked to stay in it, each once. */
  shardPaths: string[];
  /** Groups that hold strings, whose sizes only their bytes tell: see `openParsed`. */
  stringGroups: ManifestGroup[];
  root: JsonObject;
  manifest: Manifest;
  hasManifest: boolean;
  warnings: Problem[];
  bytes: number;
}

/**
 * @param bytes the whole JSON file.
 * @param file its name without folder, for messages.
 * @throws SlicerError `empty-file`, `not-json`, `too-deep`, `weights-only`, `not-a-model`, `unsupported` (HDF5, zip).
 */
export function parseModelJson(bytes: Uint8Array, file: string): ParsedModel {
  const warnings: Problem[] = [];
  const warn = (code: Problem['code'], data: Record<string, string>): void => {
    warnings.push({ code, severity: 'warning', address: null, data: { file, ...data } });
  };
  const { text, mark } = decode(bytes, file);
  if (mark) warn('byte-order-mark', {});
  const root = parseJson(text, file);
  const format = sniff(root, file);
  const says = isJsonObject(root) ? textField(root, 'format') : null;
  if (says !== null && says !== format && /^(layers|graph)-model$/.test(says))
    warn('format-mismatch', { says, format });
  if (!isJsonObject(root)) throw new SlicerError('not-a-model', { file });
  const manifest = readManifest(field(root, 'weightsManifest'), file);
  const paths = manifest.groups.flatMap((group) => group.paths.flatMap(({ path }) => (path ? [path] : [])));
  return {
    file,
    format,
    root,
    manifest,
    warnings,
    shardPaths: [...new Set(paths)],
    stringGroups: manifest.groups.filter((group) => group.entries.some(({ bytes: size }) => size === null)),
    hasManifest: (field(root, 'weightsManifest') ?? null) !== null,
    bytes: bytes.length,
  };
}

/**
 * @param shards what there is of `parsed.shardPaths`; `size: null` = no such regular file.
 * @param stringBytes stored sizes of string weights by name, where they were read.
 * @throws SlicerError where the topology contradicts itself. What is wrong with the weights comes in `problems`.
 */
export function openParsed(
  parsed: ParsedModel,
  shards: ShardFile[],
  stringBytes?: ReadonlyMap<string, number>,
): ModelFile {
  const fileBytes = shards.reduce((sum, { size }) => sum + (size ?? 0), parsed.bytes);
  const parts = { ...parsed, shards, fileBytes, ...(stringBytes ? { stringBytes } : {}) };
  return parsed.format === 'graph-model' ? openGraphModel(parts) : openLayersModel(parts);
}

function sniff(root: JsonValue, file: string): ParsedModel['format'] {
  if (
    Array.isArray(root) &&
    root.some((item) => isJsonObject(item) && Array.isArray(item.weights) && Array.isArray(item.paths))
  ) {
    throw new SlicerError('weights-only', { file, reason: 'manifest' });
  }
  if (!isJsonObject(root)) throw new SlicerError('not-a-model', { file, reason: 'other' });
  if (graphTopology(root)) return 'graph-model';
  if (layersConfig(root)) return 'layers-model';
  if ((field(root, 'modelTopology') ?? null) === null && Array.isArray(field(root, 'weightsManifest'))) {
    throw new SlicerError('weights-only', { file, reason: 'topology' });
  }
  throw new SlicerError('not-a-model', { file, reason: 'other' });
}

const SIGNATURES: { reason: string; bytes: number[] }[] = [
  { reason: 'hdf5', bytes: [0x89, 0x48, 0x44, 0x46] },
  { reason: 'keras-zip', bytes: [0x50, 0x4b, 0x03, 0x04] },
];

/** What a file's first bytes say it is, when it is a format of models that is no JSON. */
export function binarySignature(bytes: Uint8Array): string | null {
  return SIGNATURES.find((signature) => signature.bytes.every((byte, i) => bytes[i] === byte))?.reason ?? null;
}

function decode(bytes: Uint8Array, file: string): { text: string; mark: boolean } {
  if (bytes.length === 0) throw new SlicerError('empty-file', { file });
  const signature = binarySignature(bytes);
  if (signature) throw new SlicerError('unsupported', { file, reason: signature });
  const [first, second, third] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new SlicerError('not-json', { file, reason: 'utf-16' });
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (text.includes('\0')) throw new SlicerError('not-json', { file, reason: 'binary' });
    return { text, mark: first === 0xef && second === 0xbb && third === 0xbf };
  } catch (cause) {
    if (cause instanceof SlicerError) throw cause;
    throw new SlicerError('not-json', { file, reason: 'binary' }, { cause });
  }
}
