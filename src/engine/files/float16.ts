/** IEEE half precision → single. */

let table: Float32Array<ArrayBuffer> | null = null;

/** All 65,536 values once: 256 KB, and a lookup each afterwards. */
function halfTable(): Float32Array<ArrayBuffer> {
  if (table) return table;
  const made = new Float32Array(65_536);
  for (let bits = 0; bits < 65_536; bits += 1) {
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 0) made[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) made[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else made[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  table = made;
  return made;
}

export function float16Values(stored: Uint16Array): Float32Array<ArrayBuffer> {
  const half = halfTable();
  const values = new Float32Array(stored.length);
  for (let i = 0; i < stored.length; i += 1) values[i] = half[stored[i] ?? 0] ?? 0;
  return values;
}
