/** Shape arithmetic as Keras does it. `null` is an unknown dimension and makes what hangs on it unknown. */
import { SlicerError } from '../errors';
import type { Dim, Shape } from '../model/layerGraph';

export type Padding = 'valid' | 'same' | 'causal';

/** The product of all factors; `null` when one is unknown or the product is no exact number. */
export function product(...factors: readonly Dim[]): Dim {
  let result = 1;
  for (const factor of factors) {
    if (factor === null) return null;
    result *= factor;
  }
  return Number.isSafeInteger(result) ? result : null;
}

export function sum(...terms: readonly Dim[]): Dim {
  let result = 0;
  for (const term of terms) {
    if (term === null) return null;
    result += term;
  }
  return Number.isSafeInteger(result) ? result : null;
}

/** Length of a convolution's or pooling's output along one axis. */
export function convLength(length: Dim, kernel: number, stride: number, dilation: number, padding: Padding): Dim {
  if (length === null) return null;
  if (padding === 'same' || padding === 'causal') return Math.ceil(length / stride);
  const result = Math.floor((length - dilation * (kernel - 1) - 1) / stride) + 1;
  if (result < 0) throw mismatch(`length >= ${dilation * (kernel - 1) + 1}`, [length]);
  return result;
}

/** Length of a transposed convolution's output along one axis; `outputPadding: null` lets Keras choose it. */
export function transposedLength(
  length: Dim,
  kernel: number,
  stride: number,
  dilation: number,
  padding: Padding,
  outputPadding: number | null,
): Dim {
  if (length === null) return null;
  const reach = (kernel - 1) * dilation + 1;
  if (outputPadding === null) return length * stride + (padding === 'same' ? 0 : Math.max(reach - stride, 0));
  const cut = padding === 'same' ? 2 * Math.floor(reach / 2) : 0;
  return (length - 1) * stride + reach - cut + outputPadding;
}

/** `axis` counted from the front; `null` when the shape has no such axis. */
export function axisIndex(axis: number, rank: number): number | null {
  const index = axis < 0 ? axis + rank : axis;
  return index >= 0 && index < rank ? index : null;
}

/** The shape with the dimension at `index` replaced. */
export function replaceDim(shape: Shape, index: number, dim: Dim): Dim[] {
  return shape.map((old, i) => (i === index ? dim : old));
}

/** A `shape-mismatch` error; `expected` and `actual` are shapes, or words for them. */
export function mismatch(expected: string | Shape, actual: Shape | null): SlicerError {
  const text = typeof expected === 'string' ? expected : [...expected];
  return new SlicerError('shape-mismatch', { expected: text, actual: actual === null ? null : [...actual] });
}

/** The shape, which must have `rank` dimensions. */
export function ofRank(shape: Shape, rank: number): Shape {
  if (shape.length !== rank) throw mismatch(`rank ${rank}`, shape);
  return shape;
}

/** Shape of an elementwise operation on two tensors. Keras 2 traces the graph and so keeps a dimension that one side knows. */
export function broadcast(a: Shape, b: Shape, keras: 2 | 3): Dim[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const offset = long.length - short.length;
  return long.map((left, i) => {
    const right = i < offset ? 1 : (short[i - offset] ?? null);
    if (i < offset) return left;
    if (left === null || right === null) {
      const known = left ?? right;
      return keras === 2 && known !== null && known > 1 ? known : null;
    }
    if (left === 1) return right;
    if (right === 1 || left === right) return left;
    throw mismatch(a, b);
  });
}

/** An image-like shape taken apart: leading axes, spatial axes, channels. */
export interface SpatialShape {
  leading: Dim[];
  spatial: Dim[];
  channels: Dim;
}

/**
 * Takes `shape` apart. `rank` is the number of spatial axes. Keras 2 lets convolutions have more than one leading axis
 * (`extraBatch`); everything else must have exactly one.
 */
export function splitSpatial(shape: Shape, rank: number, channelsFirst: boolean, extraBatch = false): SpatialShape {
  if (extraBatch ? shape.length < rank + 2 : shape.length !== rank + 2) throw mismatch(`rank ${rank + 2}`, shape);
  const inner = shape.slice(-rank - 1);
  return {
    leading: shape.slice(0, -rank - 1),
    spatial: channelsFirst ? inner.slice(1) : inner.slice(0, -1),
    channels: (channelsFirst ? inner[0] : inner[rank]) ?? null,
  };
}

export function joinSpatial({ leading, spatial, channels }: SpatialShape, channelsFirst: boolean): Dim[] {
  return channelsFirst ? [...leading, channels, ...spatial] : [...leading, ...spatial, channels];
}
