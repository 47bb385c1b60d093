/** Decoded pictures, before anything is done to them. */

/**
 * Pillow's modes, as its `Image.open` gives them: `1` (0 or 255), `L` grey, `LA`, `I;16` 16-bit grey, `RGB`, `RGBA`, `CMYK`
 * (0 is no ink). Palette pictures come as `RGB` or `RGBA`: what Pillow's conversions make of them is the same.
 */
export type PixelMode = 'L' | 'LA' | 'I;16' | 'RGB' | 'RGBA' | 'CMYK';

export interface Pixels {
  width: number;
  height: number;
  mode: PixelMode;
  /** Rows top to bottom, channels together; 16 bits per value only in `I;16`. */
  data: Uint8Array | Uint16Array;
}

export const channelsOf: Record<PixelMode, number> = { L: 1, LA: 2, 'I;16': 1, RGB: 3, RGBA: 4, CMYK: 4 };

/** Refused before anything is allocated for it. */
export const maxPixels = 64_000_000;
