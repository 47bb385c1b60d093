/** `x[...]` with NumPy's rules, as Keras 3 and TensorFlow write them into a config. */
import * as tf from '@tensorflow/tfjs-core';
import { isJsonObject, type JsonValue } from '../../core/model/json';
import { range } from './kernel';

/** One entry of a slice: `{__slice__}`, `{start, stop, step}`, a number, null (a new axis) or `...`. */
export function getItem(x: tf.Tensor, spec: JsonValue): tf.Tensor {
  const entries = Array.isArray(spec) ? spec : [spec];
  const isEllipsis = (entry: JsonValue): boolean =>
    entry === '...' || (isJsonObject(entry) && entry.class_name === '__ellipsis__');
  const real = entries.filter((entry) => entry !== null && !isEllipsis(entry)).length;
  const all: JsonValue[] = entries.flatMap((entry) =>
    isEllipsis(entry)
      ? range(0, x.rank - real).map((): JsonValue => ({ start: null, stop: null, step: null }))
      : [entry],
  );
  const [begin, end, strides]: [number[], number[], number[]] = [[], [], []];
  let [beginMask, endMask, newAxes, shrink] = [0, 0, 0, 0];
  all.forEach((entry, i) => {
    if (entry === null) {
      newAxes |= 1 << i;
      begin.push(0);
      end.push(0);
      strides.push(1);
    } else if (typeof entry === 'number') {
      shrink |= 1 << i;
      begin.push(entry);
      end.push(entry + 1);
      strides.push(1);
    } else {
      const { start, stop, step } = sliceOf(entry);
      if (start === null) beginMask |= 1 << i;
      if (stop === null) endMask |= 1 << i;
      begin.push(start ?? 0);
      end.push(stop ?? 0);
      strides.push(step ?? 1);
    }
  });
  return tf.stridedSlice(x, begin, end, strides, beginMask, endMask, 0, newAxes, shrink);
}

function sliceOf(entry: JsonValue): { start: number | null; stop: number | null; step: number | null } {
  const object = isJsonObject(entry) ? (isJsonObject(entry.config) ? entry.config : entry) : {};
  const at = (key: string): number | null => {
    const value = object[key];
    return typeof value === 'number' ? value : null;
  };
  return { start: at('start'), stop: at('stop'), step: at('step') };
}
