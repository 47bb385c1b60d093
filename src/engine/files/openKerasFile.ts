/** Opens `.keras`, `.h5` and weights beside a configuration: structure and the index of weights, and no weights until asked. */
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { metadataOf, openKerasModel, producerOfMetadata, type KerasParts } from '../../core/formats/kerasModel';
import { errorsFirst } from '../../core/formats/layersModel';
import { hasLearnedVocabularies, placeVocabularies } from '../../core/formats/vocabularies';
import type { JsonObject } from '../../core/model/json';
import type { Problem, Producer } from '../../core/model/modelFile';
import { regularFile } from './byteSource';
import { FileDevice, type ByteDevice } from './hdf5/byteDevice';
import { Hdf5File } from './hdf5/hdf5File';
import { openKerasArchive } from './kerasArchive';
import { assetsBeside, configBeside, readConfiguration, type Configuration } from './kerasFolder';
import { weightLayout, weightsByFolder, weightsByName, type FoundWeights, type WeightSource } from './kerasWeights';
import { identityOf, OpenedKerasFile, type Assets, type Held, type WeightStore } from './openedKerasFile';
import type { OpenedModel } from './openModelFile';
import { indexOfShard, joinShards, readShardIndex } from './shardedWeights';
import type { UnpackOptions } from './unpackMember';

/** What is gathered before core reads it. */
interface Gathered {
  format: KerasParts['format'];
  config: KerasParts['config'];
  producer: Producer;
  metadata?: JsonObject | null;
  problems: Problem[];
  weights: FoundWeights | null;
  stores: WeightStore[];
  /** Told when they are needed; null where there can be none. */
  assets: (() => Promise<Assets>) | null;
}

/**
 * An HDF5 file: a whole model, or weights with a configuration beside them.
 * @throws SlicerError `not-hdf5`, `truncated-hdf5`, `not-a-model`, `weights-only`, `not-json`, and where the topology
 * contradicts itself.
 */
export async function openHdf5Model(file: string): Promise<OpenedModel> {
  const name = path.basename(file);
  const index = await indexOfShard(file);
  if (index !== null) return openShardedModel(index);
  return open([file], name, async (held) => {
    const device = held.device(file);
    const hdf5 = await Hdf5File.open(device, name);
    try {
      const source = { file: name, model: name };
      const attributes = hdf5.attributeNames('/');
      const text = (key: string): string | null =>
        attributes.has(key) ? (hdf5.text('/', key)?.join('') ?? null) : null;
      const config = text('model_config');
      const stores = [{ file: name, name, device }];
      if (config !== null) {
        const producer = { keras: text('keras_version'), converter: null, backend: text('backend') };
        const problems = disguise(name, /\.(h5|hdf5|hdf)$/i, 'keras-h5');
        const weights = modelWeights(hdf5, source, problems);
        return {
          format: 'keras-h5',
          metadata: recordIn(text('modelSlicer')),
          config: { text: config, file: `${name} (model_config)` },
          producer,
          problems,
          weights,
          stores,
          assets: null,
        };
      }
      const group = hdf5.child('/model_weights')?.kind === 'group' ? '/model_weights' : '/';
      const layout = group === '/' ? weightLayout(hdf5) : 'by-name';
      if (layout === null) throw new SlicerError('not-a-model', { file: name, reason: 'hdf5' });
      const beside = await configBeside(file);
      if (!beside) throw new SlicerError('weights-only', { file: name, reason: 'hdf5' });
      const weights = layout === 'by-name' ? weightsByName(hdf5, group, source) : weightsByFolder(hdf5, source);
      const assets = () => assetsBeside(path.dirname(file));
      return { ...beside, format: 'weights-h5', problems: weights.problems, weights, stores, assets };
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
export async function openKerasZip(file: string, options: UnpackOptions = {}): Promise<OpenedModel> {
  const name = path.basename(file);
  return open([file], name, async (held) => {
    const archive = await openKerasArchive(held.device(file), name, options);
    held.add(archive);
    const problems = [...disguise(name, /\.(keras|zip)$/i, 'keras-v3'), ...archive.problems];
    const store = archive.weights && { file: name, ...archive.weights };
    return {
      format: 'keras-v3',
      config: archive.config,
      metadata: metadataOf(archive.metadata),
      producer: producerOfMetadata(archive.metadata),
      problems,
      weights: store && (await lookInto(store, name, problems)),
      stores: store ? [store] : [],
      assets: () => Promise.resolve(archive.assets),
    };
  });
}

/**
 * A configuration (`config.json`, or what `model.to_json()` gives) with its weights beside it: one file, or the index of
 * several.
 */
export async function openConfigWithWeights(file: string, weightsFile: string): Promise<OpenedModel> {
  const configuration = await readConfiguration(file);
  if (/\.json$/i.test(weightsFile)) return openShards(weightsFile, configuration);
  const [name, weightsName] = [path.basename(file), path.basename(weightsFile)];
  return open([file, weightsFile], name, async (held) => {
    const problems: Problem[] = [];
    const common = { ...configuration, format: 'weights-h5' as const, assets: () => assetsBeside(path.dirname(file)) };
    if (/\.npz$/i.test(weightsName)) {
      const data = { file: name, reason: 'keras-npz', member: weightsName };
      problems.push({ code: 'unsupported', severity: 'error', address: null, data });
      return { ...common, problems, weights: null, stores: [] };
    }
    const store = { file: weightsName, name: weightsName, device: held.device(weightsFile) };
    const weights = await lookInto(store, name, problems);
    return { ...common, problems, weights, stores: [store] };
  });
}

/**
 * The index of sharded weights, `x.weights.json`, with a configuration beside it.
 * @throws SlicerError `weights-only`, `not-a-model`, `not-json`, and as `openConfigWithWeights`.
 */
export async function openShardedModel(index: string): Promise<OpenedModel> {
  const configuration = await configBeside(index);
  if (!configuration) throw new SlicerError('weights-only', { file: path.basename(index), reason: 'hdf5' });
  return openShards(index, configuration);
}

async function openShards(index: string, configuration: Configuration): Promise<OpenedModel> {
  const name = path.basename(configuration.path);
  const folder = path.dirname(index);
  const listed = await readShardIndex(index);
  if (!listed) throw new SlicerError('not-a-model', { file: path.basename(index), reason: 'other' });
  const files = [configuration.path, index, ...listed.shards.map((shard) => path.join(folder, shard))];
  return open(files, name, async (held) => {
    const problems: Problem[] = [];
    const stores: WeightStore[] = [];
    const found: { shard: string; weights: FoundWeights }[] = [];
    for (const shard of listed.shards) {
      const store = { file: shard, name: shard, device: held.device(path.join(folder, shard)) };
      stores.push(store);
      const weights = await lookInto(store, name, []);
      if (weights) found.push({ shard, weights });
      else await lookInto(store, name, problems);
    }
    const weights = joinShards(found, listed);
    problems.push(...weights.problems);
    return {
      ...configuration,
      format: 'weights-h5',
      problems,
      // with a shard that is lost, what is missing has been said
      weights: problems.some(({ severity }) => severity === 'error') && found.length === 0 ? null : weights,
      stores,
      assets: () => assetsBeside(path.dirname(configuration.path)),
    };
  });
}

/** Weights in a file of their own: what is wrong with it leaves the structure. */
async function lookInto(store: WeightStore, model: string, problems: Problem[]): Promise<FoundWeights | null> {
  const source: WeightSource = { file: store.file, model };
  try {
    const hdf5 = await Hdf5File.open(store.device, store.name);
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

/** What a slice says of itself in an attribute, as `userDefinedMetadata` has it. */
function recordIn(text: string | null): JsonObject | null {
  const record = metadataOf(text);
  return record && { modelSlicer: record };
}

/** The content is another format than the name says. */
function disguise(file: string, names: RegExp, format: string): Problem[] {
  const says = /\.(h5|hdf5|hdf|keras|json)$/i.exec(file)?.[0];
  if (says === undefined || names.test(file)) return [];
  return [{ code: 'format-mismatch', severity: 'warning', address: null, data: { file, says, format } }];
}

/** Devices and archives, closed together. */
class HeldFiles implements Held {
  readonly #devices: FileDevice[] = [];
  readonly #others: { close(): Promise<void> }[] = [];

  /** @throws SlicerError `missing-file`, `empty-file`. */
  device(file: string): ByteDevice & FileDevice {
    const device = new FileDevice(file, path.basename(file));
    this.#devices.push(device);
    return device;
  }

  add(other: { close(): Promise<void> }): void {
    this.#others.push(other);
  }

  check(): void {
    for (const device of this.#devices) device.check();
  }

  async close(): Promise<void> {
    for (const device of this.#devices) device.close();
    await Promise.all(this.#others.map((other) => other.close()));
  }
}

/**
 * @param files all that the model is in, absolute; the model's own first.
 * @param name of the model, for messages.
 */
async function open(
  files: readonly string[],
  name: string,
  gather: (held: HeldFiles) => Promise<Gathered>,
): Promise<OpenedModel> {
  const held = new HeldFiles();
  try {
    const openedAs = await identityOf(files);
    const gathered = await gather(held);
    const { format, config, producer, problems, weights, stores, metadata = null } = gathered;
    const sizes = await Promise.all(files.map(async (file) => (await regularFile(file))?.size ?? 0));
    const model = openKerasModel({
      file: name,
      format,
      config,
      producer,
      entries: weights?.entries ?? [],
      folders: weights?.folders ?? null,
      problems,
      weightsRead: weights !== null,
      fileBytes: sizes.reduce((sum, size) => sum + size, 0),
      metadata,
    });
    const learned = hasLearnedVocabularies(model.graph);
    const assets = learned && gathered.assets ? await gathered.assets() : null;
    if (learned) {
      const lost = placeVocabularies(model, weights?.folders ?? null, assets?.paths ?? new Set());
      model.problems = errorsFirst([...model.problems, ...lost]);
    }
    return new OpenedKerasFile(model, files, stores, assets, held, openedAs);
  } catch (error) {
    await held.close();
    throw error;
  }
}
