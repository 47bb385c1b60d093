/** Keras's own numbers of a fixture: inputs and activations. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inflateRawSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';
import { keras } from '../../../fixtures';

export interface Golden {
  example: {
    layer: string;
    shape: number[];
    dtype: string;
    file?: string;
    noise?: { seed: number; low: number; high: number };
  }[];
  activations: Record<string, { shape: number[]; npz?: string; first?: number[] }>;
}

interface Format {
  golden: string;
  files: string[];
  keras: number;
  error?: string;
}

export interface Fixture {
  name: string;
  formats: Record<string, Format>;
}

/** Every layers-model of the fixtures. */
export function layersModels(): { fixture: string; format: string; file: string; golden: string }[] {
  const manifest = JSON.parse(readFileSync(path.join(keras, 'manifest.json'), 'utf8')) as { fixtures: Fixture[] };
  return manifest.fixtures.flatMap(({ name, formats }) =>
    Object.entries(formats).flatMap(([format, { golden, files }]) => {
      const file = files?.find((candidate) => candidate.endsWith('model.json'));
      if (!file || !golden || format.includes('graph') || format.includes('weights-only')) return [];
      return [{ fixture: name, format, file: path.join(keras, name, file), golden: path.join(keras, name, golden) }];
    }),
  );
}

export function readGolden(file: string): Golden {
  return JSON.parse(readFileSync(file, 'utf8')) as Golden;
}

/** The array of an activation where all of it is kept, else its first values. */
export function activations(file: string): (address: string) => number[] | null {
  const golden = readGolden(file);
  const arrays = npz(file.replace(/golden(.*)\.json$/, 'activations$1.npz'));
  return (address) => {
    const fact = golden.activations[address];
    if (!fact) return null;
    return (fact.npz === undefined ? undefined : arrays.get(fact.npz)) ?? fact.first ?? null;
  };
}

export function exampleInputs(file: string): Map<string, tf.Tensor> {
  return new Map(
    readGolden(file).example.map(({ layer, shape, dtype, file: name, noise }) => {
      const stored = name === undefined ? null : path.join(path.dirname(file), name);
      let values: number[] = [];
      if (stored !== null && existsSync(stored)) values = npy(readFileSync(stored));
      else if (noise) {
        const count = shape.reduce((a, b) => a * b, 1);
        values = Array.from(
          { length: count },
          (_, i) => (noiseAt(noise.seed, i) + 0.5) * (noise.high - noise.low) + noise.low,
        );
      }
      const whole = dtype.startsWith('int');
      return [layer, tf.tensor(whole ? values.map(Math.floor) : values, shape, whole ? 'int32' : 'float32')];
    }),
  );
}

/** The fixtures' noise: `keras/README.md` says where the recipe stands. */
function noiseAt(seed: number, i: number): number {
  let h = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32 - 0.5;
}

function npy(buffer: Buffer): number[] {
  const headerLength = buffer.readUInt16LE(8);
  const header = buffer.toString('latin1', 10, 10 + headerLength);
  const descr = /'descr': '(.*?)'/.exec(header)?.[1];
  const bytes = Uint8Array.from(buffer.subarray(10 + headerLength)).buffer;
  switch (descr) {
    case '<f4':
      return Array.from(new Float32Array(bytes));
    case '<f8':
      return Array.from(new Float64Array(bytes));
    case '<i4':
      return Array.from(new Int32Array(bytes));
    case '<i8':
      return Array.from(new BigInt64Array(bytes), Number);
    case '|b1':
      return Array.from(new Uint8Array(bytes));
    default:
      return [];
  }
}

function npz(file: string): Map<string, number[]> {
  const arrays = new Map<string, number[]>();
  if (!existsSync(file)) return arrays;
  const buffer = readFileSync(file);
  const end = buffer.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = buffer.readUInt32LE(end + 16);
  for (let i = buffer.readUInt16LE(end + 10); i > 0; i--) {
    const method = buffer.readUInt16LE(at + 10);
    const packed = buffer.readUInt32LE(at + 20);
    const nameLength = buffer.readUInt16LE(at + 28);
    const extra = buffer.readUInt16LE(at + 30);
    const comment = buffer.readUInt16LE(at + 32);
    const local = buffer.readUInt32LE(at + 42);
    const name = buffer.toString('utf8', at + 46, at + 46 + nameLength);
    const start = local + 30 + buffer.readUInt16LE(local + 26) + buffer.readUInt16LE(local + 28);
    const raw = buffer.subarray(start, start + packed);
    const values = npy(method === 8 ? inflateRawSync(raw) : raw);
    if (values.length > 0) arrays.set(name.replace(/\.npy$/, ''), values);
    at += 46 + nameLength + extra + comment;
  }
  return arrays;
}
