/**
 * Writing HDF5 with h5wasm. Only the structure passes through WebAssembly: each dataset gets its place in the file there,
 * and its bytes are written into that place by whoever has them, so that memory does not grow with the model. No times are
 * in the file: the same content gives the same bytes.
 */
import { SlicerError } from '../../../core/errors';
import { mountWritable, type Hdf5Module, type Hdf5Type, type WritableDevice } from './hdf5Module';
import { modificationTimes, readStorage, readSuperblock } from './objectHeader';

/** A type of values; all are little-endian. */
export type Hdf5ValueType = 'float32' | 'int32';

/** Where a dataset's bytes go, in the file. */
export interface DatasetPlace {
  offset: number;
  length: number;
}

const STRING = 3;
const TYPES: Readonly<Record<Hdf5ValueType, { type: number; size: number; signed: boolean }>> = {
  float32: { type: 1, size: 4, signed: false },
  int32: { type: 0, size: 4, signed: true },
};
/** A list in an attribute must fit into an object's header; Keras splits at this size. */
const LARGEST_LIST = 64512;
const ASCII = 0;
const UTF8 = 1;

export class Hdf5Writer {
  readonly #groups = new Set<string>(['/']);
  readonly #datasets: { path: string; length: number }[] = [];

  private constructor(
    private readonly device: WritableDevice,
    private readonly module: Hdf5Module,
    private readonly id: bigint,
    private readonly name: string,
  ) {}

  /** @param name of the file, for messages. @throws SlicerError `write-failed`. */
  static async create(device: WritableDevice, name: string): Promise<Hdf5Writer> {
    const { module, file } = await mountWritable(device);
    // the form that every HDF5 library reads, and that keeps no times but those of datasets
    const id = module.open(file, module.H5F_ACC_TRUNC, false, module.H5F_LIBVER_EARLIEST, module.H5F_LIBVER_V110);
    const writer = new Hdf5Writer(device, module, id, name);
    if (id <= 0n) throw writer.#failed('the HDF5 file could not be started');
    return writer;
  }

  /** Makes a group and those that it is in; one that is there stays. */
  group(path: string): void {
    let made = '';
    for (const part of path.split('/').filter((item) => item !== '')) {
      made += `/${part}`;
      if (this.#groups.has(made)) continue;
      if (this.module.create_group(this.id, made, false) < 0) throw this.#failed(`group ${made}`);
      this.#groups.add(made);
    }
  }

  /** An attribute of one text, of any length. */
  text(path: string, name: string, value: string): void {
    const type: Hdf5Type = { type: STRING, size: 4, signed: false, vlen: true, cset: UTF8, shape: [] };
    if (this.module.create_vlen_str_attribute(this.id, path, name, [value], type) < 0)
      throw this.#failed(`attribute ${name}`);
  }

  /** A list of texts as Keras writes it: one that is too long for an attribute as `name0`, `name1` … */
  texts(path: string, name: string, values: readonly string[]): void {
    const bytes = values.map((value) => new TextEncoder().encode(value));
    // with the zero that ends each
    const size = bytes.reduce((longest, item) => Math.max(longest, item.length), 0) + 1;
    const parts = Math.max(1, Math.ceil(size / LARGEST_LIST), Math.ceil((size * values.length) / LARGEST_LIST));
    const each = Math.ceil(values.length / parts);
    for (let i = 0; i < parts; i += 1) {
      const part = bytes.slice(i * each, (i + 1) * each);
      if (i > 0 && part.length === 0) break;
      this.#list(path, parts > 1 ? `${name}${i}` : name, part, size);
    }
  }

  #list(path: string, name: string, values: readonly Uint8Array[], size: number): void {
    const { module } = this;
    const pointer = module._malloc(Math.max(1, values.length * size));
    try {
      module.HEAPU8.fill(0, pointer, pointer + values.length * size);
      values.forEach((value, i) => module.HEAPU8.set(value, pointer + i * size));
      const shape = [BigInt(values.length)];
      const type: Hdf5Type = { type: STRING, size, signed: false, vlen: false, cset: ASCII, shape };
      if (module.create_attribute(this.id, path, name, BigInt(pointer), type) < 0)
        throw this.#failed(`attribute ${name}`);
    } finally {
      module._free(pointer);
    }
  }

  /** Makes room for a dataset; the groups on the way to it are made. */
  dataset(path: string, shape: readonly number[], valueType: Hdf5ValueType): void {
    this.group(path.slice(0, path.lastIndexOf('/')));
    const { type, size, signed } = TYPES[valueType];
    const { module } = this;
    const count = shape.reduce((product, dim) => product * dim, 1);
    const pointer = module._malloc(size);
    try {
      module.HEAPU8.fill(0, pointer, pointer + size);
      const dims = shape.map(BigInt);
      // without values it is made and has no place yet; the first value gives it the whole of it
      module.create_dataset(this.id, path, 0n, { type, size, signed, vlen: false, cset: ASCII, shape: dims });
      if (count === 0) return;
      const [one, zero] = [dims.map(() => 1n), dims.map(() => 0n)];
      const isScalar = dims.length === 0;
      const status = isScalar
        ? module.set_dataset_data(this.id, path, null, null, null, BigInt(pointer))
        : module.set_dataset_data(this.id, path, one, zero, one, BigInt(pointer));
      if (status < 0) throw this.#failed(`dataset ${path}`);
      this.#datasets.push({ path, length: count * size });
    } finally {
      module._free(pointer);
    }
  }

  /** Where the bytes of all datasets go, by path; those without values are not in it. */
  places(): Map<string, DatasetPlace> {
    this.module.flush(this.id);
    const superblock = readSuperblock(this.device, this.name);
    return new Map(
      this.#datasets.map(({ path, length }) => {
        const layout = readStorage(this.device, superblock, this.#address(path))?.layout;
        if (layout?.kind !== 'contiguous' || layout.length !== length)
          throw new SlicerError('internal', { reason: `no place for ${path}` });
        return [path, { offset: layout.offset, length }];
      }),
    );
  }

  /** Ends the file, and takes out of it when it was written. */
  close(): void {
    const addresses = this.#datasets.map(({ path }) => this.#address(path));
    if (this.module.close_file(this.id) < 0) throw this.#failed('the HDF5 file could not be ended');
    const superblock = readSuperblock(this.device, this.name);
    for (const address of addresses)
      for (const offset of modificationTimes(this.device, superblock, address))
        this.device.write(new Uint8Array(4), offset);
  }

  #address(path: string): number {
    const reference = Uint8Array.from(this.module.create_object_reference(this.id, path));
    return Number(new DataView(reference.buffer).getBigUint64(0, true));
  }

  #failed(what: string): SlicerError {
    return new SlicerError('write-failed', { file: this.name, reason: what });
  }
}
