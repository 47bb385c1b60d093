/** A read-only HDF5 file: groups, attributes, and where datasets' bytes are. Nothing outside of the device is ever read. */
import { SlicerError, type ErrorData } from '../../../core/errors';
import type { ByteDevice } from './byteDevice';
import { HeapGuard } from './heapGuard';
import { mountDevice, type Hdf5Metadata, type Hdf5Module } from './hdf5Module';
import { readStorage, readSuperblock, type StorageFacts, type Superblock } from './objectHeader';

/** What stands under a name in a group. */
export type Hdf5Child =
  | { kind: 'group' }
  | { kind: 'dataset' }
  /** A soft link that leads nowhere, or in a circle. */
  | { kind: 'lost'; target: string; loop: boolean }
  /** Leads into another file: never followed. */
  | { kind: 'outside'; target: string }
  | { kind: 'other' };

export interface Hdf5Dataset {
  metadata: Hdf5Metadata;
  filters: { id: number; name: string }[];
  /** Null where the file does not say it in a way that is known. */
  storage: StorageFacts | null;
}

/** Pieces in which values pass through the WebAssembly heap, which never shrinks. */
const PIECE = 4 * 1024 * 1024;
/** An attribute of this size is no name, no list of names and no configuration. */
const MAX_ATTRIBUTE = 64 * 1024 * 1024;

export class Hdf5File {
  /** Paths that are known to be there and to hold no link. */
  readonly #plain = new Set<string>();

  private constructor(
    /** What messages call the file. */
    readonly name: string,
    readonly device: ByteDevice,
    private readonly superblock: Superblock,
    private readonly module: Hdf5Module,
    private readonly id: bigint,
  ) {}

  /** @throws SlicerError `not-hdf5`, `truncated-hdf5`, `unsupported`. */
  static async open(device: ByteDevice, name: string): Promise<Hdf5File> {
    const superblock = readSuperblock(device, name);
    const { module, file } = await mountDevice(device, new HeapGuard(device));
    let id: bigint;
    try {
      id = module.open(file, module.H5F_ACC_RDONLY, false, -1, -1);
    } catch (cause) {
      throw new SlicerError('not-hdf5', { file: name }, { cause });
    }
    if (id <= 0n) throw new SlicerError('not-hdf5', { file: name });
    return new Hdf5File(name, device, superblock, module, id);
  }

  /** Names in a group. @throws SlicerError `not-hdf5` where it cannot be read. */
  names(path: string): string[] {
    return this.#read(() => [...this.module.get_names(this.id, path, false)]);
  }

  /** What stands at a path; null for nothing. */
  child(path: string): Hdf5Child | null {
    const way = this.#link(path);
    if (way !== 'hard') return way;
    try {
      const type = this.module.get_type(this.id, path);
      if (type === this.module.H5G_GROUP) return { kind: 'group' };
      if (type === this.module.H5G_DATASET) return { kind: 'dataset' };
      return type < 0 ? null : { kind: 'other' };
    } catch {
      return { kind: 'other' };
    }
  }

  /** Follows a path part by part, so that a link in the middle of it cannot lead out of the file either. */
  #link(path: string): Hdf5Child | 'hard' | null {
    let followed = 0;
    let pending = partsOf(path);
    let done = '';
    while (pending.length > 0) {
      const [next = '', ...rest] = pending;
      const here = `${done}/${next}`;
      if (this.#plain.has(here)) {
        done = here;
        pending = rest;
        continue;
      }
      let soft: string | null;
      let outside: string | undefined;
      try {
        soft = this.module.get_symbolic_link(this.id, here);
        outside = soft === null ? this.module.get_external_link(this.id, here).filename : undefined;
      } catch {
        return null;
      }
      if (outside !== undefined) return { kind: 'outside', target: outside };
      if (soft === null) {
        this.#plain.add(here);
        done = here;
        pending = rest;
        continue;
      }
      followed += 1;
      // HDF5's own limit
      if (followed > 16) return { kind: 'lost', target: soft, loop: true };
      const start = soft.startsWith('/') ? '' : done;
      pending = [...partsOf(soft), ...rest];
      done = start;
      if (!this.#exists(`${done}/${pending[0] ?? ''}`)) return { kind: 'lost', target: soft, loop: false };
    }
    return 'hard';
  }

  #exists(path: string): boolean {
    try {
      return this.module.get_type(this.id, path) >= 0;
    } catch {
      // a link that loops exists, and is followed to find out
      return true;
    }
  }

  attributeNames(path: string): Set<string> {
    return new Set(this.#read(() => [...this.module.get_attribute_names(this.id, path)]));
  }

  /**
   * Text of an attribute: one, or a list. Null where it is not there or holds no text.
   * @throws SlicerError `not-hdf5`, `too-large`.
   */
  text(path: string, name: string): string[] | null {
    const { module } = this;
    return this.#read(() => {
      const metadata = module.get_attribute_metadata(this.id, path, name);
      const { type, size, vlen, shape } = metadata;
      if (type !== 3 || shape === null) return null;
      const count = shape.reduce((product, dim) => product * dim, 1);
      if (count === 0) return [];
      const bytes = count * size;
      // an attribute's bytes stand in the file, all of them
      if (bytes > Math.min(MAX_ATTRIBUTE, this.device.size))
        throw new SlicerError('too-large', { file: this.name, bytes, limit: MAX_ATTRIBUTE });
      const pointer = module._malloc(bytes);
      try {
        if (module.get_attribute_data(this.id, path, name, BigInt(pointer)) < 0) return null;
        const data = module.HEAPU8.slice(pointer, pointer + bytes);
        if (!vlen) return Array.from({ length: count }, (_, i) => untilZero(data, i * size, (i + 1) * size));
        const pointers = new Uint32Array(data.buffer, 0, count);
        const texts = Array.from(pointers, (at) =>
          at === 0 ? '' : untilZero(module.HEAPU8, at, module.HEAPU8.length),
        );
        module.reclaim_vlen_memory(this.id, path, name, BigInt(pointer));
        return texts;
      } finally {
        module._free(pointer);
      }
    });
  }

  /** @throws SlicerError `not-hdf5` where it cannot be read. */
  dataset(path: string): Hdf5Dataset {
    return this.#read(() => {
      const metadata = this.module.get_dataset_metadata(this.id, path);
      const filters = metadata.chunks === null ? [] : this.module.get_dataset_filters(this.id, path);
      const storage = readStorage(this.device, this.superblock, this.address(path));
      return { metadata, filters: filters.map(({ id, name }) => ({ id, name })), storage };
    });
  }

  /** Address of an object's header, the same for all its names. */
  address(path: string): number {
    const reference = Uint8Array.from(this.#read(() => this.module.create_object_reference(this.id, path)));
    // for as long as the file's addresses have 8 bytes, which `readSuperblock` made sure of
    return Number(new DataView(reference.buffer).getBigUint64(0, true));
  }

  /**
   * A dataset's values as the file's type has them, little-endian, in C order, in pieces of at most 4 MB.
   * @throws SlicerError `truncated-weights` with `data` where they cannot be read.
   */
  *values(path: string, { shape, size }: Hdf5Metadata, data: ErrorData): Generator<Uint8Array<ArrayBuffer>> {
    for (const { offset, count } of slabs(shape ?? [], Math.max(1, Math.floor(PIECE / size)))) {
      const bytes = count.reduce((product, dim) => product * dim, size);
      if (bytes === 0) continue;
      const pointer = this.module._malloc(bytes);
      try {
        const [counts, offsets] = [count.map(BigInt), offset.map(BigInt)];
        const whole = count.length === 0;
        const steps = count.map(() => 1n);
        const status = this.module.get_dataset_data(
          this.id,
          path,
          whole ? null : counts,
          whole ? null : offsets,
          whole ? null : steps,
          BigInt(pointer),
        );
        if (status < 0) throw new SlicerError('truncated-weights', data);
        yield this.module.HEAPU8.slice(pointer, pointer + bytes);
      } catch (cause) {
        if (cause instanceof SlicerError) throw cause;
        throw new SlicerError('truncated-weights', data, { cause });
      } finally {
        this.module._free(pointer);
      }
    }
  }

  close(): void {
    try {
      this.module.close_file(this.id);
    } catch {
      // the instance is given up with it
    }
  }

  /** What HDF5 stumbles over is a broken file. */
  #read<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof SlicerError) throw cause;
      throw new SlicerError('not-hdf5', { file: this.name, reason: 'inside' }, { cause });
    }
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function untilZero(bytes: Uint8Array, start: number, end: number): string {
  const zero = bytes.indexOf(0, start);
  // h5py 2 pads fixed-length text; TextDecoder wants no view of shared or growing memory
  return new TextDecoder().decode(bytes.slice(start, zero < 0 || zero > end ? end : zero));
}

/** Blocks of whole rows that hold at most `limit` values, in C order; a row that is larger is cut along its own axes. */
function* slabs(shape: number[], limit: number): Generator<{ offset: number[]; count: number[] }> {
  if (shape.length === 0) {
    yield { offset: [], count: [] };
    return;
  }
  // the first axis from which on everything fits
  let axis = shape.length - 1;
  let inner = 1;
  while (axis > 0 && inner * (shape[axis] ?? 1) <= limit) {
    inner *= shape[axis] ?? 1;
    axis -= 1;
  }
  const rows = Math.max(1, Math.floor(limit / inner));
  const extent = shape[axis] ?? 1;
  const outer = shape.slice(0, axis);
  const total = outer.reduce((product, dim) => product * dim, 1);
  for (let i = 0; i < total; i += 1) {
    const at = unravel(i, outer);
    for (let from = 0; from < extent; from += rows) {
      yield {
        offset: [...at, from, ...shape.slice(axis + 1).map(() => 0)],
        count: [...at.map(() => 1), Math.min(rows, extent - from), ...shape.slice(axis + 1)],
      };
    }
  }
}

function unravel(index: number, shape: number[]): number[] {
  const at: number[] = [];
  let rest = index;
  for (const dim of [...shape].reverse()) {
    at.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return at;
}
