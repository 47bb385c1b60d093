/** Opens `.keras`, `.h5` and weights beside a configuration: structure and the index of weights, and no weights until asked. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { openKerasModel, producerOfMetadata, type KerasParts } from '../../core/formats/kerasModel';
import type { ModelFile, Problem, Producer, WeightEntry } from '../../core/model/modelFile';
import { ByteSource, regularFile } from './byteSource';
import type { ByteRange } from './copyShard';
import { decodeWeight, type WeightValues } from './decodeWeight';
import { FileDevice, type ByteDevice } from './hdf5/byteDevice';
import { Hdf5File } from './hdf5/hdf5File';
import { weightBytes } from './hdf5/weightDataset';
import { openKerasArchive, type KerasArchive } from './kerasArchive';
import { weightLayout, weightsByFolder, weightsByName, type FoundWeights } from './kerasWeights';
import type { OpenedModel } from './openModelFile';

/** Pieces of `readStored`. */
const PIECE = 4 * 1024 * 1024;
/** A model's JSON beside its weights. */
const MAX_CONFIG = 64 * 1024 * 1024;

/** What is gathered before core reads it. */
interface Gathered {
  format: KerasParts['format'];
  config: KerasParts['config'];
  producer: Producer;
  problems: Problem[];
  weights: FoundWeights | null;
  /** Where the weights are, and what messages call them. */
  device: ByteDevice | null;
  weightsName: string;
}

/**
 * An HDF5 file: a whole model, or weights with a configuration beside them.
 * @throws SlicerError `not-hdf5`, `truncated-hdf5`, `not-a-model`, `weights-only`, `not-json`, and where the topology
 * contradicts itself.
 */
export async function openHdf5Model(file: string): Promise<OpenedModel> {
  const name = path.basename(file);
  return open(file, name, async (device) => {
    const hdf5 = await Hdf5File.open(device, name);
    try {
      const source = { file: name, model: name };
      const attributes = hdf5.attributeNames('/');
      const text = (key: string): string | null =>
        attributes.has(key) ? (hdf5.text('/', key)?.join('') ?? null) : null;
      const config = text('model_config');
      const common = { device, weightsName: name };
      if (config !== null) {
        const producer = { keras: text('keras_version'), converter: null, backend: text('backend') };
        const problems = disguise(name, /\.(h5|hdf5|hdf)$/i, 'keras-h5');
        const weights = modelWeights(hdf5, source, problems);
        return {
          ...common,
          format: 'keras-h5',
          config: { text: config, file: `${name} (model_config)` },
          producer,
          problems,
          weights,
        };
      }
      const group = hdf5.child('/model_weights')?.kind === 'group' ? '/model_weights' : '/';
      const layout = group === '/' ? weightLayout(hdf5) : 'by-name';
      if (layout === null) throw new SlicerError('not-a-model', { file: name, reason: 'hdf5' });
      const beside = await configBeside(file);
      if (!beside) throw new SlicerError('weights-only', { file: name, reason: 'hdf5' });
      const weights = layout === 'by-name' ? weightsByName(hdf5, group, source) : weightsByFolder(hdf5, source);
      return { ...common, ...beside, format: 'weights-h5', problems: weights.problems, weights };
    } finally {
      hdf5.close();
    }
  });
}

/**
 * A `.keras` archive.
 * @throws SlicerError `not-zip`, `truncated-zip`, `missing-config`, `unsupported`, `too-large`, `not-json`, `too-deep`,
 * and where the topology contradicts itself. What is wrong with the weights is in `problems`.
 */
export async function openKerasZip(file: string): Promise<OpenedModel> {
  const name = path.basename(file);
  return open(file, name, async (device, release) => {
    const archive = await openKerasArchive(device, name);
    release.push(archive);
    const problems = [...disguise(name, /\.(keras|zip)$/i, 'keras-v3'), ...archive.problems];
    const weightsName = archive.weights?.name ?? name;
    return {
      format: 'keras-v3',
      config: archive.config,
      producer: producerOfMetadata(archive.metadata),
      problems,
      weights: archive.weights && (await lookInto(archive.weights, { file: name, model: name }, problems)),
      device: archive.weights?.device ?? null,
      weightsName,
    };
  });
}

/** A configuration (`config.json`, or what `model.to_json()` gives) with its weights beside it. */
export async function openConfigWithWeights(file: string, weightsFile: string): Promise<OpenedModel> {
  const [name, weightsName] = [path.basename(file), path.basename(weightsFile)];
  const folder = path.dirname(file);
  const text = await readText(file, name);
  const metadata = await readText(path.join(folder, 'metadata.json'), 'metadata.json').catch(() => null);
  const opened = await open(
    weightsFile,
    name,
    async (device) => {
      const problems: Problem[] = [];
      const weights = await lookInto({ device, name: weightsName }, { file: weightsName, model: name }, problems);
      const config = { text, file: name };
      const producer = producerOfMetadata(metadata);
      return { format: 'weights-h5', config, producer, problems, weights, device, weightsName };
    },
    file,
  );
  return opened;
}

/** Weights in a file of their own: what is wrong with it leaves the structure. */
async function lookInto(
  { device, name }: { device: ByteDevice; name: string },
  source: { file: string; model: string },
  problems: Problem[],
): Promise<FoundWeights | null> {
  try {
    const hdf5 = await Hdf5File.open(device, name);
    try {
      const found = weightLayout(hdf5) === 'by-name' ? weightsByName(hdf5, '/', source) : weightsByFolder(hdf5, source);
      problems.push(...found.problems);
      return found;
    } finally {
      hdf5.close();
    }
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
    problems.push({ code: error.code, severity: 'error', address: null, data: error.data });
    return null;
  }
}

function modelWeights(
  hdf5: Hdf5File,
  source: { file: string; model: string },
  problems: Problem[],
): FoundWeights | null {
  const group = hdf5.child('/model_weights');
  if (group?.kind === 'group') {
    const found = weightsByName(hdf5, '/model_weights', source);
    problems.push(...found.problems);
    return found;
  }
  const data = { file: source.model, weight: 'model_weights' };
  problems.push(
    group?.kind === 'outside'
      ? { code: 'unsafe-link', severity: 'error', address: null, data: { ...data, target: group.target } }
      : { code: 'missing-weight', severity: 'error', address: null, data: { ...data, reason: 'group' } },
  );
  return null;
}

/** The content is another format than the name says. */
function disguise(file: string, names: RegExp, format: string): Problem[] {
  const says = /\.(h5|hdf5|hdf|keras|json)$/i.exec(file)?.[0];
  if (says === undefined || names.test(file)) return [];
  return [{ code: 'format-mismatch', severity: 'warning', address: null, data: { file, says, format } }];
}

/** A model's configuration beside a file of weights: named like it, or as Keras and its users name it. */
async function configBeside(file: string): Promise<Pick<Gathered, 'config' | 'producer'> | null> {
  const folder = path.dirname(file);
  const stem = path.basename(file).replace(/(\.weights)?\.(h5|hdf5)$/i, '');
  for (const name of [`${stem}.json`, 'config.json', 'model.json']) {
    const place = path.join(folder, name);
    if (!(await regularFile(place))) continue;
    const text = await readText(place, name);
    if (!/"class_name"/.test(text)) continue;
    const metadata = await readText(path.join(folder, 'metadata.json'), 'metadata.json').catch(() => null);
    return { config: { text, file: name }, producer: producerOfMetadata(metadata) };
  }
  return null;
}

/** @throws SlicerError `missing-file`, `too-large`. */
async function readText(file: string, name: string): Promise<string> {
  const info = await regularFile(file);
  if (!info) throw new SlicerError('missing-file', { file: name });
  if (info.size > MAX_CONFIG) throw new SlicerError('too-large', { file: name, bytes: info.size, limit: MAX_CONFIG });
  return readFile(file, 'utf8');
}

/** @param model path of the model's own file, where that is another one than the opened one. */
async function open(
  file: string,
  name: string,
  gather: (device: FileDevice, release: KerasArchive[]) => Promise<Gathered>,
  model = file,
): Promise<OpenedModel> {
  const weightsName = path.basename(file);
  const device = new FileDevice(file, weightsName);
  const release: KerasArchive[] = [];
  try {
    const files = [...new Set([model, file])];
    const openedAs = await identityOf(files);
    const gathered = await gather(device, release);
    const { format, config, producer, problems, weights } = gathered;
    const fileBytes = (await regularFile(model))?.size ?? device.size;
    const opened = openKerasModel({
      file: name,
      format,
      config,
      producer,
      entries: weights?.entries ?? [],
      folders: weights?.folders ?? null,
      problems,
      weightsRead: weights !== null,
      fileBytes: model === file ? fileBytes : fileBytes + device.size,
    });
    return new OpenedKerasFile(opened, files, gathered, { device, release }, openedAs);
  } catch (error) {
    device.close();
    await Promise.all(release.map((archive) => archive.close()));
    throw error;
  }
}

class OpenedKerasFile implements OpenedModel {
  readonly folder: string;
  readonly path: string;
  readonly shardFiles: string[];
  readonly #source: ByteSource;
  /** Opened when a value must be unpacked or converted: its memory is not needed before. */
  #hdf5: Promise<Hdf5File> | null = null;

  constructor(
    readonly model: ModelFile,
    private readonly files: readonly string[],
    private readonly weights: Pick<Gathered, 'device' | 'weightsName'>,
    private readonly held: { device: FileDevice; release: KerasArchive[] },
    readonly openedAs: string,
  ) {
    const [own = '', ...others] = files;
    this.path = own;
    this.folder = path.dirname(own);
    this.shardFiles = others;
    this.#source = new ByteSource(held.device.place.path, weights.weightsName);
  }

  async readWeight(entry: WeightEntry): Promise<WeightValues> {
    const bytes = new Uint8Array(entry.bytes);
    let at = 0;
    for await (const piece of this.readStored(entry)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    if (at !== entry.bytes) throw new SlicerError('missing-weight', { file: this.model.file, weight: entry.name });
    return decodeWeight(entry, bytes, this.model.file);
  }

  async *readStored(entry: WeightEntry): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { locator } = entry;
    if (locator.kind === 'segments') {
      for (const { offset, length } of locator.segments) {
        for (let done = 0; done < length; done += PIECE)
          yield await this.#source.read(offset + done, Math.min(PIECE, length - done));
      }
      return;
    }
    const hdf5 = await this.#open(entry);
    const data = { file: this.model.file, shard: this.weights.weightsName, weight: entry.name };
    yield* weightBytes(hdf5, locator.path, data);
  }

  storedRanges({ locator }: WeightEntry): ByteRange[] | null {
    if (locator.kind !== 'segments') return null;
    const { path: file, name } = this.#source;
    return locator.segments.map(({ offset, length }) => ({ path: file, name, offset, length }));
  }

  identity(): Promise<string> {
    return identityOf(this.files);
  }

  async close(): Promise<void> {
    (await this.#hdf5?.catch(() => null))?.close();
    this.#hdf5 = null;
    await this.#source.close();
    this.held.device.close();
    await Promise.all(this.held.release.map((archive) => archive.close()));
  }

  #open({ name }: WeightEntry): Promise<Hdf5File> {
    const { device, weightsName } = this.weights;
    if (!device) throw new SlicerError('missing-weight', { file: this.model.file, weight: name });
    this.#hdf5 ??= Hdf5File.open(device, weightsName);
    return this.#hdf5;
  }
}

/** Size and time of the files: a model of 500 MB is not read to say whether it has changed. */
async function identityOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(files.map(async (file) => [path.basename(file), await regularFile(file)]));
  return createHash('sha256').update(JSON.stringify(states)).digest('hex');
}
