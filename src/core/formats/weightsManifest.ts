/** `weightsManifest` as TF.js reads it. */
import type { JsonObject, JsonValue } from '../model/json';
import type { WeightEntry } from '../model/modelFile';

/** A weight as it is called in a new file, and what is known of its bytes. */
export interface NamedEntry {
  name: string;
  entry: WeightEntry;
}

/** Of weights that lie one after the other in `paths`. */
export function manifestGroups(entries: readonly NamedEntry[], paths: readonly string[]): JsonValue[] {
  return entries.length === 0 ? [] : [{ paths: [...paths], weights: entries.map(manifestEntry) }];
}

function manifestEntry({ name, entry: { shape, dtype, quantization } }: NamedEntry): JsonObject {
  if (!quantization) return { name, shape, dtype };
  const { scale, min, originalDtype } = quantization;
  return {
    name,
    shape,
    dtype,
    quantization: {
      dtype: quantization.dtype,
      ...(scale === undefined ? {} : { scale }),
      ...(min === undefined ? {} : { min }),
      original_dtype: originalDtype,
    },
  };
}
