/** Values from `.npy`, `.npz` and JSON files. */
import { readNpy } from '../files/npy';
import { readNpz, type NpzFile } from '../files/npz';
import { readJsonArray } from './jsonArray';
import type { TensorData } from './syntheticInput';
import { badInput, checkCount, fedShape, type InputInfo, type InputNote, type RunDType } from './tensorShape';

export interface ArraySource {
  bytes: Uint8Array;
  file: string;
  format: 'npy' | 'npz' | 'json';
  /** Member of an `.npz`, or key of a JSON object; default: the input's name, else the only one. */
  member?: string;
}

/**
 * The file's values in the input's type and shape. Floats for an integer input must be whole numbers.
 * Errors: those of the formats, and `bad-input` with `reason` `wrong-shape`, `not-integer`, `not-number`, `not-string`.
 */
export function arrayInput(
  source: ArraySource,
  info: InputInfo,
  dtype: RunDType,
): { data: TensorData; shape: number[]; notes: InputNote[] } {
  const notes: InputNote[] = [];
  const { data, shape } = readArray(source, info);
  const fed = fedShape(shape, info, source.file, notes);
  checkCount(fed, info);
  return { data: converted(data, dtype, info, source.file), shape: fed, notes };
}

type Values = Float32Array | Float64Array | Int32Array | Uint8Array | string[];

function readArray(source: ArraySource, info: InputInfo): { data: Values; shape: number[] } {
  const { bytes, file } = source;
  if (source.format === 'npy') return readNpy(bytes, file);
  if (source.format === 'npz') {
    const npz = readNpz(bytes, file);
    return npz.read(source.member ?? memberFor(npz, info.name));
  }
  return readJsonArray(new TextDecoder().decode(bytes), source.member ?? info.name, file);
}

function memberFor(npz: NpzFile, inputName: string): string {
  const [only] = npz.names;
  // Names that `np.savez` gives to unnamed arrays say nothing; with a single one it is meant all the same.
  return !npz.names.includes(inputName) && npz.names.length === 1 && only !== undefined ? only : inputName;
}

function converted(data: Values, dtype: RunDType, info: InputInfo, file: string): TensorData {
  if (Array.isArray(data)) {
    if (dtype !== 'string') throw badInput('not-number', info, { file });
    return data;
  }
  if (dtype === 'string') throw badInput('not-string', info, { file });
  if (dtype === 'bool') return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1));
  if (dtype === 'float32') return data instanceof Float32Array ? data : Float32Array.from(data);
  if (data instanceof Int32Array) return data;
  const wrong = data.findIndex((value) => value !== (value | 0));
  if (wrong >= 0) throw badInput('not-integer', info, { file, index: wrong, value: String(data[wrong]) });
  return Int32Array.from(data);
}
