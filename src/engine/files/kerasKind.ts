/** Which of Keras's own formats a file is: by its content, and by its name only where the content is neither that nor JSON. */
import path from 'node:path';
import { open, readdir } from 'node:fs/promises';
import { SlicerError } from '../../core/errors';
import { binarySignature } from '../../core/formats/openModelJson';
import { regularFile } from './byteSource';

/** A whole model by its name; `.weights.h5` is none. */
export function isKerasName(name: string): boolean {
  return /\.(keras|h5|hdf5)$/i.test(name) && !/\.weights\.h5$/i.test(name);
}

/** A user block before HDF5's signature is 512 bytes, or twice that, again and again. */
const USER_BLOCKS = [512, 1024, 2048, 4096, 8192];

/** @throws SlicerError `empty-file`, `not-hdf5`, `not-zip`: a name that promises what the content is not. */
export async function kerasKind(file: string): Promise<'hdf5' | 'zip' | null> {
  const name = path.basename(file);
  const info = await regularFile(file);
  if (!info) return null;
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new SlicerError('missing-file', { file: name }, { cause });
  });
  try {
    const start = new Uint8Array(64);
    const at = async (offset: number): Promise<Uint8Array> => {
      const { bytesRead } = await handle.read(start, 0, start.length, offset);
      return start.subarray(0, bytesRead);
    };
    const first = await at(0);
    const signature = kindOf(first);
    if (signature) return signature;
    const promised = /\.(h5|hdf5)$/i.test(name) ? 'hdf5' : /\.keras$/i.test(name) ? 'zip' : null;
    if (promised === null) return null;
    if (info.size === 0) throw new SlicerError('empty-file', { file: name });
    // a model.json under another name
    if (/^[\s\uFEFF]*[{[]/.test(new TextDecoder().decode(first))) return null;
    for (const offset of USER_BLOCKS) if (kindOf(await at(offset)) === 'hdf5') return 'hdf5';
    throw new SlicerError(promised === 'hdf5' ? 'not-hdf5' : 'not-zip', { file: name });
  } finally {
    await handle.close();
  }
}

function kindOf(bytes: Uint8Array): 'hdf5' | 'zip' | null {
  const signature = binarySignature(bytes);
  return signature === null ? null : signature === 'hdf5' ? 'hdf5' : 'zip';
}

/**
 * Keras's weights beside a configuration: `model.weights.h5`, or named like the JSON; an index of several such files
 * ends in `.weights.json`. Beside a `config.json`, which nobody names after its weights, the only ones that there are.
 */
export async function weightsBeside(json: string): Promise<string | null> {
  const folder = path.dirname(json);
  const stem = path.basename(json).replace(/\.json$/i, '');
  const all = await readdir(folder).catch((): string[] => []);
  const exact = ['h5', 'json', 'npz'].flatMap((end) => [`model.weights.${end}`, `${stem}.weights.${end}`]);
  const indexes = all.filter((name) => name.endsWith('.weights.json'));
  const isShard = (name: string): boolean => indexes.length > 0 && /_\d{5}\.weights\.h5$/.test(name);
  const single = all.filter((name) => name.endsWith('.weights.h5') && !isShard(name));
  const others = stem === 'config' && indexes.length + single.length === 1 ? [...indexes, ...single] : [];
  for (const name of [...exact.filter((one) => all.includes(one)), ...others]) {
    const file = path.join(folder, name);
    if (file !== json && (await regularFile(file))) return file;
  }
  return null;
}
