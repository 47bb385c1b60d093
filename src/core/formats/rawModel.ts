/** A model as its file says it, Keras 2's and Keras 3's ways brought to one: before shapes, weights and checks. */
import type { JsonObject, JsonValue } from '../model/json';
import type { Dim, TensorInfo } from '../model/layerGraph';

/** A tensor by the file's own numbers: `node` counts the calls of `layer` as the file does. */
export interface RawTensor {
  layer: string;
  node: number;
  output: number;
  /** What a Keras 3 file declares of it. */
  declared: TensorInfo | null;
  /** Said in Keras 3's way, where a nested model's first call is node 0, and not 1 as in Keras 2's. */
  keras3: boolean;
}

export type RawArgument =
  | { kind: 'tensor'; tensor: RawTensor }
  | { kind: 'constant'; value: JsonValue }
  | { kind: 'list'; items: RawArgument[] }
  | { kind: 'dict'; items: Map<string, RawArgument> };

/** One call ("inbound node"). */
export interface RawNode {
  args: RawArgument[];
  kwargs: Map<string, RawArgument>;
}

export interface RawLayer {
  /** The name by which the calls refer to it. */
  key: string;
  name: string;
  className: string;
  module: string | null;
  isLayer: boolean;
  config: JsonObject;
  nodes: RawNode[];
  model: RawModel | null;
  /** False for an InputLayer that the file leaves out. */
  inFile: boolean;
}

/** An input or output of a model. */
export interface RawPort {
  /** Key of a dict; null where the file has lists. */
  name: string | null;
  tensor: RawTensor;
}

export interface RawModel {
  name: string;
  className: string;
  kind: 'sequential' | 'functional' | 'subclassed';
  config: JsonObject;
  layers: RawLayer[];
  inputs: RawPort[];
  outputs: RawPort[];
  /** Whether all calls are written in Keras 3's way: then `output_layers` is, too. */
  keras3: boolean;
}

/** Batch dimension first. */
export type RawShape = Dim[];

/** All tensors of an argument, in order. */
export function tensorsOf(argument: RawArgument): RawTensor[] {
  const found: RawTensor[] = [];
  const pending: RawArgument[] = [argument];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.kind === 'tensor') found.push(next.tensor);
    else if (next.kind === 'list') pending.push(...[...next.items].reverse());
    else if (next.kind === 'dict') pending.push(...[...next.items.values()].reverse());
  }
  return found;
}
