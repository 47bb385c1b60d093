/** Graph-models: fixtures against Keras, and real ones from npm that run where their inputs allow. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../src/core/errors';
import { allowance, exampleInputs, fixtureRows, goldenArrays } from './goldens';
import { engineSession } from './session';

const options = { backend: 'wasm', thumbnails: true, colorMap: 'viridis', keep: true } as const;

describe.each(fixtureRows((format) => format.startsWith('tfjs-graph')))('$fixture $format', (row) => {
  it('gives the golden outputs, and statistics for every node that ran', async () => {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: row.folder });
    const given = exampleInputs(row);
    // exports of Keras 3 rename the inputs
    const inputs = given.map((spec, i) => {
      const named = model.graph.inputs.find(({ name }) => name === spec.input) ?? model.graph.inputs[i];
      return { ...spec, input: named?.name ?? spec.input };
    });
    const run = await engine.request('run', { ...options, inputs, want: 'all' });
    expect(run.outputs.length).toBe(row.golden.outputs.length);
    const arrays = goldenArrays(row);
    for (const [i, { tensor }] of row.golden.outputs.entries()) {
      const golden = row.golden.activations[tensor];
      const full = arrays.get(golden?.npz ?? '') ?? golden?.first ?? [];
      const values = run.outputs[i]?.values ?? [];
      expect(run.outputs[i]?.shape).toEqual(golden?.shape);
      const allowed = allowance(
        row.fixture,
        row.format,
        Math.max(Math.abs(golden?.min ?? 0), Math.abs(golden?.max ?? 0)),
      );
      Array.from(full).forEach((value, at) =>
        expect(Math.abs(Number(values[at]) - Number(value))).toBeLessThanOrEqual(allowed),
      );
    }
    const addresses = new Set(run.activations.map(({ address }) => address));
    expect(addresses.size).toBe(run.activations.length);
    // Placeholder, every constant, every operation
    expect(run.activations.length).toBeGreaterThanOrEqual(model.graph.layers.length);
    await engine.request('close', {});
  });
});

const models = path.join(__dirname, '../../.cache/models');
const real = [
  { name: 'basic-pitch', folder: 'spotify-basic-pitch-1.0.1/package/model', dims: {} },
  { name: 'guesslang', folder: 'vscode-vscode-languagedetection-1.0.23/package/model', dims: {} },
] as const;

describe.each(real)('$name', ({ folder }) => {
  const at = path.join(models, folder);
  it.skipIf(!existsSync(at))('runs, and every node has statistics', async () => {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: at });
    const inputs = model.graph.inputs.map(({ name }) => ({
      input: name,
      source: { kind: 'random', seed: 3 } as const,
    }));
    const run = await engine.request('run', { ...options, inputs, want: 'all' });
    const ran = new Set(run.activations.map(({ address }) => address.replace(/:\d+$/, '')));
    const missing = model.graph.layers.filter(({ name }) => !ran.has(name.replace(/[\\/#:@[]/g, (c) => `\\${c}`)));
    expect(missing.map(({ name, className }) => `${name} ${className}`)).toEqual([]);
    expect(run.firstNonFinite).toBeNull();
    for (const { values } of run.outputs) expect(values.length).toBeGreaterThan(0);
    const first = run.outputs[0];
    const handle = { epoch: run.epoch, runId: run.runId, address: first?.address ?? '' };
    const preview = await engine.request('preview', {
      handle,
      options: { colorMap: 'viridis', scale: 'tensor', example: 0, offset: 0, limit: 16 },
    });
    expect(preview.shape).toEqual(first?.shape);
    await engine.request('close', {});
  });
});

it.skipIf(!existsSync(path.join(models, real[1].folder)))('guesslang tells TypeScript from Python', async () => {
  const engine = engineSession();
  await engine.request('open', { path: path.join(models, real[1].folder) });
  const texts = {
    py: 'import os\n\ndef main(argv):\n    for name in os.listdir("."):\n        print(f"{name}: {os.stat(name).st_size}")\n\nif __name__ == "__main__":\n    main([])\n',
    java: 'import java.util.List;\n\npublic class Main {\n    private final List<String> names;\n    public static void main(String[] args) {\n        System.out.println("hello" + args.length);\n    }\n}\n',
  };
  for (const [language, text] of Object.entries(texts)) {
    const bytes = new TextEncoder().encode(JSON.stringify([text]));
    const run = await engine.request('run', {
      ...options,
      want: [],
      inputs: [{ input: 'inputs', source: { kind: 'array', bytes, name: 'text.json', format: 'json' } }],
    });
    const [scores, classes] = [
      run.outputs.find(({ dtype }) => dtype === 'float32'),
      run.outputs.find(({ dtype }) => dtype === 'string'),
    ];
    const best = (scores?.values ?? []).indexOf(Math.max(...((scores?.values ?? []) as number[])));
    expect(classes?.values[best]).toBe(language);
  }
});

it('refuses inputs that the graph does not take', async () => {
  const row = fixtureRows((format) => format === 'tfjs-graph-keras3')[0];
  const engine = engineSession();
  const { model } = await engine.request('open', { path: row?.folder ?? '' });
  const error = await engine.request('run', { ...options, want: 'all', inputs: [] }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SlicerError);
  expect(['bad-input', 'not-runnable']).toContain((error as SlicerError).code);
  expect(model.format).toBe('graph-model');
});
