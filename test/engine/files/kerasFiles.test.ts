/** Every Keras fixture in Keras's own formats: each weight of each layer is the one that Keras has there. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isLoraFactor } from '../../../src/core/layers/lora';
import { walkLayers } from '../../../src/core/model/traversal';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { keras } from '../../fixtures';

interface GoldenWeight {
  name: string;
  shape: number[];
  dtype: string;
  l2: number;
  first: number[];
}

interface Golden {
  totals: { params: number };
  layers: { address: string; weights: GoldenWeight[] }[];
}

interface Facts {
  golden?: string;
  error?: string;
  files?: string[];
  reload?: string;
}

interface Manifest {
  fixtures: { name: string; formats: Record<string, Facts> }[];
  oldVersions: { file: string; golden: string }[];
}

const manifest = JSON.parse(readFileSync(path.join(keras, 'manifest.json'), 'utf8')) as Manifest;
const formats = ['keras', 'keras2-keras', 'keras2-h5', 'keras3-h5'];
const models = manifest.fixtures.flatMap(({ name, formats: all }) =>
  formats.flatMap((format) => {
    const { golden, error, files, reload } = all[format] ?? {};
    const [file] = files ?? [];
    if (error || !golden || !file || reload === 'no weights in the file') return [];
    return [{ name: `${name} ${format}`, file: path.join(keras, name, file), golden: path.join(keras, name, golden) }];
  }),
);
const old = manifest.oldVersions.map(({ file, golden }) => ({
  name: file,
  file: path.join(keras, 'old-versions', file),
  golden: path.join(keras, golden),
}));
const cases = [...models, ...old].filter(({ file }) => existsSync(file));

test('there are models to look at', () => {
  expect(cases.length).toBeGreaterThan(100);
});

describe('weights', () => {
  test.each(cases)('$name', async ({ file, golden }) => {
    const { layers } = JSON.parse(readFileSync(golden, 'utf8')) as Golden;
    const opened = await openModelFile(file);
    try {
      const { model } = opened;
      expect(model.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
      const own = new Map(
        walkLayers(model.graph).map(({ address, layer }) => [address.replace(/\\(.)/gs, '$1'), layer]),
      );
      const different: string[] = [];
      let seen = 0;
      for (const { address, weights } of layers) {
        const layer = own.get(address);
        const differs = (what: string): unknown => different.push(`${address}: ${what}`);
        if (!layer) {
          if (weights.length > 0) differs('is not there');
          continue;
        }
        if (layer.weights.length !== weights.length)
          differs(`${layer.weights.length} weights, Keras: ${weights.length}`);
        for (const [i, expected] of weights.entries()) {
          const weight = layer.weights[i];
          if (!weight || isLoraFactor(weight.name)) continue;
          const entry = weight.entry === null ? undefined : model.weightEntries[weight.entry];
          if (!entry) {
            differs(`${weight.name} has no values`);
            continue;
          }
          expect(entry.shape).toEqual(expected.shape);
          const values = Array.from((await opened.readWeight(entry)) as Float32Array);
          const l2 = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
          const isClose = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));
          const fits =
            isClose(l2, expected.l2) && expected.first.every((value, at) => isClose(values[at] ?? NaN, value));
          if (!fits) differs(`${weight.name} is not ${expected.name} but ${entry.name}`);
          seen += 1;
        }
      }
      expect(different).toEqual([]);
      if (layers.some(({ weights }) => weights.length > 0)) expect(seen).toBeGreaterThan(0);
    } finally {
      await opened.close();
    }
  });
});
