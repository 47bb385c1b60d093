/** The proof: the slice, from its own text and bytes, against the original, on the same input and backend. */
import type * as tf from '@tensorflow/tfjs-core';
import type {
  BackendName,
  ComposedProof,
  ProofFindings,
  Progress,
  ResolvedInput,
  VerifyResult,
} from '../../protocol/engine';
import { collect, type Runnable } from './collect';
import { findingsOf, isEqual, worstOf, type Compared } from './findings';
import { proofParts, type ProofParts } from './proofParts';
import { isSame, type CollectRun, type Snapshot } from './snapshot';
import type { Part } from './part';

/** Bytes of weights that an original keeps loaded while its parts run. */
const largestBeside = 2 ** 30;

/** One set of inputs: a proof of its own. */
export interface ProofData {
  label: string;
  inputs: Omit<ResolvedInput, 'picture'>[];
  /** A new tensor for each input of the original, by the input's name. */
  feeds: ReadonlyMap<string, () => tf.Tensor>;
}

export interface VerifyOptions {
  original: Runnable;
  /** The slice, read back from what was written or would be. */
  slice: Part;
  /** Each is made when its turn comes and let go of afterwards. */
  data: readonly [() => Promise<ProofData>, ...(() => Promise<ProofData>)[]];
  tolerance: number;
  backend: BackendName;
  /** Bytes that the process may take. */
  memoryLimit?: number;
  signal: { readonly aborted: boolean };
  onProgress?(progress: Progress): void;
}

/**
 * @throws SlicerError `verification-failed` where the slice's inputs or outputs are others in number, shape or type,
 *   `cancelled`, and what opening and running throw. That numbers differ is no error here.
 */
export async function verifySlice(options: VerifyOptions): Promise<Omit<VerifyResult, 'sourceMatches'>> {
  const { original, slice, data, tolerance, backend } = options;
  const parts = proofParts(original.source, slice);
  const steps = new Steps(options, data.length * parts.calls);
  try {
    const proven = await proveAll(data, tolerance, (feeds) => proveOn(feeds, original, parts, steps, tolerance));
    return { backend, ...proven };
  } finally {
    for (const part of [slice, parts.prefix, parts.suffix]) part?.release();
  }
}

/** One proof after the other, and what is worst in them. */
export async function proveAll(
  [first, ...others]: VerifyOptions['data'],
  tolerance: number,
  prove: (feeds: ProofData['feeds']) => Promise<ProofFindings>,
): Promise<Omit<ComposedProof, 'backend'>> {
  const one = async (make: () => Promise<ProofData>): Promise<VerifyResult['data'][number]> => {
    const { label, inputs, feeds } = await make();
    return { label, inputs, ...(await prove(feeds)) };
  };
  const proofs: [VerifyResult['data'][number], ...VerifyResult['data']] = [await one(first)];
  for (const make of others) proofs.push(await one(make));
  const worst = worstOf(proofs);
  return { ...worst, passed: isPassed(worst, tolerance), data: proofs };
}

function isPassed({ outputs, wholeFromParts }: ProofFindings, tolerance: number): boolean {
  return outputs.every(({ equal }) => equal) && (!wholeFromParts || isEqual(wholeFromParts.maxAbsDiff, tolerance));
}

async function proveOn(
  feeds: ProofData['feeds'],
  original: Runnable,
  parts: ProofParts,
  steps: Steps,
  tolerance: number,
): Promise<ProofFindings> {
  const { slice, prefix, suffix, inputs } = parts;
  const given = new Map<string, tf.Tensor>();
  for (const { name, address } of inputs) {
    const feed = feeds.get(name);
    if (feed) given.set(address, feed());
  }
  const runPart = (part: Part, values: ReadonlyMap<string, Snapshot>): Promise<Map<string, Snapshot>> =>
    steps.of(part.plan.calls, (run) => part.run(values, run));
  const whole = await steps.of(parts.originalCalls, (run) => collect(original, given, parts.wanted, run));
  // its weights are read again when they are needed: the heap holds no two of the largest models
  if (original.source.model.weightEntries.reduce((sum, { bytes }) => sum + bytes, 0) > largestBeside)
    original.weights.dispose();
  const fromOriginal = await runPart(slice, whole);
  const before = prefix ? await runPart(prefix, whole) : null;
  // the same values give the same outputs: they are computed again only where the prefix gives others
  const fromPrefix =
    before && isAlike(before, whole) && ![...before].every(([address, value]) => isSame(value, whole.get(address)))
      ? await slice.run(new Map([...whole, ...before]), steps.still())
      : fromOriginal;
  // what has another shape fits nothing that comes after: then this is what is found
  const after = suffix && isAlike(fromPrefix, whole) ? await runPart(suffix, fromPrefix) : null;
  const against = (values: ReadonlyMap<string, Snapshot>): Compared[] =>
    [...values].flatMap(([address, value]) => {
      const expected = whole.get(address);
      return expected ? [{ address, original: expected, slice: value }] : [];
    });
  const chain = [before, fromPrefix, after].flatMap((values) => (values ? against(values) : []));
  return findingsOf(against(fromOriginal), prefix || suffix ? chain : null, tolerance);
}

function isAlike(values: ReadonlyMap<string, Snapshot>, whole: ReadonlyMap<string, Snapshot>): boolean {
  return [...values].every(([address, { shape, dtype }]) => {
    const expected = whole.get(address);
    return expected?.dtype === dtype && expected.shape.join() === shape.join();
  });
}

/** Progress over all parts and sets, in calls. */
class Steps {
  private done = 0;
  private readonly graphs: CollectRun['graphs'] = { ranOn: null };

  constructor(
    private readonly options: VerifyOptions,
    private readonly total: number,
  ) {}

  async of<T>(calls: number, work: (run: CollectRun) => Promise<T>): Promise<T> {
    const { done } = this;
    // a part's program counts its inputs, too
    const result = await work(this.run((count, at) => this.report(done + Math.min(count, calls), at)));
    this.done = done + calls;
    this.report(this.done, '');
    return result;
  }

  /** A run beyond what was foreseen. */
  still(): CollectRun {
    return this.run((_, at) => this.report(this.done, at));
  }

  private run(onPause: CollectRun['onPause']): CollectRun {
    const { backend, signal, memoryLimit } = this.options;
    return { backend, signal, onPause, graphs: this.graphs, ...(memoryLimit === undefined ? {} : { memoryLimit }) };
  }

  private report(done: number, at: string): void {
    this.options.onProgress?.({ done, total: this.total, at });
  }
}
