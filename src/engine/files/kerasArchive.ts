/** A `.keras` archive: its configuration's text, and its weights as bytes to read at random. */
import { SlicerError } from '../../core/errors';
import type { Problem } from '../../core/model/modelFile';
import type { ByteDevice, FileDevice } from './hdf5/byteDevice';
import type { Assets } from './openedKerasFile';
import { unpackMember, type UnpackOptions } from './unpackMember';
import { MAX_VOCABULARY } from './vocabulary';
import { readMember, readZipArchive, type ZipArchive, type ZipMember } from './zipArchive';

export interface KerasArchive {
  config: { text: string; file: string };
  metadata: string | null;
  /** Null where there are none, or none that can be read; `problems` says why. */
  weights: { device: ByteDevice; name: string } | null;
  assets: Assets;
  problems: Problem[];
  close(): Promise<void>;
}

/** The biggest configurations that Keras writes have a few MB. */
const MAX_CONFIG = 64 * 1024 * 1024;

const CONFIG = 'config.json';
const WEIGHTS = 'model.weights.h5';

/** @throws SlicerError `not-zip`, `truncated-zip`, `missing-config`, `unsupported`, `too-large`, `cancelled`. */
export async function openKerasArchive(
  device: FileDevice,
  file: string,
  options: UnpackOptions = {},
): Promise<KerasArchive> {
  const archive = readZipArchive(device, file);
  const folder = folderOfModel(archive);
  const config = archive.members.get(folder + CONFIG);
  if (!config) throw new SlicerError('missing-config', { file, member: CONFIG });
  const text = new TextDecoder().decode(readMember(device, config, file, MAX_CONFIG));
  const problems = oddities(archive, file);
  const metadata = archive.members.get(`${folder}metadata.json`);
  const member = archive.members.get(folder + WEIGHTS);
  const opened: { weights: KerasArchive['weights']; close: () => Promise<void> } = {
    weights: null,
    close: () => Promise.resolve(),
  };
  try {
    if (!member) throw missingWeights(archive, file);
    const found = await unpackMember(device, member, file, options);
    opened.weights = { device: found.device, name: `${file} (${WEIGHTS})` };
    opened.close = found.close;
  } catch (error) {
    if (!(error instanceof SlicerError) || error.code === 'cancelled') throw error;
    problems.push({ code: error.code, severity: 'error', address: null, data: error.data });
  }
  return {
    config: { text, file: `${file} (${CONFIG})` },
    metadata: metadata ? readMetadata(device, metadata, file) : null,
    assets: assetsOf(archive, folder, device, file),
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
    : new SlicerError('unsupported', {
        file,
        reason: other.endsWith('.npz') ? 'keras-npz' : 'keras-weights',
        member: other,
      });
}

/** What does no harm, because nothing is ever unpacked under its own name. */
function oddities({ members, duplicates }: ZipArchive, file: string): Problem[] {
  const warning = (code: Problem['code'], member: string): Problem => ({
    code,
    severity: 'warning',
    address: null,
    data: { file, reason: 'archive', member },
  });
  // Python ends a name at NUL
  const outside = [...members.keys()].filter((name) => /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|\0/.test(name));
  return [
    ...outside.slice(0, 5).map((name) => warning('unsafe-path', name)),
    ...duplicates.slice(0, 5).map((name) => warning('duplicate-entry', name)),
  ];
}

/** Vocabularies and whatever else layers keep: read when it is asked for. */
function assetsOf({ members }: ZipArchive, folder: string, device: ByteDevice, file: string): Assets {
  const prefix = `${folder}assets/`;
  const names = [...members.keys()].filter((name) => name.startsWith(prefix) && !name.endsWith('/'));
  return {
    paths: new Set(names.map((name) => name.slice(folder.length))),
    read: (path) => {
      const member = members.get(folder + path);
      if (!member || !path.startsWith('assets/')) throw new SlicerError('missing-file', { file: `${file}/${path}` });
      return Promise.resolve(readMember(device, member, file, MAX_VOCABULARY));
    },
  };
}
