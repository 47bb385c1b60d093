/** The proof: the slice, from its own text and bytes, against the original, on the same input and backend. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { formatAddress } from '../../core/model/address';
import type { Slice } from '../../core/slicing/slice';
import type { BackendName, Progress, VerifyResult } from '../../protocol/engine';
import { compareTensors, type Comparison } from './compare';
import { runLoop } from './loop';
import type { TensorValues } from './keptTensors';
import type { WeightSource } from './openedModel';
import { buildProgram, type Program } from './program';
import { WeightStore } from './weights';

export interface VerifyOptions {
  original: { source: WeightSource; weights: WeightStore };
  /** The slice as opened from what was written, in memory or on disk. */
  slice: WeightSource;
  plan: Slice['plan'];
  /** Values of the original's inputs, by name; the proof disposes them. */
  feeds: Map<string, tf.Tensor>;
  tolerance: number;
  backend: BackendName;
  signal: { readonly aborted: boolean };
  onProgress?(progress: Progress): void;
}

interface Snapshot {
  shape: number[];
  dtype: string;
  values: TensorValues;
}

export async function verifySlice(options: VerifyOptions): Promise<VerifyResult> {
  const { original, slice, plan, feeds, tolerance, backend, signal, onProgress } = options;
  const sliceWeights = new WeightStore(slice);
  try {
    const sliceOutputs = outputAddresses(slice);
    if (sliceOutputs.length !== plan.outputs.length)
      throw mismatch('outputs', plan.outputs.length, sliceOutputs.length);
    const wanted = plan.outputs.map(({ address }) => address);
    const borders = plan.inputs.map(({ address }) => address);
    const originalProgram = buildProgram(original.source.model, [...wanted, ...borders]);
    const sliceProgram = buildProgram(slice.model, [...sliceOutputs, ...inputAddresses(slice)]);
    const total = originalProgram.steps.length + sliceProgram.steps.length;
    const report = (before: number) => (done: number, at: string) => onProgress?.({ done: before + done, total, at });

    const fed = new Map<string, tf.Tensor>();
    for (const { name, address } of originalProgram.inputs) {
      const feed = feeds.get(name);
      if (feed) fed.set(address, feed);
    }
    const run = { backend, signal };
    const first = await collect(
      originalProgram,
      original.weights,
      fed,
      { ...run, onPause: report(0) },
      new Set([...wanted, ...borders]),
    );
    const given = new Map<string, tf.Tensor>();
    plan.inputs.forEach(({ address }, i) => {
      const port = sliceProgram.inputs[i];
      const value = first.get(address);
      if (!port || !value) throw mismatch('inputs', plan.inputs.length, sliceProgram.inputs.length);
      given.set(port.address, tensorOfSnapshot(value));
    });
    const second = await collect(
      sliceProgram,
      sliceWeights,
      given,
      { ...run, onPause: report(originalProgram.steps.length) },
      new Set(sliceOutputs),
    );
    return resultOf(wanted, sliceOutputs, first, second, tolerance, backend);
  } finally {
    for (const feed of feeds.values()) if (!feed.isDisposed) feed.dispose();
    sliceWeights.dispose();
  }
}

function mismatch(what: string, expected: number, actual: number): SlicerError {
  return new SlicerError('verification-failed', { reason: what, expected, actual });
}

type RunParts = {
  backend: BackendName;
  signal: { readonly aborted: boolean };
  onPause: (done: number, at: string) => void;
};

/** Runs the program and copies the wanted values: a wanted tensor may stand under several addresses. */
async function collect(
  program: Program,
  weights: WeightStore,
  feeds: Map<string, tf.Tensor>,
  run: RunParts,
  wanted: Set<string>,
): Promise<Map<string, Snapshot>> {
  await weights.load(program.layers, () => {
    if (run.signal.aborted) throw new SlicerError('cancelled');
  });
  const found = new Map<string, Snapshot>();
  await runLoop({
    program,
    weights,
    feeds,
    ...run,
    observe: ({ address, tensor }) => {
      if (wanted.has(address))
        found.set(address, {
          shape: tensor.shape.slice(),
          dtype: tensor.dtype,
          values: tensor.dataSync() as TensorValues,
        });
      return false;
    },
  });
  return found;
}

function tensorOfSnapshot({ values, shape, dtype }: Snapshot): tf.Tensor {
  return tf.tensor(values, shape, dtype as 'float32');
}

function outputAddresses({ model }: WeightSource): string[] {
  return model.graph.outputs.map(({ layer, call, output }) => formatAddress([{ name: layer, call }], output));
}

function inputAddresses({ model }: WeightSource): string[] {
  return model.graph.inputs.map(({ layer, call, output }) => formatAddress([{ name: layer, call }], output));
}

function resultOf(
  wanted: string[],
  sliceOutputs: string[],
  first: Map<string, Snapshot>,
  second: Map<string, Snapshot>,
  tolerance: number,
  backend: BackendName,
): VerifyResult {
  const comparisons = wanted.map((address, i): { address: string } & Comparison => {
    const [a, b] = [first.get(address), second.get(sliceOutputs[i] as string)];
    if (!a || !b) throw new SlicerError('internal', { reason: `${address} was not computed` });
    return { address, ...compareTensors(a, b) };
  });
  const outputs = comparisons.map(({ address, maxAbsDiff }) => ({
    address,
    maxAbsDiff,
    equal: typeof maxAbsDiff === 'number' && maxAbsDiff <= tolerance,
  }));
  const sum = (side: 'a' | 'b'): number => comparisons.reduce((total, { nonFinite }) => total + nonFinite[side], 0);
  return {
    backend,
    outputs,
    wholeFromParts: null,
    nonFinite: { original: sum('a'), slice: sum('b') },
    weak: comparisons.every(({ constant }) => constant),
    passed: outputs.every(({ equal }) => equal),
  };
}
