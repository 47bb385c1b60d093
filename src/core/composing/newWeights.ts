/** The numbers that new layers begin with: the same ones for the same seed, made piece by piece and never kept. */
import { resizeRow, type Interpolation } from './resizeMatrix';

export type Initial =
  | { kind: 'constant'; value: number }
  /** Keras's `glorot_uniform`: uniform in ±limit. */
  | { kind: 'uniform'; limit: number; stream: number }
  | { kind: 'values'; values: readonly number[] }
  /** `[from, to]`: a product with it resizes the last axis. */
  | { kind: 'resize'; from: number; to: number; interpolation: Interpolation };

const PIECE = 64 * 1024;

/** @returns `count` values in float32, in pieces. */
export function* initialValues(initial: Initial, count: number): Generator<Float32Array<ArrayBuffer>> {
  const value = valueOf(initial);
  for (let done = 0; done < count; done += PIECE) {
    const piece = new Float32Array(Math.min(PIECE, count - done));
    if (value) for (let i = 0; i < piece.length; i++) piece[i] = value(done + i);
    yield piece;
  }
}

/** Keras's default for kernels. */
export function glorotUniform(fanIn: number, fanOut: number, seed: number, name: string): Initial {
  return { kind: 'uniform', limit: Math.sqrt(6 / (fanIn + fanOut)), stream: streamOf(seed, name) };
}

function valueOf(initial: Initial): ((index: number) => number) | null {
  switch (initial.kind) {
    case 'constant':
      return initial.value === 0 ? null : () => initial.value;
    case 'uniform':
      return (index) => (2 * uniform(initial.stream, index) - 1) * initial.limit;
    case 'values':
      return (index) => initial.values[index] ?? 0;
    case 'resize': {
      const { from, to, interpolation } = initial;
      const rows = Array.from({ length: to }, (_, target) => resizeRow(from, to, target, interpolation));
      return (index) => rows[index % to]?.find(([source]) => source === Math.floor(index / to))?.[1] ?? 0;
    }
  }
}

/** Two weights of one model never get the same numbers. */
function streamOf(seed: number, name: string): number {
  let hash = Math.imul(seed | 0, 0x27d4eb2f) ^ 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/** Uniform in [0, 1), 24 bits; index and stream mixed by the finalizer of MurmurHash3 (public domain). */
function uniform(stream: number, index: number): number {
  let h = (Math.imul(index, 0x9e3779b1) + stream) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 8) / 2 ** 24;
}
