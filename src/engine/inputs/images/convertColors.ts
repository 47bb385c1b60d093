/** Pillow's `Image.convert`, for the modes that pictures come in. */
import { channelsOf, type Pixels } from './pixels';

export type ColorTarget = 'L' | 'RGB' | 'RGBA';

/**
 * As Keras's `load_img` converts: to grey only what is not grey already (16-bit grey stays as it is), otherwise to the
 * target mode. Alpha is dropped, not blended. 16-bit grey to colour is cut off at 255, as Pillow does.
 */
export function convertColors(pixels: Pixels, target: ColorTarget): Pixels {
  if (pixels.mode === target || (target === 'L' && pixels.mode === 'I;16')) return pixels;
  const { width, height, data } = pixels;
  const count = width * height;
  const from = channelsOf[pixels.mode];
  const to = channelsOf[target];
  const result = new Uint8Array(count * to);
  const grey = from <= 2;
  const alpha = pixels.mode === 'LA' || pixels.mode === 'RGBA';
  for (let i = 0; i < count; i++) {
    const at = i * from;
    const first = Math.min(255, data[at] as number);
    if (target === 'L') {
      result[i] = grey ? first : luminance(first, data[at + 1] as number, data[at + 2] as number);
      continue;
    }
    result[i * to] = first;
    result[i * to + 1] = grey ? first : (data[at + 1] as number);
    result[i * to + 2] = grey ? first : (data[at + 2] as number);
    if (target === 'RGBA') result[i * to + 3] = alpha ? (data[at + from - 1] as number) : 255;
  }
  return { width, height, mode: target, data: result };
}

/** ITU-R 601-2 in 16 bits of fraction, rounded: Pillow's `L24`. */
function luminance(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}
