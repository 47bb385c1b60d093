/** Statistics and histograms of activations: the cost of every row, so written for the optimizing compiler. */
import type { Statistics } from '../../protocol/engine';

export type NumericData = Float32Array | Int32Array | Uint8Array;

/** How a shape splits around its channel axis: `outer × channels × inner` values, in this order. */
interface ChannelSplit {
  outer: number;
  channels: number;
  inner: number;
}

/**
 * Statistics over the finite values of `data`.
 *
 * `shape`: the tensor's, batch first. `channelAxis`: the axis that counts as channels, negative from the end;
 * a scalar has one channel. `std` is the population's. A channel is dead when all its values are zero and constant
 * when all are the same other value; a channel of a single value is never called constant.
 * `known`: sums that somebody has already made of all values, faster than it can be done here.
 */
export function computeStatistics(
  data: NumericData,
  shape: readonly number[],
  channelAxis: number,
  known: KnownSums | null = null,
): Statistics {
  const sums = data instanceof Float32Array ? (knownSums(data, known) ?? floatSums(data)) : integerSums(data);
  const count = data.length;
  const finite = count - sums.nan - sums.inf;
  const split = splitAt(shape, channelAxis, count);
  const { dead, constant } = uniformChannels(data, split);
  const mean = finite > 0 ? sums.sum / finite : 0;
  return {
    min: finite > 0 ? sums.min : 0,
    max: finite > 0 ? sums.max : 0,
    mean,
    std: finite > 0 ? Math.sqrt(variance(data, mean, sums, finite)) : 0,
    l2: Math.sqrt(sums.squares),
    zeros: sums.zeros,
    nan: sums.nan,
    inf: sums.inf,
    deadChannels: dead,
    channels: count === 0 ? 0 : split.channels,
    constantChannels: constant,
    count,
    first: Array.from(data.subarray(0, 8)),
  };
}

/** What a tensor without numbers (strings) has for statistics. `count`: its values. */
export function emptyStatistics(count: number): Statistics {
  return {
    min: 0,
    max: 0,
    mean: 0,
    std: 0,
    l2: 0,
    zeros: 0,
    nan: 0,
    inf: 0,
    deadChannels: 0,
    channels: 0,
    constantChannels: 0,
    count,
    first: [],
  };
}

/** `bins` equal bins from `min` to `max` over the finite values; the last bin includes `max`. All of a constant tensor is in the first. */
export function histogram(
  data: NumericData,
  min: number,
  max: number,
  bins = 32,
): { counts: number[]; min: number; max: number } {
  const counts = new Uint32Array(bins);
  const range = max - min;
  const scale = range > 0 ? bins / range : 0;
  const last = bins - 1;
  if (Number.isFinite(scale)) {
    for (let i = 0; i < data.length; i++) {
      const value = data[i] as number;
      // False for NaN too.
      if (value >= min && value <= max) {
        const bin = ((value - min) * scale) | 0;
        counts[bin < last ? bin : last]!++;
      }
    }
  } else {
    // A range of denormals: bins / range overflows.
    for (let i = 0; i < data.length; i++) {
      const value = data[i] as number;
      if (value >= min && value <= max) counts[Math.min(last, Math.floor(((value - min) / range) * bins))]!++;
    }
  }
  return { counts: Array.from(counts), min, max };
}

interface Sums {
  sum: number;
  squares: number;
  min: number;
  max: number;
  zeros: number;
  nan: number;
  inf: number;
}

/** Sums over all values; not finite where a value is not. */
export interface KnownSums {
  sum: number;
  squares: number;
  min: number;
  max: number;
  nonZeros: number;
}

/** Null where they say nothing: a value is NaN or infinite. */
function knownSums(data: Float32Array, known: KnownSums | null): Sums | null {
  if (!known || !Number.isFinite(known.sum)) return null;
  const { sum, squares, min, max, nonZeros } = known;
  return { sum, squares, min, max, zeros: data.length - nonZeros, nan: 0, inf: 0 };
}

/**
 * One pass without a look at single values: a finite sum proves that there is no NaN and no infinity
 * (float32 values cannot overflow a float64 sum). Otherwise a second, careful pass.
 */
function floatSums(data: Float32Array): Sums {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  const count = data.length;
  const blocks = count - (count % 4);
  // Four chains of additions, so that they do not wait for each other.
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let squares0 = 0;
  let squares1 = 0;
  let squares2 = 0;
  let squares3 = 0;
  let min = Infinity;
  let max = -Infinity;
  let nonZeros = 0;
  for (let i = 0; i < blocks; i += 4) {
    const a = data[i] as number;
    const b = data[i + 1] as number;
    const c = data[i + 2] as number;
    const d = data[i + 3] as number;
    sum0 += a;
    sum1 += b;
    sum2 += c;
    sum3 += d;
    squares0 += a * a;
    squares1 += b * b;
    squares2 += c * c;
    squares3 += d * d;
    if (a < min) min = a;
    if (a > max) max = a;
    if (b < min) min = b;
    if (b > max) max = b;
    if (c < min) min = c;
    if (c > max) max = c;
    if (d < min) min = d;
    if (d > max) max = d;
    // Zeros are as likely as not after a ReLU: counted from the bits (without the sign), because a branch would be mispredicted.
    const p = (bits[i] as number) << 1;
    const q = (bits[i + 1] as number) << 1;
    const r = (bits[i + 2] as number) << 1;
    const s = (bits[i + 3] as number) << 1;
    nonZeros += ((p | -p) >>> 31) + ((q | -q) >>> 31) + ((r | -r) >>> 31) + ((s | -s) >>> 31);
  }
  for (let i = blocks; i < count; i++) {
    const value = data[i] as number;
    sum0 += value;
    squares0 += value * value;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value !== 0) nonZeros++;
  }
  const sum = sum0 + sum1 + (sum2 + sum3);
  if (!Number.isFinite(sum)) return carefulSums(data);
  return {
    sum,
    squares: squares0 + squares1 + (squares2 + squares3),
    min,
    max,
    zeros: count - nonZeros,
    nan: 0,
    inf: 0,
  };
}

function carefulSums(data: Float32Array): Sums {
  const sums: Sums = { sum: 0, squares: 0, min: Infinity, max: -Infinity, zeros: 0, nan: 0, inf: 0 };
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (Number.isFinite(value)) {
      sums.sum += value;
      sums.squares += value * value;
      if (value < sums.min) sums.min = value;
      if (value > sums.max) sums.max = value;
      if (value === 0) sums.zeros++;
    } else if (Number.isNaN(value)) sums.nan++;
    else sums.inf++;
  }
  return sums;
}

function integerSums(data: Int32Array | Uint8Array): Sums {
  let sum = 0;
  let squares = 0;
  let min = Infinity;
  let max = -Infinity;
  let zeros = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    sum += value;
    squares += value * value;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value === 0) zeros++;
  }
  return { sum, squares, min, max, zeros, nan: 0, inf: 0 };
}

/** From the sum of squares where that is exact enough; by a second pass where the mean swallows the digits. */
function variance(data: NumericData, mean: number, sums: Sums, finite: number): number {
  if (sums.min === sums.max) return 0;
  const fast = sums.squares / finite - mean * mean;
  if (fast > 1e-7 * mean * mean) return fast;
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    const difference = (data[i] as number) - mean;
    if (Number.isFinite(difference)) sum += difference * difference;
  }
  return sum / finite;
}

function splitAt(shape: readonly number[], channelAxis: number, count: number): ChannelSplit {
  const axis = channelAxis < 0 ? channelAxis + shape.length : channelAxis;
  const channels = shape[axis];
  if (channels === undefined || channels === 0) return { outer: 1, channels: 1, inner: count };
  let inner = 1;
  for (let i = axis + 1; i < shape.length; i++) inner *= shape[i] as number;
  return { outer: count / (channels * inner), channels, inner };
}

/** Positions of a channel that are looked at first: they rule out nearly all channels. */
const PROBES = 24;

/** Counts channels whose values are all alike, by ruling out the others as early as possible. */
function uniformChannels(data: NumericData, split: ChannelSplit): { dead: number; constant: number } {
  const { outer, channels, inner } = split;
  const positions = outer * inner;
  if (positions === 0 || data.length === 0) return { dead: 0, constant: 0 };
  let dead = 0;
  let constant = 0;
  // A step coprime to most sizes, so that probes do not all fall into one row or on a border.
  const step = Math.max(1, Math.floor(positions / PROBES) | 1);
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * inner;
    const value = data[start] as number;
    let same = true;
    for (let position = step; position < positions && same; position += step) {
      const block = inner === 1 ? position : (position / inner) | 0;
      same = data[start + block * channels * inner + (position - block * inner)] === value;
    }
    if (same) same = uniform(data, start, split, value);
    if (!same) continue;
    if (value === 0) dead++;
    else if (positions > 1) constant++;
  }
  return { dead, constant };
}

function uniform(data: NumericData, start: number, split: ChannelSplit, value: number): boolean {
  const { outer, channels, inner } = split;
  const stride = channels * inner;
  for (let block = 0; block < outer; block++) {
    const from = start + block * stride;
    for (let i = from; i < from + inner; i++) if (data[i] !== value) return false;
  }
  return true;
}
