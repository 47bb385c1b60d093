/** What is said of a run's memory before it, against what the run then shows: every layers-model fixture, several examples. */
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/engine/backends/backend';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { inputInfo } from '../../../src/engine/inputs/inputInfo';
import { resolveInput } from '../../../src/engine/inputs/resolveInput';
import { estimateRun } from '../../../src/engine/run/estimate';
import { runLoop } from '../../../src/engine/run/loop';
import { buildProgram, portAddresses } from '../../../src/engine/run/program';
import { runShapes } from '../../../src/engine/run/runShapes';
import { tensorOf, WeightStore } from '../../../src/engine/run/weights';
import { expandCalls } from '../../../src/core/model/traversal';
import { fixtureRows } from '../goldens';

const refused = new Set(['lambda-layers', 'tutorial-lambda-tap', 'tutorial-custom-layer']);
const rows = fixtureRows(
  (format) => format.startsWith('tfjs-') && !format.startsWith('tfjs-graph') && format !== 'tfjs-weights-only',
).filter(({ fixture, format }) => !refused.has(fixture) && !/uint|float16/.test(format));

/** Where the catalogue has the shape that Keras says, and Keras computes another. */
const saidOtherwise = new Set(['cross_attention:1', 'act_glu']);

describe.each(rows)('$fixture $format', (row) => {
  it('knows the shapes that come, and no less memory than is taken', async () => {
    await useBackend('wasm');
    const source = await openModelFile(row.folder);
    const { model } = source;
    const everything = expandCalls(model.graph).flatMap(({ outputs }) => outputs);
    const program = buildProgram(model, everything);
    const addresses = portAddresses(model, expandCalls(model.graph), 'inputs');
    const fed = new Map<string, { shape: number[]; dtype: string; make: () => tf.Tensor }>();
    for (const [i, { name, layer }] of model.graph.inputs.entries()) {
      const info = inputInfo(model, name);
      const declared = model.graph.layers.find((one) => one.name === layer)?.calls[0]?.outputs[0]?.shape;
      const dims: Record<number, number> = declared?.[0] === null ? { 0: 3 } : {};
      const spec = { input: name, source: { kind: 'random', seed: 3 } as const, dims };
      const { data, shape, dtype } = await resolveInput(spec, info, model);
      fed.set(addresses[i] ?? '', { shape, dtype, make: () => tensorOf(data, shape, dtype) });
    }
    const weights = new WeightStore(source);
    const shapes = runShapes(program, fed);
    const wanted = new Set(everything);
    const weightBytes = (entry: number): number => weights.bytesOf(entry);
    const need = estimateRun({ program, shapes, wanted, weightBytes, backend: 'wasm' });
    let most = 0;
    const wrong: string[] = [];
    let unknown = 0;
    await runLoop({
      program,
      weights,
      streamWeights: true,
      backend: 'wasm',
      signal: { aborted: false },
      feed: (address) => fed.get(address)?.make() ?? null,
      observe: ({ address, tensor }) => {
        const said = shapes.get(address)?.shape ?? null;
        if (said === null) unknown += 1;
        else if (said.join() !== tensor.shape.join() && !saidOtherwise.has(address))
          wrong.push(`${address}: ${said.join()}, not ${tensor.shape.join()}`);
      },
      onLive: (bytes) => (most = Math.max(most, bytes)),
    });
    expect(wrong).toEqual([]);
    expect(unknown).toBe(0);
    expect(need.live).toBeGreaterThanOrEqual(most);
    expect(need.streamed).toBeGreaterThanOrEqual(need.live);
    expect(need.live + need.weights).toBeGreaterThanOrEqual(need.live);
    await source.close();
  });
});
