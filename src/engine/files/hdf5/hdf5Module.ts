/** One instance of h5wasm's WebAssembly, with nothing in its file system but the one file that it may read. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
// The package exports only its high-level part, which shares one instance between all files.
import createModule from '../../../../node_modules/h5wasm/dist/esm/hdf5_util.js';
import type { ByteDevice } from './byteDevice';

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

interface FileNode {
  node_ops: Record<string, unknown> & { getattr(node: unknown): Record<string, unknown> };
  stream_ops: Record<string, unknown>;
}

/** The part of h5wasm's low level that is used; paths count from the file's root. */
export interface Hdf5Module {
  HEAPU8: Uint8Array;
  H5F_ACC_RDONLY: number;
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
  get_dataset_data(
    file: bigint,
    path: string,
    count: bigint[] | null,
    offset: bigint[] | null,
    strides: bigint[] | null,
    pointer: bigint,
  ): number;
  create_object_reference(file: bigint, path: string): ArrayLike<number>;
}

const FOLDER = '/model';
const READ_ONLY = 69;

let compiled: WebAssembly.Module | null = null;

/** @returns the path of the device's file inside the instance. Reading past its end gives no bytes. */
export async function mountDevice(device: ByteDevice): Promise<{ module: Hdf5Module; file: string }> {
  const bundled = path.join(__dirname, 'wasm', 'hdf5.wasm');
  const module = (await createModule({
    print: () => undefined,
    printErr: () => undefined,
    ...(existsSync(bundled) ? { instantiateWasm: instantiate(bundled) } : {}),
  })) as Hdf5Module;
  const { FS } = module;
  FS.mkdir(FOLDER);
  const node = FS.createFile(FOLDER, 'file', {}, true, false);
  const { getattr } = node.node_ops;
  node.node_ops = { ...node.node_ops, getattr: (item) => ({ ...getattr(item), size: device.size }) };
  const refuse = (): never => {
    throw new FS.ErrnoError(READ_ONLY);
  };
  node.stream_ops = {
    ...node.stream_ops,
    read: (_stream: unknown, buffer: Uint8Array, offset: number, length: number, position: number): number =>
      device.readInto(buffer.subarray(offset, offset + length), position),
    llseek: ({ position }: { position: number }, offset: number, whence: number): number =>
      whence === 1 ? position + offset : whence === 2 ? device.size + offset : offset,
    write: refuse,
    mmap: refuse,
  };
  // without it, a dataset that cannot be read gives what stood in the memory before
  module.activate_throwing_error_handler();
  return { module, file: `${FOLDER}/file` };
}

/** The bundle has the WebAssembly beside it (esbuild.mjs takes it out of the script); from source it is in the script. */
function instantiate(file: string) {
  return (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object => {
    const module = (compiled ??= new WebAssembly.Module(readFileSync(file)));
    const instance = new WebAssembly.Instance(module, imports);
    done(instance, module);
    return instance.exports;
  };
}
