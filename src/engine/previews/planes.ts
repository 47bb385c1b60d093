/** A tensor seen as a stack of planes, one per channel, without copying it. */
export type Layout = 'channels_last' | 'channels_first';

/** Value (plane p, row y, column x) is `data[planeOffset(planes, p) + y * rowStride + x * columnStride]`. */
export interface Planes {
  /** Start of the example. */
  offset: number;
  channels: number;
  /** Slices of each channel, for tensors with more than two spatial axes. */
  slices: number;
  height: number;
  width: number;
  channelStride: number;
  sliceStride: number;
  rowStride: number;
  columnStride: number;
}

/**
 * Planes of one example. Rank 4 `[batch, height, width, channels]` (or channels first); higher ranks have their further
 * spatial axes as slices; rank 3 `[batch, height, width]` is one plane. Null for lower ranks and for empty tensors.
 */
export function planesOf(shape: readonly number[], layout: Layout, example: number): Planes | null {
  const rank = shape.length;
  const total = shape.reduce((product, size) => product * size, 1);
  if (rank < 3 || total === 0) return null;
  const size = (axis: number): number => shape[axis] as number;
  const perExample = total / size(0);
  const offset = Math.min(Math.max(0, example), size(0) - 1) * perExample;
  if (rank === 3) {
    const [height, width] = [size(1), size(2)];
    return {
      offset,
      channels: 1,
      slices: 1,
      height,
      width,
      channelStride: 0,
      sliceStride: 0,
      rowStride: width,
      columnStride: 1,
    };
  }
  if (layout === 'channels_first') {
    const [channels, height, width] = [size(1), size(rank - 2), size(rank - 1)];
    const slices = perExample / (channels * height * width);
    return {
      offset,
      channels,
      slices,
      height,
      width,
      channelStride: slices * height * width,
      sliceStride: height * width,
      rowStride: width,
      columnStride: 1,
    };
  }
  const [height, width, channels] = [size(rank - 3), size(rank - 2), size(rank - 1)];
  return {
    offset,
    channels,
    slices: perExample / (channels * height * width),
    height,
    width,
    channelStride: 1,
    sliceStride: height * width * channels,
    rowStride: width * channels,
    columnStride: channels,
  };
}

/** Where plane `plane` starts; planes are counted channel by channel, slices inside. */
export function planeOffset(planes: Planes, plane: number): number {
  const channel = Math.floor(plane / planes.slices);
  const slice = plane - channel * planes.slices;
  return planes.offset + channel * planes.channelStride + slice * planes.sliceStride;
}
