/** Opens a model folder of the fixtures with core alone: the test reads the JSON and the sizes of the shards. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import type { JsonObject } from '../../../../src/core/model/json';
import type { ModelFile } from '../../../../src/core/model/modelFile';

export function openFixture(...parts: string[]): ModelFile {
  const folder = path.join(...parts);
  const parsed = parseModelJson(readFileSync(path.join(folder, 'model.json')), 'model.json');
  const shards = parsed.shardPaths.map((shard) => {
    const file = path.join(folder, shard);
    return { path: shard, size: existsSync(file) ? statSync(file).size : null };
  });
  return openParsed(parsed, shards);
}

/** Opens JSON made by the test itself; `shards`: sizes by path. */
export function openJson(json: unknown, shards: Record<string, number> = {}): ModelFile {
  const parsed = parseModelJson(new TextEncoder().encode(JSON.stringify(json)), 'model.json');
  return openParsed(
    parsed,
    parsed.shardPaths.map((shard) => ({ path: shard, size: shards[shard] ?? null })),
  );
}

/** A manifest of float32 weights in one shard, and the size of that shard. */
export function floatManifest(weights: Record<string, number[]>): {
  weightsManifest: unknown;
  shards: Record<string, number>;
} {
  const list = Object.entries(weights).map(([name, shape]) => ({ name, shape, dtype: 'float32' }));
  const bytes = list.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  return { weightsManifest: [{ paths: ['w.bin'], weights: list }], shards: { 'w.bin': bytes } };
}

export interface Golden {
  totals: { params: number; trainable: number; nonTrainable: number };
  inputs: { layer: string; shape: (number | null)[]; dtype: string }[];
  outputs: { tensor: string; shape: (number | null)[]; dtype: string }[];
  layers: {
    address: string;
    class: string;
    isLayer: boolean;
    params: number;
    trainable: number;
    nonTrainable: number;
    trainableFlag: boolean | null;
    weights: { name: string; shape: number[]; dtype: string; l2: number; first: number[] }[];
    calls: { address: string; inputs: string[]; outputShapes: (number | null)[][]; outputDtypes: string[] }[];
  }[];
}

export interface FixtureRow {
  name: string;
  formats: Record<string, { golden?: string; error?: string; keras: number }>;
}

export interface BadCase {
  name: string;
  open?: string;
  kind: string;
  alternative?: string;
  phase: string;
  names: string[];
  warning?: string;
  synthesize?: {
    file: string;
    before: string;
    open: string;
    middle: string;
    close: string;
    times: number;
    after: string;
  };
}

export function readManifest(keras: string): { fixtures: FixtureRow[]; bad: { cases: BadCase[] } } {
  return JSON.parse(readFileSync(path.join(keras, 'manifest.json'), 'utf8')) as never;
}

export function readGolden(file: string): Golden {
  return JSON.parse(readFileSync(file, 'utf8')) as Golden;
}

export type { JsonObject };
