/** Every inner tensor of every fixture: what it is against what the layer hands on, and as a cut. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { layerInside } from '../../../src/core/layers/innerTensors';
import { resolveAddress } from '../../../src/core/model/address';
import { kerasMajor } from '../../../src/core/model/kerasMajor';
import type { Layer } from '../../../src/core/model/layerGraph';
import type { ModelFile } from '../../../src/core/model/modelFile';
import { expandCalls } from '../../../src/core/model/traversal';
import { planCut } from '../../../src/core/slicing/sliceModel';
import { fromInside, lastAxis, type Values } from '../../unit/core/layers/fromInside';
import { exampleInputs, fixtureRows } from '../goldens';
import { engineSession, type EngineSession } from '../session';

/** Fixtures with layers that nobody here can compute. */
const notRunnable = ['lambda-layers', 'tutorial-lambda-tap', 'tutorial-custom-layer'];

const rows = fixtureRows(
  (format) => format.startsWith('tfjs-') && !format.startsWith('tfjs-graph') && format !== 'tfjs-weights-only',
);

interface InnerRow {
  layer: Layer;
  name: string;
  /** Address of the layer's call. */
  whole: string;
  address: string;
}

/** Those of every call, inside nested models too. */
function innerTensors(model: ModelFile): InnerRow[] {
  return expandCalls(model.graph).flatMap(({ kind, address, layer }) => {
    const inside = kind === 'call' ? layerInside(layer) : null;
    const names = inside?.refused === null ? inside.names : [];
    return names.map((name) => ({ layer, name, whole: address, address: `${address}@${name}` }));
  });
}

/** Every activation of a run with `inner` besides. */
async function activations(
  engine: EngineSession,
  inputs: ReturnType<typeof exampleInputs>,
  inner: string[],
): Promise<Map<string, Values>> {
  const options = { want: 'all', backend: 'wasm', thumbnails: false, colorMap: 'viridis', keep: true } as const;
  const run = await engine.request('run', { inputs, inner, ...options });
  const found = new Map<string, Values>();
  for (const { address, shape } of run.activations) {
    const values: number[] = [];
    for (let example = 0; example < (shape[0] ?? 1); example++) {
      const handle = { epoch: 1, runId: run.runId, address };
      const piece = await engine.request('values', { handle, example, channel: null });
      for (const value of piece.values) values.push(value);
    }
    found.set(address, { shape, values });
  }
  return found;
}

/** The largest difference, in parts of the largest value. */
function difference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Infinity;
  let [worst, largest] = [0, 1];
  a.forEach((x, i) => {
    const y = b[i] ?? NaN;
    largest = Math.max(largest, Math.abs(y));
    const distance = Object.is(x, y) ? 0 : Math.abs(x - y);
    if (!(distance <= worst)) worst = distance;
  });
  return worst / largest;
}

describe.each(rows)('$fixture $format', (row) => {
  const engine = engineSession();
  const inputs = exampleInputs(row);
  let model: ModelFile;
  let inner: InnerRow[];
  beforeAll(async () => {
    model = (await engine.request('open', { path: row.folder })).model;
    inner = innerTensors(model);
  });
  afterAll(() => engine.request('close', {}));

  it('what is inside a layer makes its output', async () => {
    if (inner.length === 0) return;
    if (notRunnable.includes(row.fixture)) {
      await expect(activations(engine, inputs, [])).rejects.toMatchObject({ code: 'not-runnable' });
      return;
    }
    const before = await activations(engine, inputs, []);
    const addresses = inner.map(({ address }) => address);
    const after = await activations(engine, inputs, addresses);
    expect([...after.keys()].filter((address) => !before.has(address)).sort()).toEqual([...addresses].sort());
    for (const [address, { values }] of before)
      expect(difference(after.get(address)?.values ?? [], values), address).toBeLessThan(1e-5);
    for (const { address, name, whole, layer } of inner) {
      const { shape, values } = after.get(address) as Values;
      const declared = resolveAddress(model.graph, address).info.shape ?? [];
      expect(
        declared.map((dim, i) => dim ?? shape[i]),
        address,
      ).toEqual(shape);
      const siblings = inner.filter((other) => other.whole === whole);
      const inside = new Map(siblings.map((other) => [other.name, after.get(other.address) as Values]));
      const expected = fromInside(layer, kerasMajor(model), inside);
      if (expected) expect(difference(expected, before.get(whole)?.values ?? []), address).toBeLessThan(1e-5);
      if (name !== 'scores') continue;
      const sums = lastAxis({ shape, values }).map((scores) => scores.reduce((a, b) => a + b, 0));
      expect(difference(sums, sums.map(() => 1)), address).toBeLessThan(1e-5); // prettier-ignore
    }
  });

  it('cuts there verify with difference 0', async () => {
    for (const { address, whole } of inner) {
      const cuts = [
        { outputs: [address], inputs: [] },
        { outputs: [whole], inputs: [address] },
      ];
      for (const cut of cuts) {
        if (!planCut(model, cut).boundary.closed) continue;
        const proof = await engine
          .request('verify', { cut, data: [inputs], tolerance: 0, backend: 'wasm' })
          .catch((error: unknown) => error);
        if (proof instanceof SlicerError) {
          expect(notRunnable, `${address}: ${proof.code}`).toContain(row.fixture);
          continue;
        }
        expect(proof, JSON.stringify(cut)).toMatchObject({ passed: true, outputs: [{ maxAbsDiff: 0, equal: true }] });
      }
    }
  });
});

describe('beside what else there is', () => {
  const open = async (
    fixture: string,
  ): Promise<{ engine: EngineSession; inputs: ReturnType<typeof exampleInputs> }> => {
    const row = rows.find((one) => one.fixture === fixture && one.format === 'tfjs-keras3');
    if (!row) throw new Error(`no ${fixture}`);
    const engine = engineSession();
    await engine.request('open', { path: row.folder });
    return { engine, inputs: exampleInputs(row) };
  };
  const options = { backend: 'wasm', thumbnails: true, colorMap: 'viridis', keep: true } as const;

  it('can be wanted alone, also where the end of the model cannot be computed', async () => {
    const { engine, inputs } = await open('tutorial-custom-layer');
    const run = await engine.request('run', { inputs, want: ['conv@pre'], ...options });
    expect(run.activations.map(({ address }) => address)).toEqual(['conv@pre']);
    expect(run.outputs).toEqual([]);
    await engine.request('close', {});
  });

  it('has previews: scores as a matrix for each head', async () => {
    const { engine, inputs } = await open('transformer-block');
    const run = await engine.request('run', { inputs, want: ['mlp1'], inner: ['attention@scores'], ...options });
    expect(run.activations.map(({ address }) => address)).toEqual(['attention@scores', 'mlp1']);
    const handle = { epoch: run.epoch, runId: run.runId, address: 'attention@scores' };
    const shown = await engine.request('preview', {
      handle,
      options: { example: 0, offset: 0, limit: 16, scale: 'channel', colorMap: 'viridis' },
    });
    expect(shown).toMatchObject({
      address: 'attention@scores',
      shape: [2, 2, 6, 6],
      preview: { kind: 'matrix', channels: 2 },
    });
    await engine.request('close', {});
  });
});
