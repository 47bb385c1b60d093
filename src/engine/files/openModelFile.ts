/** Opens a model file on disk: reads the JSON, looks at the shards' sizes, and nothing of the weights until asked. */
import { createHash } from 'node:crypto';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import type { ParsedModel } from '../../core/formats/openModelJson';
import { binarySignature, openParsed, parseModelJson } from '../../core/formats/openModelJson';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { ByteRange } from './copyShard';
import { ByteSource, regularFile } from './byteSource';
import type { WeightValues } from './decodeWeight';
import { decodeWeight } from './decodeWeight';
import { isKerasName, kerasKind, weightsBeside } from './kerasKind';
import { stringSizes } from './stringSizes';
import type { UnpackOptions } from './unpackMember';
import { segmentsOf } from '../../core/model/weightFiles';

/** The biggest model.json on npm has 24 MB; one of this size is something else. */
const MAX_JSON = 512 * 1024 * 1024;
/** Pieces of `readStored`. */
const PIECE = 4 * 1024 * 1024;

export interface OpenedModel {
  model: ModelFile;
  /** Absolute path of the model's folder, and of the JSON itself. */
  folder: string;
  path: string;
  /** Shards that are there: absolute paths. */
  shardFiles: string[];
  /** Values, dequantized. */
  readWeight(entry: WeightEntry): Promise<WeightValues>;
  /** The bytes as they are, in order, in pieces of at most 4 MB. */
  readStored(entry: WeightEntry): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Where those bytes are; null where they are unpacked or converted on the way. */
  storedRanges(entry: WeightEntry): ByteRange[] | null;
  /** The bytes of `assets/…`; not there in formats that have none. @throws SlicerError `missing-file`, `too-large`. */
  readAsset?(path: string): Promise<Uint8Array>;
  /** `identity()` as it was when the file was opened. */
  openedAs: string;
  /** Changes whenever the JSON's content, or a shard's size or time, is another. */
  identity(): Promise<string>;
  close(): Promise<void>;
}

export interface OpenOptions extends UnpackOptions {
  maxJsonBytes?: number;
}

/**
 * @param target a file, or a folder that holds one model JSON.
 * @throws SlicerError where not even the structure can be read; what is wrong with weights is in `model.problems`.
 */
export async function openModelFile(target: string, options: OpenOptions = {}): Promise<OpenedModel> {
  const file = await modelPath(path.resolve(target));
  const name = path.basename(file);
  const kind = await kerasKind(file);
  if (kind !== null) {
    // a JSON model needs neither HDF5 nor zip
    const { openHdf5Model, openKerasZip } = await import('./openKerasFile');
    return kind === 'hdf5' ? openHdf5Model(file) : openKerasZip(file, options);
  }
  if (/\.weights\.json$/i.test(name)) {
    const { openShardedModel } = await import('./openKerasFile');
    return openShardedModel(file);
  }
  const bytes = await readModelJson(file, name, options.maxJsonBytes ?? MAX_JSON);
  const parsed = parseModelJson(bytes, name);
  const folder = path.dirname(file);
  const weights = parsed.format === 'layers-model' && !parsed.hasManifest ? await weightsBeside(file) : null;
  if (weights !== null) {
    const { openConfigWithWeights } = await import('./openKerasFile');
    return openConfigWithWeights(file, weights);
  }
  const sources = new Map<string, ByteSource>();
  const states: ShardState[] = [];
  const shards = await Promise.all(
    parsed.shardPaths.map(async (shard, i) => {
      const found = await locateShard(file, shard);
      states[i] = [shard, null];
      if (!found || found.outside) return { path: shard, size: null, outside: found?.outside ?? false };
      const info = await regularFile(found.path);
      if (info) sources.set(shard, new ByteSource(found.path, shard));
      states[i] = [shard, info];
      return { path: shard, size: info?.size ?? null };
    }),
  );
  try {
    const model = openParsed(parsed, shards, await stringSizes(parsed, shards, sources));
    return new OpenedModelFile(model, folder, file, sources, parsed, identityOf(bytes, states));
  } catch (error) {
    await Promise.all([...sources.values()].map((source) => source.close()));
    throw error;
  }
}

class OpenedModelFile implements OpenedModel {
  readonly shardFiles: string[];

  constructor(
    readonly model: ModelFile,
    readonly folder: string,
    readonly path: string,
    private readonly sources: ReadonlyMap<string, ByteSource>,
    private readonly parsed: ParsedModel,
    readonly openedAs: string,
  ) {
    this.shardFiles = [...sources.values()].map((source) => source.path);
  }

  async readWeight(entry: WeightEntry): Promise<WeightValues> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (const { source, offset, length } of this.#segments(entry)) parts.push(await source.read(offset, length));
    const [only] = parts;
    return decodeWeight(entry, parts.length === 1 && only ? only : joined(parts), this.model.file);
  }

  async *readStored(entry: WeightEntry): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (const { source, offset, length } of this.#segments(entry)) {
      for (let done = 0; done < length; done += PIECE)
        yield await source.read(offset + done, Math.min(PIECE, length - done));
    }
  }

  storedRanges(entry: WeightEntry): ByteRange[] {
    return this.#segments(entry).map(({ source: { path: file, name }, offset, length }) => ({
      path: file,
      name,
      offset,
      length,
    }));
  }

  async identity(): Promise<string> {
    const states = this.parsed.shardPaths.map(async (shard): Promise<ShardState> => {
      const source = this.sources.get(shard);
      return [shard, source ? await regularFile(source.path) : null];
    });
    return identityOf(await readFile(this.path).catch(() => null), await Promise.all(states));
  }

  async close(): Promise<void> {
    await Promise.all([...this.sources.values()].map((source) => source.close()));
  }

  /** @throws SlicerError `missing-file` when a shard that the entry needs is not there or was refused. */
  #segments(entry: WeightEntry): { source: ByteSource; offset: number; length: number }[] {
    const segments = segmentsOf(entry.locator);
    const found = segments.map(({ file, offset, length }) => {
      const source = this.sources.get(file);
      if (!source) throw new SlicerError('missing-file', { file: this.model.file, shard: file, weight: entry.name });
      return { source, offset, length };
    });
    if (segments.reduce((sum, { length }) => sum + length, 0) !== entry.bytes) {
      throw new SlicerError('missing-weight', { file: this.model.file, weight: entry.name });
    }
    return found;
  }
}

/** A shard's name in the JSON, and its size and time; null where it is not there. */
type ShardState = [string, { size: number; changed: number } | null];

function identityOf(json: Uint8Array | null, shards: readonly ShardState[]): string {
  const hash = createHash('sha256').update(json ?? '');
  return hash.update(JSON.stringify(shards.map(([name, info]) => [name, info?.size, info?.changed]))).digest('hex');
}

function joined(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The JSON in a folder: `model.json`, else the only one that looks like a model. */
async function modelPath(target: string): Promise<string> {
  const found = await stat(target).catch((cause: unknown) => {
    throw new SlicerError('missing-file', { file: path.basename(target) || target }, { cause });
  });
  if (found.isFile()) return target;
  const file = path.basename(target);
  if (!found.isDirectory()) throw new SlicerError('missing-file', { file });
  const all = await readdir(target);
  const names = all.filter((name) => name.toLowerCase().endsWith('.json'));
  if (names.includes('model.json')) return path.join(target, 'model.json');
  if (names.includes('config.json') && all.some((one) => /^model\.weights\.(h5|json|npz)$/.test(one)))
    return path.join(target, 'config.json');
  const keras = all.filter(isKerasName);
  const json = names.length === 1 && keras.length === 0 ? names : await modelsAmong(target, names);
  const models = [...json, ...keras];
  const [only] = models;
  if (only === undefined) throw new SlicerError('not-a-model', { reason: 'folder', file });
  if (models.length > 1) throw new SlicerError('not-a-model', { reason: 'several', file, names: models.slice(0, 5) });
  return path.join(target, only);
}

async function modelsAmong(folder: string, names: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names.slice(0, 50)) {
    try {
      parseModelJson(await readModelJson(path.join(folder, name), name, 64 * 1024 * 1024), name);
      found.push(name);
    } catch (error) {
      if (!(error instanceof SlicerError)) throw error;
    }
  }
  return found;
}

/** The whole file, after a look at its first bytes: a 500 MB archive is not read to say that it is one. */
async function readModelJson(file: string, name: string, limit: number): Promise<Uint8Array> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new SlicerError('missing-file', { file: name }, { cause });
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new SlicerError('missing-file', { file: name });
    const start = new Uint8Array(8);
    await handle.read(start, 0, start.length, 0);
    const signature = binarySignature(start);
    if (signature) throw new SlicerError('unsupported', { file: name, reason: signature });
    if (info.size > limit) throw new SlicerError('too-large', { file: name, bytes: info.size, limit });
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/**
 * Where a shard really is; `outside` when a link leads out of the model's folder. A link counts as inside when it
 * leads to where the JSON itself is linked to: caches link a whole model to one place, but an archive that somebody
 * sends must not read the user's other files as weights.
 */
async function locateShard(file: string, shard: string): Promise<{ path: string; outside: boolean } | null> {
  const folder = path.dirname(file);
  const target = path.join(folder, shard);
  try {
    const real = await realpath(target);
    const homes = [await realpath(folder), path.dirname(await realpath(file))];
    return { path: target, outside: !homes.some((home) => isInside(home, real)) };
  } catch {
    return null;
  }
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
}
