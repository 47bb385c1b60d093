import { expect, it } from 'vitest';
import { restoreMemory } from '../../../../webview/state/memory';

const usual = restoreMemory(undefined);

it.each([
  [undefined],
  [null],
  ['text'],
  [[]],
  [{ version: 99 }],
  [{ split: 'wide', tab: 'graph', toggled: [1], scrollTop: -5, selection: 'a' }],
])('of %j nothing is taken that does not fit', (saved) => {
  expect(restoreMemory(saved)).toEqual(usual);
});

it('comes back as it was saved', () => {
  const saved = {
    ...usual,
    selection: ['a', 'b'],
    active: 'b',
    tab: 'config',
    split: 0.3,
    query: 'conv',
    hiddenColumns: ['class'],
    scale: 'tensor',
  };
  expect(restoreMemory(JSON.parse(JSON.stringify(saved)))).toEqual(saved);
});
