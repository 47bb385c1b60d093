/** `--output`, `--input`, `--from` and `--close` → a cut in canonical addresses. */
import { resolveAddress } from '../core/model/address';
import type { ModelFile } from '../core/model/modelFile';
import { closeCut, tensorsReadBy } from '../core/slicing/closeCut';
import type { Cut } from '../core/slicing/slice';

export interface CutOptions {
  output?: string[];
  input?: string[];
  from?: string[];
  close?: boolean;
}

/** @throws SlicerError `unknown-address`, `usage`, and what planning throws. */
export function cutOf(model: ModelFile, options: CutOptions): Cut {
  const canonical = (texts: readonly string[]): string[] =>
    texts.map((text) => resolveAddress(model.graph, text).address);
  const from = (options.from ?? []).flatMap((text) => tensorsReadBy(model.graph, text));
  const cut: Cut = {
    outputs: canonical(options.output ?? []),
    inputs: [...new Set([...canonical(options.input ?? []), ...from])],
  };
  return options.close ? closeCut(model, cut) : cut;
}
