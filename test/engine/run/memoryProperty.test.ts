/** With memory for next to nothing every model gives the same numbers, previews and files as with plenty. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import type { InputSpec, RunResult } from '../../../src/protocol/engine';
import { failure } from '../../failure';
import { exampleInputs, fixtureRows } from '../goldens';
import { engineSession, type EngineSession } from '../session';

const temporary = mkdtempSync(path.join(tmpdir(), 'memory-'));
afterAll(() => rmSync(temporary, { recursive: true }));

const options = { backend: 'wasm', thumbnails: true, colorMap: 'viridis', keep: true, want: 'all' } as const;
const plenty = 2 ** 40;
/** They hold what nobody here can compute. */
const refused = new Set(['lambda-layers', 'tutorial-lambda-tap', 'tutorial-custom-layer']);

const all = fixtureRows((format) => format.startsWith('tfjs-') && format !== 'tfjs-weights-only').filter(
  ({ fixture }) => !refused.has(fixture),
);
// one layers-model and one graph-model of each
const rows = all.filter(
  ({ fixture, format }, i) =>
    all.findIndex(
      (other) => other.fixture === fixture && other.format.startsWith('tfjs-graph') === format.startsWith('tfjs-graph'),
    ) === i,
);

/** Comparing arrays value by value takes longer than everything else here. */
function hashOf(content: unknown): string {
  const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const text = JSON.stringify(content, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? createHash('sha256').update(bytesOf(value)).digest('hex') : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

function membersOf(file: string): [string, string][] {
  return Object.entries(unzipSync(readFileSync(file))).map(([name, bytes]) => [name, hashOf(bytes)]);
}

/** Everything that a run can be asked for afterwards. */
async function lookAtAll(engine: EngineSession, run: RunResult, name: string): Promise<unknown> {
  const { epoch, runId } = run;
  const target = path.join(temporary, `${name}.npz`);
  await engine.request('exportActivations', { epoch, runId, addresses: 'all', target, png: false, force: true });
  const files = membersOf(target);
  const looked = [];
  // from the end, so that little of what is needed has just been made
  for (const { address } of run.activations.slice(-12).reverse()) {
    const handle = { epoch, runId, address };
    const preview = await engine.request('preview', {
      handle,
      options: { colorMap: 'viridis', scale: 'channel', example: 0, offset: 0, limit: 4 },
    });
    const values = await engine
      .request('values', { handle, example: 0, channel: null })
      .catch((error: unknown) => String(error));
    looked.push({ address, said: hashOf(preview), values: hashOf(values) });
  }
  const again = path.join(temporary, `${name}-again.npz`);
  await engine.request('exportActivations', { epoch, runId, addresses: 'all', target: again, png: false, force: true });
  expect(membersOf(again)).toEqual(files);
  return { looked, files };
}

const said = ({ activations, outputs, firstNonFinite, attributes }: RunResult): unknown => ({
  activations: activations.map(({ ms: _, ...facts }) => facts),
  outputs,
  firstNonFinite,
  attributes,
});

describe.each(rows)('$fixture $format', (row) => {
  it('gives the same with as little memory as there can be', async () => {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: row.folder });
    const inputs = exampleInputs(row).map((spec, i): InputSpec => {
      const named = model.graph.inputs.find(({ name }) => name === spec.input) ?? model.graph.inputs[i];
      return { ...spec, input: named?.name ?? spec.input };
    });
    const run = (memoryLimit: number): Promise<RunResult> => engine.request('run', { ...options, inputs, memoryLimit });
    const free = await run(plenty);
    const expected = [said(free), await lookAtAll(engine, free, 'plenty')];
    const { code, data } = await failure(run(1));
    expect({ code, reason: data.reason, limit: data.limit }).toEqual({
      code: 'out-of-memory',
      reason: 'live',
      limit: 1,
    });
    const least = Number(data.bytes);
    const wanted = free.activations.reduce((sum, { statistics: { count } }) => sum + 4 * count, 0);
    for (const memoryLimit of [least, least + Math.floor(wanted / 3)]) {
      const tight = await run(memoryLimit).catch((error: unknown) => error);
      // of these no node can be computed by itself
      if (tight instanceof Error && row.format.startsWith('tfjs-graph')) {
        expect(tight).toMatchObject({ code: 'out-of-memory', data: { reason: 'control-flow' } });
        continue;
      }
      if (tight instanceof Error) throw tight;
      const result = tight as RunResult;
      expect([said(result), await lookAtAll(engine, result, 'tight')]).toEqual(expected);
    }
    await engine.request('close', {});
  });
});
