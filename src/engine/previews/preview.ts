/** What the activation pane shows of one tensor. */
import type { Picture, Preview, PreviewOptions, PreviewResult } from '../../protocol/engine';
import { colorScale } from './colorMaps';
import { drawGrid, gridRange, type Grid } from './draw';
import { planeOffset, planesOf, type Layout, type Planes } from './planes';
import { computeStatistics, emptyStatistics, histogram, type NumericData } from './statistics';

export interface MakePreviewOptions extends PreviewOptions {
  layout: Layout;
  /** Names of the classes, where the folder has them. */
  labels: string[] | null;
  /** The layer's class: `Softmax` gives a class list. */
  className?: string;
  /** The tensor is an output of the model: rank 2 is then a class list where its values are probabilities. */
  isOutput?: boolean;
  /** Attention weights `[batch, heads, time, time]`: a matrix per head. */
  matrix?: boolean;
}

/** Longest side of a tile: many together, one alone. */
const tileSide = 256;
const singleTileSide = 1024;
/** Pixels of all tiles together (4 bytes each cross the channel). */
const tilePixels = 4_000_000;
const heatmapRows = 512;
const heatmapColumns = 1024;
const topClasses = 10;
const stringLength = 1000;

/**
 * Preview, histogram and statistics of a tensor.
 *
 * Rank 4 and more: a tile per channel (per channel and slice for volumes), from `offset`, at most `limit`.
 * Rank 3 `[batch, time, unit]`: heatmap, time down, units across. Rank 1 and 2: bars, or a class list. One value: itself.
 * Statistics and histogram are of the whole tensor, the preview of example `options.example`.
 */
export function makePreview(
  data: NumericData | readonly string[],
  shape: readonly number[],
  dtype: string,
  options: MakePreviewOptions,
): Pick<PreviewResult, 'preview' | 'histogram' | 'statistics'> {
  if (isStrings(data) || dtype === 'string') return stringPreview(data, options);
  const channelAxis = (options.layout === 'channels_first' && shape.length >= 3) || options.matrix ? 1 : -1;
  const statistics = computeStatistics(data, shape, channelAxis);
  return {
    preview: numberPreview(data, shape, options, statistics),
    histogram: histogram(data, statistics.min, statistics.max),
    statistics,
  };
}

function isStrings(data: NumericData | readonly string[]): data is readonly string[] {
  return Array.isArray(data);
}

function stringPreview(
  data: NumericData | readonly string[],
  options: MakePreviewOptions,
): Pick<PreviewResult, 'preview' | 'histogram' | 'statistics'> {
  const values = Array.from(data.slice(options.offset, options.offset + options.limit) as readonly unknown[], (value) =>
    String(value).slice(0, stringLength),
  );
  return {
    preview: { kind: 'strings', values, total: data.length },
    histogram: { counts: new Array<number>(32).fill(0), min: 0, max: 0 },
    statistics: emptyStatistics(data.length),
  };
}

function numberPreview(
  data: NumericData,
  shape: readonly number[],
  options: MakePreviewOptions,
  range: { min: number; max: number },
): Preview {
  if (data.length === 1 && shape.length < 4) return { kind: 'scalar', value: data[0] as number };
  const layout = options.matrix ? 'channels_first' : options.layout;
  const planes = planesOf(shape, layout, options.example);
  if (!planes) return vectorPreview(data, shape, options);
  if (shape.length === 3) return heatmap(data, planes, options, range);
  return channelTiles(data, planes, options, range);
}

function vectorPreview(data: NumericData, shape: readonly number[], options: MakePreviewOptions): Preview {
  const batch = shape.length < 2 ? 1 : (shape[0] as number);
  const total = batch > 0 ? data.length / batch : 0;
  const example = Math.min(Math.max(0, options.example), Math.max(0, batch - 1));
  const values = data.subarray(example * total, (example + 1) * total);
  if (isClassList(values, options)) return { kind: 'classes', top: top(values, options.labels), total };
  const offset = Math.min(Math.max(0, options.offset), total);
  return { kind: 'bars', values: Array.from(values.subarray(offset, offset + options.limit)), total, offset };
}

/** Whether a vector is shown as classes: a softmax, or the output of a classifier as far as its values and labels tell. */
function isClassList(values: NumericData, options: MakePreviewOptions): boolean {
  if (values.length < 2 || !(values instanceof Float32Array)) return false;
  if (options.className === 'Softmax') return true;
  if (options.isOutput && options.labels?.length === values.length) return true;
  if (!options.isOutput && options.className !== 'Activation' && options.className !== 'Dense') return false;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(value >= 0 && value <= 1)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) < 1e-3;
}

function top(values: NumericData, labels: string[] | null): { index: number; value: number; label: string | null }[] {
  const order = Array.from(values.keys());
  // NaN last.
  const rank = (index: number): number => (Number.isNaN(values[index]) ? -Infinity : (values[index] as number));
  order.sort((a, b) => (rank(b) === rank(a) ? a - b : rank(b) - rank(a)));
  const named = labels?.length === values.length ? labels : null;
  return order
    .slice(0, topClasses)
    .map((index) => ({ index, value: values[index] as number, label: named?.[index] ?? null }));
}

function heatmap(
  data: NumericData,
  planes: Planes,
  options: MakePreviewOptions,
  whole: { min: number; max: number },
): Preview {
  const grid = gridOf(planes, 0);
  const { min, max } = options.scale === 'tensor' ? whole : gridRange(data, grid);
  const picture = drawGrid(data, grid, colorScale(options.colorMap, min, max), heatmapColumns, heatmapRows);
  return { kind: 'heatmap', picture, rows: grid.rows, columns: grid.columns, min, max };
}

function gridOf(planes: Planes, plane: number): Grid {
  const { height: rows, width: columns, rowStride, columnStride } = planes;
  return { offset: planeOffset(planes, plane), rows, columns, rowStride, columnStride };
}

function channelTiles(
  data: NumericData,
  planes: Planes,
  options: MakePreviewOptions,
  whole: { min: number; max: number },
): Preview {
  const channels = planes.channels * planes.slices;
  const first = Math.min(Math.max(0, options.offset), channels);
  const wanted = Math.min(Math.max(0, options.limit), channels - first);
  const side = wanted === 1 ? singleTileSide : tileSide;
  const ratio = Math.min(1, side / planes.width, side / planes.height);
  const tileWidth = Math.max(1, Math.round(planes.width * ratio));
  const tileHeight = Math.max(1, Math.round(planes.height * ratio));
  const count = Math.min(wanted, Math.max(1, Math.floor(tilePixels / (tileWidth * tileHeight))));
  const tiles: { channel: number; picture: Picture; min: number; max: number; mean: number; dead: boolean }[] = [];
  for (let channel = first; channel < first + count; channel++) {
    const grid = gridOf(planes, channel);
    const facts = gridRange(data, grid);
    const { min, max } = options.scale === 'tensor' ? whole : facts;
    // On one's own scale the sign still decides the map: all tiles of a tensor should use the same.
    const scale = colorScale(options.colorMap === 'auto' && whole.min < 0 ? 'rdbu' : options.colorMap, min, max);
    tiles.push({
      channel,
      picture: drawGrid(data, grid, scale, tileWidth, tileHeight),
      min: facts.min,
      max: facts.max,
      mean: facts.mean,
      dead: facts.zeros === facts.count,
    });
  }
  return { kind: options.matrix ? 'matrix' : 'channels', tileWidth, tileHeight, channels, tiles };
}
