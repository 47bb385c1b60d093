/** What TensorFlow says when it gets no memory, and that it goes on. Values stay in bounds over many runs. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/engine/backends/backend';
import { isNativeOutOfMemory } from '../../../src/engine/backends/tensorflow';
import { keras } from '../../fixtures';
import { engineSession } from '../session';
import { lacksNative, nativeSearch, onNative } from './native';

describe.skipIf(lacksNative)(onNative, () => {
  beforeAll(async () => void (await useBackend('tensorflow', nativeSearch)));

  /** 4 TB, which no system hands out. */
  const tooMuch = (): tf.Tensor => tf.tidy(() => tf.add(tf.fill([1, 1e6], 1), tf.fill([1e6, 1], 1)));

  it('tells a lack of memory from other failures, and computes on', () => {
    let error: unknown = null;
    try {
      tooMuch();
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error)).toContain('OOM when allocating');
    expect(isNativeOutOfMemory(error)).toBe(true);
    expect(isNativeOutOfMemory(new Error('Invalid TF_Status: 3\nMessage: bad shape'))).toBe(false);
    expect(Array.from(tf.add([1, 2], [3, 4]).dataSync())).toEqual([4, 6]);
  });

  it('keeps no tensor of one run beside the next', async () => {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: `${keras}/transformer-block/tfjs-keras3` });
    const inputs = model.graph.inputs.map(({ name }) => ({
      input: name,
      source: { kind: 'random', seed: 1 } as const,
    }));
    const wish = { want: 'all', backend: 'tensorflow', thumbnails: true, colorMap: 'viridis', keep: true } as const;
    const native = tf.backend() as unknown as { binding: { getNumOfTensors(): number } };
    const counts: number[][] = [];
    for (let round = 0; round < 12; round++) {
      await engine.request('run', { ...wish, inputs, native: nativeSearch });
      counts.push([tf.memory().numTensors, native.binding.getNumOfTensors()]);
    }
    expect(counts.slice(2)).toEqual(counts.slice(2).map(() => counts[2]));
    await engine.request('close', {});
  });
});
