/** The Keras fixtures: which there are, and what Keras says of them. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { InputSpec } from '../../src/protocol/engine';
import { unzipSync } from 'fflate';
import { readNpy } from '../../src/engine/files/npy';
import { writeNpy } from '../../src/engine/files/npy';
import { keras } from '../fixtures';
import { noise } from './noise';

export interface GoldenActivation {
  shape: number[];
  dtype: string;
  min: number;
  max: number;
  mean: number;
  std: number;
  l2: number;
  first: number[];
  npz?: string;
}

export interface Golden {
  outputs: { tensor: string; shape: (number | null)[] }[];
  inputs: { layer: string }[];
  layers: { address: string; class: string }[];
  example: {
    layer: string;
    shape: number[];
    dtype: string;
    noise: { seed: number; low: number; high: number };
    file?: string;
  }[];
  activations: Record<string, GoldenActivation>;
  arrays?: string;
}

export interface FixtureRow {
  fixture: string;
  format: string;
  folder: string;
  golden: Golden;
}

interface Manifest {
  fixtures: { name: string; folder?: string; formats: Record<string, { golden: string; error?: string }> }[];
}

/** Rows whose files are here. */
export function fixtureRows(wanted: (format: string) => boolean): FixtureRow[] {
  const manifest = JSON.parse(readFileSync(path.join(keras, 'manifest.json'), 'utf8')) as Manifest;
  return manifest.fixtures.flatMap(({ name, folder, formats }) =>
    Object.entries(formats).flatMap(([format, row]) => {
      const base = path.join(keras, folder ?? name);
      const found = wanted(format) && !row.error && existsSync(path.join(base, format, 'model.json'));
      if (!found) return [];
      const golden = JSON.parse(readFileSync(path.join(base, row.golden), 'utf8')) as Golden;
      return [{ fixture: name, format, folder: path.join(base, format), golden }];
    }),
  );
}

/** The example inputs as npy sources, by the input's name. */
export function exampleInputs({ folder, golden }: FixtureRow): InputSpec[] {
  return golden.example.map(({ layer, shape, dtype, noise: recipe, file }) => {
    const stored = file ? path.join(path.dirname(folder), file) : null;
    if (stored && existsSync(stored))
      return { input: layer, source: { kind: 'array', path: stored, name: file as string, format: 'npy' } };
    const whole = dtype.startsWith('int');
    const count = shape.reduce((a, b) => a * b, 1);
    const values = noise(recipe.seed, count).map((v) => (v + 0.5) * (recipe.high - recipe.low) + recipe.low);
    const bytes = whole
      ? writeNpy(Int32Array.from(values, Math.floor), shape)
      : writeNpy(Float32Array.from(values), shape);
    return { input: layer, source: { kind: 'array', bytes, name: `${layer}.npy`, format: 'npy' } };
  });
}

/** Full arrays by key, where the golden has them. */
export function goldenArrays({ folder, golden }: FixtureRow): Map<string, ArrayLike<number>> {
  const file = path.join(path.dirname(folder), golden.arrays ?? 'activations.npz');
  if (!existsSync(file)) return new Map();
  const members = unzipSync(new Uint8Array(readFileSync(file)));
  return new Map(
    Object.entries(members).map(([name, bytes]) => [
      name.replace(/\.npy$/, ''),
      readNpy(bytes, name).data as ArrayLike<number>,
    ]),
  );
}

/** The allowed difference: DESIGN's equality. */
export function allowance(fixture: string, format: string, largest: number): number {
  const relative = Math.max(1, largest);
  if (/uint8|uint16|float16/.test(format)) return 0.05 * relative;
  if (fixture === 'mixed-precision') return 1e-2 * relative;
  if (fixture === 'bfloat16') return 5e-2 * relative;
  return 1e-4 * relative;
}
