/** Single values of a tensor: what the pointer is over in a preview. */
import { SlicerError } from '../../core/errors';
import { planeOffset, planesOf } from '../previews/planes';
import type { KeptTensor } from './keptTensors';

/** Above this a plane is no longer something to point at. */
const maxValues = 16 * 2 ** 20;

/**
 * One plane of one example, row by row. `channel`: index of the preview's tile (channel × slices + slice for volumes);
 * null: the example's values as one row, or as rows of the last axis.
 */
export function channelValues(
  tensor: KeptTensor,
  example: number,
  channel: number | null,
): { width: number; height: number; values: Float32Array<ArrayBuffer> } {
  const values = tensor.values();
  if (Array.isArray(values)) throw new SlicerError('bad-input', { reason: 'strings', address: tensor.address });
  const { shape } = tensor;
  const layout = tensor.channelAxis === 1 ? 'channels_first' : 'channels_last';
  const planes = channel === null ? null : planesOf(shape, layout, example);
  if (!planes || channel === null) {
    const batch = shape.length > 1 ? (shape[0] as number) : 1;
    const count = batch === 0 ? 0 : values.length / batch;
    const at = Math.min(Math.max(0, example), Math.max(0, batch - 1)) * count;
    const width = shape.length > 2 ? (shape.at(-1) as number) : count;
    checkSize(count, tensor.address);
    return {
      width,
      height: width === 0 ? 0 : count / width,
      values: Float32Array.from(values.subarray(at, at + count)),
    };
  }
  const { width, height, rowStride, columnStride, channels, slices } = planes;
  if (!Number.isInteger(channel) || channel < 0 || channel >= channels * slices) {
    throw new SlicerError('bad-input', {
      reason: 'channel',
      address: tensor.address,
      expected: channels * slices,
      actual: channel,
    });
  }
  checkSize(width * height, tensor.address);
  const offset = planeOffset(planes, channel);
  const plane = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) plane[y * width + x] = values[offset + y * rowStride + x * columnStride] as number;
  }
  return { width, height, values: plane };
}

function checkSize(count: number, address: string): void {
  if (count > maxValues) throw new SlicerError('too-large', { address, values: count, limit: maxValues });
}
