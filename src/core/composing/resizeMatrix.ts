/**
 * Resizing one axis as a product with a fixed matrix. TF.js's own `Resizing` fails inside models; a product computes the
 * same: half-pixel centres, no antialiasing, as Keras's `Resizing` does.
 */
export type Interpolation = 'nearest' | 'bilinear';

/** Which values of `from` make value `target` of `to`, and how much of each. */
export function resizeRow(from: number, to: number, target: number, interpolation: Interpolation): [number, number][] {
  const scale = from / to;
  if (interpolation === 'nearest') return [[Math.min(from - 1, Math.floor((target + 0.5) * scale)), 1]];
  const at = Math.min(from - 1, Math.max(0, (target + 0.5) * scale - 0.5));
  const low = Math.floor(at);
  const high = Math.min(from - 1, low + 1);
  const part = at - low;
  return high === low || part === 0
    ? [[low, 1]]
    : [
        [low, 1 - part],
        [high, part],
      ];
}
