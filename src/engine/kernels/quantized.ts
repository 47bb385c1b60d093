/**
 * Layers whose weights Keras has quantized (`model.quantize('int8')`). As Keras computes them: what a Dense reads is quantized,
 * too, one scale for each row, and both scales are divided out of the product. Source: keras/src/layers/core/{dense,embedding}.py,
 * quantizers.py (`abs_max_quantize`), 3.15.
 */
import * as tf from '@tensorflow/tfjs-core';
import { policyName } from '../../core/layers/dtypes';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/model/json';
import { dense } from './denseProduct';
import type { KernelCall, KernelConfig } from './kernel';

/** `int8`, `int4` …; null where weights are floats. */
export function quantizationOf(config: KernelConfig): string | null {
  const name = policyName(config.raw('dtype') ?? null);
  const at = name.indexOf('_from_');
  return at < 0 ? null : name.slice(0, at);
}

/** Why a layer with quantized weights cannot be run; null where it can. */
export function unknownQuantization(config: KernelConfig, known: readonly string[]): string | null {
  const mode = quantizationOf(config);
  return mode === null || known.includes(mode) ? null : `its weights are quantized as ${mode}`;
}

/** `x · kernel` of a Dense whose weights are `[bias,] kernel, kernel_scale`: bias and activation are the caller's. */
export function int8Product(call: KernelCall, x: tf.Tensor, first: number): tf.Tensor {
  const kernel = tf.cast(call.weight(first), 'float32');
  const scale = call.weight(first + 1);
  const quantizer = activationQuantizer(call.config);
  // products of whole numbers: float32 holds them as the int32 that Keras sums them in, up to 2^24
  if (!quantizer) return tf.div(dense(x, kernel, null), scale);
  const [low, high] = quantizer.range;
  const largest = tf.add(tf.max(tf.abs(x), -1, true), quantizer.epsilon);
  const inputScale = tf.div(high, largest);
  const whole = tf.clipByValue(tf.round(tf.mul(x, inputScale)), low, high);
  return tf.div(dense(whole, kernel, null), tf.mul(scale, inputScale));
}

/** A lookup in int8 vectors with a scale for each word. */
export function int8Lookup(call: KernelCall, indices: tf.Tensor): tf.Tensor {
  const vectors = tf.gather(tf.cast(call.weight(0), 'float32'), indices);
  return tf.div(vectors, tf.expandDims(tf.gather(call.weight(1), indices), -1));
}

interface Quantizer {
  range: [number, number];
  epsilon: number;
}

/** Null where the file says that inputs are not quantized; files before Keras 3.13 say nothing, and do. */
function activationQuantizer(config: KernelConfig): Quantizer | null {
  const whole: Quantizer = { range: [-127, 127], epsilon: 1e-7 };
  const asked = inner(config.raw('quantization_config'));
  if (!asked) return whole;
  const own = inner(asked.activation_quantizer);
  if (!own) return null;
  const [low, high] = Array.isArray(own.value_range) ? own.value_range : whole.range;
  return {
    range: typeof low === 'number' && typeof high === 'number' ? [low, high] : whole.range,
    epsilon: typeof own.epsilon === 'number' ? own.epsilon : whole.epsilon,
  };
}

function inner(value: JsonValue | undefined): JsonObject | null {
  return isJsonObject(value) && isJsonObject(value.config) ? value.config : null;
}
