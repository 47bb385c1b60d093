/** What a slice is saved as: by what people call it, by the name of the file, by what the source is. */
import type { ModelFile } from '../model/modelFile';
import type { SliceFormat } from './slice';

/** As `--format` has them. */
const NAMES: ReadonlyMap<string, SliceFormat> = new Map([
  ['keras', 'keras-v3'],
  ['keras-v3', 'keras-v3'],
  ['h5', 'keras-h5'],
  ['hdf5', 'keras-h5'],
  ['keras-h5', 'keras-h5'],
  ['layers-model', 'layers-model'],
  ['graph-model', 'graph-model'],
]);

export function formatNamed(name: string): SliceFormat | null {
  return NAMES.get(name) ?? null;
}

/** What a file of this name is; null where the name leaves it open: a folder, a `.json`. */
export function formatOfFile(name: string): Extract<SliceFormat, 'keras-v3' | 'keras-h5'> | null {
  if (/\.keras$/i.test(name)) return 'keras-v3';
  return /\.(h5|hdf5)$/i.test(name) ? 'keras-h5' : null;
}

/** Whether a file or folder of this name can be of this format. */
export function fitsName(format: SliceFormat, name: string): boolean {
  const own = formatOfFile(name);
  return format === 'keras-v3' || format === 'keras-h5' ? own === format : own === null;
}

/** What TF.js reads of a model. */
export function tfjsFormat({ graph }: ModelFile): Extract<SliceFormat, 'layers-model' | 'graph-model'> {
  return graph.kind === 'graph' ? 'graph-model' : 'layers-model';
}

/** The source's own format; weights beside a configuration become one file. */
export function ownFormat(model: ModelFile): SliceFormat {
  switch (model.format) {
    case 'keras-v3':
      return 'keras-v3';
    case 'keras-h5':
    case 'weights-h5':
      return 'keras-h5';
    default:
      return tfjsFormat(model);
  }
}

/** All that a slice of the model can be saved as, its own format first. */
export function formatsFor(model: ModelFile): SliceFormat[] {
  if (model.graph.kind === 'graph') return ['graph-model'];
  const all: SliceFormat[] = ['keras-v3', 'keras-h5', 'layers-model'];
  const own = ownFormat(model);
  return [own, ...all.filter((format) => format !== own)];
}
