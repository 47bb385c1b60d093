/** Runs a graph-model by tfjs-converter's executor. It cannot be interrupted: cancelling means ending the process. */
import * as tf from '@tensorflow/tfjs-core';
import { GraphModel } from '@tensorflow/tfjs-converter';
import { SlicerError } from '../../core/errors';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/model/json';
import { formatAddress } from '../../core/model/address';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { ExpandedCall } from '../../core/model/traversal';
import { isCaptured } from '../../core/slicing/graphSignature';
import type { BackendName } from '../../protocol/engine';
import { onBackend } from '../backends/backend';
import { takeBridged } from '../backends/kernelBridge';
import { isNativeOutOfMemory } from '../backends/tensorflow';
import type { Fallback } from './loop';
import type { WeightSource } from './openedModel';
import { isWasmTrap } from './wasmTrap';

export interface GraphResult {
  /** By node name; null where a branch was not taken. Owned by the caller. */
  nodes: Map<string, (tf.Tensor | null)[]>;
  /** In the order of the model's outputs. Owned by the caller. */
  outputs: tf.Tensor[];
  predictMs: number;
  /** What the graph ran on as a whole. */
  backend: BackendName;
  fallbacks: Fallback[];
}

/** An output of a node. */
export interface NodeTensor {
  layer: string;
  output: number;
}

type Executor = {
  execute(inputs: tf.NamedTensorMap, outputs: string[]): tf.Tensor | tf.Tensor[];
  executeAsync(inputs: tf.NamedTensorMap, outputs: string[]): Promise<tf.Tensor | tf.Tensor[]>;
  getIntermediateTensors(): Record<string, (tf.Tensor | null)[] | null> | null;
  disposeIntermediateTensors(): void;
};

export class GraphRunner {
  private readonly names: Set<string>;
  private readonly weights: Set<tf.Tensor>;

  private constructor(
    private readonly model: ModelFile,
    private readonly graph: GraphModel,
  ) {
    this.names = new Set(model.graph.layers.map(({ name }) => name));
    this.weights = new Set(Object.values(graph.weights).flat());
  }

  /** Reads all weights. */
  static async load(source: WeightSource): Promise<GraphRunner> {
    const { model } = source;
    const missing = model.problems.filter(({ code, severity }) => severity === 'error' && code !== 'unknown-class');
    const [first] = missing;
    if (first) throw new SlicerError(first.code, first.data);
    const weightSpecs = model.weightEntries.map(specOf);
    const weightData = await storedBytes(source);
    const { signature, modelInitializer, initializerSignature, ...topology } = model.topology;
    const artifacts = {
      modelTopology: { versions: {}, ...topology },
      // inputs and outputs are named by their nodes here: a key of the signature could be another node's name
      signature: capturesOf(signature),
      weightSpecs,
      weightData,
      ...(modelInitializer ? { modelInitializer } : {}),
      ...(initializerSignature ? { initializerSignature } : {}),
    };
    const graph = new GraphModel({ load: () => artifacts } as never);
    try {
      // synchronous, as its source is; the typings allow both
      await Promise.resolve(graph.load());
    } catch (error) {
      throw notRunnable(model, error);
    }
    return new GraphRunner(model, graph);
  }

  /** @param feeds by the node's name. @param all whether every node's value is wanted. */
  async run(feeds: Map<string, tf.Tensor>, all: boolean, backend: BackendName): Promise<GraphResult> {
    const executor = this.graph as unknown as Executor;
    const start = performance.now();
    const { results, ranOn, fallbacks } = await this.execute(feeds, this.model.graph.outputs, backend, all);
    const predictMs = performance.now() - start;
    const nodes = new Map<string, (tf.Tensor | null)[]>();
    for (const [key, tensors] of Object.entries(executor.getIntermediateTensors() ?? {})) {
      const name = this.nodeName(key);
      // of a loop's iterations the last one stays
      for (const before of nodes.get(name) ?? []) before?.dispose();
      nodes.set(
        name,
        (tensors ?? []).map((tensor) => (tensor && !tensor.isDisposed ? tensor.clone() : null)),
      );
    }
    return { nodes, outputs: this.ownCopies(results, feeds), predictMs, backend: ranOn, fallbacks };
  }

  /**
   * Computes these tensors and nothing that they do not need.
   * @param feeds by the node's name.
   * @returns one tensor for each, owned by the caller, and what the graph ran on as a whole.
   */
  async fetch(
    feeds: Map<string, tf.Tensor>,
    wanted: readonly NodeTensor[],
    backend: BackendName,
  ): Promise<{ tensors: tf.Tensor[]; backend: BackendName }> {
    if (wanted.length === 0) return { tensors: [], backend };
    const { results, ranOn } = await this.execute(feeds, wanted, backend, false);
    return { tensors: this.ownCopies(results, feeds), backend: ranOn };
  }

  private async execute(
    feeds: Map<string, tf.Tensor>,
    wanted: readonly NodeTensor[],
    backend: BackendName,
    all: boolean,
  ): Promise<{ results: tf.Tensor[]; ranOn: BackendName; fallbacks: Fallback[] }> {
    const executor = this.graph as unknown as Executor;
    const inputs: tf.NamedTensorMap = {};
    for (const { layer, output } of this.model.graph.inputs) {
      const tensor = feeds.get(layer);
      if (tensor) inputs[`${layer}:${output}`] = tensor;
    }
    const outputs = wanted.map(({ layer, output }) => `${layer}:${output}`);
    // always on where there is control flow: without it the executor frees tensors of lists that are still read
    const keep = all || this.hasFunctions();
    // TF.js warns whenever it is set
    if (tf.env().getBool('KEEP_INTERMEDIATE_TENSORS') !== keep) tf.env().set('KEEP_INTERMEDIATE_TENSORS', keep);
    const fallbacks: Fallback[] = [];
    takeBridged();
    const text = [...feeds].find(([, tensor]) => tensor.dtype === 'string');
    try {
      // wasm holds no strings: everything would be copied there and back
      if (backend === 'wasm' && text) {
        const results = await onBackend('cpu', () => execute(executor, inputs, outputs));
        return {
          results,
          ranOn: 'cpu',
          fallbacks: [{ address: addressOfNode(text[0]), backend: 'cpu', reason: 'string' }],
        };
      }
      const results = await onBackend(backend, () => execute(executor, inputs, outputs));
      for (const kernel of takeBridged())
        fallbacks.push({ address: this.addressOfOperation(kernel), backend: 'cpu', reason: kernel });
      return { results, ranOn: backend, fallbacks };
    } catch (error) {
      if (isWasmTrap(error)) throw new SlicerError('out-of-memory', { reason: 'backend' }, { cause: error });
      if (isNativeOutOfMemory(error)) throw new SlicerError('out-of-memory', {}, { cause: error });
      // another backend makes nothing of these better
      if (error instanceof SlicerError) throw error;
      if (backend === 'cpu' || text || isBadInput(error)) throw failure(this.model, error);
      try {
        const results = await onBackend('cpu', () => execute(executor, inputs, outputs));
        return { results, ranOn: 'cpu', fallbacks: [{ address: '', backend: 'cpu', reason: messageOf(error) }] };
      } catch (again) {
        throw failure(this.model, again);
      }
    }
  }

  /** The executor hands out tensors that it also holds: own copies (of the handle, not of the values). */
  private ownCopies(results: tf.Tensor[], feeds: ReadonlyMap<string, tf.Tensor>): tf.Tensor[] {
    const owned = results.map((tensor) => tensor.clone());
    (this.graph as unknown as Executor).disposeIntermediateTensors();
    const fed = new Set(feeds.values());
    for (const tensor of results)
      if (!fed.has(tensor) && !this.weights.has(tensor) && !tensor.kept && !tensor.isDisposed) tensor.dispose();
    return owned;
  }

  dispose(): void {
    this.graph.dispose();
  }

  /** Inside loops the executor appends `-/frame-iteration` to a node's name. */
  private nodeName(key: string): string {
    if (this.names.has(key)) return key;
    for (let at = key.indexOf('-/'); at > 0; at = key.indexOf('-/', at + 1)) {
      if (this.names.has(key.slice(0, at))) return key.slice(0, at);
    }
    return key;
  }

  /** Whether nodes may run several times, or not at all: then none can be asked for by itself. */
  hasControlFlow(): boolean {
    const controls = /^(Enter|Exit|Switch|Merge|NextIteration|LoopCond|StatelessWhile|While|StatelessIf|If)$/;
    return this.hasFunctions() || this.model.graph.layers.some(({ className }) => controls.test(className));
  }

  private hasFunctions(): boolean {
    const { library } = this.model.topology;
    return isJsonObject(library) && Array.isArray(library.function) && library.function.length > 0;
  }

  /** The first node of that operation: the executor does not say which one it was at. */
  private addressOfOperation(operation: string): string {
    const node = this.model.graph.layers.find(({ className }) => className === operation);
    return node ? addressOfNode(node.name) : '';
  }
}

async function execute(executor: Executor, inputs: tf.NamedTensorMap, outputs: string[]): Promise<tf.Tensor[]> {
  try {
    return [executor.execute(inputs, outputs)].flat();
  } catch (error) {
    if (!/executeAsync|dynamic op/.test(messageOf(error))) throw error;
    return [await executor.executeAsync(inputs, outputs)].flat();
  }
}

function addressOfNode(name: string): string {
  return formatAddress([{ name, call: 0 }]);
}

/** The tensor of each output of a node's call. */
export function nodeTensor(result: GraphResult, call: ExpandedCall, output: number): tf.Tensor | null {
  return result.nodes.get(call.layer.name)?.[output] ?? null;
}

function specOf(entry: WeightEntry): tf.io.WeightsManifestEntry {
  const { quantization } = entry;
  const base = { name: entry.name, shape: entry.shape, dtype: entry.dtype as 'float32' };
  if (!quantization) return base;
  const { dtype, scale, min, originalDtype } = quantization;
  const details = { dtype, ...(scale === undefined ? {} : { scale }), ...(min === undefined ? {} : { min }) };
  // the typings lack `original_dtype`; the decoder wants it
  return { ...base, quantization: { ...details, original_dtype: originalDtype } as typeof details };
}

async function storedBytes(source: WeightSource): Promise<ArrayBuffer> {
  const entries = source.model.weightEntries;
  const all = new Uint8Array(entries.reduce((sum, { bytes }) => sum + bytes, 0));
  let at = 0;
  for (const entry of entries) {
    for await (const piece of source.readStored(entry)) {
      all.set(piece, at);
      at += piece.length;
    }
  }
  return all.buffer;
}

/** Of a signature only the inputs that TF.js hands in itself: tables that the initializer fills. */
function capturesOf(signature: JsonValue | undefined): JsonObject {
  const inputs = isJsonObject(signature) && isJsonObject(signature.inputs) ? signature.inputs : {};
  return { inputs: Object.fromEntries(Object.entries(inputs).filter(([, entry]) => isCaptured(entry))) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isBadInput(error: unknown): boolean {
  return /The (shape|dtype) of dict\[/.test(messageOf(error));
}

function failure(model: ModelFile, error: unknown): SlicerError {
  if (isBadInput(error))
    return new SlicerError('bad-input', { reason: 'rejected', why: messageOf(error) }, { cause: error });
  return notRunnable(model, error);
}

function notRunnable(model: ModelFile, error: unknown): SlicerError {
  const text = messageOf(error);
  const op = /'(\w+)'/.exec(text)?.[1] ?? '';
  const data = { file: model.file, reason: 'call', layers: [model.name], classes: [op], reasons: [text.slice(0, 400)] };
  return new SlicerError('not-runnable', data, { cause: error });
}
