/** Reading NumPy's `.npz`: a zip of `.npy` members, each read when it is asked for. */
import { crc32, inflateRawSync } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import { readNpy, type NpyArray } from './npy';

export { NpzWriter } from './npzWriter';

export interface NpzFile {
  /** Member names without `.npy`, in the order of the file. */
  names: string[];
  /** The member of that name. Errors: as `readNpy`, with `member`; `npz-member` when there is none. */
  read(name: string): NpyArray;
}

interface Member {
  method: number;
  crc: number;
  packed: number;
  size: number;
  /** Offset of the local header. */
  at: number;
}

const endSignature = 0x06054b50;
const end64Locator = 0x07064b50;
const end64Signature = 0x06064b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;
/** Deflate cannot do better than about 1032:1; a declared size above that is a lie. */
const maxRatio = 1100;
/** One member, unpacked. */
const maxMember = 2 ** 31;

/** Reads the directory of a `.npz`; no member is unpacked yet. Errors: `bad-input` with `reason` `not-npz` or `npz-broken`. */
export function readNpz(bytes: Uint8Array, file = ''): NpzFile {
  const members = readDirectory(bytes, file);
  return {
    names: [...members.keys()],
    read(name) {
      const member = members.get(name);
      if (!member) throw bad('npz-member', file, { member: name, names: [...members.keys()].slice(0, 20) });
      return readNpy(unpack(bytes, member, file, name), `${file}/${name}.npy`);
    },
  };
}

function bad(reason: string, file: string, data: Record<string, string | number | string[]> = {}): SlicerError {
  return new SlicerError('bad-input', { reason, file, ...data });
}

function readDirectory(bytes: Uint8Array, file: string): Map<string, Member> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, start } = findDirectory(view, file);
  const members = new Map<string, Member>();
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== centralSignature) throw bad('npz-broken', file);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const commentLength = view.getUint16(at + 32, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const member = {
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      at: view.getUint32(at + 42, true),
    };
    readZip64Extra(view, at + 46 + nameLength, extraLength, member);
    if (view.getUint16(at + 8, true) & 1) throw bad('npz-broken', file, { member: name, detail: 'encrypted' });
    if (name.endsWith('.npy')) members.set(name.slice(0, -4), member);
    at += 46 + nameLength + extraLength + commentLength;
  }
  // A zip of something else; an empty one is what `np.savez` writes for no arrays.
  if (members.size === 0 && count > 0) throw bad('not-npz', file);
  return members;
}

function findDirectory(view: DataView, file: string): { count: number; start: number } {
  const size = view.byteLength;
  // The end record is the last 22 bytes, or further in front by a comment of at most 65,535.
  for (let at = size - 22; at >= Math.max(0, size - 22 - 65_535); at--) {
    if (view.getUint32(at, true) !== endSignature) continue;
    const count = view.getUint16(at + 10, true);
    const start = view.getUint32(at + 16, true);
    if (start !== 0xffffffff && count !== 0xffff) return { count, start };
    if (at < 20 || view.getUint32(at - 20, true) !== end64Locator) return { count, start };
    const end64 = Number(view.getBigUint64(at - 12, true));
    if (end64 + 56 > size || view.getUint32(end64, true) !== end64Signature) throw bad('npz-broken', file);
    return { count: Number(view.getBigUint64(end64 + 32, true)), start: Number(view.getBigUint64(end64 + 48, true)) };
  }
  throw bad('not-npz', file);
}

/** Sizes that do not fit 32 bits stand in an extra field, only those that are all ones, in this order. */
function readZip64Extra(view: DataView, start: number, length: number, member: Member): void {
  const end = Math.min(start + length, view.byteLength);
  let at = start;
  while (at + 4 <= end) {
    const id = view.getUint16(at, true);
    const size = view.getUint16(at + 2, true);
    let value = at + 4;
    if (id === 1) {
      for (const key of ['size', 'packed', 'at'] as const) {
        if (member[key] !== 0xffffffff || value + 8 > end) continue;
        member[key] = Number(view.getBigUint64(value, true));
        value += 8;
      }
    }
    at += 4 + size;
  }
}

function unpack(bytes: Uint8Array, member: Member, file: string, name: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (member.at + 30 > bytes.length || view.getUint32(member.at, true) !== localSignature) {
    throw bad('npz-broken', file, { member: name });
  }
  const start = member.at + 30 + view.getUint16(member.at + 26, true) + view.getUint16(member.at + 28, true);
  const end = start + member.packed;
  if (end > bytes.length) throw bad('npy-truncated', file, { member: name, expected: end, actual: bytes.length });
  const packed = bytes.subarray(start, end);
  const content = member.method === 0 ? packed : inflate(packed, member, file, name);
  if (content.length !== member.size || crc32(content) !== member.crc) throw bad('npz-broken', file, { member: name });
  return content;
}

function inflate(packed: Uint8Array, member: Member, file: string, name: string): Uint8Array {
  if (member.method !== 8) throw bad('npz-broken', file, { member: name, detail: `method ${member.method}` });
  if (member.size > maxMember || member.size > packed.length * maxRatio) {
    throw new SlicerError('too-large', { file, member: name, bytes: member.size });
  }
  try {
    // The declared size is the most that may come out, whatever the bytes say.
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, member.size) });
  } catch (cause) {
    throw new SlicerError('bad-input', { reason: 'npz-broken', file, member: name }, { cause });
  }
}
