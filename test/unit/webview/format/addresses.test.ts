import { expect, it } from 'vitest';
import { shortAddress, shownAddress } from '../../../../webview/format/addresses';

it.each([
  ['conv_1@pre', 'conv_1@pre', 'conv_1@pre'],
  ['tower#2/conv', 'tower#2/conv', 'tower#2/conv'],
  ['a\\/b\\:c', 'a/b\\:c', 'a/b\\:c'],
  [
    'StatefulPartitionedCall\\/mobilenet_block_1\\/squeeze_expand_1\\/Relu6',
    'StatefulPartitionedCall/mobilenet_block_1/squeeze_expand_1/Relu6',
    '…/mobilenet_block_1/squeeze_expand_1/Relu6',
  ],
  ['x'.repeat(60), 'x'.repeat(60), `…${'x'.repeat(43)}`],
])('%s', (address, shown, short) => {
  expect(shownAddress(address)).toBe(shown);
  expect(shortAddress(address)).toBe(short);
});
