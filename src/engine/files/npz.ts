/** Reading NumPy's `.npz`: a zip of `.npy` members, each read when it is asked for. */
import { SlicerError } from '../../core/errors';
import { badInput } from '../badInput';
import { memoryDevice, type ByteDevice } from './hdf5/byteDevice';
import { readNpy, type NpyArray } from './npy';
import { liesAboutSize, readMember, readZipArchive, type ZipArchive, type ZipMember } from './zipArchive';

export { NpzWriter } from './npzWriter';

export interface NpzFile {
  /** Member names without `.npy`, in the order of the file. */
  names: string[];
  /** The member of that name. Errors: as `readNpy`, with `member`; `npz-member` when there is none. */
  read(name: string): NpyArray;
}

/** One member, unpacked. */
const MAX_MEMBER = 2 ** 31;
const SUFFIX = '.npy';

/** Reads the directory of a `.npz`; no member is unpacked yet. Errors: `bad-input` with `reason` `not-npz` or `npz-broken`. */
export function readNpz(bytes: Uint8Array, file = ''): NpzFile {
  const device = memoryDevice(bytes);
  const { members, duplicates } = readDirectory(device, file);
  const arrays = new Map<string, ZipMember>();
  for (const [name, member] of members) {
    if (member.encrypted) throw badInput('npz-broken', file, { member: name, detail: 'encrypted' });
    if (name.endsWith(SUFFIX)) arrays.set(name.slice(0, -SUFFIX.length), member);
  }
  // A zip of something else; an empty one is what `np.savez` writes for no arrays.
  if (arrays.size === 0 && members.size + duplicates.length > 0) throw badInput('not-npz', file);
  return {
    names: [...arrays.keys()],
    read(name) {
      const member = arrays.get(name);
      if (!member) throw badInput('npz-member', file, { member: name, names: [...arrays.keys()].slice(0, 20) });
      return readNpy(unpack(device, member, file, name), `${file}/${name}${SUFFIX}`);
    },
  };
}

function readDirectory(device: ByteDevice, file: string): ZipArchive {
  try {
    return readZipArchive(device, file);
  } catch (cause) {
    throw inTermsOfNpz(cause, file, {});
  }
}

function unpack(device: ByteDevice, member: ZipMember, file: string, name: string): Uint8Array {
  if (member.size > MAX_MEMBER || (member.method === 8 && liesAboutSize(member)))
    throw new SlicerError('too-large', { file, member: name, bytes: member.size });
  try {
    return readMember(device, member, file, MAX_MEMBER);
  } catch (cause) {
    throw inTermsOfNpz(cause, file, { member: name });
  }
}

/** What is wrong with the archive, as it is said of arrays. */
function inTermsOfNpz(cause: unknown, file: string, data: Record<string, string>): unknown {
  if (!(cause instanceof SlicerError)) return cause;
  const { part, method, expected, actual } = cause.data;
  if (part === 'end') return badInput('not-npz', file, data, cause);
  if (typeof expected === 'number' && typeof actual === 'number')
    return badInput('npy-truncated', file, { ...data, expected, actual }, cause);
  return badInput(
    'npz-broken',
    file,
    { ...data, ...(typeof method === 'number' ? { detail: `method ${method}` } : {}) },
    cause,
  );
}
