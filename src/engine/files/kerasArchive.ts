/** A `.keras` archive: its configuration's text, and its weights as bytes to read at random. */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { SlicerError } from '../../core/errors';
import type { Problem } from '../../core/model/modelFile';
import { FileDevice, memoryDevice, type ByteDevice } from './hdf5/byteDevice';
import { memberBytes, readMember, readZipArchive, type ZipArchive, type ZipMember } from './zipArchive';

export interface KerasArchive {
  config: { text: string; file: string };
  metadata: string | null;
  /** Null where there are none, or none that can be read; `problems` says why. */
  weights: { device: ByteDevice; name: string } | null;
  problems: Problem[];
  close(): Promise<void>;
}

/** The biggest configurations that Keras writes have a few MB. */
const MAX_CONFIG = 64 * 1024 * 1024;
/** Weights that were packed are unpacked into memory up to this size, above it into a temporary file. */
const MAX_IN_MEMORY = 64 * 1024 * 1024;
/** Weights are noise: packed to a twentieth, they are none. */
const MAX_RATIO = 20;

const CONFIG = 'config.json';
const WEIGHTS = 'model.weights.h5';

/** @throws SlicerError `not-zip`, `truncated-zip`, `missing-config`, `unsupported`, `too-large`. */
export async function openKerasArchive(device: FileDevice, file: string): Promise<KerasArchive> {
  const archive = readZipArchive(device, file);
  const folder = folderOfModel(archive);
  const config = archive.members.get(folder + CONFIG);
  if (!config) throw new SlicerError('missing-config', { file, member: CONFIG });
  const text = new TextDecoder().decode(readMember(device, config, file, MAX_CONFIG));
  const problems = oddities(archive, file);
  const metadata = archive.members.get(`${folder}metadata.json`);
  const member = archive.members.get(folder + WEIGHTS);
  const temporary = path.join(tmpdir(), `model-slicer-${randomUUID()}.h5`);
  const opened: { weights: KerasArchive['weights']; close: () => Promise<void> } = {
    weights: null,
    close: () => Promise.resolve(),
  };
  try {
    if (!member) throw missingWeights(archive, file);
    const found = await weightsDevice(device, member, file, temporary);
    opened.weights = { device: found.device, name: `${file} (${WEIGHTS})` };
    opened.close = found.close;
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
    problems.push({ code: error.code, severity: 'error', address: null, data: error.data });
  }
  return {
    config: { text, file: `${file} (${CONFIG})` },
    metadata: metadata ? readMetadata(device, metadata, file) : null,
    problems,
    ...opened,
  };
}

/** Somebody may have packed the unpacked model's folder instead of its files. */
function folderOfModel({ members }: ZipArchive): string {
  if (members.has(CONFIG)) return '';
  const folders = [...members.keys()].filter((name) => /^[^/\\]+\/config\.json$/.test(name));
  const [only] = folders;
  return folders.length === 1 && only !== undefined ? only.slice(0, -CONFIG.length) : '';
}

/** Not needed for anything but the version; what cannot be read is no matter. */
function readMetadata(device: ByteDevice, member: ZipMember, file: string): string | null {
  try {
    return new TextDecoder().decode(readMember(device, member, file, 1024 * 1024));
  } catch (error) {
    if (error instanceof SlicerError) return null;
    throw error;
  }
}

function missingWeights({ members }: ZipArchive, file: string): SlicerError {
  const other = [...members.keys()].find((name) => /^model\.weights\.(npz|json)$/.test(name));
  return other === undefined
    ? new SlicerError('missing-weight', { file, reason: 'member', weight: WEIGHTS })
    : new SlicerError('unsupported', { file, reason: 'keras-weights', member: other });
}

/** What does no harm, because nothing is ever unpacked under its own name. */
function oddities({ members, duplicates }: ZipArchive, file: string): Problem[] {
  const warning = (code: Problem['code'], member: string): Problem => ({
    code,
    severity: 'warning',
    address: null,
    data: { file, reason: 'archive', member },
  });
  const outside = [...members.keys()].filter((name) => /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(name));
  return [
    ...outside.slice(0, 5).map((name) => warning('unsafe-path', name)),
    ...duplicates.slice(0, 5).map((name) => warning('duplicate-entry', name)),
  ];
}

/** Stored weights, as Keras writes them, are read where they stand. */
async function weightsDevice(
  device: FileDevice,
  member: ZipMember,
  file: string,
  temporary: string,
): Promise<{ device: ByteDevice; close: () => Promise<void> }> {
  const nothing = (): Promise<void> => Promise.resolve();
  const { bytes, deflated } = memberBytes(device, member, file);
  if (!deflated) return { device: bytes, close: nothing };
  if (member.size > member.packed * MAX_RATIO + MAX_IN_MEMORY)
    throw new SlicerError('too-large', { file, reason: 'member', member: member.name, bytes: member.size });
  if (member.size <= MAX_IN_MEMORY) {
    return { device: memoryDevice(readMember(device, member, file, MAX_IN_MEMORY)), close: nothing };
  }
  await inflateTo(temporary, bytes, member, file);
  const unpacked = new FileDevice(temporary, `${file} (${member.name})`);
  return {
    // its place is nobody's business: what stands in it cannot be copied from the model's file
    device: { size: unpacked.size, place: null, readInto: (target, offset) => unpacked.readInto(target, offset) },
    close: async () => {
      unpacked.close();
      await rm(temporary, { force: true });
    },
  };
}

async function inflateTo(target: string, { place, size }: ByteDevice, member: ZipMember, file: string): Promise<void> {
  if (!place) throw new SlicerError('internal', { reason: 'the archive is no file' });
  const data = { file, member: member.name };
  let left = member.size;
  const limit = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      left -= chunk.length;
      if (left < 0) done(new SlicerError('not-zip', data));
      else done(null, chunk);
    },
  });
  try {
    const packed = createReadStream(place.path, { start: place.offset, end: place.offset + size - 1 });
    await pipeline(packed, createInflateRaw(), limit, createWriteStream(target, { flags: 'wx', mode: 0o600 }));
    if (left !== 0) throw new SlicerError('not-zip', data);
  } catch (cause) {
    await rm(target, { force: true });
    if (cause instanceof SlicerError) throw cause;
    throw new SlicerError('not-zip', data, { cause });
  }
}
