/** A model of Keras's own formats, open: its weights' values, and what stands beside them. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import { regularFile } from './byteSource';
import type { ByteRange } from './copyShard';
import { decodeWeight, type WeightValues } from './decodeWeight';
import { readBytes, type ByteDevice } from './hdf5/byteDevice';
import { Hdf5File } from './hdf5/hdf5File';
import { weightBytes } from './hdf5/weightDataset';
import type { OpenedModel } from './openModelFile';

/** Pieces of `readStored`. */
const PIECE = 4 * 1024 * 1024;

/** Bytes that hold weights. */
export interface WeightStore {
  /** As locators name it. */
  file: string;
  /** As messages do. */
  name: string;
  device: ByteDevice;
}

/** What a `.keras` has besides weights; of an unpacked one, the folder. */
export interface Assets {
  /** From `assets/` on. */
  paths: ReadonlySet<string>;
  /** @throws SlicerError `missing-file`, `too-large`, and where the archive is broken. */
  read(path: string): Promise<Uint8Array>;
}

/** Files that are held open until the model is closed. */
export interface Held {
  /** @throws SlicerError `file-changed` when one of them is no more what it was. */
  check(): void;
  close(): Promise<void>;
}

export class OpenedKerasFile implements OpenedModel {
  readonly folder: string;
  readonly path: string;
  readonly shardFiles: string[];
  /** By store. Opened when a value must be unpacked or converted: their memory is not needed before. */
  readonly #hdf5 = new Map<WeightStore, Promise<Hdf5File>>();

  constructor(
    readonly model: ModelFile,
    private readonly files: readonly string[],
    private readonly stores: readonly WeightStore[],
    private readonly assets: Assets | null,
    private readonly held: Held,
    readonly openedAs: string,
  ) {
    const [own = '', ...others] = files;
    this.path = own;
    this.folder = path.dirname(own);
    this.shardFiles = others;
  }

  async readWeight(entry: WeightEntry): Promise<WeightValues> {
    const bytes = new Uint8Array(entry.bytes);
    let at = 0;
    for await (const piece of this.readStored(entry)) {
      // a type that changed while the file was open gives other bytes than it was measured by
      if (at + piece.length > bytes.length) throw new SlicerError('file-changed', { file: this.model.file });
      bytes.set(piece, at);
      at += piece.length;
    }
    if (at !== entry.bytes) throw new SlicerError('missing-weight', { file: this.model.file, weight: entry.name });
    return decodeWeight(entry, bytes, this.model.file);
  }

  async *readStored(entry: WeightEntry): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    this.held.check();
    const { locator } = entry;
    if (locator.kind === 'dataset') {
      const store = this.#store(locator.file, entry);
      const hdf5 = await this.#open(store);
      const data = { file: this.model.file, shard: store.name, weight: entry.name };
      yield* weightBytes(hdf5, locator.path, data);
      return;
    }
    for (const { file, offset, length } of locator.segments) {
      const { device, name } = this.#store(file, entry);
      // segments count from the start of the file, devices may be a part of it
      const start = offset - (device.place?.offset ?? 0);
      for (let done = 0; done < length; done += PIECE) {
        const expected = Math.min(PIECE, length - done);
        const bytes = readBytes(device, start + done, expected);
        if (bytes.length < expected)
          throw new SlicerError('truncated-weights', {
            file: this.model.file,
            weight: entry.name,
            shard: name,
            expected: length,
            actual: done + bytes.length,
          });
        yield bytes;
        await new Promise((resume) => setImmediate(resume));
      }
    }
  }

  storedRanges(entry: WeightEntry): ByteRange[] | null {
    const { locator } = entry;
    if (locator.kind !== 'segments') return null;
    return locator.segments.map(({ file, offset, length }) => {
      const { device, name } = this.#store(file, entry);
      if (!device.place) throw new SlicerError('internal', { reason: `${name} is no file` });
      return { path: device.place.path, name, offset, length };
    });
  }

  readAsset(asset: string): Promise<Uint8Array> {
    this.held.check();
    if (!this.assets) throw new SlicerError('missing-file', { file: asset });
    return this.assets.read(asset);
  }

  identity(): Promise<string> {
    return identityOf(this.files);
  }

  async close(): Promise<void> {
    for (const hdf5 of this.#hdf5.values()) (await hdf5.catch(() => null))?.close();
    this.#hdf5.clear();
    await this.held.close();
  }

  #store(file: string, { name }: WeightEntry): WeightStore {
    const store = this.stores.find((one) => one.file === file);
    if (!store) throw new SlicerError('missing-weight', { file: this.model.file, weight: name });
    return store;
  }

  #open(store: WeightStore): Promise<Hdf5File> {
    const known = this.#hdf5.get(store);
    if (known) return known;
    const opened = Hdf5File.open(store.device, store.name);
    this.#hdf5.set(store, opened);
    return opened;
  }
}

/** Size and time of the files: a model of 500 MB is not read to say whether it has changed. */
export async function identityOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(files.map(async (file) => [path.basename(file), await regularFile(file)]));
  return createHash('sha256').update(JSON.stringify(states)).digest('hex');
}
