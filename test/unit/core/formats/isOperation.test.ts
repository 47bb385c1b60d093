import { expect, it } from 'vitest';
import { isOperation } from '../../../../src/core/formats/keras3';

const called = { inbound_nodes: [{ args: [], kwargs: {} }] };

it.each([
  // layers whose config is their own, in files that dropped `module`: the TF.js converter's
  ['SpatialDropout1D', { name: 'a', rate: 0.2, seed: null, dtype: 'float32' }],
  ['Discretization', { name: 'a', bin_boundaries: [0], dtype: 'float32' }],
  ['HashedCrossing', { name: 'a', num_bins: 5, dtype: 'int64' }],
  ['Add', { name: 'a', trainable: true, dtype: 'float32' }],
])('%s with a layer’s config is a layer', (className, config) => {
  expect(isOperation(called, className, config)).toBe(false);
});

it.each([
  ['Add', { name: 'a' }],
  ['Cast', { name: 'a', dtype: 'float32' }],
])('%s without one is an operation', (className, config) => {
  expect(isOperation(called, className, config)).toBe(true);
});
