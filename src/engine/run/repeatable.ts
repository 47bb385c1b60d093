/** Whether a tensor that was computed again is the one of the run: code of the user's own may give another each time. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { Statistics } from '../../protocol/engine';
import { activationOf } from './activation';
import type { KeptTensors } from './keptTensors';

/**
 * Native backends may add in another order each time: what is equal by our definition of it counts as the same.
 * @throws SlicerError `handle-gone` with `reason` `not-repeatable`.
 */
export function refuseOthers(kept: KeptTensors, address: string, tensor: tf.Tensor): void {
  const { statistics: before, channelAxis } = kept.factsOf(address);
  const call = { ms: 0, backend: 'cpu' } as const;
  const options = { thumbnails: false, colorMap: '' };
  const { statistics } = activationOf(address, tensor, channelAxis, call, options);
  if (!isAlike(before, statistics)) throw new SlicerError('handle-gone', { reason: 'not-repeatable', address });
}

function isAlike(a: Statistics, b: Statistics): boolean {
  if (a.count !== b.count || a.nan !== b.nan || a.inf !== b.inf) return false;
  const allowed = 1e-4 * Math.max(1, Math.abs(a.min), Math.abs(a.max));
  const near = (x: number, y: number): boolean => Object.is(x, y) || Math.abs(x - y) <= allowed;
  return (
    near(a.min, b.min) &&
    near(a.max, b.max) &&
    near(a.mean, b.mean) &&
    near(a.std, b.std) &&
    a.first.every((value, i) => near(value, b.first[i] as number))
  );
}
