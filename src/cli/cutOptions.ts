/** `--output`, `--input`, `--from` and `--close` → a cut in canonical addresses. */
import { SlicerError } from '../core/errors';
import { formatAddress, resolveAddress } from '../core/model/address';
import type { LayerGraph } from '../core/model/layerGraph';
import type { ModelFile } from '../core/model/modelFile';
import { planCut } from '../core/slicing/sliceModel';
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
  const from = (options.from ?? []).flatMap((text) => readBy(model.graph, text));
  const cut: Cut = { outputs: canonical(options.output ?? []), inputs: [...canonical(options.input ?? []), ...from] };
  if (!options.close) return cut;
  // One round may lead to tensors that lack others in turn.
  for (let round = 0; round < 100; round++) {
    const { missing } = planCut(model, cut).boundary;
    if (missing.length === 0) break;
    cut.inputs.push(...missing.map(({ address }) => address));
  }
  return cut;
}

/** The tensors that a layer reads, in its call that `text` names. */
function readBy(graph: LayerGraph, text: string): string[] {
  const { layer, call, path } = resolveAddress(graph, text);
  const around = path.slice(0, -1);
  const inputs = layer.calls[call]?.inputs ?? [];
  if (inputs.length === 0)
    throw new SlicerError('usage', { detail: `${text} reads no tensor: it cannot be the start of a cut.` });
  return [...new Set(inputs.map((ref) => formatAddress([...around, { name: ref.layer, call: ref.call }], ref.output)))];
}
