import { describe, expect, it } from 'vitest';
import type { Shape } from '../../../../src/core/model/layerGraph';
import { MarkHistory } from '../../../../src/host/editor/markHistory';

const shapes = new Map<string, Shape | null>([
  ['conv', [null, 11, 11, 64]],
  ['dense', [null, 10]],
  ['mystery', null],
]);

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

  it('keeps both kinds of mark at one address apart', () => {
    const history = new MarkHistory();
    history.toggle(['conv'], 'output', shapes);
    history.toggle(['conv'], 'input', shapes);
    expect(standing(history)).toEqual(['output conv', 'input conv']);
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
      expect(history.marks(new Map(now))).toEqual([{ address: 'conv', kind: 'output', stale }]);
    },
  );

  it('calls nothing stale before a model is known', () => {
    const history = new MarkHistory([{ address: 'gone', kind: 'output', shape: [1] }]);
    expect(history.marks(null)).toEqual([{ address: 'gone', kind: 'output', stale: false }]);
  });
});
