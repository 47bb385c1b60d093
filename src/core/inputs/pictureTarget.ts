/** How an input's shape wants a picture. */
import type { Shape } from '../model/layerGraph';

/** `image`: height, width and channels; `plane`: height and width; `flat`: all values in one row. */
export interface PictureTarget {
  form: 'image' | 'plane' | 'flat';
  /** The shape has a batch axis in front. */
  batched: boolean;
  layout: 'channels_last' | 'channels_first';
  height: number | null;
  width: number | null;
  channels: number | null;
}

const isColor = (size: number | null | undefined): boolean => size === 1 || size === 3 || size === 4;

/**
 * Where a picture goes in a tensor of this shape; `layout` as the layers that read it say, null when they say nothing.
 * Flat inputs take square pictures: 784 is 28 × 28 grey, 3072 is 32 × 32 in colour. Null: the input is no picture.
 */
export function pictureTarget(shape: Shape | null, layout: PictureTarget['layout'] | null): PictureTarget | null {
  const dim = (axis: number): number | null => shape?.[axis] ?? null;
  if (shape === null) {
    return { form: 'image', batched: true, layout: layout ?? 'channels_last', height: null, width: null, channels: 3 };
  }
  if (shape.length === 4) return image(dim(1), dim(2), dim(3), true, layout);
  if (shape.length === 3) {
    // Without a batch axis, as some graph-models have it: sizes known, colours last, and no batch that small.
    if ((dim(0) ?? 0) > 4 && isColor(shape[2])) return image(dim(0), dim(1), dim(2), false, 'channels_last');
    return { form: 'plane', batched: true, layout: 'channels_last', height: dim(1), width: dim(2), channels: 1 };
  }
  const units = shape.length === 2 ? dim(1) : null;
  if (units === null) return null;
  for (const channels of [1, 3]) {
    const side = Math.sqrt(units / channels);
    if (Number.isInteger(side) && side >= 4) {
      return { form: 'flat', batched: true, layout: 'channels_last', height: side, width: side, channels };
    }
  }
  return null;
}

function image(
  first: number | null,
  second: number | null,
  third: number | null,
  batched: boolean,
  layout: PictureTarget['layout'] | null,
): PictureTarget {
  const order = layout ?? (isColor(first) && !isColor(third) ? 'channels_first' : 'channels_last');
  const [height, width, channels] = order === 'channels_first' ? [second, third, first] : [first, second, third];
  return { form: 'image', batched, layout: order, height, width, channels };
}
