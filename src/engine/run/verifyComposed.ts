/** The proof of a composed model: its parts one after the other, each from its own file, against the whole, from its own text and bytes. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { Composed, ComposedSlice } from '../../core/composing/composeModel';
import { formatAddress } from '../../core/model/address';
import { expandCalls } from '../../core/model/traversal';
import { sliceModel } from '../../core/slicing/sliceModel';
import type { BackendName, ComposedProof, Progress, ProofFindings } from '../../protocol/engine';
import { composedBytes, type ComposedSources } from '../files/composedBytes';
import { composedRoot } from '../files/writeComposed';
import { collect, type Runnable } from './collect';
import { findingsOf, type Compared } from './findings';
import type { WeightSource } from './openedModel';
import { Part } from './part';
import { portAddresses } from './program';
import { openInMemory, openSliceInMemory } from './sliceInMemory';
import type { CollectRun, Snapshot } from './snapshot';
import { proveAll, type ProofData } from './verify';
import { WeightStore } from './weights';

export interface VerifyComposedOptions {
  composed: Composed;
  sources: ComposedSources<WeightSource>;
  /** The new model, read back from what was written or would be: see `openComposed`. */
  whole: WeightSource;
  data: readonly [() => Promise<ProofData>, ...(() => Promise<ProofData>)[]];
  tolerance: number;
  backend: BackendName;
  /** Bytes that the process may take. */
  memoryLimit?: number;
  signal: { readonly aborted: boolean };
  onProgress?(progress: Progress): void;
}

/** The new model as it would be read from its file. */
export function openComposed(composed: Composed, sources: ComposedSources): Promise<WeightSource> {
  return openInMemory(composedRoot(composed), composed.weights, composedBytes(composed, sources));
}

/**
 * The values that enter each part are the whole's own; what the part gives apart must be what it gives inside. What
 * stands between and behind the parts is a slice of the whole, fed with what the parts gave apart.
 * @throws SlicerError `cancelled`, `verification-failed` where a part takes or gives other tensors, and what opening and
 *   running throw. That numbers differ is no error here.
 */
export async function verifyComposed(options: VerifyComposedOptions): Promise<ComposedProof> {
  const { data, tolerance, backend } = options;
  const proof = new Proof(options);
  try {
    return { backend, ...(await proveAll(data, tolerance, (feeds) => proof.on(feeds))) };
  } finally {
    proof.release();
  }
}

/** One call of a part inside the whole. */
interface PartCall {
  part: Part;
  inputs: string[];
  outputs: string[];
  slice: ComposedSlice;
}

class Proof {
  private readonly runnable: Runnable;
  private readonly calls: PartCall[];
  /** What stands before, between and behind the parts. */
  private readonly between: Part[];
  private readonly wanted: string[];
  private readonly outputs: string[];
  private done = 0;

  constructor(private readonly options: VerifyComposedOptions) {
    const { composed, sources, whole } = options;
    this.runnable = {
      source: whole,
      weights: new WeightStore(whole),
      graphRunner: () => Promise.reject(new SlicerError('internal', { reason: 'a composed model has layers' })),
    };
    const parts = new Map(composed.parts.map((slice) => [slice, partOf(slice, sources)]));
    this.calls = composed.parts.flatMap((slice) =>
      slice.calls.map(({ inputs, outputs }) => ({ part: parts.get(slice) as Part, inputs, outputs, slice })),
    );
    this.outputs = portAddresses(whole.model, expandCalls(whole.model.graph), 'outputs');
    this.between = this.segments();
    this.wanted = [
      ...new Set([...this.outputs, ...this.calls.flatMap(({ inputs, outputs }) => [...inputs, ...outputs])]),
    ];
  }

  async on(feeds: ProofData['feeds']): Promise<ProofFindings> {
    const { whole, tolerance } = this.options;
    const given = new Map<string, tf.Tensor>();
    const ownInputs = whole.model.graph.inputs.map(({ name, layer, call, output }) => ({
      name,
      address: formatAddress([{ name: layer, call }], output),
    }));
    for (const { name, address } of ownInputs) {
      const feed = feeds.get(name);
      if (feed) given.set(address, feed());
    }
    const wanted = [...new Set([...this.wanted, ...ownInputs.map(({ address }) => address)])];
    const inside = await collect(this.runnable, given, wanted, this.run());
    const apart = new Map(ownInputs.flatMap(({ address }) => entryOf(inside, address)));
    const ofParts: Compared[] = [];
    const waiting = [...this.calls];
    const segments = [...this.between];
    // each step takes what can run by now: parts in the order in which the whole calls them
    while (waiting.length > 0 || segments.length > 0) {
      const segment = segments.findIndex(({ plan }) => plan.inputs.every(({ address }) => apart.has(address)));
      if (segment >= 0) {
        const [part] = segments.splice(segment, 1);
        if (part) for (const [address, value] of await part.run(apart, this.run())) apart.set(address, value);
        continue;
      }
      const at = waiting.findIndex(({ inputs }) => inputs.every((address) => apart.has(address)));
      const [call] = waiting.splice(Math.max(at, 0), 1);
      if (!call || at < 0) throw new SlicerError('internal', { reason: 'the parts do not follow each other' });
      for (const { address, value } of await this.runApart(call, apart)) {
        apart.set(address, value);
        const original = inside.get(address);
        if (original) ofParts.push({ address, original: value, slice: original });
      }
    }
    const chain = this.outputs.flatMap((address): Compared[] => {
      const [original, slice] = [apart.get(address), inside.get(address)];
      return original && slice ? [{ address, original, slice }] : [];
    });
    if (chain.length < this.outputs.length) throw new SlicerError('internal', { reason: 'an output was not reached' });
    return findingsOf(chain, ofParts, tolerance);
  }

  release(): void {
    this.runnable.weights.dispose();
    for (const { part } of this.calls) part.release();
    for (const part of this.between) part.release();
  }

  /** A part by itself, with its addresses those of the whole. */
  private async runApart(
    { part, inputs, outputs }: PartCall,
    values: ReadonlyMap<string, Snapshot>,
  ): Promise<{ address: string; value: Snapshot }[]> {
    const fed = new Map<string, Snapshot>();
    part.plan.inputs.forEach(({ address }, i) => {
      const value = values.get(inputs[i] ?? '');
      if (value) fed.set(address, value);
    });
    const given = await part.run(fed, this.run());
    return part.plan.outputs.flatMap(({ address }, i) => {
      const [name, value] = [outputs[i], given.get(address)];
      return name !== undefined && value ? [{ address: name, value }] : [];
    });
  }

  /** Slices of the whole that lead from what is there to what is needed next. */
  private segments(): Part[] {
    const { whole } = this.options;
    const partOutputs = new Set(this.calls.flatMap(({ outputs }) => outputs));
    const modelInputs = new Set(portAddresses(whole.model, expandCalls(whole.model.graph), 'inputs'));
    const needed = [...this.calls.map(({ inputs }) => inputs), this.outputs];
    return needed.flatMap((addresses) => {
      const lacking = [...new Set(addresses)].filter(
        (address) => !partOutputs.has(address) && !modelInputs.has(address),
      );
      if (lacking.length === 0) return [];
      // what it does not need is left out of its inputs
      const slice = sliceModel(whole.model, { outputs: lacking, inputs: this.sourcesOf(lacking, partOutputs) });
      return [new Part(slice.plan, () => openSliceInMemory(slice, whole))];
    });
  }

  /** The parts' outputs, and the model's inputs, that lead to `addresses`. */
  private sourcesOf(addresses: readonly string[], partOutputs: ReadonlySet<string>): string[] {
    const { graph } = this.options.whole.model;
    const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
    const refs = new Map(
      graph.layers.flatMap((layer) =>
        layer.calls.flatMap((call, index) =>
          call.outputs.map((_, output) => {
            const address = formatAddress([{ name: layer.name, call: index }], output);
            return [address, call] as const;
          }),
        ),
      ),
    );
    const found = new Set<string>();
    const seen = new Set<string>();
    const open = [...addresses];
    for (let address = open.pop(); address !== undefined; address = open.pop()) {
      if (seen.has(address)) continue;
      seen.add(address);
      const call = refs.get(address);
      if (partOutputs.has(address) || !call || call.inputs.length === 0) {
        found.add(address);
        continue;
      }
      for (const { layer, call: index, output } of call.inputs)
        if (layers.has(layer)) open.push(formatAddress([{ name: layer, call: index }], output));
    }
    return [...found];
  }

  private run(): CollectRun {
    const { backend, signal, memoryLimit, onProgress } = this.options;
    const total = this.options.data.length * (1 + this.calls.length + this.between.length);
    this.done += 1;
    const at = Math.min(this.done, total) - 1;
    const limit = memoryLimit === undefined ? {} : { memoryLimit };
    return { backend, signal, ...limit, onPause: (_, address) => onProgress?.({ done: at, total, at: address }) };
  }
}

function entryOf(values: ReadonlyMap<string, Snapshot>, address: string): [string, Snapshot][] {
  const value = values.get(address);
  return value ? [[address, value]] : [];
}

/** The part from its own file: its slice, read back from its own text and bytes. */
function partOf({ slice, from }: ComposedSlice, { base, second }: ComposedSources<WeightSource>): Part {
  const source = from === 'second' ? second : base;
  if (!source) throw new SlicerError('internal', { reason: 'no second model' });
  return new Part(slice.plan, () => openSliceInMemory(slice, source));
}
