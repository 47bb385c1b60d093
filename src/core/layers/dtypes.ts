/** Keras's dtype policies: what a layer computes in, and what its variables are. */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { DType } from '../model/layerGraph';

export interface DTypePolicy {
  compute: DType;
  variable: DType;
  /** `int8`, `int4`, `float8`, `gptq` …: the layer's kernel is quantized. */
  quantization: string | null;
}

const FLOATS = new Set(['float16', 'bfloat16', 'float32', 'float64']);

/** Only floating tensors are cast to a layer's compute type. */
export function isFloat(dtype: DType): boolean {
  return FLOATS.has(dtype);
}

/** The policy in `config.dtype`: a name, a policy object (Keras 2 and 3), or nothing. */
export function dtypePolicy(config: JsonObject): DTypePolicy {
  return policyOf(Object.hasOwn(config, 'dtype') ? (config.dtype ?? null) : null);
}

/** The policy's name, as `config.dtype` may give it: `mixed_float16`, `int8_from_float32`. */
export function policyName(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (!isJsonObject(value) || !isJsonObject(value.config ?? null)) return 'float32';
  const config = value.config as JsonObject;
  if (typeof config.mode === 'string' && typeof config.source_name === 'string') {
    return `${config.mode}_from_${config.source_name}`;
  }
  // a DTypePolicyMap: one policy per path, the default for all others
  if (typeof config.default_policy === 'string') return config.default_policy;
  return typeof config.name === 'string' ? config.name : 'float32';
}

function policyOf(value: JsonValue): DTypePolicy {
  const name = policyName(value);
  const at = name.indexOf('_from_');
  const source = at < 0 ? name : name.slice(at + '_from_'.length);
  const quantization = at < 0 ? null : name.slice(0, at);
  if (source === 'mixed_float16') return { compute: 'float16', variable: 'float32', quantization };
  if (source === 'mixed_bfloat16') return { compute: 'bfloat16', variable: 'float32', quantization };
  return { compute: source, variable: source, quantization };
}
