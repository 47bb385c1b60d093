/** What proofs found, each by itself and all together. */
import type { ProofFindings } from '../../protocol/engine';
import { compareTensors, worseOf } from './compare';
import type { Snapshot } from './snapshot';

/** An output of the original beside what is to be the same. */
export interface Compared {
  /** Canonical address in the original. */
  address: string;
  original: Snapshot;
  slice: Snapshot;
}

/** @param whole what the parts gave, beside the whole; null where there was no part but the slice. */
export function findingsOf(
  outputs: readonly Compared[],
  whole: readonly Compared[] | null,
  tolerance: number,
): ProofFindings {
  const comparisons = outputs.map(({ address, original, slice }) => ({ address, ...compareTensors(original, slice) }));
  return {
    outputs: comparisons.map(({ address, maxAbsDiff }) => ({
      address,
      maxAbsDiff,
      equal: isEqual(maxAbsDiff, tolerance),
    })),
    wholeFromParts: whole && wholeOf(whole),
    nonFinite: {
      original: comparisons.reduce((sum, { nonFinite }) => sum + nonFinite.a, 0),
      slice: comparisons.reduce((sum, { nonFinite }) => sum + nonFinite.b, 0),
    },
    weak: comparisons.every(({ constant }) => constant),
  };
}

export function isEqual(maxAbsDiff: number | string, tolerance: number): boolean {
  return typeof maxAbsDiff === 'number' && maxAbsDiff <= tolerance;
}

/** The worst of several proofs of one slice. Their agreement is weak only where each of them is. */
export function worstOf(proofs: readonly [ProofFindings, ...ProofFindings[]]): ProofFindings {
  const [first, ...others] = proofs;
  return others.reduce(
    (worst, proof): ProofFindings => ({
      outputs: worst.outputs.map((output, i) => {
        const other = proof.outputs[i] ?? output;
        return {
          address: output.address,
          maxAbsDiff: worseOf(output.maxAbsDiff, other.maxAbsDiff),
          equal: output.equal && other.equal,
        };
      }),
      wholeFromParts: worseWhole(worst.wholeFromParts, proof.wholeFromParts),
      nonFinite: {
        original: worst.nonFinite.original + proof.nonFinite.original,
        slice: worst.nonFinite.slice + proof.nonFinite.slice,
      },
      weak: worst.weak && proof.weak,
    }),
    first,
  );
}

type Whole = ProofFindings['wholeFromParts'];

function wholeOf(compared: readonly Compared[]): Whole {
  return compared
    .map(({ address, original, slice }) => ({ address, maxAbsDiff: compareTensors(original, slice).maxAbsDiff }))
    .reduce<Whole>(worseWhole, null);
}

function worseWhole(a: Whole, b: Whole): Whole {
  if (!a || !b) return a ?? b;
  return worseOf(a.maxAbsDiff, b.maxAbsDiff) === a.maxAbsDiff ? a : b;
}
