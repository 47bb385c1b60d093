import { interpolateMagma, interpolateRdBu, interpolateTurbo, interpolateViridis } from 'd3-scale-chromatic';
import { describe, expect, it } from 'vitest';
import {
  colorMapNames,
  colorOf,
  colorScale,
  packedColors,
  resolveColorMap,
} from '../../../src/engine/previews/colorMaps';

function rgba(packed: number): number[] {
  return Array.from(new Uint8Array(Uint32Array.of(packed).buffer));
}

function rgb(text: string): number[] {
  if (text.startsWith('#')) return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  return (text.match(/\d+/g) ?? []).map(Number);
}

describe('colour maps', () => {
  it('are eight, with 256 opaque colours each', () => {
    expect(colorMapNames).toEqual(['viridis', 'magma', 'inferno', 'plasma', 'cividis', 'turbo', 'greys', 'rdbu']);
    for (const name of colorMapNames) {
      expect(packedColors(name)).toHaveLength(256);
      expect(Array.from(packedColors(name)).every((color) => rgba(color)[3] === 255)).toBe(true);
    }
  });

  it.each([
    ['viridis', interpolateViridis],
    ['magma', interpolateMagma],
    ['turbo', interpolateTurbo],
    ['rdbu', (t: number) => interpolateRdBu(1 - t)],
  ] as const)('%s is that of d3-scale-chromatic', (name, map) => {
    for (const i of [0, 1, 77, 128, 255])
      expect(rgba(packedColors(name)[i] as number).slice(0, 3)).toEqual(rgb(map(i / 255)));
  });

  it('auto takes the diverging map for values on both sides of zero', () => {
    expect([resolveColorMap('auto', 0, 1), resolveColorMap('auto', -1, 1), resolveColorMap('Magma', -1, 1)]).toEqual([
      'viridis',
      'rdbu',
      'magma',
    ]);
  });

  it('keeps zero in the middle of the diverging map', () => {
    const scale = colorScale('rdbu', -1, 4);
    const middle = rgba(colorOf(scale, 0));
    expect(Math.min(...middle)).toBeGreaterThan(235);
    expect(rgba(colorOf(scale, 4))).toEqual(rgba(packedColors('rdbu')[255] as number));
  });

  it.each([NaN, Infinity, -Infinity])('shows %s in magenta', (value) => {
    expect(rgba(colorOf(colorScale('viridis', 0, 1), value))).toEqual([255, 0, 255, 255]);
  });

  it.each(['viridis', 'rdbu'])('does not divide by zero for constants: %s', (map) => {
    for (const value of [0, 3, -2]) expect(rgba(colorOf(colorScale(map, value, value), value))[3]).toBe(255);
    expect(rgba(colorOf(colorScale(map, 1e-45, 2e-45), 1e-45))).not.toEqual([255, 0, 255, 255]);
  });
});
