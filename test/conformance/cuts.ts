/** Every cut at one tensor of a model: what leads to it, and what follows from it; each proven by the engine. */
import { startEngine } from '../bench/engineClient';
import { SlicerError } from '../../src/core/errors';
import { expandCalls } from '../../src/core/model/traversal';
import type { ModelFile } from '../../src/core/model/modelFile';
import { closeCut } from '../../src/core/slicing/closeCut';
import type { Cut } from '../../src/core/slicing/slice';
import type { InputSpec, VerifyResult } from '../../src/protocol/engine';

/** What ends a cut rightly: it cannot be made, and the user is told why. */
export const REFUSALS = new Set(['mask-crosses', 'control-flow', 'unsupported']);
/** What keeps a whole model from running, whatever is to be done with it. */
export const NOT_RUN = ['not-runnable', 'unsupported', 'missing-weight', 'missing-file', 'weights-only'] as const;
const NOT_YET: ReadonlySet<string> = new Set([...NOT_RUN, 'unknown-class']);
/** A proof that takes longer hangs. */
const TIMEOUT_MS = 120_000;

export interface CutsTask {
  engine: string;
  file: string;
  customLayers?: string[];
  /** Files with values, in the order of the model's inputs; random values where there is none. */
  inputs: { name: string; path: string }[];
  /** At most about this many tensors, spread evenly; null: every one. */
  sample: number | null;
}

interface Side {
  /** Proofs with difference 0. */
  equal: number;
  /** Suffixes that needed more inputs than the one tensor. */
  widened: number;
  /** Addresses by the code that refused them. */
  refused: Record<string, string[]>;
}

export interface CutsRow {
  tensors: number;
  prefixes: Side;
  suffixes: Side;
  /** Chains of parts that were compared with the whole. */
  chains: number;
  weak: number;
  wrong: string[];
  notYet: string | null;
}

export async function checkCuts({ engine, file, customLayers, inputs, sample }: CutsTask): Promise<CutsRow> {
  const row: CutsRow = {
    tensors: 0,
    prefixes: newSide(),
    suffixes: newSide(),
    chains: 0,
    weak: 0,
    wrong: [],
    notYet: null,
  };
  const { channel, stop } = startEngine(engine);
  try {
    const { model } = await channel.request('open', { path: file, ...(customLayers ? { customLayers } : {}) });
    const data = [specs(model, inputs)];
    const verify = async (cut: Cut): Promise<VerifyResult> => {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
      const request = { cut, data, tolerance: 0, backend: 'auto' } as const;
      try {
        return await channel.request('verify', { ...request, data: [...data] }, { signal: controller.signal });
      } finally {
        clearTimeout(timer);
      }
    };
    const note = (side: Side, what: string, address: string, result: VerifyResult): void => {
      if (result.passed) side.equal += 1;
      else
        row.wrong.push(
          `${what} ${address}: ${JSON.stringify(result.outputs.filter(({ equal }) => !equal).slice(0, 2))}`,
        );
      if (result.wholeFromParts) {
        row.chains += 1;
        if (result.wholeFromParts.maxAbsDiff !== 0)
          row.wrong.push(`${what} ${address}: the parts differ from the whole by ${result.wholeFromParts.maxAbsDiff}`);
      }
      if (result.weak) row.weak += 1;
    };
    const attempt = async (side: Side, what: string, address: string, cut: () => Cut): Promise<void> => {
      try {
        note(side, what, address, await verify(cut()));
      } catch (error) {
        const code = error instanceof SlicerError ? error.code : 'internal';
        if (REFUSALS.has(code)) (side.refused[code] ??= []).push(address);
        else
          row.wrong.push(`${what} ${address}: ${code} ${JSON.stringify((error as SlicerError).data ?? String(error))}`);
      }
    };
    try {
      await verify({ outputs: [], inputs: [] });
    } catch (error) {
      if (!(error instanceof SlicerError && (NOT_YET.has(error.code) || REFUSALS.has(error.code)))) throw error;
      if (NOT_YET.has(error.code)) {
        row.notYet = `${error.code} ${JSON.stringify(error.data).slice(0, 120)}`;
        return row;
      }
      // a loop in a graph-model: what lies before it can be cut all the same
      row.prefixes.refused[error.code] = ['(the whole)'];
    }
    const addresses = chosen(tensorsOf(model), sample);
    row.tensors = addresses.length;
    for (const address of addresses) {
      await attempt(row.prefixes, 'prefix', address, () => ({ outputs: [address], inputs: [] }));
      await attempt(row.suffixes, 'suffix', address, () => {
        const cut = closeCut(model, { outputs: [], inputs: [address] });
        if (cut.inputs.length > 1) row.suffixes.widened += 1;
        return cut;
      });
    }
    return row;
  } catch (error) {
    const code = error instanceof SlicerError ? error.code : null;
    if (code !== null && NOT_YET.has(code)) row.notYet = code;
    else row.wrong.push(String(error instanceof Error ? error.message : error));
    return row;
  } finally {
    stop();
  }
}

function newSide(): Side {
  return { equal: 0, widened: 0, refused: {} };
}

/** Every tensor that a call makes and an output of the model comes from. */
function tensorsOf({ graph }: ModelFile): string[] {
  const calls = expandCalls(graph);
  const makers = new Map(calls.flatMap((call) => call.outputs.map((output) => [output, call] as const)));
  const needed = new Set<string>();
  const open = calls
    .filter((call) => call.graph === graph)
    .flatMap((call) =>
      call.outputs.filter((_, output) =>
        graph.outputs.some((ref) => ref.layer === call.layer.name && ref.call === call.call && ref.output === output),
      ),
    );
  for (let address = open.pop(); address !== undefined; address = open.pop()) {
    if (needed.has(address)) continue;
    needed.add(address);
    open.push(...(makers.get(address)?.inputs ?? []));
  }
  return calls
    .filter(({ kind, layer }) => kind !== 'input' && layer.className !== 'Const' && layer.className !== 'Placeholder')
    .flatMap(({ outputs }) => outputs.filter((output) => needed.has(output)));
}

function chosen(addresses: readonly string[], sample: number | null): string[] {
  if (sample === null || addresses.length <= sample) return [...addresses];
  return Array.from({ length: sample }, (_, i) => addresses[Math.floor(((i + 0.5) * addresses.length) / sample)] ?? '');
}

function specs({ graph }: ModelFile, files: CutsTask['inputs']): InputSpec[] {
  return graph.inputs.map(({ name }, i) => {
    const file = files.find((one) => one.name === name) ?? files[i];
    if (!file) return { input: name, source: { kind: 'random', seed: 7 } };
    return { input: name, source: { kind: 'array', path: file.path, name: file.name, format: 'npy' } };
  });
}
