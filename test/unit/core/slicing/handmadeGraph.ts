/** Small graph-models written out by hand, and plain `@tensorflow/tfjs` as the judge of what they and their slices compute. */
import * as tf from '@tensorflow/tfjs';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import type { JsonObject } from '../../../../src/core/model/json';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut, GraphSlice } from '../../../../src/core/slicing/slice';
import { sliceModel } from '../../../../src/core/slicing/sliceModel';
import { segmentsOf } from '../../../../src/core/model/weightFiles';

export type GraphNode = { name: string; op: string; input?: string[]; attr?: JsonObject };

export interface Handmade {
  nodes: readonly GraphNode[];
  /** Float values of constants, by the node's name. */
  weights?: Record<
    string,
    { shape: number[]; values: number[] } | { shape: number[]; text: string[] } | { shape: number[]; whole: number[] }
  >;
  signature?: { inputs: Record<string, string | JsonObject>; outputs: Record<string, string | JsonObject> };
  /** Beside `node` in the topology. */
  topology?: JsonObject;
  /** Beside `modelTopology`. */
  root?: JsonObject;
}

export interface GraphFile {
  model: ModelFile;
  json: JsonObject;
  bytes: Uint8Array<ArrayBuffer>;
}

const FLOAT = { T: { type: 'DT_FLOAT' } };

export function floatInput(name: string, sizes: readonly number[] | null = [-1, 4]): GraphNode {
  const shape: JsonObject = sizes ? { dim: sizes.map((size) => ({ size: String(size) })) } : { unknownRank: true };
  return { name, op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape } } };
}

export function constant(name: string, type = 'DT_FLOAT'): GraphNode {
  return { name, op: 'Const', attr: { dtype: { type }, value: { tensor: { dtype: type, tensorShape: {} } } } };
}

export function node(op: string, name: string, ...input: string[]): GraphNode {
  return { name, op, input, attr: FLOAT };
}

/** `split` in `count` along its last axis; `<name>/axis` is the constant that says so. */
export function split(name: string, input: string, count = 2): GraphNode {
  const attr = { T: { type: 'DT_FLOAT' }, num_split: { i: String(count) } };
  return { name, op: 'Split', input: [`${name}/axis`, input], attr };
}

/** @throws SlicerError as opening any file does. */
export function graphFile({ nodes, weights = {}, signature, topology = {}, root = {} }: Handmade): GraphFile {
  const parts: Uint8Array[] = [];
  const specs = Object.entries(weights).map(([name, value]) => {
    const { shape } = value;
    if ('text' in value) {
      for (const text of value.text) {
        const bytes = Buffer.from(text);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(bytes.length);
        parts.push(length, bytes);
      }
      return { name, shape, dtype: 'string' };
    }
    const isWhole = 'whole' in value;
    parts.push(new Uint8Array((isWhole ? Int32Array.from(value.whole) : Float32Array.from(value.values)).buffer));
    return { name, shape, dtype: isWhole ? 'int32' : 'float32' };
  });
  const ports = (list: Record<string, string | JsonObject>): JsonObject =>
    Object.fromEntries(
      Object.entries(list).map(([key, value]) => [key, typeof value === 'string' ? { name: value } : value]),
    );
  const json: JsonObject = {
    format: 'graph-model',
    ...(signature ? { signature: { inputs: ports(signature.inputs), outputs: ports(signature.outputs) } } : {}),
    modelTopology: { node: nodes as unknown as JsonObject[], versions: { producer: 27 }, ...topology },
    weightsManifest: [{ paths: ['weights.bin'], weights: specs }],
    ...root,
  };
  return openGraph(json, Uint8Array.from(Buffer.concat(parts)));
}

/** A graph-model of one shard. */
export function openGraph(json: JsonObject, bytes: Uint8Array<ArrayBuffer>): GraphFile {
  const text = new TextEncoder().encode(JSON.stringify(json));
  const parsed = parseModelJson(text, 'model.json');
  const strings = new Map(
    parsed.stringGroups.flatMap(({ entries }) =>
      entries.map(({ name }): [string, number] => [name, stringBytes(json, bytes, name)]),
    ),
  );
  return { model: openParsed(parsed, [{ path: 'weights.bin', size: bytes.length }], strings), json, bytes };
}

/** Strings stand last here, each after its length. */
function stringBytes(json: JsonObject, bytes: Uint8Array, wanted: string): number {
  const [group] = json.weightsManifest as { weights: { name: string; shape: number[]; dtype: string }[] }[];
  let at = 0;
  for (const { name, shape, dtype } of group?.weights ?? []) {
    const count = shape.reduce((product, size) => product * size, 1);
    const start = at;
    if (dtype !== 'string') at += 4 * count;
    else for (let i = 0; i < count; i++) at += 4 + new DataView(bytes.buffer).getUint32(at, true);
    if (name === wanted) return at - start;
  }
  return 0;
}

export function sliceGraph(model: ModelFile, cut: Partial<Cut>): GraphSlice {
  const slice = sliceModel(model, { outputs: [], inputs: [], ...cut });
  if (slice.format !== 'graph-model') throw new Error('this is no slice of a graph');
  return slice;
}

/** The slice as a file of its own, from its text and its bytes. */
export function reopened(slice: GraphSlice, { model, bytes }: GraphFile): GraphFile {
  const entries = slice.weights.map(({ name, entry }) => {
    const found = model.weightEntries[entry];
    if (!found) throw new Error(`no entry ${entry}`);
    return { name, found };
  });
  const stored = entries.flatMap(({ found }) =>
    segmentsOf(found.locator).map(({ offset, length }) => bytes.subarray(offset, offset + length)),
  );
  const json: JsonObject = {
    format: 'graph-model',
    signature: slice.signature,
    modelTopology: slice.modelTopology,
    ...slice.initializer,
    weightsManifest: [
      { paths: ['weights.bin'], weights: entries.map(({ name, found: { shape, dtype } }) => ({ name, shape, dtype })) },
    ],
    ...(slice.structuredOutputKeys
      ? { userDefinedMetadata: { structuredOutputKeys: slice.structuredOutputKeys } }
      : {}),
  };
  return openGraph(json, Uint8Array.from(Buffer.concat(stored)));
}

/** Loads the file as plain TF.js does; nothing of ours takes part. */
export async function loadPlain({ json, bytes }: GraphFile): Promise<tf.GraphModel> {
  const text = JSON.parse(JSON.stringify(json)) as Record<string, object>;
  const [group] = text.weightsManifest as unknown as tf.io.WeightsManifestConfig;
  return tf.loadGraphModel(
    tf.io.fromMemory({ ...text, weightSpecs: group?.weights, weightData: bytes.slice().buffer }),
  );
}

export type Values = (number | string)[];

/** What plain TF.js computes, by the keys of the signature, in their order. */
export async function runPlain(file: GraphFile, feeds: Record<string, tf.Tensor>): Promise<Values[]> {
  const model = await loadPlain(file);
  const result = await model.executeAsync(feeds);
  return [result].flat().map((tensor) => Array.from(tensor.dataSync() as unknown as ArrayLike<number | string>));
}

/** What plain TF.js computes for tensors of the graph, named as its executor does: `node:1`. */
export async function readPlain(
  file: GraphFile,
  feeds: Record<string, tf.Tensor>,
  tensors: string[],
): Promise<tf.Tensor[]> {
  const model = await loadPlain(file);
  return [await model.executeAsync(feeds, tensors)].flat();
}

/** Names of the nodes of a slice. */
export function nodeNames(slice: GraphSlice): string[] {
  return (slice.modelTopology.node as { name: string }[]).map(({ name }) => name);
}
