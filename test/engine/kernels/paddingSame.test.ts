/** `same` with steps wider than the window: cpu is right there, the wasm library is not. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, expect, it } from 'vitest';
import { useBackend } from '../../../src/engine/backends/backend';
import { KernelCall } from '../../../src/engine/kernels/kernel';
import { layerKernel } from '../../../src/engine/kernels/registry';
import type { JsonObject } from '../../../src/core/model/json';
import { noise } from '../noise';

const shared = { padding: 'same', data_format: 'channels_last', use_bias: false };
const cases: [string, JsonObject, number[], number[] | null][] = [
  ['Conv2D', { ...shared, filters: 2, kernel_size: [3, 3], strides: [4, 4] }, [1, 56, 56, 2], [3, 3, 2, 2]],
  ['Conv2D', { ...shared, filters: 2, kernel_size: [3, 3], strides: [4, 4] }, [1, 56, 55, 2], [3, 3, 2, 2]],
  ['Conv1D', { ...shared, filters: 2, kernel_size: [2], strides: [4] }, [1, 16, 2], [2, 2, 2]],
  ['DepthwiseConv2D', { ...shared, kernel_size: [3, 3], strides: [4, 4] }, [1, 56, 56, 2], [3, 3, 2, 1]],
  ['MaxPooling2D', { padding: 'same', pool_size: [2, 2], strides: [4, 4] }, [1, 16, 17, 2], null],
  ['AveragePooling2D', { padding: 'same', pool_size: [2, 2], strides: [4, 4] }, [1, 16, 17, 2], null],
  ['AveragePooling2D', { padding: 'same', pool_size: [2, 3], strides: [4, 4] }, [1, 16, 18, 2], null],
];
const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

afterAll(() => void useBackend('cpu'));

it.each(cases)('%s %j', async (className, config, shape, kernelShape) => {
  const compute = async (backend: 'cpu' | 'wasm'): Promise<{ shape: number[]; values: number[] }> => {
    await useBackend(backend);
    const input = tf.tensor(noise(1, size(shape)), shape);
    const weights = kernelShape
      ? [{ name: 'kernel', tensor: tf.tensor(noise(2, size(kernelShape)), kernelShape) }]
      : [];
    const args = [{ kind: 'tensor', input: 0 } as const];
    const call = new KernelCall({
      className,
      config,
      keras: 3,
      inputs: [input],
      masks: [null],
      args,
      kwargs: {},
      weights,
    });
    const output = [layerKernel(className)?.run(call)].flat()[0] as tf.Tensor;
    return { shape: output.shape, values: Array.from(output.dataSync()) };
  };
  // plain operations of the cpu backend as the reference
  await useBackend('cpu');
  const x = tf.tensor<tf.Rank.R4>(noise(1, size(shape)), shape as [number, number, number, number]);
  const strides = config.strides as [number, number];
  const plain = (): tf.Tensor => {
    const kernel = kernelShape ? tf.tensor(noise(2, size(kernelShape)), kernelShape) : null;
    if (className === 'Conv2D') return tf.conv2d(x, kernel as tf.Tensor4D, strides, 'same');
    if (className === 'Conv1D')
      return tf.conv1d(x as unknown as tf.Tensor3D, kernel as tf.Tensor3D, strides[0], 'same');
    if (className === 'DepthwiseConv2D') return tf.depthwiseConv2d(x, kernel as tf.Tensor4D, strides, 'same');
    const window = config.pool_size as [number, number];
    return className === 'MaxPooling2D'
      ? tf.maxPool(x, window, strides, 'same')
      : tf.avgPool(x, window, strides, 'same');
  };
  const expected = plain();
  const found = await compute('wasm');
  expect(found.shape).toEqual(expected.shape);
  const values = expected.dataSync();
  found.values.forEach((value, i) => expect(value).toBeCloseTo(values[i] as number, 4));
});
