import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { resolveAddress, tensorAddress } from '../../../../src/core/model/address';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { walkLayers } from '../../../../src/core/model/traversal';
import { closeCut } from '../../../../src/core/slicing/closeCut';
import type { Cut, SlicePlan } from '../../../../src/core/slicing/slice';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import { keras } from '../../../fixtures';
import { openFile } from './plainTfjsModel';

const open = (fixture: string): ModelFile => openFile(path.join(keras, fixture, 'tfjs-keras2-h5', 'model.json')).model;

/** Null where a mask crosses. */
function plan(model: ModelFile, cut: Cut): SlicePlan | null {
  try {
    return planCut(model, cut);
  } catch (error) {
    if (error instanceof SlicerError && error.code === 'mask-crosses') return null;
    throw error;
  }
}

/** Every tensor of the model that a call makes. */
function tensors(model: ModelFile): string[] {
  return walkLayers(model.graph).flatMap(({ address, layer }) =>
    (layer.calls[0]?.outputs ?? []).map((_, output) => tensorAddress(address, output)),
  );
}

const fixtures = [
  ...['residual-block', 'inception-block', 'unet-small', 'two-inputs-two-outputs', 'nested-multi-io', 'shared-layer'],
  ...['siamese', 'decoder-attention', 'nested-three-deep', 'text-lstm', 'merges', 'tutorial-branches', 'ops-as-layers'],
];

describe.each(fixtures)('%s: every start and every end', (fixture) => {
  const model = open(fixture);
  const all = tensors(model);
  const cuts = all.flatMap((to) => all.map((from) => ({ outputs: [to], inputs: [from] })));
  const own = all.map((from) => ({ outputs: [], inputs: [from] }));
  const planned = [...cuts, ...own].flatMap((asked) => {
    const found = plan(model, asked);
    return found ? [{ ...found, asked }] : [];
  });
  const unclosed = planned.filter(({ boundary }) => !boundary.closed);

  test('what is missing is named with its shape, and read by who is said to', () => {
    for (const { boundary, cut } of unclosed) {
      expect(boundary.missing.length).toBeGreaterThan(0);
      for (const { address, shape, neededBy } of boundary.missing) {
        expect(shape).toEqual(resolveAddress(model.graph, address).info.shape);
        expect(neededBy.length).toBeGreaterThan(0);
        expect(new Set(neededBy).size).toBe(neededBy.length);
        expect(cut.inputs).not.toContain(address);
      }
    }
  });

  test('what is suggested is closed, and each input of it is needed', () => {
    for (const { boundary, cut } of unclosed) {
      const keys = boundary.suggestions.map(({ inputs }) => [...inputs].sort().join());
      expect(new Set(keys).size).toBe(keys.length);
      for (const { inputs } of boundary.suggestions) {
        const closed = planCut(model, { outputs: cut.outputs, inputs });
        expect(closed.boundary).toEqual({ closed: true, missing: [], suggestions: [] });
        expect(closed.cut.inputs).toEqual(inputs);
      }
    }
  });

  test('adding what is missing closes it, in one step', () => {
    for (const { boundary, cut, asked } of unclosed) {
      const inputs = [...cut.inputs, ...boundary.missing.map(({ address }) => address)];
      const added = plan(model, { outputs: cut.outputs, inputs });
      if (!added) continue;
      expect(added.boundary.closed).toBe(true);
      expect(added.cut.inputs).toEqual(inputs);
      const closed = closeCut(model, asked);
      expect(planCut(model, closed).cut).toEqual({ outputs: cut.outputs, inputs });
    }
  });
});

describe('where the start could be instead', () => {
  const suggested = (fixture: string, cut: Cut): string[] =>
    planCut(open(fixture), cut).boundary.suggestions.map(({ inputs, why }) => `${why}: ${inputs.join(', ')}`);
  test('a branch of an inception block', () => {
    const model = open('inception-block');
    const join = model.graph.layers.find(({ className }) => className === 'Concatenate');
    const branches = join?.calls[0]?.inputs.map(({ layer }) => layer) ?? [];
    const [first = '', ...others] = branches;
    const found = suggested('inception-block', { outputs: [], inputs: [first] });
    expect(found[0]).toBe(`adds what is missing as inputs: ${[first, ...others].join(', ')}`);
    expect(found[1]).toMatch(/^moves the start back/);
    expect(found[2]).toBe(`moves the start on to where one tensor is enough: ${join?.name ?? ''}`);
  });
  test('one of two inputs', () => {
    const model = open('two-inputs-two-outputs');
    const [a, b] = model.graph.inputs.map(({ layer }) => layer);
    const join = model.graph.layers.find(({ calls }) => (calls[0]?.inputs.length ?? 0) > 1);
    const found = suggested('two-inputs-two-outputs', { outputs: [join?.name ?? ''], inputs: [a ?? ''] });
    expect(found).toEqual([`adds what is missing as inputs: ${a ?? ''}, ${b ?? ''}`]);
  });
});
