/** Runs a graph-model by tfjs-converter's executor. It cannot be interrupted: cancelling means ending the process. */
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { GraphModel } from '@tensorflow/tfjs-converter';
import { SlicerError } from '../../core/errors';
import { parseJson } from '../../core/formats/parseJson';
import { isJsonObject, type JsonObject } from '../../core/model/json';
import { formatAddress } from '../../core/model/address';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { ExpandedCall } from '../../core/model/traversal';
import type { BackendName } from '../../protocol/engine';
import { onBackend } from '../backends/backend';
import { takeBridged } from '../backends/kernelBridge';
import type { Fallback } from './loop';
import type { WeightSource } from './openedModel';

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

type Executor = {
  execute(inputs: tf.NamedTensorMap, outputs: string[]): tf.Tensor | tf.Tensor[];
  executeAsync(inputs: tf.NamedTensorMap, outputs: string[]): Promise<tf.Tensor | tf.Tensor[]>;
  getIntermediateTensors(): Record<string, (tf.Tensor | null)[] | null> | null;
  disposeIntermediateTensors(): void;
};

export class GraphRunner {
  private readonly names: Set<string>;

  private constructor(
    private readonly model: ModelFile,
    private readonly graph: GraphModel,
  ) {
    this.names = new Set(model.graph.layers.map(({ name }) => name));
  }

  /** Reads all weights. `path`: the JSON on disk, for the initializer that the model file does not hold. */
  static async load(source: WeightSource, path: string): Promise<GraphRunner> {
    const { model } = source;
    const missing = model.problems.filter(({ code, severity }) => severity === 'error' && code !== 'unknown-class');
    const [first] = missing;
    if (first) throw new SlicerError(first.code, first.data);
    const weightSpecs = model.weightEntries.map(specOf);
    const weightData = await storedBytes(source);
    const { signature, ...modelTopology } = model.topology;
    const initializer = await initializerOf(path, model.file);
    const artifacts = { modelTopology, ...(signature ? { signature } : {}), weightSpecs, weightData, ...initializer };
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
    const signature = isJsonObject(this.model.topology.signature) ? this.model.topology.signature : {};
    const inputs: tf.NamedTensorMap = {};
    for (const port of this.model.graph.inputs) {
      const tensor = feeds.get(port.layer);
      const keys = isJsonObject(signature.inputs) ? signature.inputs : {};
      if (tensor) inputs[Object.hasOwn(keys, port.name) ? port.name : port.layer] = tensor;
    }
    const outputs = this.model.graph.outputs.map(({ layer, output }) => `${layer}:${output}`);
    // always on where there is control flow: without it the executor frees tensors of lists that are still read
    tf.env().set('KEEP_INTERMEDIATE_TENSORS', all || this.hasFunctions());
    const fallbacks: Fallback[] = [];
    let ranOn = backend;
    const start = performance.now();
    takeBridged();
    let results: tf.Tensor[];
    const text = [...feeds].find(([, tensor]) => tensor.dtype === 'string');
    try {
      // wasm holds no strings: everything would be copied there and back
      if (backend === 'wasm' && text) {
        results = await onBackend('cpu', () => execute(executor, inputs, outputs));
        ranOn = 'cpu';
        fallbacks.push({ address: addressOfNode(text[0]), backend: 'cpu', reason: 'string' });
      } else results = await execute(executor, inputs, outputs);
      for (const kernel of takeBridged())
        fallbacks.push({ address: this.addressOfOperation(kernel), backend: 'cpu', reason: kernel });
    } catch (error) {
      if (backend === 'cpu' || text || isBadInput(error)) throw failure(this.model, error);
      try {
        results = await onBackend('cpu', () => execute(executor, inputs, outputs));
      } catch (again) {
        throw failure(this.model, again);
      }
      ranOn = 'cpu';
      fallbacks.push({ address: '', backend: 'cpu', reason: messageOf(error) });
    }
    const predictMs = performance.now() - start;
    // the executor hands out tensors that it also holds: own copies (of the handle, not of the values)
    const owned = results.map((tensor) => tensor.clone());
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
    executor.disposeIntermediateTensors();
    const fed = new Set(Object.values(inputs));
    for (const tensor of results) if (!fed.has(tensor) && !tensor.kept) tensor.dispose();
    return { nodes, outputs: owned, predictMs, backend: ranOn, fallbacks };
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

async function initializerOf(path: string, file: string): Promise<JsonObject> {
  const root = parseJson(await readFile(path, 'utf8'), file);
  if (!isJsonObject(root)) return {};
  const found: JsonObject = {};
  for (const key of ['modelInitializer', 'initializerSignature', 'userDefinedMetadata']) {
    const value = Object.hasOwn(root, key) ? root[key] : undefined;
    if (isJsonObject(value)) found[key] = value;
  }
  return found;
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
