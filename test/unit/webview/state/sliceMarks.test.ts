import { describe, expect, it } from 'vitest';
import type { SliceState } from '../../../../src/protocol/viewer';
import { callOf, isInner, SliceMarks } from '../../../../webview/state/sliceMarks';

describe('an address', () => {
  it.each([
    ['conv_1', 'conv_1', false],
    ['lstm:1', 'lstm', false],
    ['tower#2/conv@pre', 'tower#2/conv', true],
    ['outer/lstm#2@state_h', 'outer/lstm#2', true],
    ['odd\\@name\\:3', 'odd\\@name\\:3', false],
    ['odd\\@name\\:3:2', 'odd\\@name\\:3', false],
    ['odd\\@name@pre', 'odd\\@name', true],
    ['back\\\\slash', 'back\\\\slash', false],
    ['', '', false],
  ])('%s is made by the call %s', (address, call, inner) => {
    expect(callOf(address)).toBe(call);
    expect(isInner(address)).toBe(inner);
  });
});

describe('marks', () => {
  const slice: SliceState = {
    marks: [
      { address: 'lstm:1', kind: 'output', stale: false },
      { address: 'lstm', kind: 'start', stale: false },
      { address: '__proto__', kind: 'input', stale: true },
    ],
    canUndo: false,
    canRedo: false,
    plan: null,
    planError: null,
    verification: { state: 'none' },
  };

  it('stand at the row of their call', () => {
    const marks = new SliceMarks(slice);
    expect(marks.row('lstm')?.marks).toMatchObject({
      output: [{ address: 'lstm:1' }],
      start: [{ address: 'lstm' }],
      input: [],
    });
    expect(marks.has('lstm:1', 'output')).toBe(true);
    expect(marks.has('lstm', 'output')).toBe(false);
    expect(marks.has('__proto__', 'input')).toBe(true);
    expect(marks.row('constructor')).toBeUndefined();
  });

  it('without a plan tint and dim nothing', () => {
    expect(new SliceMarks(slice).includes('lstm')).toBeNull();
    expect(new SliceMarks(null).includes('lstm')).toBeNull();
  });
});
