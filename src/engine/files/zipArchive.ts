/** A zip archive read by random access: its directory at once, each member when it is asked for. Nothing is unpacked to disk. */
import { crc32, inflateRawSync } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import { partOf, readBytes, type ByteDevice } from './hdf5/byteDevice';

export interface ZipMember {
  name: string;
  method: number;
  encrypted: boolean;
  crc: number;
  packed: number;
  size: number;
  /** Offset of the local header. */
  at: number;
  /** Where the next entry, or the directory, begins: its bytes end before. */
  end: number;
}

export interface ZipArchive {
  /** By name; of several of one name the last one, as in Python. */
  members: ReadonlyMap<string, ZipMember>;
  /** Names that stand in the directory more than once. */
  duplicates: string[];
}

const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** Flags: encrypted, strongly so. */
const ENCRYPTED = 0x41;
/** The end record, and the longest comment behind it. */
const END_BYTES = 22;
const MAX_COMMENT = 65_535;
/** Deflate cannot do better than about 1032:1; a declared size above that is a lie. */
export const DEFLATE_RATIO = 1032;
/** A directory of so many bytes is no model's. */
const MAX_DIRECTORY = 64 * 1024 * 1024;

/**
 * @param file name of the archive, for messages.
 * @throws SlicerError `not-zip`, `truncated-zip` (`part: 'end'` where not even the directory's place is known,
 *   `'directory'` where it is not there), `too-large`.
 */
export function readZipArchive(device: ByteDevice, file: string): ZipArchive {
  const start = readBytes(device, 0, 4);
  const looksLikeZip = start.length === 4 && [LOCAL, END].includes(viewOf(start).getUint32(0, true));
  const { place, part } = findDirectory(device);
  if (!place) throw new SlicerError(looksLikeZip ? 'truncated-zip' : 'not-zip', { file, part });
  if (place.size > MAX_DIRECTORY) throw new SlicerError('too-large', { file, bytes: place.size, limit: MAX_DIRECTORY });
  const bytes = readBytes(device, place.start, place.size);
  const view = viewOf(bytes);
  const members = new Map<string, ZipMember>();
  const duplicates = new Set<string>();
  const all: ZipMember[] = [];
  let at = 0;
  for (let i = 0; i < place.count; i += 1) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL)
      throw new SlicerError('not-zip', { file, part: 'directory' });
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const end = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (end > bytes.length) throw new SlicerError('truncated-zip', { file, part: 'directory' });
    const member: ZipMember = {
      name: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)),
      encrypted: (view.getUint16(at + 8, true) & ENCRYPTED) !== 0,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      at: view.getUint32(at + 42, true),
      end: place.start,
    };
    readZip64Extra(view, at + 46 + nameLength, extraLength, member);
    all.push(member);
    if (members.has(member.name)) duplicates.add(member.name);
    members.set(member.name, member);
    at = end;
  }
  all.sort((a, b) => a.at - b.at);
  all.forEach((member, i) => (member.end = all[i + 1]?.at ?? place.start));
  return { members, duplicates: [...duplicates] };
}

/** Whether a deflated member declares more than could be in it. */
export function liesAboutSize({ size, packed }: ZipMember): boolean {
  return size > (packed + 1) * DEFLATE_RATIO;
}

/**
 * The bytes of a member where they stand, still packed when it is `deflated`.
 * @throws SlicerError `unsupported` (encrypted, an unknown method), `not-zip`, `truncated-zip`.
 */
export function memberBytes(
  device: ByteDevice,
  member: ZipMember,
  file: string,
): { bytes: ByteDevice; deflated: boolean } {
  const data = { file, member: member.name };
  if (member.encrypted) throw new SlicerError('unsupported', { ...data, reason: 'zip-encrypted' });
  if (member.method !== 0 && member.method !== 8)
    throw new SlicerError('unsupported', { ...data, reason: 'zip-method', method: member.method });
  const header = readBytes(device, member.at, 30);
  const view = viewOf(header);
  if (header.length < 30 || view.getUint32(0, true) !== LOCAL) throw new SlicerError('not-zip', data);
  if ((view.getUint16(6, true) & ENCRYPTED) !== 0)
    throw new SlicerError('unsupported', { ...data, reason: 'zip-encrypted' });
  const nameLength = view.getUint16(26, true);
  const start = member.at + 30 + nameLength + view.getUint16(28, true);
  const deflated = member.method === 8;
  if (deflated ? liesAboutSize(member) : member.size !== member.packed) throw new SlicerError('not-zip', data);
  if (start + member.packed > device.size)
    throw new SlicerError('truncated-zip', { ...data, expected: start + member.packed, actual: device.size });
  // the header in front of the bytes says whose they are; what contradicts it was put together to be read in two ways
  const own = readBytes(device, member.at + 30, nameLength);
  const contradicts = new TextDecoder().decode(own) !== member.name || view.getUint16(8, true) !== member.method;
  if (contradicts || start + member.packed > member.end) throw new SlicerError('not-zip', data);
  return { bytes: partOf(device, start, member.packed), deflated };
}

/**
 * A whole member, checked against its checksum.
 * @param limit bytes, unpacked.
 * @throws SlicerError as `memberBytes`, and `too-large`.
 */
export function readMember(
  device: ByteDevice,
  member: ZipMember,
  file: string,
  limit: number,
): Uint8Array<ArrayBuffer> {
  const { bytes, deflated } = memberBytes(device, member, file);
  const data = { file, member: member.name };
  if (member.size > limit) throw new SlicerError('too-large', { ...data, reason: 'member', bytes: member.size, limit });
  const packed = readBytes(bytes, 0, bytes.size);
  let content: Uint8Array<ArrayBuffer> = packed;
  if (deflated) {
    try {
      // the declared size is the most that may come out, whatever the bytes say
      content = new Uint8Array(inflateRawSync(packed, { maxOutputLength: Math.max(1, member.size) }));
    } catch (cause) {
      throw new SlicerError('not-zip', data, { cause });
    }
  }
  if (content.length !== member.size || crc32(content) !== member.crc) throw new SlicerError('not-zip', data);
  return content;
}

interface Directory {
  count: number;
  start: number;
  size: number;
}

/** An archive's comment may hold the signature of its end: a candidate counts when a directory stands where it says. */
function findDirectory(device: ByteDevice): { place: Directory | null; part: 'end' | 'directory' } {
  const from = Math.max(0, device.size - END_BYTES - MAX_COMMENT);
  const tail = readBytes(device, from, device.size - from);
  const view = viewOf(tail);
  let fallback: Directory | null = null;
  let part: 'end' | 'directory' = 'end';
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (view.getUint32(at, true) !== END) continue;
    part = 'directory';
    const directory = directoryAt(device, view, at, from);
    if (!directory || !isDirectory(device, directory)) continue;
    const reachesEnd = at + END_BYTES + view.getUint16(at + 20, true) === tail.length;
    if (reachesEnd && directory.count > 0) return { place: directory, part };
    fallback ??= directory;
  }
  return { place: fallback, part };
}

function directoryAt(device: ByteDevice, view: DataView, at: number, from: number): Directory | null {
  const plain = {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    start: view.getUint32(at + 16, true),
  };
  if (plain.start !== 0xffffffff && plain.size !== 0xffffffff && plain.count !== 0xffff) return plain;
  if (at < 20 || view.getUint32(at - 20, true) !== END64_LOCATOR) return plain;
  const end64 = Number(view.getBigUint64(at - 12, true));
  const record = readBytes(device, end64, 56);
  const wide = viewOf(record);
  if (record.length < 56 || wide.getUint32(0, true) !== END64 || end64 > from + at) return null;
  return {
    count: Number(wide.getBigUint64(32, true)),
    size: Number(wide.getBigUint64(40, true)),
    start: Number(wide.getBigUint64(48, true)),
  };
}

function isDirectory(device: ByteDevice, { count, start, size }: Directory): boolean {
  if (start + size > device.size || count * 46 > size) return false;
  if (count === 0) return true;
  const signature = readBytes(device, start, 4);
  return signature.length === 4 && viewOf(signature).getUint32(0, true) === CENTRAL;
}

/** Sizes that do not fit 32 bits stand in an extra field, only those that are all ones, in this order. */
function readZip64Extra(view: DataView, start: number, length: number, member: ZipMember): void {
  const end = Math.min(start + length, view.byteLength);
  for (let at = start; at + 4 <= end;) {
    const size = view.getUint16(at + 2, true);
    let value = at + 4;
    if (view.getUint16(at, true) === 1) {
      for (const key of ['size', 'packed', 'at'] as const) {
        if (member[key] !== 0xffffffff || value + 8 > end) continue;
        member[key] = Number(view.getBigUint64(value, true));
        value += 8;
      }
    }
    at += 4 + size;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
