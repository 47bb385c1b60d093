/** Every fixture on every backend, layer by layer: they agree with each other as closely as each must agree with Keras. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNpy } from '../../../src/engine/files/npy';
import type { BackendName, InputSpec, RunResult } from '../../../src/protocol/engine';
import { failure } from '../../failure';
import { keras } from '../../fixtures';
import { exampleInputs, type Golden } from '../goldens';
import { engineSession, type EngineSession } from '../session';
import { lacksNative, nativeSearch, onNative } from './native';

interface Manifest {
  fixtures: {
    name: string;
    folder?: string;
    formats: Record<string, { golden: string; error?: string; files?: string[] }>;
  }[];
}

interface Model {
  name: string;
  fixture: string;
  file: string;
  golden: Golden;
  /** Names the folder beside which its inputs lie. */
  folder: string;
}

/** Each file of a model; those with the weights alone are none. */
function models(): Model[] {
  const manifest = JSON.parse(readFileSync(path.join(keras, 'manifest.json'), 'utf8')) as Manifest;
  return manifest.fixtures.flatMap(({ name, folder, formats }) =>
    Object.entries(formats).flatMap(([format, { golden, error, files = [] }]) => {
      const base = path.join(keras, folder ?? name);
      const main = files.find((file) => /model\.json$|\.keras$|\.h5$/.test(file));
      if (error !== undefined || main === undefined || /weights/.test(format)) return [];
      const file = path.join(base, main);
      if (!existsSync(file)) return [];
      const text = readFileSync(path.join(base, golden), 'utf8');
      return [
        {
          name: `${name} ${format}`,
          fixture: name,
          file,
          folder: path.join(base, format),
          golden: JSON.parse(text) as Golden,
        },
      ];
    }),
  );
}

/** Fixtures that nobody here computes: Python code, classes of their author's, no graph, weights that were never made. */
const refused = new Set([
  'lambda-layers',
  'sequential-unbuilt',
  'tutorial-custom-layer',
  'tutorial-lambda-tap',
  'tutorial-model-as-layer-lambda',
  'tutorial-model-as-layer-subclass',
]);

const backends = ['cpu', 'wasm', 'tensorflow'] as const;

interface Ran {
  result: RunResult;
  arrays: Map<string, ArrayLike<number>>;
}

describe.skipIf(lacksNative)(`wasm, cpu and ${onNative.replace('on ', '')} agree`, () => {
  let folder: string;
  let engine: EngineSession;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'model-slicer-agreement-'));
    engine = engineSession();
  });
  afterAll(async () => {
    await engine.request('close', {});
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(inputs: InputSpec[], backend: BackendName): Promise<Ran> {
    const wish = {
      want: 'all',
      backend,
      native: nativeSearch,
      thumbnails: true,
      colorMap: 'viridis',
      keep: true,
    } as const;
    const result = await engine.request('run', { ...wish, inputs });
    const { runId, epoch } = result;
    const target = path.join(folder, 'activations.npz');
    await engine.request('exportActivations', { runId, epoch, addresses: 'all', target, png: false, force: true });
    const members = Object.entries(unzipSync(new Uint8Array(readFileSync(target))));
    const arrays = new Map(members.map(([name, bytes]) => [name, readNpy(bytes, name).data as ArrayLike<number>]));
    return { result, arrays };
  }

  it.each(models())('$name', async ({ fixture, file, folder: beside, golden }) => {
    const opened = await engine.request('open', { path: file });
    // exports of Keras 3 as graphs rename the inputs
    const { inputs: wanted } = opened.model.graph;
    const inputs = exampleInputs({ fixture: '', format: '', folder: beside, golden }).map((spec, i) => {
      const named = wanted.find(({ name }) => name === spec.input) ?? wanted[i];
      return { ...spec, input: named?.name ?? spec.input };
    });
    if (refused.has(fixture)) {
      // for the same reason by all
      const errors = [];
      for (const backend of backends) errors.push(await failure(run(inputs, backend)));
      expect(new Set(errors.map(({ code, data }) => JSON.stringify([code, data]))).size).toBe(1);
      expect(errors[0]?.code).toMatch(/^(not-runnable|missing-weight|bad-input)$/);
      return;
    }
    const reference = await run(inputs, 'cpu');
    expect(reference.arrays.size).toBeGreaterThan(0);
    for (const backend of backends.slice(1)) {
      const { result, arrays } = await run(inputs, backend);
      expect(result.backend).toBe(backend);
      // all of its kernels are its own
      if (backend === 'tensorflow') expect(result.fallbacks).toEqual([]);
      expect([...arrays.keys()]).toEqual([...reference.arrays.keys()]);
      const apart = [...arrays].flatMap(([name, values]) => differences(name, values, reference.arrays.get(name)));
      expect(apart.slice(0, 20)).toEqual([]);
      const told = ({ activations }: RunResult): unknown =>
        activations.map(({ address, shape, dtype, statistics: s }) => [
          address,
          shape,
          dtype,
          s.nan,
          s.inf,
          s.channels,
        ]);
      expect(told(result)).toEqual(told(reference.result));
    }
  });
});

function differences(name: string, values: ArrayLike<number>, expected: ArrayLike<number> | undefined): string[] {
  if (!expected || expected.length !== values.length) return [`${name}: ${values.length} values`];
  let largest = 1;
  let apart = 0;
  for (let i = 0; i < values.length; i++) {
    const [value, wanted] = [Number(values[i]), Number(expected[i])];
    if (Number.isFinite(wanted)) largest = Math.max(largest, Math.abs(wanted));
    if (!Object.is(value, wanted) && value !== wanted) apart = Math.max(apart, Math.abs(value - wanted));
    if (Number.isNaN(value) !== Number.isNaN(wanted)) return [`${name}: ${value} instead of ${wanted} at ${i}`];
  }
  return apart <= 1e-4 * largest ? [] : [`${name}: ${apart} apart, of ${largest}`];
}
