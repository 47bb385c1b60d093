/** What running needs of an opened file: the model and its weights' values. A slice in memory is one, too. */
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { WeightValues } from '../files/decodeWeight';

export interface WeightSource {
  readonly model: ModelFile;
  /** The entry's values, dequantized. */
  readWeight(entry: WeightEntry): Promise<WeightValues>;
  /** The bytes of `assets/…`, where the format has such. */
  readAsset?(path: string): Promise<Uint8Array>;
  /** The entry's bytes as stored. */
  readStored(entry: WeightEntry): AsyncIterable<Uint8Array>;
}
