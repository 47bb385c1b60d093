/** Every activation of every layers-model fixture against Keras. */
import { afterAll, describe, expect, it } from 'vitest';
import { SlicerError } from '../../src/core/errors';
import { allowance, exampleInputs, fixtureRows, goldenArrays } from './goldens';
import { engineSession } from './session';

/** Fixtures whose layers nobody here can compute, with the classes that the refusal must name. */
const refused: Record<string, string[]> = {
  'lambda-layers': ['Lambda'],
  'tutorial-lambda-tap': ['Lambda'],
  'tutorial-custom-layer': ['FeatureLayer'],
};

const rows = fixtureRows(
  (format) => format.startsWith('tfjs-') && !format.startsWith('tfjs-graph') && format !== 'tfjs-weights-only',
);

describe.each(rows)('$fixture $format', (row) => {
  const engine = engineSession();
  afterAll(() => engine.request('close', {}));

  it('computes what Keras computes', async () => {
    const { model, epoch } = await engine.request('open', { path: row.folder });
    expect(epoch).toBe(1);
    const inputs = exampleInputs(row);
    const params = { inputs, want: 'all', backend: 'wasm', thumbnails: true, colorMap: 'viridis', keep: true } as const;
    const classes = refused[row.fixture];
    if (classes) {
      const error = await engine.request('run', params).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(SlicerError);
      expect((error as SlicerError).code).toBe('not-runnable');
      const named = (error as SlicerError).data.classes as string[];
      expect(named.map((name) => name.slice(name.lastIndexOf('>') + 1))).toEqual(expect.arrayContaining(classes));
      return;
    }
    const run = await engine.request('run', params);
    const arrays = goldenArrays(row);
    // names with `/`, `#` or `:` are escaped in addresses; Keras writes them as they are
    const found = new Map(
      run.activations.map((activation) => [activation.address.replace(/\\(.)/g, '$1'), activation]),
    );
    const wrong: string[] = [];
    let compared = 0;
    for (const [address, golden] of Object.entries(row.golden.activations)) {
      const activation = found.get(address);
      if (!activation) {
        wrong.push(`${address}: missing`);
        continue;
      }
      if (JSON.stringify(activation.shape) !== JSON.stringify(golden.shape)) {
        wrong.push(`${address}: shape ${JSON.stringify(activation.shape)} instead of ${JSON.stringify(golden.shape)}`);
        continue;
      }
      const largest = Math.max(Math.abs(golden.min), Math.abs(golden.max));
      const allowed = allowance(row.fixture, row.format, largest);
      const differ = (what: string, a: number, b: number, limit = allowed): void => {
        if (!(Math.abs(a - b) <= limit)) wrong.push(`${address}: ${what} ${a} instead of ${b}`);
      };
      const { statistics } = activation;
      for (const key of ['min', 'max', 'mean', 'std'] as const) differ(key, statistics[key], golden[key]);
      differ('l2', statistics.l2, golden.l2, allowed * Math.sqrt(statistics.count));
      golden.first.forEach((value, i) => differ(`[${i}]`, statistics.first[i] as number, value));
      const full = golden.npz === undefined ? undefined : arrays.get(golden.npz);
      if (full) {
        const { values } = await engine.request('values', {
          handle: { epoch: 1, runId: run.runId, address: activation.address },
          example: 0,
          channel: null,
        });
        for (let i = 0; i < values.length; i++) differ(`value ${i}`, values[i] as number, Number(full[i]));
      }
      compared++;
    }
    expect(wrong.slice(0, 400).join('\n')).toBe('');
    expect(compared).toBe(Object.keys(row.golden.activations).length);
    expect(run.outputs.map(({ address }) => address.replace(/\\(.)/g, '$1'))).toEqual(
      row.golden.outputs.map(({ tensor }) => tensor),
    );
    expect(model.graph.layers.length).toBeGreaterThan(0);
  });
});
