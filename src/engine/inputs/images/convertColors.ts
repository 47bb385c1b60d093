/** Pillow's `Image.convert`, for the modes that pictures come in. */
import { channelsOf, type Pixels } from './pixels';

export type ColorTarget = 'L' | 'RGB' | 'RGBA';

/**
 * As Keras's `load_img` converts: to grey only what is not grey already (16-bit grey stays as it is), otherwise to the
 * target mode. Alpha is dropped, not blended. 16-bit grey to colour is cut off at 255, as Pillow does.
 */
export function convertColors(pixels: Pixels, target: ColorTarget): Pixels {
  if (pixels.mode === target || (target === 'L' && pixels.mode === 'I;16')) return pixels;
  // to whatever mode, inks become colours first
  if (pixels.mode === 'CMYK') return convertColors(withoutInks(pixels), target);
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

/** Pillow's `cmyk2rgb`: what black leaves, less the ink's part of it. */
function withoutInks({ width, height, data }: Pixels): Pixels {
  const result = new Uint8Array(width * height * 3);
  for (let at = 0, to = 0; at < data.length; at += 4) {
    const left = 255 - (data[at + 3] as number);
    for (let ink = 0; ink < 3; ink++) result[to++] = left - partOf255(data[at + ink] as number, left);
  }
  return { width, height, mode: 'RGB', data: result };
}

/** `a * b / 255`, rounded, as Pillow's `MULDIV255` does without dividing. */
function partOf255(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
