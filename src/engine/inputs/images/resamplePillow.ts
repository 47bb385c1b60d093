/** Pillow's `Image.resize`: antialiased, in fixed point, so that every byte is Pillow's. See its `Resample.c` and `Geometry.c`. */
import { channelsOf, type Pixels } from './pixels';

export type PillowFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

/** Part of a picture: left, top, right, bottom. */
export type Box = readonly [number, number, number, number];

interface Kernel {
  support: number;
  weight(x: number): number;
}

/** Weights of one output pixel per row, and where each row starts in the input. */
interface Coefficients {
  size: number;
  starts: Int32Array;
  counts: Int32Array;
  weights: Float64Array;
}

/** Bits of fraction of the fixed-point weights: 32 less 8 for the value and 2 for overshoot. */
const precisionBits = 22;

const kernels: Record<Exclude<PillowFilter, 'nearest'>, Kernel> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

function hamming(x: number): number {
  const distance = Math.abs(x);
  if (distance === 0) return 1;
  if (distance >= 1) return 0;
  const angle = distance * Math.PI;
  return (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle));
}

function bicubic(x: number): number {
  // Keys' kernel with a = -0.5; Pillow's older -0.75 is OpenCV's.
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

/**
 * `pixels` (or the part in `box`) at `width × height`. Modes L, RGB, RGBA (premultiplied while it is resized, except for
 * `nearest`, as Pillow does) and I;16.
 */
export function resamplePillow(pixels: Pixels, width: number, height: number, filter: PillowFilter, box?: Box): Pixels {
  const area: Box = box ?? [0, 0, pixels.width, pixels.height];
  const whole = area[0] === 0 && area[1] === 0 && area[2] === pixels.width && area[3] === pixels.height;
  if (whole && width === pixels.width && height === pixels.height) return pixels;
  if (filter === 'nearest') return nearest(pixels, width, height, area);
  if (pixels.mode === 'RGBA' || pixels.mode === 'LA') {
    return unmultiply(smooth(premultiply(pixels), width, height, kernels[filter], area));
  }
  return smooth(pixels, width, height, kernels[filter], area);
}

function nearest(pixels: Pixels, width: number, height: number, box: Box): Pixels {
  const channels = channelsOf[pixels.mode];
  const columns = nearestIndices(box[0], box[2], width, pixels.width);
  const rows = nearestIndices(box[1], box[3], height, pixels.height);
  const data = sameType(pixels, width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    const row = (rows[y] as number) * pixels.width;
    for (let x = 0; x < width; x++) {
      const from = (row + (columns[x] as number)) * channels;
      for (let channel = 0; channel < channels; channel++) data[to++] = pixels.data[from + channel] as number;
    }
  }
  return { width, height, mode: pixels.mode, data };
}

/** Positions are added up, not multiplied: the rounding of Pillow's loop decides on ties. */
function nearestIndices(from: number, to: number, size: number, limit: number): Int32Array {
  const step = (to - from) / size;
  const indices = new Int32Array(size);
  let position = from + step * 0.5;
  for (let i = 0; i < size; i++) {
    indices[i] = Math.min(limit - 1, Math.floor(position));
    position += step;
  }
  return indices;
}

function smooth(pixels: Pixels, width: number, height: number, kernel: Kernel, box: Box): Pixels {
  let current = pixels;
  // Rows first, and a pass that would change nothing is left out: both decide about rounding.
  if (width !== pixels.width || box[0] !== 0 || box[2] !== width) {
    current = horizontal(current, width, coefficients(pixels.width, box[0], box[2], width, kernel));
  }
  if (height !== pixels.height || box[1] !== 0 || box[3] !== height) {
    current = vertical(current, height, coefficients(pixels.height, box[1], box[3], height, kernel));
  }
  return current;
}

function coefficients(inputSize: number, from: number, to: number, size: number, kernel: Kernel): Coefficients {
  const scale = (to - from) / size;
  const filterScale = Math.max(1, scale);
  const support = kernel.support * filterScale;
  const width = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(size);
  const counts = new Int32Array(size);
  const weights = new Float64Array(size * width);
  for (let i = 0; i < size; i++) {
    const center = from + (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let k = 0; k < end - start; k++) {
      const weight = kernel.weight((k + start - center + 0.5) * (1 / filterScale));
      weights[i * width + k] = weight;
      sum += weight;
    }
    if (sum !== 0)
      for (let k = 0; k < end - start; k++) weights[i * width + k] = (weights[i * width + k] as number) / sum;
    starts[i] = start;
    counts[i] = end - start;
  }
  return { size: width, starts, counts, weights };
}

/** As whole numbers with 22 bits of fraction, rounded half away from zero. */
function fixedPoint(weights: Float64Array): Int32Array {
  return Int32Array.from(weights, (weight) => {
    const scaled = weight * 2 ** precisionBits;
    return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  });
}

function horizontal(pixels: Pixels, width: number, along: Coefficients): Pixels {
  const channels = channelsOf[pixels.mode];
  const data = sameType(pixels, width * pixels.height * channels);
  for (let y = 0; y < pixels.height; y++) {
    convolve(
      pixels.data,
      y * pixels.width * channels,
      channels,
      channels,
      data,
      y * width * channels,
      channels,
      width,
      along,
    );
  }
  return { width, height: pixels.height, mode: pixels.mode, data };
}

function vertical(pixels: Pixels, height: number, along: Coefficients): Pixels {
  const channels = channelsOf[pixels.mode];
  const stride = pixels.width * channels;
  const data = sameType(pixels, stride * height);
  for (let x = 0; x < pixels.width; x++) {
    convolve(pixels.data, x * channels, channels, stride, data, x * channels, stride, height, along);
  }
  return { width: pixels.width, height, mode: pixels.mode, data };
}

/** One line of pixels: `fromStep` and `toStep` apart in input and output. */
function convolve(
  input: Pixels['data'],
  from: number,
  channels: number,
  fromStep: number,
  output: Pixels['data'],
  to: number,
  toStep: number,
  size: number,
  along: Coefficients,
): void {
  const wide = input instanceof Uint16Array;
  const weights = wide ? along.weights : fixedWeights(along);
  // Half of the last place: the shift below then rounds. 16-bit values are weighed in floating point, and rounded twice by Pillow.
  const half = wide ? 0 : 2 ** (precisionBits - 1);
  for (let i = 0; i < size; i++) {
    const first = i * along.size;
    const count = along.counts[i] as number;
    const start = from + (along.starts[i] as number) * fromStep;
    for (let channel = 0; channel < channels; channel++) {
      let sum = half;
      for (let k = 0, at = start + channel; k < count; k++, at += fromStep) {
        sum += (input[at] as number) * (weights[first + k] as number);
      }
      const value = wide ? roundAway(sum) : sum >> precisionBits;
      const limit = wide ? 65_535 : 255;
      output[to + i * toStep + channel] = value < 0 ? 0 : value > limit ? limit : value;
    }
  }
}

const fixedCache = new WeakMap<Coefficients, Int32Array>();

function fixedWeights(along: Coefficients): Int32Array {
  let fixed = fixedCache.get(along);
  if (!fixed) {
    fixed = fixedPoint(along.weights);
    fixedCache.set(along, fixed);
  }
  return fixed;
}

function roundAway(value: number): number {
  return Math.trunc(value >= 0 ? value + 0.5 : value - 0.5);
}

function sameType(pixels: Pixels, length: number): Uint8Array | Uint16Array {
  return pixels.data instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
}

/** Colour × alpha / 255, rounded (Pillow's `MULDIV255`). */
function premultiply(pixels: Pixels): Pixels {
  const channels = channelsOf[pixels.mode];
  const data = Uint8Array.from(pixels.data);
  for (let i = 0; i < data.length; i += channels) {
    const alpha = data[i + channels - 1] as number;
    for (let channel = 0; channel < channels - 1; channel++) {
      const product = (data[i + channel] as number) * alpha + 128;
      data[i + channel] = ((product >> 8) + product) >> 8;
    }
  }
  return { ...pixels, data };
}

function unmultiply(pixels: Pixels): Pixels {
  const channels = channelsOf[pixels.mode];
  const data = Uint8Array.from(pixels.data);
  for (let i = 0; i < data.length; i += channels) {
    const alpha = data[i + channels - 1] as number;
    if (alpha === 0 || alpha === 255) continue;
    for (let channel = 0; channel < channels - 1; channel++) {
      data[i + channel] = Math.min(255, Math.trunc((255 * (data[i + channel] as number)) / alpha));
    }
  }
  return { ...pixels, data };
}
