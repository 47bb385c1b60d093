/** The hashes of TensorFlow's string operations: FarmHash64 (`Fingerprint64`), SipHash-2-4, and how two are joined. */

const MASK = (1n << 64n) - 1n;
const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;

type Pair = [bigint, bigint];

const u64 = (x: bigint): bigint => x & MASK;
/** To the right. */
const rotate = (x: bigint, by: bigint): bigint => u64((u64(x) >> by) | (x << (64n - by)));
const shiftMix = (x: bigint): bigint => u64(x) ^ (u64(x) >> 47n);

/** FarmHash's `Fingerprint64`, which `tf.strings.to_hash_bucket_fast` takes the remainder of. */
export function farmHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (i: number): bigint => view.getBigUint64(i, true);
  const n = bytes.length;
  const long = BigInt(n);
  if (n > 64) return farmHashLong(n, at);
  if (n > 32) {
    const mul = K2 + long * 2n;
    const [a, b, c, d] = [u64(at(0) * K2), at(8), at(n - 8) * mul, at(n - 16) * K2];
    const y = u64(rotate(a + b, 43n) + rotate(c, 30n) + d);
    const z = hashLen16(y, a + rotate(b + K2, 18n) + c, mul);
    const [e, f, g, h] = [at(16) * mul, at(24), (y + at(n - 32)) * mul, (z + at(n - 24)) * mul];
    return hashLen16(rotate(e + f, 43n) + rotate(g, 30n) + h, e + rotate(f + a, 18n) + g, mul);
  }
  if (n > 16) {
    const mul = K2 + long * 2n;
    const [a, b, c, d] = [at(0) * K1, at(8), at(n - 8) * mul, at(n - 16) * K2];
    return hashLen16(rotate(a + b, 43n) + rotate(c, 30n) + d, a + rotate(b + K2, 18n) + c, mul);
  }
  if (n >= 8) {
    const mul = K2 + long * 2n;
    const [a, b] = [at(0) + K2, at(n - 8)];
    return hashLen16(rotate(b, 37n) * mul + a, (rotate(a, 25n) + b) * mul, mul);
  }
  if (n >= 4) {
    const [a, b] = [BigInt(view.getUint32(0, true)), BigInt(view.getUint32(n - 4, true))];
    return hashLen16(long + (a << 3n), b, K2 + long * 2n);
  }
  if (n === 0) return K2;
  const y = BigInt(view.getUint8(0)) + (BigInt(view.getUint8(n >> 1)) << 8n);
  const z = long + (BigInt(view.getUint8(n - 1)) << 2n);
  return u64(shiftMix((y * K2) ^ (z * K0)) * K2);
}

function hashLen16(u: bigint, v: bigint, mul: bigint): bigint {
  const a = shiftMix(u64((u64(u) ^ u64(v)) * mul));
  return u64(shiftMix(u64((u64(v) ^ a) * mul)) * mul);
}

function farmHashLong(n: number, at: (i: number) => bigint): bigint {
  const weak = (i: number, a: bigint, b: bigint): Pair => {
    const first = a + at(i);
    const second = rotate(b + first + at(i + 24), 21n);
    const sum = first + at(i + 8) + at(i + 16);
    return [u64(sum + at(i + 24)), u64(second + rotate(sum, 44n) + first)];
  };
  let x = u64(81n * K2 + at(0));
  let y = u64(81n * K1 + 113n);
  let z = u64(shiftMix(y * K2 + 113n) * K2);
  let [v, w]: [Pair, Pair] = [
    [0n, 0n],
    [0n, 0n],
  ];
  const round = (i: number, mul: bigint, more: bigint): void => {
    x = u64(rotate(x + y + v[0] + at(i + 8), 37n) * mul);
    y = u64(rotate(y + v[1] + at(i + 48), 42n) * mul);
    x ^= u64(w[1] * more);
    y = u64(y + v[0] * more + at(i + 40));
    z = u64(rotate(z + w[0], 33n) * mul);
    v = weak(i, v[1] * mul, x + w[0]);
    w = weak(i + 32, z + w[1], y + at(i + 16));
    [z, x] = [x, z];
  };
  const end = Math.floor((n - 1) / 64) * 64;
  for (let i = 0; i < end; i += 64) round(i, K1, 1n);
  const mul = K1 + ((z & 0xffn) << 1n);
  w[0] = u64(w[0] + BigInt((n - 1) & 63));
  v[0] = u64(v[0] + w[0]);
  w[0] = u64(w[0] + v[0]);
  round(n - 64, mul, 9n);
  return hashLen16(hashLen16(v[0], w[0], mul) + shiftMix(y) * K0 + z, hashLen16(v[1], w[1], mul) + x, mul);
}

/** SipHash-2-4 under a key of two words, which `tf.strings.to_hash_bucket_strong` takes the remainder of. */
export function sipHash64(bytes: Uint8Array, [k0, k1]: Pair): bigint {
  let [a, b, c, d] = [
    u64(k0) ^ 0x736f6d6570736575n,
    u64(k1) ^ 0x646f72616e646f6dn,
    u64(k0) ^ 0x6c7967656e657261n,
    u64(k1) ^ 0x7465646279746573n,
  ];
  // SipHash's rotations go to the left
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      a = u64(a + b);
      b = rotate(b, 51n) ^ a;
      a = rotate(a, 32n);
      c = u64(c + d);
      d = rotate(d, 48n) ^ c;
      a = u64(a + d);
      d = rotate(d, 43n) ^ a;
      c = u64(c + b);
      b = rotate(b, 47n) ^ c;
      c = rotate(c, 32n);
    }
  };
  const padded = new DataView(new ArrayBuffer(Math.floor(bytes.length / 8) * 8 + 8));
  bytes.forEach((byte, i) => padded.setUint8(i, byte));
  padded.setUint8(padded.byteLength - 1, bytes.length & 255);
  for (let i = 0; i < padded.byteLength; i += 8) {
    const word = padded.getBigUint64(i, true);
    d ^= word;
    rounds(2);
    a ^= word;
  }
  c ^= 0xffn;
  rounds(4);
  return a ^ b ^ c ^ d;
}

/** `FingerprintCat64`: how `tf.sparse.cross_hashed` joins the values of its columns. */
export function joinFingerprints(first: bigint, second: bigint): bigint {
  const mul = 0xc6a4a7935bd1e995n;
  const joined = u64(first) ^ mul ^ u64(shiftMix(u64(u64(second) * mul)) * mul);
  return shiftMix(u64(shiftMix(u64(joined * mul)) * mul));
}
