/** One instance of h5wasm's WebAssembly, with nothing in its file system but the one file that it may read or write. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
// The package exports only its high-level part, which shares one instance between all files.
import createModule from '../../../../node_modules/h5wasm/dist/esm/hdf5_util.js';
import type { ByteDevice } from './byteDevice';
import type { HeapGuard } from './heapGuard';

/** What HDF5 says of a value's type and shape. */
export interface Hdf5Metadata {
  /** H5T_class_t: 0 integer, 1 float, 3 string, 5 opaque, 8 enum. */
  type: number;
  signed: boolean;
  /** Bytes of one value. */
  size: number;
  littleEndian: boolean;
  vlen: boolean;
  /** Null for an empty dataspace. */
  shape: number[] | null;
  chunks: number[] | null;
  virtual_sources?: { file_name: string; dset_name: string }[];
  enum_type?: { members: Record<string, number> };
}

/** What a new dataset or attribute holds. */
export interface Hdf5Type {
  /** H5T_class_t, see `Hdf5Metadata`. */
  type: number;
  size: number;
  signed: boolean;
  vlen: boolean;
  /** 0: ASCII, 1: UTF-8. */
  cset: number;
  shape: bigint[];
}

interface FileNode {
  node_ops: Record<string, unknown> & {
    getattr(node: unknown): Record<string, unknown>;
    setattr(node: unknown, attributes: { size?: number }): void;
  };
  stream_ops: Record<string, unknown>;
}

/** Between a dataset, or a block of it, and the memory. */
type MoveValues = (
  file: bigint,
  path: string,
  count: bigint[] | null,
  offset: bigint[] | null,
  strides: bigint[] | null,
  pointer: bigint,
) => number;

/** The part of h5wasm's low level that is used; paths count from the file's root. */
export interface Hdf5Module {
  HEAPU8: Uint8Array;
  H5F_ACC_RDONLY: number;
  H5F_ACC_TRUNC: number;
  H5F_LIBVER_EARLIEST: number;
  H5F_LIBVER_V110: number;
  H5G_GROUP: number;
  H5G_DATASET: number;
  FS: {
    mkdir(path: string): void;
    createFile(parent: string, name: string, properties: object, canRead: boolean, canWrite: boolean): FileNode;
    ErrnoError: new (errno: number) => Error;
  };
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  open(path: string, mode: number, trackOrder: boolean, low: number, high: number): bigint;
  close_file(file: bigint): number;
  activate_throwing_error_handler(): number;
  get_type(file: bigint, path: string): number;
  get_symbolic_link(file: bigint, path: string): string | null;
  get_external_link(file: bigint, path: string): { filename?: string };
  get_names(file: bigint, path: string, recursive: boolean): string[];
  get_attribute_names(file: bigint, path: string): string[];
  get_attribute_metadata(file: bigint, path: string, name: string): Hdf5Metadata;
  get_attribute_data(file: bigint, path: string, name: string, pointer: bigint): number;
  reclaim_vlen_memory(file: bigint, path: string, name: string, pointer: bigint): number;
  get_dataset_metadata(file: bigint, path: string): Hdf5Metadata;
  get_dataset_filters(file: bigint, path: string): { id: number; name: string }[];
  get_dataset_data: MoveValues;
  create_object_reference(file: bigint, path: string): ArrayLike<number>;
  create_group(file: bigint, path: string, trackOrder: boolean): number;
  create_dataset(file: bigint, path: string, pointer: bigint, type: Hdf5Type): number;
  set_dataset_data: MoveValues;
  create_attribute(file: bigint, path: string, name: string, pointer: bigint, type: Hdf5Type): number;
  create_vlen_str_attribute(file: bigint, path: string, name: string, texts: string[], type: Hdf5Type): number;
  flush(file: bigint): void;
}

/**
 * What an instance that reads may take of memory: something, and so many times the file. The most that is asked of it is a
 * piece, an attribute or a chunk; a text that says it has gigabytes would have them allocated before the library looks
 * whether they are there.
 */
const MIN_MEMORY = 256 * 1024 * 1024;
const MEMORY_RATIO = 32;
const PAGE = 65_536;
const FOLDER = '/model';
const READ_ONLY = 69;
const IO_ERROR = 29;

let compiled: WebAssembly.Module | null = null;

/**
 * @param guard says which of the bytes that are read would lead the library in a circle.
 * @returns the path of the device's file inside the instance. Reading past its end gives no bytes.
 */
export async function mountDevice(device: ByteDevice, guard: HeapGuard): Promise<{ module: Hdf5Module; file: string }> {
  const module = await instance(Math.max(MIN_MEMORY, device.size * MEMORY_RATIO));
  const { FS } = module;
  const refuse = (): never => {
    throw new FS.ErrnoError(READ_ONLY);
  };
  mount(module, device, { write: refuse, setattr: null, guard });
  // without it, a dataset that cannot be read gives what stood in the memory before
  module.activate_throwing_error_handler();
  return { module, file: `${FOLDER}/file` };
}

/** A device that can also be written. */
export interface WritableDevice extends ByteDevice {
  write(bytes: Uint8Array, offset: number): void;
  truncate(size: number): void;
}

/** @returns the path of the device's file inside the instance. What HDF5 cannot do shows as a negative status. */
export async function mountWritable(device: WritableDevice): Promise<{ module: Hdf5Module; file: string }> {
  const module = await instance(null);
  mount(module, device, {
    write: (_stream, buffer, offset, length, position) => {
      device.write(buffer.subarray(offset, offset + length), position);
      return length;
    },
    setattr: ({ size }) => {
      if (size !== undefined) device.truncate(size);
    },
  });
  return { module, file: `${FOLDER}/file` };
}

/** @param limit bytes of memory; it holds where the WebAssembly stands beside the bundle. */
async function instance(limit: number | null): Promise<Hdf5Module> {
  const bundled = path.join(__dirname, 'wasm', 'hdf5.wasm');
  return (await createModule({
    print: () => undefined,
    printErr: () => undefined,
    ...(existsSync(bundled) ? { instantiateWasm: instantiate(bundled, limit) } : {}),
  })) as Hdf5Module;
}

interface Writing {
  write: (stream: unknown, buffer: Uint8Array, offset: number, length: number, position: number) => number;
  setattr: ((attributes: { size?: number }) => void) | null;
  guard?: HeapGuard;
}

function mount({ FS }: Hdf5Module, device: ByteDevice, { write, setattr, guard }: Writing): void {
  FS.mkdir(FOLDER);
  const node = FS.createFile(FOLDER, 'file', {}, true, setattr !== null);
  const { getattr } = node.node_ops;
  node.node_ops = {
    ...node.node_ops,
    getattr: (item) => ({ ...getattr(item), size: device.size }),
    ...(setattr ? { setattr: (_node: unknown, attributes: { size?: number }) => setattr(attributes) } : {}),
  };
  node.stream_ops = {
    ...node.stream_ops,
    read: (_stream: unknown, buffer: Uint8Array, offset: number, length: number, position: number): number => {
      const bytes = buffer.subarray(offset, offset + length);
      const count = device.readInto(bytes, position);
      if (guard?.allows(bytes.subarray(0, count), position) === false) throw new FS.ErrnoError(IO_ERROR);
      return count;
    },
    llseek: ({ position }: { position: number }, offset: number, whence: number): number =>
      whence === 1 ? position + offset : whence === 2 ? device.size + offset : offset,
    write,
    mmap: () => {
      throw new FS.ErrnoError(READ_ONLY);
    },
  };
}

/** The bundle has the WebAssembly beside it (esbuild.mjs takes it out of the script); from source it is in the script. */
function instantiate(file: string, limit: number | null) {
  return (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object => {
    const module = (compiled ??= new WebAssembly.Module(readFileSync(file)));
    const instance = new WebAssembly.Instance(module, imports);
    const { memory } = instance.exports;
    if (limit !== null && memory instanceof WebAssembly.Memory) keepBelow(memory, limit);
    done(instance, module);
    return instance.exports;
  };
}

/** Emscripten asks the memory itself to grow, and takes an exception for an answer. */
function keepBelow(memory: WebAssembly.Memory, limit: number): void {
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * PAGE > limit) throw new RangeError('the memory for HDF5 is used up');
    return grow(pages);
  };
}
