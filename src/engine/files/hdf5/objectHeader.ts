/**
 * Where a dataset's bytes are, by HDF5's own file format: h5wasm reads values but says neither where they stand, nor that
 * they stand in another file, nor how many there are. Format: HDF5 File Format Specification 3.0, sections II and IV.A.
 */
import { SlicerError } from '../../../core/errors';
import { readBytes, type ByteDevice } from './byteDevice';

export interface Superblock {
  /** Where the addresses of the file count from: behind a user block. */
  base: number;
  /** Bytes of an address, and of a length. */
  offsetSize: number;
  lengthSize: number;
}

export type StorageLayout =
  | { kind: 'contiguous'; offset: number; length: number }
  | { kind: 'compact'; offset: number; length: number }
  | { kind: 'chunked' }
  | { kind: 'virtual' }
  /** Declared, but no bytes were ever written: reading gives the fill value. */
  | { kind: 'none' };

export interface StorageFacts {
  layout: StorageLayout;
  /** Whether its bytes are said to be in other files. */
  external: { names: string[] } | null;
}

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const LAYOUT = 0x0008;
const EXTERNAL_FILES = 0x0007;
const CONTINUATION = 0x0010;
const MODIFICATION_TIME = 0x0012;
/** A dataset's header has about ten messages and two blocks. */
const MAX_BLOCKS = 64;
const MAX_BLOCK = 1024 * 1024;

/**
 * Looks at what no library should be asked to read.
 * @throws SlicerError `not-hdf5`, `truncated-hdf5`.
 */
export function readSuperblock(device: ByteDevice, file: string): Superblock {
  const base = findSignature(device);
  if (base === null) throw new SlicerError('not-hdf5', { file });
  const bytes = readBytes(device, base, 96);
  const version = bytes[8];
  const old = version === 0 || version === 1;
  if (version === undefined || bytes.length < (old ? 56 : 48)) throw new SlicerError('truncated-hdf5', { file });
  const [offsetSize = 0, lengthSize = 0] = old ? [bytes[13], bytes[14]] : [bytes[9], bytes[10]];
  if (version > 3 || offsetSize !== 8 || lengthSize !== 8) {
    if (version > 3 || ![2, 4, 8, 16].includes(offsetSize)) throw new SlicerError('not-hdf5', { file });
    throw new SlicerError('unsupported', { file, reason: 'hdf5-sizes' });
  }
  // version 0: base, free space, end of file; version 1 has four bytes more before them; 2 and 3: base, extension, end
  const at = version === 0 ? 24 : version === 1 ? 28 : 12;
  const view = new DataView(bytes.buffer);
  const end = Number(view.getBigUint64(at + 16, true));
  const declaredBase = Number(view.getBigUint64(at, true));
  const missing = declaredBase === 0 || declaredBase === base ? end - device.size : 0;
  if (missing > 0) throw new SlicerError('truncated-hdf5', { file, expected: end, actual: device.size });
  return { base, offsetSize, lengthSize };
}

/** At 0, or behind a user block of 512 · 2ⁿ bytes. */
function findSignature(device: ByteDevice): number | null {
  for (let at = 0; at + SIGNATURE.length <= device.size; at = at === 0 ? 512 : at * 2) {
    const found = readBytes(device, at, SIGNATURE.length);
    if (SIGNATURE.every((byte, i) => found[i] === byte)) return at;
  }
  return null;
}

/**
 * @param address of the object header, as an object reference holds it.
 * @returns null where the header cannot be read so: nothing is then known.
 */
export function readStorage(device: ByteDevice, superblock: Superblock, address: number): StorageFacts | null {
  const facts: { layout: StorageLayout | null; external: StorageFacts['external'] } = { layout: null, external: null };
  const base = superblock.base;
  for (const { type, start, bytes } of messages(device, base, base + address)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      if (type === LAYOUT) facts.layout = layoutOf(view, base, start);
      if (type === EXTERNAL_FILES) facts.external = { names: externalNames(device, base, view) };
    } catch (error) {
      // shorter than its kind must be
      if (error instanceof RangeError) return null;
      throw error;
    }
  }
  return facts.layout ? { layout: facts.layout, external: facts.external } : null;
}

/** Where the header of an object says when it was changed: offsets of four bytes each, in seconds. */
export function modificationTimes(device: ByteDevice, { base }: Superblock, address: number): number[] {
  const found: number[] = [];
  for (const { type, start, bytes } of messages(device, base, base + address))
    if (type === MODIFICATION_TIME && bytes.length >= 8) found.push(start + 4);
  return found;
}

interface Message {
  type: number;
  /** Offset in the file of the message's data. */
  start: number;
  bytes: Uint8Array;
}

function* messages(device: ByteDevice, base: number, at: number): Generator<Message> {
  const prefix = readBytes(device, at, 64);
  if (prefix.length < 16) return;
  const view = new DataView(prefix.buffer);
  const modern = String.fromCharCode(...prefix.subarray(0, 4)) === 'OHDR';
  const blocks: { start: number; length: number }[] = [];
  let tracked = false;
  if (modern) {
    const flags = prefix[5] ?? 0;
    tracked = (flags & 4) !== 0;
    let place = 6 + ((flags & 32) !== 0 ? 16 : 0) + ((flags & 16) !== 0 ? 4 : 0);
    const width = 1 << (flags & 3);
    const length =
      width === 8
        ? Number(view.getBigUint64(place, true))
        : width === 4
          ? view.getUint32(place, true)
          : width === 2
            ? view.getUint16(place, true)
            : view.getUint8(place);
    place += width;
    blocks.push({ start: at + place, length });
  } else {
    if (prefix[0] !== 1) return;
    blocks.push({ start: at + 16, length: view.getUint32(8, true) });
  }
  for (let i = 0; i < blocks.length && i < MAX_BLOCKS; i += 1) {
    const block = blocks[i];
    if (!block || block.length > MAX_BLOCK) return;
    const bytes = readBytes(device, block.start, block.length);
    const inside = new DataView(bytes.buffer);
    const head = modern ? (tracked ? 6 : 4) : 8;
    for (let from = 0; from + head <= bytes.length;) {
      const type = modern ? inside.getUint8(from) : inside.getUint16(from, true);
      const size = modern ? inside.getUint16(from + 1, true) : inside.getUint16(from + 2, true);
      const data = from + head;
      if (data + size > bytes.length) break;
      if (type === CONTINUATION && size >= 16) {
        const start = base + Number(inside.getBigUint64(data, true));
        const length = Number(inside.getBigUint64(data + 8, true));
        // version 2 puts a signature before the messages and a checksum behind them
        blocks.push(modern ? { start: start + 4, length: length - 8 } : { start, length });
      } else yield { type, start: block.start + data, bytes: bytes.subarray(data, data + size) };
      from = data + size;
    }
  }
}

const UNDEFINED = 2n ** 64n - 1n;

function layoutOf(view: DataView, base: number, start: number): StorageLayout | null {
  const version = view.getUint8(0);
  if (version === 1 || version === 2) {
    const kind = view.getUint8(2);
    if (kind === 2) return { kind: 'chunked' };
    // its size is the product of the dimensions behind it, which is what the dataspace says anyway
    if (kind !== 1) return null;
    const address = view.getBigUint64(8, true);
    if (address === UNDEFINED) return { kind: 'none' };
    const rank = view.getUint8(1);
    let length = 1;
    for (let i = 0; i < rank; i += 1) length *= view.getUint32(16 + 4 * i, true);
    return { kind: 'contiguous', offset: base + Number(address), length };
  }
  if (version !== 3 && version !== 4 && version !== 5) return null;
  switch (view.getUint8(1)) {
    case 0:
      return { kind: 'compact', offset: start + 4, length: view.getUint16(2, true) };
    case 1: {
      const address = view.getBigUint64(2, true);
      const length = Number(view.getBigUint64(10, true));
      return address === UNDEFINED ? { kind: 'none' } : { kind: 'contiguous', offset: base + Number(address), length };
    }
    case 2:
      return { kind: 'chunked' };
    case 3:
      return { kind: 'virtual' };
    default:
      return null;
  }
}

/** Names stand in a local heap; only for the message, so that one that cannot be read is no matter. */
function externalNames(device: ByteDevice, base: number, view: DataView): string[] {
  const used = Math.min(view.getUint16(6, true), 16);
  const heap = readBytes(device, base + Number(view.getBigUint64(8, true)), 32);
  if (heap.length < 32 || String.fromCharCode(...heap.subarray(0, 4)) !== 'HEAP') return [];
  const data = base + Number(new DataView(heap.buffer).getBigUint64(24, true));
  const names: string[] = [];
  for (let i = 0; i < used && 16 + 24 * (i + 1) <= view.byteLength; i += 1) {
    const bytes = readBytes(device, data + Number(view.getBigUint64(16 + 24 * i, true)), 256);
    const end = bytes.indexOf(0);
    names.push(new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)));
  }
  return names;
}
