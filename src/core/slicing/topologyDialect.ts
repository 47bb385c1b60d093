/** What differs between the ways of writing a topology: TF.js's, and Keras's own. */
import type { JsonObject } from '../model/json';
import type { Layer, Weight } from '../model/layerGraph';
import type { LayerNames } from './layerNames';
import type { OpenCall } from './openGraph';
import type { SliceInput } from './sliceInput';

/** How calls are written: as lists of `[layer, node, output, keywords]` (Keras 2), or as objects (Keras 3). */
export type NodeStyle = 'lists' | 'objects';

export interface Lack {
  address: string;
  reason: string;
}

export interface Note {
  address: string | null;
  message: string;
}

/** Where findings about the slice go. */
export interface Findings {
  lacks(address: string, reason: string): void;
  note(note: Note): void;
}

/** A layer as it will stand in the config. */
export interface PlainLayer {
  className: string;
  config: JsonObject;
}

export interface TopologyDialect {
  readonly names: LayerNames;
  /** Calls as they will be written. `prefix` stands before their addresses. */
  prepare(calls: readonly OpenCall[], prefix: string, findings: Findings): OpenCall[];
  /** Config of the InputLayer `name`. */
  inputConfig(input: SliceInput, name: string): JsonObject;
  /** Why the slice cannot have this input; null where it can. */
  inputLimit(input: SliceInput): string | null;
  /** Reports what keeps a nested model's call from being written. */
  checkModel(call: OpenCall, address: string, findings: Findings): void;
  /** Reports what keeps a nested model's calls from being written into a functional model. */
  checkNested(address: string, findings: Findings): void;
  /** A layer that is no nested model, with the config that gives what the source's gives. */
  plain(layer: Layer, name: string, calls: readonly OpenCall[], address: string, findings: Findings): PlainLayer;
  /** Whether a weight that the file has no bytes for is left out. */
  mayLack(weight: Weight): boolean;
  /** Whether a layer's config may say `trainable`. */
  takesTrainable(layer: Layer): boolean;
  /** What is changed last, when name and flags are in. */
  finish(layer: Layer, config: JsonObject): JsonObject;
  /** `class_name` and, where the dialect has it, where the class is found. */
  identify(className: string, layer: Layer | null): JsonObject;
  /** The names of a layer's weights, in their order. */
  weightNames(layer: Layer, name: string, config: JsonObject): string[];
  nodeStyle(calls: readonly OpenCall[]): NodeStyle;
  /** What is added to the number of a call: nested models have a call of their own before it. */
  nodeOffset(className: string, style: NodeStyle, isPort: boolean): number;
  /** Whether one input (output) is written without a list around it. */
  readonly flatPorts: boolean;
  /** Why calls in an order that cannot be kept are no good; null where any order will do. */
  readonly unstableOrder: string | null;
  /** Whether two nested models may share weights' names. */
  renamedMessage(address: string, name: string): string;
}
