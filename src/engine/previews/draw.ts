/** Values → pixels. */
import type { Picture } from '../../protocol/engine';
import { colorOf, type ColorScale } from './colorMaps';
import type { NumericData } from './statistics';

/** A picture with its pixels as packed colours (both see the same bytes). */
export function emptyPicture(width: number, height: number): { picture: Picture; pixels: Uint32Array } {
  const rgba = new Uint8Array(width * height * 4);
  return { picture: { width, height, rgba }, pixels: new Uint32Array(rgba.buffer) };
}

/** A grid of values inside a tensor. */
export interface Grid {
  offset: number;
  rows: number;
  columns: number;
  rowStride: number;
  columnStride: number;
}

/** The grid as a picture; where it is larger than `maxWidth × maxHeight`, one value per pixel is taken from the pixel's middle. */
export function drawGrid(
  data: NumericData,
  grid: Grid,
  scale: ColorScale,
  maxWidth: number,
  maxHeight: number,
): Picture {
  const width = Math.min(grid.columns, maxWidth);
  const height = Math.min(grid.rows, maxHeight);
  const { picture, pixels } = emptyPicture(width, height);
  const columns = sampled(grid.columns, width, grid.columnStride);
  for (let y = 0, at = 0; y < height; y++) {
    const row = grid.offset + middle(grid.rows, height, y) * grid.rowStride;
    for (let x = 0; x < width; x++) pixels[at++] = colorOf(scale, data[row + (columns[x] as number)] as number);
  }
  return picture;
}

function sampled(size: number, pixels: number, stride: number): Int32Array {
  return Int32Array.from({ length: pixels }, (_, i) => middle(size, pixels, i) * stride);
}

/** The index in the middle of pixel `i` of `pixels` over `size` values. */
export function middle(size: number, pixels: number, i: number): number {
  return pixels >= size ? i : Math.floor(((i + 0.5) * size) / pixels);
}

/** Smallest and largest finite value of a grid, and their mean; zeros where there is none. */
export function gridRange(
  data: NumericData,
  grid: Grid,
): { min: number; max: number; mean: number; finite: number; zeros: number; count: number } {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let finite = 0;
  let zeros = 0;
  for (let y = 0; y < grid.rows; y++) {
    let at = grid.offset + y * grid.rowStride;
    for (let x = 0; x < grid.columns; x++, at += grid.columnStride) {
      const value = data[at] as number;
      if (value - value !== 0) continue; // NaN and infinities
      finite++;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
      if (value === 0) zeros++;
    }
  }
  const count = grid.rows * grid.columns;
  if (finite === 0) return { min: 0, max: 0, mean: 0, finite, zeros, count };
  return { min, max, mean: sum / finite, finite, zeros, count };
}
