/** Writes a slice as Keras saves models: one file, `.h5` or `.keras`, put in its place when it is whole. */
import path from 'node:path';
import { stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import { isJsonObject, type JsonObject } from '../../core/model/json';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import { pythonJson } from '../../core/slicing/pythonJson';
import type { KerasSlice } from '../../core/slicing/slice';
import { AtomicFolder, writeFailed } from './atomicFolder';
import { Hdf5Writer, type Hdf5ValueType } from './hdf5/hdf5Writer';
import { OutputFile } from './outputFile';
import { sliceRecord } from './sliceOrigin';
import { withVocabularies } from './vocabulary';
import { WeightsChecksum } from './weightsChecksum';
import type { WeightSource, WriteOptions } from './writeSlice';
import { localHeader, zipDirectory, type ZipMemberFacts } from './zipWriter';

/** Sizes above 4 GB need a wider header, which stands before what it describes: this much may come to the weights. */
const WIDE_FROM = 3.5 * 2 ** 30;
/** Pieces in which converted values are written. */
const PIECE = 4 * 1024 * 1024;

/** A weight on its way. */
interface Outgoing {
  /** From the root of the HDF5 file. */
  path: string;
  /** As the reader of the file will call it. */
  name: string;
  entry: WeightEntry;
}

interface Task {
  slice: KerasSlice;
  source: WeightSource;
  /** With vocabularies in it. */
  modelConfig: JsonObject;
  weights: Outgoing[];
  file: OutputFile;
  options: WriteOptions;
}

/**
 * @param target the file.
 * @throws SlicerError `target-exists`, `write-failed`, `file-changed`, `cancelled`, and what reading the source throws.
 * After any of them the target is as it was.
 */
export async function writeKeras(
  slice: KerasSlice,
  source: WeightSource,
  target: string,
  options: WriteOptions,
): Promise<{ files: string[]; bytes: number }> {
  const [folder, name] = [path.dirname(path.resolve(target)), path.basename(target)];
  if ((await stat(target).catch(() => null))?.isDirectory()) throw new SlicerError('target-exists', { file: name });
  const weights = outgoing(slice, source.model);
  const before = source.openedAs ?? (await source.identity?.());
  const output = await AtomicFolder.open(folder, [name], {
    force: options.force,
    protect: [source.path, ...source.shardFiles],
  });
  let file: OutputFile | null = null;
  try {
    const modelConfig = await withVocabularies(renamed(slice.modelConfig, options.name), source);
    file = new OutputFile(output.reserve(name), name);
    const task: Task = { slice, source, modelConfig, weights, file, options };
    if (slice.format === 'keras-h5') await writeHdf5(task);
    else await writeArchive(task);
    const bytes = file.size;
    file.close();
    if ((await source.identity?.()) !== before) throw new SlicerError('file-changed', { file: source.model.file });
    await output.commit(options.signal);
    return { files: [name], bytes };
  } catch (error) {
    file?.close();
    await output.abort();
    throw writeFailed(error, name);
  }
}

function outgoing({ groups, format }: KerasSlice, model: ModelFile): Outgoing[] {
  return groups.flatMap((group) =>
    group.weights.map(({ name, entry: index }): Outgoing => {
      const entry = model.weightEntries[index];
      if (!entry) throw new SlicerError('missing-weight', { file: model.file, weight: name });
      if (format === 'keras-v3') return { path: `/${group.path}/${name}`, name: `${group.path}/${name}`, entry };
      const isWhole = name.startsWith(`${group.layer}/`);
      return {
        path: `/model_weights/${group.path}/${name}`,
        name: isWhole ? name : `${group.layer}/${name}`,
        entry,
      };
    }),
  );
}

/** `.h5`: `model_config`, and the weights by their layers' names. */
async function writeHdf5({ slice, source, modelConfig, weights, file, options }: Task): Promise<void> {
  const backend = source.model.producer.backend ?? 'tensorflow';
  const hdf5 = await Hdf5Writer.create(file, file.name);
  const root = '/model_weights';
  for (const place of ['/', root]) {
    hdf5.group(place);
    hdf5.text(place, 'keras_version', slice.kerasVersion);
    hdf5.text(place, 'backend', backend);
  }
  hdf5.text('/', 'model_config', pythonJson(modelConfig));
  hdf5.texts(
    root,
    'layer_names',
    slice.groups.map(({ layer }) => layer),
  );
  for (const { path: group, weights: own } of slice.groups) {
    hdf5.group(`${root}/${group}`);
    hdf5.texts(
      `${root}/${group}`,
      'weight_names',
      own.map(({ name }) => name),
    );
  }
  const checksum = await writeValues(hdf5, weights, { source, file, options });
  hdf5.text('/', 'modelSlicer', JSON.stringify(sliceRecord(slice, source.model, { weightsCrc32: checksum })));
  hdf5.close();
}

/** `.keras`: the weights' file is written where it stands in the archive, and described when it is whole. */
async function writeArchive({ slice, source, modelConfig, weights, file, options }: Task): Promise<void> {
  const members: ZipMemberFacts[] = [];
  const addText = (name: string, value: JsonObject): void => {
    const bytes = Buffer.from(pythonJson(value));
    const facts = { name, crc: crc32(bytes), packed: bytes.length, size: bytes.length, at: file.size };
    const member = { ...facts, deflated: false };
    file.append(localHeader(member));
    file.append(bytes);
    members.push(member);
  };
  addText('config.json', modelConfig);
  const at = file.size;
  const blank = { name: 'model.weights.h5', crc: 0, packed: 0, size: 0, at, deflated: false };
  const isWide = slice.plan.weightBytes > WIDE_FROM;
  file.append(localHeader(blank, isWide));
  const start = file.size;
  const part = file.from(start);
  const hdf5 = await Hdf5Writer.create(part, file.name);
  for (const { path: group, layer } of slice.groups) {
    hdf5.group(`/${group}/vars`);
    hdf5.text(`/${group}/vars`, 'name', layer);
  }
  hdf5.group('/vars');
  const checksum = await writeValues(hdf5, weights, { source, file: part, options });
  hdf5.close();
  const size = file.size - start;
  if (size >= 2 ** 32 && !isWide)
    throw new SlicerError('internal', { reason: 'the weights have outgrown their header' });
  const member = { ...blank, crc: await file.checksumFrom(start, options.signal), packed: size, size };
  file.write(localHeader(member, isWide), at);
  members.push(member);
  addText('metadata.json', {
    keras_version: slice.kerasVersion,
    modelSlicer: sliceRecord(slice, source.model, { weightsCrc32: checksum }),
  });
  file.append(zipDirectory(members, file.size));
}

interface Values {
  source: WeightSource;
  /** Where the HDF5 file stands. */
  file: { write(bytes: Uint8Array, offset: number): void };
  options: WriteOptions;
}

/** @returns what tells later whether the weights are still these. */
async function writeValues(hdf5: Hdf5Writer, weights: readonly Outgoing[], task: Values): Promise<string> {
  for (const { path: place, entry } of weights) hdf5.dataset(place, entry.shape, valueType(entry, task.source.model));
  const places = hdf5.places();
  const total = weights.reduce((sum, { entry }) => sum + entry.bytes, 0);
  const checksum = new WeightsChecksum();
  let done = 0;
  for (const { path: place, name, entry } of weights) {
    checksum.start(name);
    let { offset, length } = places.get(place) ?? { offset: 0, length: 0 };
    for await (const piece of valuesOf(entry, task.source)) {
      if (task.options.signal?.aborted) throw new SlicerError('cancelled');
      if (piece.length > length) throw new SlicerError('internal', { reason: `${name} has too many bytes` });
      checksum.update(piece);
      task.file.write(piece, offset);
      offset += piece.length;
      length -= piece.length;
    }
    if (length !== 0) throw new SlicerError('missing-weight', { file: task.source.model.file, weight: entry.name });
    done += entry.bytes;
    task.options.onProgress?.({ done, total, at: name });
  }
  return checksum.digest();
}

/** The bytes as they are stored; of quantized ones, and of 16-bit floats, the values that TF.js makes of them; booleans as numbers. */
async function* valuesOf(entry: WeightEntry, source: WeightSource): AsyncGenerator<Uint8Array> {
  if (entry.dtype === 'bool') {
    for await (const piece of source.readStored(entry)) yield new Uint8Array(Int32Array.from(piece).buffer);
    return;
  }
  if (entry.quantization === null || !source.readWeight) {
    yield* source.readStored(entry);
    return;
  }
  const values = await source.readWeight(entry);
  if (Array.isArray(values)) return;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

function valueType({ name, dtype }: WeightEntry, model: ModelFile): Hdf5ValueType {
  if (dtype === 'float32' || dtype === 'int32') return dtype;
  if (dtype === 'bool') return 'int32';
  throw new SlicerError('not-exportable', {
    file: model.file,
    address: name,
    why: `Keras keeps no weights of type ${dtype}`,
  });
}

function renamed(modelConfig: JsonObject, name: string | undefined): JsonObject {
  const { config } = modelConfig;
  return name === undefined ? modelConfig : { ...modelConfig, config: isJsonObject(config) ? { ...config, name } : {} };
}
