import { describe, expect, it } from 'vitest';
import { shapesAt } from '../../../../src/host/editor/markedShapes';
import { openedFixture } from './openedFixture';

const stem = [null, 12, 12, 6];

describe('shapesAt', () => {
  const residual = shapesAt(openedFixture('residual-block'));

  it.each([
    { kind: 'output', address: 'add1', shapes: [stem] },
    { kind: 'input', address: 'pool', shapes: [[null, 8]] },
    { kind: 'start', address: 'add1', shapes: [stem, stem] },
    // what it reads, not what it makes
    { kind: 'start', address: 'pool', shapes: [[null, 6, 6, 8]] },
    { kind: 'output', address: 'gone', shapes: null },
    { kind: 'start', address: 'gone', shapes: null },
    { kind: 'output', address: 'add1#2', shapes: null },
    { kind: 'output', address: 'add1:1', shapes: null },
    // not the canonical name of anything
    { kind: 'output', address: 'keras[2]', shapes: null },
  ] as const)('$kind at $address', ({ kind, address, shapes }) => {
    expect(residual(address, kind)).toEqual(shapes);
  });

  it('knows tensors and starts inside nested models', () => {
    const loaded = openedFixture('nested-three-deep');
    const deep = loaded.rows.layers.findLast(({ depth, class: name }) => depth > 1 && name !== 'InputLayer');
    const call = deep?.calls[0];
    const nested = shapesAt(loaded);
    expect(nested(call?.address ?? '', 'output')).toEqual([call?.outputs[0]?.shape]);
    expect(nested(call?.address ?? '', 'start')).toHaveLength(call?.inputs.length ?? 0);
  });

  it('knows tensors inside layers, which no row has', () => {
    const [layer] = openedFixture('tutorial-convnet').rows.layers.filter(({ class: name }) => name === 'Conv2D');
    const inner = `${layer?.address ?? ''}@pre`;
    const shapes = shapesAt(openedFixture('tutorial-convnet'));
    expect(shapes(inner, 'output')).toEqual([layer?.calls[0]?.outputs[0]?.shape]);
    expect(shapes(`${layer?.address ?? ''}@nothing`, 'output')).toBeNull();
  });
});
