/** Picture augmentation. What is random does nothing in inference; contrast is stretched there too. */
import * as tf from '@tensorflow/tfjs-core';
import { channelsToEnd, channelsToFront, floating, identityKernel, range, type Kernel } from './kernel';

/** From one range of values to another. */
function rescaled(x: tf.Tensor, [from, to]: number[], [low, high]: number[]): tf.Tensor {
  if (from === low && to === high) return x;
  const scale = ((high as number) - (low as number)) / ((to as number) - (from as number));
  return tf.add(tf.mul(tf.sub(x, from as number), scale), low as number);
}

const BYTES = [0, 255];

function valueRange(value: unknown): number[] {
  return Array.isArray(value) && value.length === 2 ? value.map(Number) : BYTES;
}

/** Stretches each channel of each picture; Keras takes axes 1 and 2 for the space in channels_first, too. */
const autoContrast: Kernel = {
  run(call) {
    const range = valueRange(call.config.raw('value_range'));
    const given = floating(call.input());
    const x = given.rank === 3 ? tf.expandDims(given, 0) : given;
    const pixels = rescaled(x, range, BYTES);
    const low = tf.min(pixels, [1, 2], true);
    const high = tf.max(pixels, [1, 2], true);
    const scale = tf.div(255, tf.sub(high, low));
    const stretched = tf.add(tf.mul(pixels, scale), tf.mul(tf.neg(low), scale));
    const y = rescaled(tf.clipByValue(stretched, 0, 255), BYTES, range);
    // a channel of one value cannot be stretched
    const kept = tf.where(tf.logicalOr(tf.isNaN(y), tf.equal(low, high)), x, y);
    return given.rank === 3 ? tf.squeeze(kept, [0]) : kept;
  },
  mask: 'drop',
};

/** One channel of one picture with its tiles: what each value of a byte becomes in each tile, `[rows, columns, 256]`. */
function tileTables(pixels: Int32Array, grid: [number, number], tile: [number, number], limit: number): Float32Array {
  const [rows, columns] = grid;
  const [height, width] = tile;
  const area = height * width;
  const tables = new Float32Array(rows * columns * 256);
  for (let t = 0; t < rows * columns; t++) {
    const [top, left] = [Math.floor(t / columns) * height, (t % columns) * width];
    const counts = new Float64Array(256);
    for (let i = 0; i < area; i++) {
      const at = (top + Math.floor(i / width)) * columns * width + left + (i % width);
      counts[pixels[at] as number] = (counts[pixels[at] as number] as number) + 1;
    }
    if (limit > 0) {
      const most = (limit * area) / 256;
      const excess = counts.reduce((sum, count) => sum + Math.max(0, count - most), 0);
      counts.forEach((count, i) => (counts[i] = Math.min(count, most) + excess / 256));
    }
    const least = counts[0] as number;
    let sum = 0;
    counts.forEach((count, i) => {
      sum += count;
      tables[t * 256 + i] = Math.min(255, Math.max(0, ((sum - least) * 255) / (area - least || 1)));
    });
  }
  return tables;
}

/** For each pixel along an axis: the two nearest tiles, and how much the second counts. */
function neighbours(length: number, tile: number, tiles: number): [number, number, number][] {
  return range(0, length).map((i) => {
    const at = (i - tile / 2) / tile;
    const before = Math.floor(at);
    const inside = (k: number): number => Math.min(tiles - 1, Math.max(0, k));
    return [inside(before), inside(before + 1), at - before];
  });
}

/** Where a position behind the end is read: mirrored, the last pixel twice. */
const mirrored = (i: number, length: number): number => (i < length ? i : Math.max(0, 2 * length - 1 - i));

/** Equalizes each tile of a grid, and blends between the tiles. */
function equalizeTiles(x: tf.Tensor, grid: [number, number], limit: number): tf.Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const tile: [number, number] = [Math.ceil(height / grid[0]), Math.ceil(width / grid[1])];
  const [tall, wide] = [tile[0] * grid[0], tile[1] * grid[1]];
  const given = x.dataSync();
  const result = new Float32Array(given.length);
  const rows = neighbours(height, tile[0], grid[0]);
  const columns = neighbours(width, tile[1], grid[1]);
  for (let plane = 0; plane < batch * channels; plane++) {
    const [b, c] = [Math.floor(plane / channels), plane % channels];
    const at = (row: number, column: number): number => ((b * height + row) * width + column) * channels + c;
    const pixels = Int32Array.from({ length: tall * wide }, (_, i) => {
      const value = given[at(mirrored(Math.floor(i / wide), height), mirrored(i % wide, width))] as number;
      return Math.min(255, Math.max(0, Math.trunc(value)));
    });
    const tables = tileTables(pixels, grid, tile, limit);
    rows.forEach(([r0, r1, down], row) =>
      columns.forEach(([c0, c1, right], column) => {
        const value = pixels[row * wide + column] as number;
        const of = (r: number, k: number): number => tables[(r * grid[1] + k) * 256 + value] as number;
        const top = of(r0, c0) * (1 - right) + of(r0, c1) * right;
        const bottom = of(r1, c0) * (1 - right) + of(r1, c1) * right;
        result[at(row, column)] = top * (1 - down) + bottom * down;
      }),
    );
  }
  return tf.tensor(result, x.shape);
}

const adaptiveEqualization: Kernel = {
  run(call) {
    const { config } = call;
    const range = valueRange(config.raw('value_range'));
    const given = floating(call.input());
    const batched = given.rank === 3 ? tf.expandDims(given, 0) : given;
    const first = config.channelsFirst();
    const pixels = rescaled(first ? channelsToEnd(batched) : batched, range, BYTES);
    const grid = config.integers('tile_grid_size', 2, 8) as [number, number];
    const y = rescaled(equalizeTiles(pixels, grid, config.number('clip_limit', 4)), BYTES, range);
    const laid = first ? channelsToFront(y) : y;
    return given.rank === 3 ? tf.squeeze(laid, [0]) : laid;
  },
  mask: 'drop',
};

const IDENTITIES = [
  ...['AugMix', 'CutMix', 'Equalization', 'MaxNumBoundingBoxes', 'MixUp', 'RandAugment', 'Solarization'],
  ...['Brightness', 'ColorDegeneration', 'ColorJitter', 'Contrast', 'ElasticTransform', 'Erasing', 'Flip'].map(random),
  ...['GaussianBlur', 'Grayscale', 'Height', 'Hue', 'Invert', 'Perspective', 'Posterization', 'Rotation'].map(random),
  ...['Saturation', 'Sharpness', 'Shear', 'Translation', 'Width', 'Zoom'].map(random),
];

function random(name: string): string {
  return `Random${name}`;
}

export const augmentationKernels: Record<string, Kernel> = {
  ...Object.fromEntries(IDENTITIES.map((name) => [name, identityKernel])),
  AutoContrast: autoContrast,
  ContrastLimitedAdaptiveHistogramEqualization: adaptiveEqualization,
};
