/** Operations that a backend lacks are done by the cpu one, with their values copied there and back. */
import * as tf from '@tensorflow/tfjs-core';
import type { BackendName } from '../../protocol/engine';

let used = new Set<string>();

interface ValueBackend {
  readSync(dataId: object): Float32Array | Int32Array | Uint8Array | Uint8Array[];
  disposeData(dataId: object, force?: boolean): boolean;
}
interface CpuBackend extends ValueBackend {
  makeTensorInfo(shape: number[], dtype: string, values: unknown): tf.TensorInfo;
}
interface WritableBackend extends ValueBackend {
  write(values: unknown, shape: number[], dtype: string): object;
}

/** Registers a stand-in for every operation of the cpu backend that this one lacks. Both must be there. */
export function bridgeMissingKernels(backendName: Exclude<BackendName, 'cpu'>): void {
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend('cpu')) {
    if (tf.getKernel(kernelName, backendName)) continue;
    // complex numbers cannot be held by the wasm backend at all, and the native one has all of these
    if (/^(Complex|ComplexAbs|Real|Imag|FFT|IFFT|RFFT|IRFFT)$/.test(kernelName)) continue;
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        used.add(kernelName);
        return onCpu(kernelFunc, inputs, attrs, backend as WritableBackend);
      },
    });
  }
}

/** Names of the operations that were done by the cpu since the last call of this. */
export function takeBridged(): string[] {
  if (used.size === 0) return [];
  const names = [...used];
  used = new Set();
  return names;
}

type KernelFunc = ReturnType<typeof tf.getKernelsForBackend>[number]['kernelFunc'];

function onCpu(
  kernelFunc: KernelFunc,
  inputs: Record<string, tf.TensorInfo | tf.TensorInfo[] | undefined>,
  attrs: unknown,
  owner: WritableBackend,
): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend('cpu') as unknown as CpuBackend;
  const made: tf.TensorInfo[] = [];
  const copy = (tensor: tf.TensorInfo): tf.TensorInfo => {
    const info = cpu.makeTensorInfo(tensor.shape, tensor.dtype, owner.readSync(tensor.dataId));
    made.push(info);
    return info;
  };
  const copies: Record<string, tf.TensorInfo | tf.TensorInfo[]> = {};
  for (const [name, input] of Object.entries(inputs)) {
    if (input) copies[name] = Array.isArray(input) ? input.map(copy) : copy(input);
  }
  const back = (info: tf.TensorInfo): tf.TensorInfo => {
    const values = cpu.readSync(info.dataId);
    made.push(info);
    return { dataId: owner.write(values, info.shape, info.dtype), shape: info.shape, dtype: info.dtype };
  };
  try {
    const result = kernelFunc({ inputs: copies as never, attrs: attrs as never, backend: cpu });
    return Array.isArray(result) ? result.map(back) : back(result);
  } finally {
    for (const { dataId } of made) cpu.disposeData(dataId, true);
  }
}
