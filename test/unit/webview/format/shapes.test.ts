import { expect, it } from 'vitest';
import type { LayerRow } from '../../../../src/protocol/viewer';
import { axesOf, describeShape } from '../../../../webview/format/axes';
import { formatShape } from '../../../../webview/format/shapes';

it.each([
  [[null, 26, 26, 32], '(·, 26, 26, 32)'],
  [[null], '(·,)'],
  [[], '()'],
  [null, '?'],
])('%j is %s', (shape, text) => {
  expect(formatShape(shape)).toBe(text);
});

const layer = (className: string, dataFormat?: string): LayerRow => ({ class: className, dataFormat }) as LayerRow;

it.each([
  [layer('Conv2D'), [null, 26, 26, 32], 'batch ·, height 26, width 26, channels 32 (float32)'],
  [layer('Conv2D', 'channels_first'), [null, 32, 26, 26], 'batch ·, channels 32, height 26, width 26 (float32)'],
  [layer('LSTM'), [null, 7, 6], 'batch ·, steps 7, features 6 (float32)'],
  [layer('TimeDistributed'), [null, 5, 8, 8, 3], '·, 5, 8, 8, 3 (float32)'],
  [layer('Dense'), null, 'Shape not known'],
])('a shape of %j names its axes', (row, shape, text) => {
  expect(describeShape(shape, 'float32', axesOf(row, shape?.length ?? 0))).toBe(text);
});
