import { describe, expect, it } from 'vitest';
import type { Shape } from '../../../../src/core/model/layerGraph';
import { MarkHistory, type MarkedShapes, type ShapesAt } from '../../../../src/host/editor/markHistory';

/** Tensors by address; a `start` at `dense` depends on what it reads. */
function lookup(tensors: Map<string, Shape | null>, reads: Map<string, MarkedShapes> = new Map()): ShapesAt {
  return (address, kind) => {
    if (kind === 'start') return reads.get(address) ?? null;
    return tensors.has(address) ? [tensors.get(address) ?? null] : null;
  };
}
const shapes = lookup(
  new Map<string, Shape | null>([
    ['conv', [null, 11, 11, 64]],
    ['dense', [null, 10]],
    ['mystery', null],
  ]),
  new Map([
    [
      'add',
      [
        [null, 4],
        [null, 4],
      ],
    ],
  ]),
);

const standing = (history: MarkHistory): string[] =>
  history.marks(shapes).map(({ address, kind }) => `${kind} ${address}`);

describe('MarkHistory', () => {
  it('toggles one mark at a time, and takes each step back', () => {
    const history = new MarkHistory();
    history.toggle(['conv'], 'output', shapes);
    history.toggle(['dense'], 'output', shapes);
    history.toggle(['conv'], 'output', shapes);
    expect(standing(history)).toEqual(['output dense']);
    history.undo();
    expect(standing(history)).toEqual(['output conv', 'output dense']);
    history.undo();
    history.undo();
    expect(standing(history)).toEqual([]);
    expect([history.canUndo, history.undo()]).toEqual([false, false]);
    history.redo();
    expect(standing(history)).toEqual(['output conv']);
  });

  it('marks several layers in one step, and completes a half marked group before it clears it', () => {
    const history = new MarkHistory();
    history.toggle(['conv'], 'output', shapes);
    history.toggle(['conv', 'dense'], 'output', shapes);
    expect(standing(history)).toEqual(['output conv', 'output dense']);
    history.toggle(['conv', 'dense'], 'output', shapes);
    expect(standing(history)).toEqual([]);
    history.undo();
    expect(standing(history)).toEqual(['output conv', 'output dense']);
  });

  it('keeps the kinds of mark at one address apart', () => {
    const history = new MarkHistory();
    history.toggle(['conv'], 'output', shapes);
    history.toggle(['conv'], 'input', shapes);
    history.toggle(['conv'], 'start', shapes);
    expect(standing(history)).toEqual(['output conv', 'input conv', 'start conv']);
    history.toggle(['conv'], 'output', shapes);
    expect(standing(history)).toEqual(['input conv', 'start conv']);
  });

  it('exchanges some kinds of mark for others in one step', () => {
    const history = new MarkHistory();
    history.toggle(['dense'], 'output', shapes);
    history.toggle(['conv'], 'start', shapes);
    history.toggle(['mystery'], 'input', shapes);
    history.exchange(['start', 'input'], ['conv', 'conv'], 'input', shapes);
    expect(standing(history)).toEqual(['output dense', 'input conv']);
    history.undo();
    expect(standing(history)).toEqual(['output dense', 'start conv', 'input mystery']);
  });

  it('adds what is not there yet in one step, and none when all of it is', () => {
    const history = new MarkHistory();
    history.toggle(['dense'], 'input', shapes);
    expect(history.add(['dense', 'conv', 'conv'], 'input', shapes)).toBe(true);
    expect(standing(history)).toEqual(['input dense', 'input conv']);
    expect(history.add(['conv'], 'input', shapes)).toBe(false);
    history.undo();
    expect(standing(history)).toEqual(['input dense']);
  });

  it('forgets what was taken back once something new is done, and makes no step of nothing', () => {
    const history = new MarkHistory();
    history.toggle(['conv'], 'output', shapes);
    history.undo();
    expect(history.canRedo).toBe(true);
    expect(history.replace([])).toBe(false);
    expect(history.canRedo).toBe(true);
    history.toggle(['dense'], 'output', shapes);
    expect(history.canRedo).toBe(false);
  });

  it.each([
    { change: 'the layer is gone', now: [], stale: true },
    { change: 'the shape is another', now: [['conv', [null, 5, 5, 64]]], stale: true },
    { change: 'the rank is another', now: [['conv', [null, 64]]], stale: true },
    { change: 'the shape is no longer known', now: [['conv', null]], stale: false },
    { change: 'nothing changed', now: [['conv', [null, 11, 11, 64]]], stale: false },
  ] as { change: string; now: [string, Shape | null][]; stale: boolean }[])(
    'a mark is stale: $stale when $change',
    ({ now, stale }) => {
      const history = new MarkHistory();
      history.toggle(['conv'], 'output', shapes);
      expect(history.marks(lookup(new Map(now)))).toEqual([{ address: 'conv', kind: 'output', stale }]);
    },
  );

  it.each([
    {
      change: 'nothing changed',
      now: [
        [null, 4],
        [null, 4],
      ],
      stale: false,
    },
    {
      change: 'one of the tensors has another shape',
      now: [
        [null, 4],
        [null, 5],
      ],
      stale: true,
    },
    { change: 'it reads fewer tensors', now: [[null, 4]], stale: true },
    { change: 'a shape is no longer known', now: [[null, 4], null], stale: false },
    { change: 'its call is gone', now: null, stale: true },
  ] as { change: string; now: MarkedShapes | null; stale: boolean }[])(
    'a start is stale: $stale when $change',
    ({ now, stale }) => {
      const history = new MarkHistory();
      history.toggle(['add'], 'start', shapes);
      const changed = lookup(new Map([['add', [null, 4]]]), new Map(now ? [['add', now]] : []));
      expect(history.marks(changed)).toEqual([{ address: 'add', kind: 'start', stale }]);
    },
  );

  it('calls nothing stale before a model is known', () => {
    const history = new MarkHistory([{ address: 'gone', kind: 'output', shapes: [[1]] }]);
    expect(history.marks(null)).toEqual([{ address: 'gone', kind: 'output', stale: false }]);
  });
});
