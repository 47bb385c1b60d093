/** Colour maps: 256 colours from low to high. */
import { colorMapTables } from './colorMapTables';

export type ColorMapName = keyof typeof colorMapTables;

export const colorMapNames = Object.keys(colorMapTables) as ColorMapName[];

/** Blue–white–red: zero is in the middle, so its range is made symmetric. */
const diverging: ColorMapName = 'rdbu';

/** NaN and infinities: magenta is in none of the maps. */
const signal = [255, 0, 255, 255] as const;

/** Turns values into packed RGBA, in the byte order of the machine (write them through a `Uint32Array` on the picture's bytes). */
export interface ColorScale {
  /** Value of the first colour. */
  low: number;
  /** Colours per unit; 0 for a constant tensor, which gets the first colour (the middle one in the diverging map). */
  factor: number;
  colors: Uint32Array;
  nonFinite: number;
}

const packed = new Map<ColorMapName, Uint32Array>();
const packedSignal = new Uint32Array(Uint8Array.from(signal).buffer)[0] as number;

/** 256 packed RGBA colours. */
export function packedColors(name: ColorMapName): Uint32Array {
  const known = packed.get(name);
  if (known) return known;
  const rgb = Buffer.from(colorMapTables[name], 'base64');
  const rgba = new Uint8Array(256 * 4);
  for (let i = 0; i < 256; i++) {
    rgba.set(rgb.subarray(i * 3, i * 3 + 3), i * 4);
    rgba[i * 4 + 3] = 255;
  }
  const colors = new Uint32Array(rgba.buffer);
  packed.set(name, colors);
  return colors;
}

/**
 * The map that `name` means for values from `min` to `max`: a name that is not known (`auto`) gives the diverging map
 * for values on both sides of zero, else viridis.
 */
export function resolveColorMap(name: string, min: number, max: number): ColorMapName {
  const wanted = name.toLowerCase() as ColorMapName;
  if (colorMapNames.includes(wanted)) return wanted;
  return min < 0 && max > 0 ? diverging : 'viridis';
}

/** A scale from `min` to `max`; symmetric around zero in the diverging map. */
export function colorScale(name: string, min: number, max: number): ColorScale {
  const map = resolveColorMap(name, min, max);
  const colors = packedColors(map);
  let low = min;
  let high = max;
  if (map === diverging) {
    high = Math.max(Math.abs(min), Math.abs(max));
    low = -high;
    // All zero: the middle colour.
    if (high === 0) return { low: -1, factor: 127.5, colors, nonFinite: packedSignal };
  }
  const range = high - low;
  const factor = range > 0 ? 255 / range : 0;
  return { low, factor: Number.isFinite(factor) ? factor : 0, colors, nonFinite: packedSignal };
}

/** The packed colour of one value. */
export function colorOf(scale: ColorScale, value: number): number {
  const index = (value - scale.low) * scale.factor;
  if (!(index > -Infinity && index < Infinity)) return scale.nonFinite;
  return scale.colors[index <= 0 ? 0 : index >= 255 ? 255 : (index + 0.5) | 0] as number;
}
