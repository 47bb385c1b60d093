/** The weights that an HDF5 file of Keras holds: which, in which shape, and where. No value is read. */
import type { WeightFolder } from '../../core/formats/kerasWeightFolders';
import type { Problem, WeightEntry } from '../../core/model/modelFile';
import type { Hdf5File } from './hdf5/hdf5File';
import { weightEntry } from './hdf5/weightDataset';

export interface FoundWeights {
  entries: WeightEntry[];
  /** Folders of Keras 3's layout; null in the older one, which goes by layers' names. */
  folders: WeightFolder[] | null;
  problems: Problem[];
}

/** Names by which messages and locators call the files. */
export interface WeightSource {
  /** The file that holds the weights, relative to the model's folder. */
  file: string;
  /** The model's file. */
  model: string;
}

/** What a file of weights is; null when it is none of Keras's. */
export function weightLayout(hdf5: Hdf5File): 'by-name' | 'by-folder' | null {
  if (hasList(hdf5, '/', 'layer_names')) return 'by-name';
  return ROOTS.some((name) => hdf5.child(`/${name}`)?.kind === 'group') ? 'by-folder' : null;
}

const ROOTS = ['layers', '_layer_checkpoint_dependencies', 'vars'];
/** What training has beside the model's own variables. */
export const NOT_THE_MODELS = /^_?(optimizer|(compile_)?metrics|compile_loss|loss_tracker)$/;
/** A group has its own bytes in the file; names that outnumber them are links to the same groups again and again. */
const GROUP_BYTES = 24;

/**
 * Keras's older HDF5: a group for each layer, whose attribute lists its weights.
 * @param group `/model_weights`, or `/` in a file of weights alone.
 */
export function weightsByName(hdf5: Hdf5File, group: string, source: WeightSource): FoundWeights {
  const found: FoundWeights = { entries: [], folders: null, problems: [] };
  const root = group === '/' ? '' : group;
  const layers = textList(hdf5, group, 'layer_names') ?? [];
  const extra = hdf5.child(`${root}/top_level_model_weights`)?.kind === 'group' ? ['top_level_model_weights'] : [];
  for (const layer of [...layers, ...extra]) {
    const path = `${root}/${layer}`;
    const child = hdf5.child(path);
    if (child?.kind === 'outside') reportOutside(found, source, layer, child.target);
    if (child?.kind === 'lost' && child.loop) reportLoop(found, source, layer, 'error');
    if (child?.kind !== 'group') continue;
    const weights = textList(hdf5, path, 'weight_names') ?? [];
    for (const weight of weights) {
      // Keras 3 and functional models leave out what the group says already, Sequentials do not
      const name = weight.startsWith(`${layer}/`) ? weight : `${layer}/${weight}`;
      addWeight(found, hdf5, `${path}/${weight}`, name, source);
    }
    reportLoops(found, hdf5, group, path, new Set(weights.map((weight) => weight.split('/')[0] ?? '')), source);
  }
  return found;
}

/** Keras 3's: groups as the objects hold each other, variables as `vars/0`, `vars/1` in each. */
export function weightsByFolder(hdf5: Hdf5File, source: WeightSource): FoundWeights {
  const folders: WeightFolder[] = [];
  const found: FoundWeights = { entries: [], folders, problems: [] };
  let left = hdf5.device.size / GROUP_BYTES;
  const pending: { path: string; above: number[] }[] = [{ path: '', above: [] }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { path, above } = next;
    const address = hdf5.address(path === '' ? '/' : path);
    left -= 1;
    if (above.includes(address) || left < 0) {
      reportLoop(found, source, path.slice(1), left < 0 ? 'error' : 'warning');
      if (left < 0) break;
      continue;
    }
    const groups: typeof pending = [];
    const names = hdf5.names(path === '' ? '/' : path);
    if (names.includes('vars') && path !== '') {
      folders.push({ path: path.slice(1), layer: layerOf(hdf5, `${path}/vars`) });
    }
    for (const name of inOrder(names)) {
      if (path === '' && NOT_THE_MODELS.test(name)) continue;
      const child = hdf5.child(`${path}/${name}`);
      const shown = `${path}/${name}`.slice(1);
      if (child?.kind === 'group') groups.push({ path: `${path}/${name}`, above: [...above, address] });
      else if (child?.kind === 'dataset') addWeight(found, hdf5, `${path}/${name}`, shown, source);
      else if (child?.kind === 'outside') reportOutside(found, source, shown, child.target);
      else if (child?.kind === 'lost' && child.loop) reportLoop(found, source, shown, 'error');
    }
    pending.push(...groups.reverse());
  }
  return found;
}

function addWeight(found: FoundWeights, hdf5: Hdf5File, path: string, name: string, source: WeightSource): void {
  const child = hdf5.child(path);
  if (child?.kind === 'outside') return reportOutside(found, source, name, child.target);
  if (child?.kind === 'lost' && child.loop) return reportLoop(found, source, name, 'error');
  // what is not there is missed by the layer that needs it
  if (child?.kind !== 'dataset') return;
  const { entry, problem } = weightEntry(hdf5, path, name, source);
  if (entry) found.entries.push(entry);
  if (problem) found.problems.push(problem);
}

/** The layer's name as Keras writes it on a group of variables. */
function layerOf(hdf5: Hdf5File, path: string): string | null {
  if (hdf5.child(path)?.kind !== 'group' || !hdf5.attributeNames(path).has('name')) return null;
  return hdf5.text(path, 'name')?.[0] ?? null;
}

function hasList(hdf5: Hdf5File, path: string, name: string): boolean {
  const names = hdf5.attributeNames(path);
  return names.has(name) || names.has(`${name}0`);
}

/** A list of text; Keras splits what is over 64 KB into `layer_names0`, `layer_names1` … */
function textList(hdf5: Hdf5File, path: string, name: string): string[] | null {
  const names = hdf5.attributeNames(path);
  if (names.has(name)) return hdf5.text(path, name);
  if (!names.has(`${name}0`)) return null;
  const texts: string[] = [];
  for (let i = 0; names.has(`${name}${i}`); i += 1) texts.push(...(hdf5.text(path, `${name}${i}`) ?? []));
  return texts;
}

/** Numbers by their size: `vars/10` stands behind `vars/9`. */
function inOrder(names: readonly string[]): string[] {
  return [...names].sort((a, b) => Number(a) - Number(b) || 0);
}

/** Groups that hold the one that they are in: nothing walks through them, but the file is odd. */
function reportLoops(
  found: FoundWeights,
  hdf5: Hdf5File,
  group: string,
  path: string,
  expected: ReadonlySet<string>,
  source: WeightSource,
): void {
  const others = hdf5.names(path).filter((name) => !expected.has(name));
  if (others.length === 0) return;
  const above = [group, path].map((item) => hdf5.address(item));
  for (const name of others) {
    const inner = `${path}/${name}`;
    if (hdf5.child(inner)?.kind === 'group' && above.includes(hdf5.address(inner)))
      reportLoop(found, source, inner.slice(1), 'warning');
  }
}

function reportOutside({ problems }: FoundWeights, { model }: WeightSource, weight: string, target: string): void {
  problems.push({ code: 'unsafe-link', severity: 'error', address: null, data: { file: model, weight, target } });
}

function reportLoop(
  { problems }: FoundWeights,
  { model }: WeightSource,
  weight: string,
  severity: Problem['severity'],
): void {
  problems.push({ code: 'link-loop', severity, address: null, data: { file: model, weight } });
}
