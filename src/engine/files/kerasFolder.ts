/** What stands beside Keras's weights in a folder: the model's configuration, and what an unpacked `.keras` has more. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { producerOfMetadata } from '../../core/formats/kerasModel';
import type { Producer } from '../../core/model/modelFile';
import { readText, regularFile } from './byteSource';
import type { Assets } from './openedKerasFile';
import { MAX_VOCABULARY } from './vocabulary';

/** A model's JSON beside its weights. */
const MAX_CONFIG = 64 * 1024 * 1024;
/** A folder of more is no model's. */
const MAX_ASSETS = 10_000;

export interface Configuration {
  /** Absolute. */
  path: string;
  config: { text: string; file: string };
  producer: Producer;
}

/** A model's configuration beside a file of weights: named like it, or as Keras and its users name it. */
export async function configBeside(file: string): Promise<Configuration | null> {
  const folder = path.dirname(file);
  const stem = path.basename(file).replace(/(\.weights)?\.(h5|hdf5|json)$/i, '');
  for (const name of [`${stem}.json`, 'config.json', 'model.json']) {
    const place = path.join(folder, name);
    if (!(await regularFile(place))) continue;
    const found = await readConfiguration(place);
    if (/"class_name"/.test(found.config.text)) return found;
  }
  return null;
}

/** @throws SlicerError `missing-file`, `too-large`. */
export async function readConfiguration(file: string): Promise<Configuration> {
  const name = path.basename(file);
  const text = await readText(file, name, MAX_CONFIG);
  const metadata = await readText(path.join(path.dirname(file), 'metadata.json'), 'metadata.json', MAX_CONFIG).catch(
    () => null,
  );
  return { path: file, config: { text, file: name }, producer: producerOfMetadata(metadata) };
}

/** Of an unpacked `.keras`: its folder `assets`. No link is followed. */
export async function assetsBeside(folder: string): Promise<Assets> {
  const paths = new Set<string>();
  const pending = ['assets'];
  for (let next = pending.pop(); next !== undefined && paths.size + pending.length < MAX_ASSETS; next = pending.pop()) {
    const children = await readdir(path.join(folder, next), { withFileTypes: true }).catch(() => []);
    for (const child of children) {
      if (child.isDirectory()) pending.push(`${next}/${child.name}`);
      else if (child.isFile()) paths.add(`${next}/${child.name}`);
    }
  }
  const read = async (asset: string): Promise<Uint8Array> => {
    if (!paths.has(asset)) throw new SlicerError('missing-file', { file: asset });
    return new TextEncoder().encode(await readText(path.join(folder, asset), asset, MAX_VOCABULARY));
  };
  return { paths, read };
}
