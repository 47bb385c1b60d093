/** A packed member of an archive as bytes that can be read at random: in memory, or in a temporary file. */
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import { FileDevice, memoryDevice, type ByteDevice } from './hdf5/byteDevice';
import { clearLeftovers, temporaryName, WriterId } from './leftovers';
import { memberBytes, readMember, type ZipMember } from './zipArchive';

/** Up to this size into memory, above it into a temporary file. */
const MAX_IN_MEMORY = 64 * 1024 * 1024;
/** Weights are noise: packed to a twentieth, they are none. */
const MAX_RATIO = 20;
/** What the disk of temporary files must have left. */
const SPARE = 256 * 1024 * 1024;

export interface UnpackOptions {
  signal?: AbortSignal;
  /** Told of long work: bytes done and in all. */
  onUnpack?(progress: { done: number; total: number; at: string }): void;
}

export interface Unpacked {
  device: ByteDevice;
  close(): Promise<void>;
}

/**
 * A member's bytes. Those that are stored as they are, as Keras does, are read where they stand.
 * @throws SlicerError `too-large`, `write-failed`, `cancelled`, and what reading archives throws.
 */
export async function unpackMember(
  device: FileDevice,
  member: ZipMember,
  file: string,
  options: UnpackOptions = {},
): Promise<Unpacked> {
  const { bytes, deflated } = memberBytes(device, member, file);
  if (!deflated) return { device: bytes, close: () => Promise.resolve() };
  if (member.size > member.packed * MAX_RATIO + MAX_IN_MEMORY) throw tooLarge(member, file);
  if (member.size <= MAX_IN_MEMORY)
    return {
      device: memoryDevice(readMember(device, member, file, MAX_IN_MEMORY)),
      close: () => Promise.resolve(),
    };
  // what a process left there that was killed goes when the next one starts, and here
  const folder = tmpdir();
  await clearLeftovers(folder);
  const { bavail, bsize } = await statfs(folder);
  if (member.size + SPARE > bavail * bsize)
    throw new SlicerError('write-failed', { file, reason: 'space', bytes: member.size, folder });
  const target = path.join(folder, temporaryName(new WriterId(), 0));
  try {
    await inflateTo(target, bytes, member, file, options);
    const unpacked = new FileDevice(target, `${file} (${member.name})`);
    // where the system lets go of names, not even a process that is killed leaves it behind
    await rm(target, { force: true }).catch(() => undefined);
    return {
      // its place is nobody's business: what stands in it cannot be copied from the model's file
      device: { size: unpacked.size, place: null, readInto: (to, offset) => unpacked.readInto(to, offset) },
      close: async () => {
        unpacked.close();
        await rm(target, { force: true });
      },
    };
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

function tooLarge(member: ZipMember, file: string): SlicerError {
  return new SlicerError('too-large', { file, reason: 'member', member: member.name, bytes: member.size });
}

/** What comes out is at most what is declared, whatever the bytes say, and never more than `MAX_RATIO` of what went in. */
async function inflateTo(
  target: string,
  { place, size }: ByteDevice,
  member: ZipMember,
  file: string,
  { signal, onUnpack }: UnpackOptions,
): Promise<void> {
  if (!place) throw new SlicerError('internal', { reason: 'the archive is no file' });
  const data = { file, member: member.name };
  let done = 0;
  let told = 0;
  let checksum = 0;
  const limit = new Transform({
    transform(chunk: Uint8Array, _encoding, next) {
      done += chunk.length;
      if (done > member.size) return next(new SlicerError('not-zip', data));
      checksum = crc32(chunk, checksum);
      if (done - told >= 16 * 1024 * 1024) {
        told = done;
        onUnpack?.({ done, total: member.size, at: member.name });
      }
      next(null, chunk);
    },
  });
  try {
    const packed = createReadStream(place.path, { start: place.offset, end: place.offset + size - 1 });
    const output = createWriteStream(target, { flags: 'wx', mode: 0o600 });
    await pipeline(packed, createInflateRaw(), limit, output, signal ? { signal } : {});
  } catch (cause) {
    if (cause instanceof SlicerError) throw cause;
    if (signal?.aborted === true) throw new SlicerError('cancelled', {}, { cause });
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    // the others are zlib's own
    if (/^E[A-Z]+$/.test(code)) throw new SlicerError('write-failed', { file: target, reason: code }, { cause });
    throw new SlicerError('not-zip', data, { cause });
  }
  if (done !== member.size || checksum !== member.crc) throw new SlicerError('not-zip', data);
}
