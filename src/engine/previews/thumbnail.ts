/** The small picture in a row. Only a few thousand values are read, however large the tensor is. */
import type { Picture } from '../../protocol/engine';
import { colorOf, colorScale, type ColorScale } from './colorMaps';
import { drawGrid, emptyPicture, middle, type Grid } from './draw';
import { planeOffset, planesOf, type Planes } from './planes';
import type { NumericData } from './statistics';

const maxWidth = 24;
const maxHeight = 20;
/** Channels that compete to be shown, and values of each that are looked at. */
const candidates = 24;
const probes = 6;

export interface ThumbnailOptions {
  colorMap: string;
  /** The tensor's channel axis, negative from the end; axis 1 of a tensor of rank ≥ 4 means channels first. */
  channelAxis: number;
}

/**
 * At most 24 × 20 pixels, smaller where the tensor is: show it enlarged without smoothing.
 * Image-like: the channel that varies most (the mean where there are up to 4); sequence: time down, units across;
 * 1-D: bars. First example of the batch, middle slice of volumes. Null for an empty tensor.
 */
export function thumbnail(data: NumericData, shape: readonly number[], options: ThumbnailOptions): Picture | null {
  if (data.length === 0) return null;
  const rank = shape.length;
  const axis = options.channelAxis < 0 ? options.channelAxis + rank : options.channelAxis;
  const planes = planesOf(shape, rank >= 4 && axis === 1 ? 'channels_first' : 'channels_last', 0);
  if (!planes) {
    const length = rank < 2 ? data.length : data.length / (shape[0] as number);
    return bars(data, length, options.colorMap);
  }
  if (planes.channels > 1 && planes.channels <= 4) return meanOfChannels(data, planes, options.colorMap);
  const grid = gridOf(planes, strongestChannel(data, planes));
  return drawGrid(data, grid, scaleOf(data, grid, options.colorMap), ...fitted(grid));
}

function gridOf(planes: Planes, channel: number): Grid {
  const plane = channel * planes.slices + (planes.slices >> 1);
  const { height: rows, width: columns, rowStride, columnStride } = planes;
  return { offset: planeOffset(planes, plane), rows, columns, rowStride, columnStride };
}

/** The largest size with the grid's proportions; long sequences may be squeezed, down to one pixel. */
function fitted(grid: Grid): [number, number] {
  const ratio = Math.min(1, maxWidth / grid.columns, maxHeight / grid.rows);
  const [width, height] = [Math.round(grid.columns * ratio), Math.round(grid.rows * ratio)];
  // A picture of a few pixels' height says nothing: then proportions give way.
  return [Math.max(width, Math.min(grid.columns, 8)), Math.max(height, Math.min(grid.rows, 8))];
}

function scaleOf(data: NumericData, grid: Grid, colorMap: string): ColorScale {
  let min = Infinity;
  let max = -Infinity;
  const [width, height] = fitted(grid);
  for (let y = 0; y < height; y++) {
    const row = grid.offset + middle(grid.rows, height, y) * grid.rowStride;
    for (let x = 0; x < width; x++) {
      const value = data[row + middle(grid.columns, width, x) * grid.columnStride] as number;
      if (value - value !== 0) continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return min <= max ? colorScale(colorMap, min, max) : colorScale(colorMap, 0, 0);
}

function strongestChannel(data: NumericData, planes: Planes): number {
  const step = Math.max(1, planes.channels / candidates);
  let best = 0;
  let bestVariance = -1;
  for (let i = 0; i < planes.channels; i += step) {
    const channel = Math.floor(i);
    const grid = gridOf(planes, channel);
    let sum = 0;
    let squares = 0;
    let count = 0;
    for (let y = 0; y < Math.min(probes, grid.rows); y++) {
      const row = grid.offset + middle(grid.rows, Math.min(probes, grid.rows), y) * grid.rowStride;
      for (let x = 0; x < Math.min(probes, grid.columns); x++) {
        const value = data[row + middle(grid.columns, Math.min(probes, grid.columns), x) * grid.columnStride] as number;
        if (value - value !== 0) continue;
        sum += value;
        squares += value * value;
        count++;
      }
    }
    const variance = count > 0 ? squares / count - (sum / count) ** 2 : 0;
    if (variance > bestVariance) {
      bestVariance = variance;
      best = channel;
    }
  }
  return best;
}

function meanOfChannels(data: NumericData, planes: Planes, colorMap: string): Picture {
  const first = gridOf(planes, 0);
  const [width, height] = fitted(first);
  const means = new Float32Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const row = first.offset + middle(first.rows, height, y) * first.rowStride;
    for (let x = 0; x < width; x++, at++) {
      const from = row + middle(first.columns, width, x) * first.columnStride;
      let sum = 0;
      for (let channel = 0; channel < planes.channels; channel++)
        sum += data[from + channel * planes.channelStride] as number;
      means[at] = sum / planes.channels;
    }
  }
  const grid: Grid = { offset: 0, rows: height, columns: width, rowStride: width, columnStride: 1 };
  return drawGrid(means, grid, scaleOf(means, grid, colorMap), width, height);
}

/** Bars from the zero line up and down, at most one per pixel column: each shows the value of its middle, or the largest of a few around it. */
function bars(data: NumericData, length: number, colorMap: string): Picture {
  const width = Math.min(maxWidth, length);
  const values = new Float32Array(width);
  const samples = Math.max(1, Math.min(8, Math.floor(length / width)));
  let min = 0;
  let max = 0;
  for (let x = 0; x < width; x++) {
    let strongest = 0;
    for (let s = 0; s < samples; s++) {
      const value = data[middle(length, width * samples, x * samples + s)] as number;
      if (!(Math.abs(value) <= Math.abs(strongest))) strongest = value;
    }
    values[x] = strongest;
    if (!Number.isFinite(strongest)) continue;
    min = Math.min(min, strongest);
    max = Math.max(max, strongest);
  }
  const scale = colorScale(colorMap, min, max);
  const { picture, pixels } = emptyPicture(width, maxHeight);
  const range = max - min || 1;
  const zero = Math.round((max / range) * (maxHeight - 1));
  for (let x = 0; x < width; x++) {
    const value = values[x] as number;
    const end = Number.isFinite(value) ? Math.round(((max - value) / range) * (maxHeight - 1)) : 0;
    const color = colorOf(scale, value);
    for (let y = Math.min(zero, end); y <= Math.max(zero, end); y++) pixels[y * width + x] = color;
  }
  return picture;
}
