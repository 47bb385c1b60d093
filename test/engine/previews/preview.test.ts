import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { encodePng } from '../../../src/engine/previews/encodePng';
import { makePreview, type MakePreviewOptions } from '../../../src/engine/previews/preview';
import { thumbnail } from '../../../src/engine/previews/thumbnail';
import type { Picture, Preview } from '../../../src/protocol/engine';

const options: MakePreviewOptions = {
  colorMap: 'greys',
  scale: 'channel',
  example: 0,
  offset: 0,
  limit: 64,
  layout: 'channels_last',
  labels: null,
};

function ramp(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => i);
}

type Of<K extends Preview['kind']> = K extends 'channels' | 'matrix'
  ? Extract<Preview, { tiles: unknown }>
  : Extract<Preview, { kind: K }>;

function preview<K extends Preview['kind']>(
  kind: K,
  data: Parameters<typeof makePreview>[0],
  shape: number[],
  more: Partial<MakePreviewOptions> = {},
): Of<K> {
  const dtype = Array.isArray(data) ? 'string' : 'float32';
  const result = makePreview(data, shape, dtype, { ...options, ...more }).preview;
  expect(result.kind).toBe(kind);
  return result as Of<K>;
}

/** Grey levels, row by row. */
function levels(picture: Picture): number[] {
  return Array.from({ length: picture.width * picture.height }, (_, i) => picture.rgba[i * 4] as number);
}

describe('preview', () => {
  it('gives a tile per channel, each on its own scale', () => {
    // height 2, width 3, 2 channels: channel 0 is 0 2 4 / 6 8 10.
    const { tiles, channels, tileWidth, tileHeight } = preview('channels', ramp(12), [1, 2, 3, 2]);
    expect([channels, tileWidth, tileHeight]).toEqual([2, 3, 2]);
    expect(tiles.map(({ min, max, mean }) => [min, max, mean])).toEqual([
      [0, 10, 5],
      [1, 11, 6],
    ]);
    // Values grow row by row, so the greys must.
    expect(levels(tiles[0]!.picture)).toEqual([...new Set(levels(tiles[0]!.picture))].sort((a, b) => a - b));
    expect(levels(tiles[0]!.picture)[0]).toBeLessThan(10);
    expect(levels(tiles[0]!.picture)[5]).toBeGreaterThan(245);
    expect(levels(tiles[1]!.picture)).toEqual(levels(tiles[0]!.picture));
  });

  it('gives all channels one scale when asked', () => {
    const { tiles } = preview('channels', Float32Array.of(0, 5, 1, 10), [1, 1, 2, 2], { scale: 'tensor' });
    expect(levels(tiles[0]!.picture)[1]).toBeLessThan(40);
    expect(levels(tiles[1]!.picture)[1]).toBeGreaterThan(245);
  });

  it('reads channels first, the example asked for, and the part of the channels asked for', () => {
    const data = ramp(2 * 3 * 2 * 2);
    const { tiles, channels } = preview('channels', data, [2, 3, 2, 2], {
      layout: 'channels_first',
      example: 1,
      offset: 1,
      limit: 1,
    });
    expect(channels).toBe(3);
    expect(tiles.map(({ channel, min, max }) => [channel, min, max])).toEqual([[1, 16, 19]]);
  });

  it('marks dead channels and draws NaN and infinities in magenta', () => {
    const { tiles } = preview('channels', Float32Array.of(0, NaN, 0, 1, 0, -Infinity), [1, 1, 3, 2]);
    expect(tiles.map(({ dead }) => dead)).toEqual([true, false]);
    expect(Array.from(tiles[1]!.picture.rgba.subarray(0, 4))).toEqual([255, 0, 255, 255]);
    expect(tiles[1]).toMatchObject({ min: 1, max: 1, mean: 1 });
  });

  it('shows volumes slice by slice', () => {
    const data = ramp(2 * 2 * 2 * 3);
    const { tiles, channels } = preview('channels', data, [1, 2, 2, 2, 3]);
    expect(channels).toBe(6);
    // Channel 0, slice 1: values 12, 15, 18, 21.
    expect([tiles[1]!.min, tiles[1]!.max]).toEqual([12, 21]);
  });

  it('bounds the pixels, whatever the tensor', () => {
    const { tiles, tileWidth, tileHeight } = preview('channels', new Float32Array(1500 * 1000), [1, 1500, 1000, 1]);
    expect([tileWidth, tileHeight]).toEqual([683, 1024]);
    expect(tiles[0]!.picture.rgba).toHaveLength(683 * 1024 * 4);
    const many = preview('channels', new Float32Array(300 * 300 * 90), [1, 300, 300, 90], { limit: 1000 });
    expect(many.tiles.reduce((sum, { picture }) => sum + picture.rgba.length, 0)).toBeLessThanOrEqual(16_000_000);
    expect(many.channels).toBe(90);
  });

  it('shows sequences as time × unit', () => {
    const { rows, columns, min, max, picture } = preview('heatmap', ramp(2 * 4 * 3), [2, 4, 3], { example: 1 });
    expect([rows, columns, min, max, picture.width, picture.height]).toEqual([4, 3, 12, 23, 3, 4]);
  });

  it('shows attention weights as a matrix per head', () => {
    const { tiles, channels } = preview('matrix', ramp(2 * 3 * 3), [1, 2, 3, 3], { matrix: true });
    expect([channels, tiles[1]!.min, tiles[1]!.max]).toEqual([2, 9, 17]);
  });

  it('shows vectors as bars, a part of long ones', () => {
    expect(preview('bars', ramp(6), [2, 3], { example: 1 })).toEqual({
      kind: 'bars',
      values: [3, 4, 5],
      total: 3,
      offset: 0,
    });
    expect(preview('bars', ramp(100), [1, 100], { offset: 90, limit: 4 })).toEqual({
      kind: 'bars',
      values: [90, 91, 92, 93],
      total: 100,
      offset: 90,
    });
    expect(preview('bars', ramp(5), [5]).total).toBe(5);
  });

  it('shows a softmax as its best classes, with names where their number fits', () => {
    const data = Float32Array.of(0.1, 0.6, NaN, 0.3);
    const { top } = preview('classes', data, [1, 4], { className: 'Softmax', labels: ['a', 'b', 'c', 'd'] });
    expect(top.map(({ index, label }) => [index, label])).toEqual([
      [1, 'b'],
      [3, 'd'],
      [0, 'a'],
      [2, 'c'],
    ]);
    expect(
      preview('classes', Float32Array.of(0.25, 0.75), [1, 2], { isOutput: true, labels: ['only one'] }).top[0],
    ).toEqual({ index: 1, value: 0.75, label: null });
    expect(
      preview('classes', Float32Array.of(5, -3), [1, 2], { isOutput: true, labels: ['yes', 'no'] }).top[0]?.label,
    ).toBe('yes');
    preview('bars', Float32Array.of(5, -3), [1, 2], { isOutput: true });
    preview('bars', Float32Array.of(0.5, 0.5), [1, 2]);
  });

  it('shows one value as itself, strings as strings', () => {
    expect(preview('scalar', Float32Array.of(7), [1, 1]).value).toBe(7);
    expect(preview('scalar', Int32Array.of(7), []).value).toBe(7);
    expect(preview('strings', ['a', 'b', 'c'], [3], { offset: 1, limit: 1 })).toEqual({
      kind: 'strings',
      values: ['b'],
      total: 3,
    });
  });

  it('survives empty tensors and wild options', () => {
    expect(makePreview(new Float32Array(0), [0, 4, 4, 3], 'float32', options).preview.kind).toBe('bars');
    for (const offset of [-5, 1e9])
      for (const example of [-1, 99])
        makePreview(ramp(24), [1, 2, 4, 3], 'float32', { ...options, offset, example, limit: -2 });
  });

  it('has histogram and statistics of the whole tensor', () => {
    const { histogram, statistics } = makePreview(ramp(24), [2, 2, 2, 3], 'float32', options);
    expect([histogram.min, histogram.max, histogram.counts.reduce((a, b) => a + b, 0), statistics.channels]).toEqual([
      0, 23, 24, 3,
    ]);
  });
});

describe('thumbnail', () => {
  const small = { colorMap: 'viridis', channelAxis: -1 };
  it.each([
    [
      [1, 112, 112, 32],
      [20, 20],
    ],
    [
      [1, 7, 7, 1280],
      [7, 7],
    ],
    [
      [1, 28, 28, 3],
      [20, 20],
    ],
    [
      [1, 10],
      [10, 20],
    ],
    [
      [1, 1000],
      [24, 20],
    ],
    [
      [1, 500, 4],
      [4, 20],
    ],
    [
      [1, 4, 6, 6, 2],
      [6, 6],
    ],
    [[], [1, 20]],
    [
      [1, 1, 1, 1280],
      [1, 1],
    ],
  ])('of %j is %j', (shape, size) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const picture = thumbnail(
      Float32Array.from({ length: count }, (_, i) => Math.sin(i)),
      shape,
      small,
    );
    expect([picture?.width, picture?.height]).toEqual(size);
  });

  it('shows the channel that varies', () => {
    const data = new Float32Array(8 * 8 * 8);
    for (let i = 0; i < 64; i++) data[i * 8 + 5] = i;
    const picture = thumbnail(data, [1, 8, 8, 8], small);
    expect(new Set(new Uint32Array(picture!.rgba.buffer)).size).toBe(64);
  });

  it('works on channels first, on constants, on NaN, and not on nothing', () => {
    expect(thumbnail(ramp(5 * 6 * 7), [1, 5, 6, 7], { ...small, channelAxis: 1 })).toMatchObject({
      width: 7,
      height: 6,
    });
    for (const value of [0, 4, NaN, -Infinity]) {
      for (const shape of [
        [1, 4, 4, 8],
        [1, 16],
        [1, 4, 4],
      ]) {
        const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(value);
        expect(thumbnail(data, shape, small)).not.toBeNull();
      }
    }
    expect(thumbnail(new Float32Array(0), [0, 3], small)).toBeNull();
  });
});

describe('encodePng', () => {
  it('writes what other decoders read', () => {
    const rgba = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => i * 9);
    const png = decode(encodePng({ width: 3, height: 2, rgba }));
    expect([png.width, png.height, png.channels, Array.from(png.data)]).toEqual([3, 2, 4, Array.from(rgba)]);
  });
});
