/**
 * What a layer computes but does not hand on, addressed `layer@name`: which classes have it, and why others do not.
 * Judged by class and config alone; `splitLayer` says how to get at it.
 */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Layer, LayerCall } from '../model/layerGraph';
import { isKnownClass } from './layerFacts';

export type InnerName = 'pre' | 'forward' | 'backward' | 'scores' | 'state_h' | 'state_c';

/**
 * What is inside a layer. `activation`: the tensor before the activation that it applies to its output. `directions`: both
 * outputs of a Bidirectional before they are merged. `states`: a recurrent layer's last states. `scores`: an attention's.
 */
export interface LayerInside {
  kind: 'activation' | 'directions' | 'states' | 'scores';
  names: readonly InnerName[];
  /** Why they cannot be had; null where they can. */
  refused: string | null;
}

const OWN_ACTIVATION: ReadonlySet<string> = new Set([
  ...['Dense', 'EinsumDense', 'Conv1D', 'Conv2D', 'Conv3D', 'Conv1DTranspose', 'Conv2DTranspose', 'Conv3DTranspose'],
  ...['DepthwiseConv1D', 'DepthwiseConv2D', 'SeparableConv1D', 'SeparableConv2D'],
  ...['LocallyConnected1D', 'LocallyConnected2D'],
]);

const ATTENTION: ReadonlySet<string> = new Set([
  ...['Attention', 'AdditiveAttention', 'MultiHeadAttention', 'GroupQueryAttention', 'GroupedQueryAttention'],
]);

const STATES: ReadonlyMap<string, readonly InnerName[]> = new Map([
  ['SimpleRNN', ['state_h']],
  ['GRU', ['state_h']],
  ['LSTM', ['state_h', 'state_c']],
  ['ConvLSTM1D', ['state_h', 'state_c']],
  ['ConvLSTM2D', ['state_h', 'state_c']],
  ['ConvLSTM3D', ['state_h', 'state_c']],
]);

const ACTIVATION_LAYERS: ReadonlySet<string> = new Set([
  ...['Activation', 'ReLU', 'LeakyReLU', 'PReLU', 'ELU', 'ThresholdedReLU', 'Softmax'],
]);

/** What is inside, or null. Tensors that the layer hands on anyway are not inside it: see `innerAlias`. */
export function layerInside(layer: Layer): LayerInside | null {
  const { className, config, graph, isLayer, calls } = layer;
  if (graph || !isLayer) return null;
  if (ATTENTION.has(className))
    return calls.length > 0 && calls.every(givesScores) ? null : { kind: 'scores', names: ['scores'], refused: null };
  if (className === 'Bidirectional') {
    if (own(config, 'merge_mode') === null) return null;
    const returns = [config.layer, config.backward_layer].some(
      (wrapped) => innerConfig(wrapped)?.return_state === true,
    );
    const refused = returns ? 'taking its directions apart would move the states that it hands on, too' : null;
    return { kind: 'directions', names: ['forward', 'backward'], refused };
  }
  const states = stateNames(className, config);
  if (states) return own(config, 'return_state') === true ? null : { kind: 'states', names: states, refused: null };
  return ownActivation(layer) === null ? null : { kind: 'activation', names: ['pre'], refused: null };
}

/** Which output of the call is the inner tensor `name` already; null where none is. */
export function innerAlias({ className, config, graph, isLayer }: Layer, call: LayerCall, name: string): number | null {
  if (graph || !isLayer) return null;
  if (className === 'Bidirectional' && own(config, 'merge_mode') === null)
    return name === 'forward' ? 0 : name === 'backward' ? 1 : null;
  const states: readonly string[] = stateNames(className, config) ?? [];
  if (own(config, 'return_state') === true && states.includes(name)) return 1 + states.indexOf(name);
  return ATTENTION.has(className) && name === 'scores' && givesScores(call) ? 1 : null;
}

/**
 * Whether a layer is of a class of the user's own, which neither Keras nor the catalogue has: the tensors that it sets on itself while it is called (`this.feature_output = …`)
 * are read as `layer@feature_output`. Which there are is known only once it was called.
 */
export function isCustomLayer({ className, isLayer, graph }: Layer): boolean {
  return isLayer && graph === null && !className.endsWith('OpLambda') && !isKnownClass(className);
}

/** Whether an own property of this name can be part of an address. */
export function isAttributeName(name: string): boolean {
  return name.length <= 200 && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name);
}

export function givesScores({ kwargs }: LayerCall): boolean {
  const asked = Object.hasOwn(kwargs, 'return_attention_scores') ? kwargs.return_attention_scores : undefined;
  return asked?.kind === 'constant' && asked.value === true;
}

/**
 * The activation that a layer applies to its output, as its config has it, and whether a TimeDistributed stands around
 * the layer that does; null where there is none, or where it changes nothing.
 */
export function ownActivation({ className, config }: Layer): { activation: JsonValue; wrapped: boolean } | null {
  const wrapped = className === 'TimeDistributed';
  const holder = wrapped ? wrappedLayer(config, 'layer') : { className, config };
  if (!holder || !OWN_ACTIVATION.has(holder.className)) return null;
  const activation = own(holder.config, 'activation') ?? null;
  return isLinear(activation) ? null : { activation, wrapped };
}

/** Whether an activation as configs have it changes nothing. */
function isLinear(activation: JsonValue): boolean {
  let value = activation;
  // an Activation layer may be given as the activation, and hold another one
  for (let depth = 0; depth < 8 && isJsonObject(value); depth += 1) {
    const inner: JsonValue = own(value, 'config') ?? null;
    value = isJsonObject(inner) ? (value.class_name === 'Activation' ? (inner.activation ?? null) : 'other') : inner;
  }
  return value === null || value === 'linear';
}

function stateNames(className: string, config: JsonObject): readonly InnerName[] | null {
  if (className !== 'RNN') return STATES.get(className) ?? null;
  const cell = wrappedLayer(config, 'cell');
  return cell?.className.endsWith('Cell') ? (STATES.get(cell.className.slice(0, -'Cell'.length)) ?? null) : null;
}

/** Why a layer has no inner tensor `name`, for people. */
export function whyNoInner(layer: Layer, name: string): string {
  const { className, graph, isLayer } = layer;
  if (graph) return 'it is a model: name a layer inside it';
  if (!isLayer) return 'an operation has nothing inside';
  const inside = layerInside(layer);
  if (inside && inside.refused !== null && inside.names.some((one) => one === name)) return inside.refused;
  if (name === 'pre' && className !== 'Bidirectional' && !ATTENTION.has(className)) {
    const why = whyNoPre(layer);
    if (why !== null) return why;
  }
  if (inside && inside.refused === null)
    return `what can be read inside it is ${inside.names.map((one) => `@${one}`).join(', ')}`;
  if (isCustomLayer(layer)) return `${name} is no name that an attribute could have`;
  if (className === 'Bidirectional') return 'its outputs are all that can be read';
  return `nothing inside a ${className} can be read`;
}

function whyNoPre({ className, config }: Layer): string | null {
  if (stateNames(className, config) || className === 'RNN')
    return 'its activation works inside every step, so that no one tensor stands before it';
  if (ACTIVATION_LAYERS.has(className)) return 'what stands before it is the tensor that it reads';
  const wrapped = className === 'TimeDistributed' ? wrappedLayer(config, 'layer') : null;
  if (wrapped && isModelConfig(wrapped.config)) return 'a model is wrapped in it, whose layers cannot be reached';
  if (OWN_ACTIVATION.has(wrapped?.className ?? className))
    return 'its activation is linear, so that nothing stands before it but its output';
  return isKnownClass(className) ? 'it has no activation of its own' : null;
}

/** What an address into a wrapped layer (`td/dense`, `bi/forward_lstm`) means. */
export type InsideWrapper =
  /** The wrapper's own output (`inner: null`), or an inner tensor of it. */
  | { inner: string | null }
  /** Nothing, and why. */
  | { why: string };

/**
 * @param below the names below the wrapper.
 * @param inner the inner tensor asked for of the last of them.
 * @returns null for a layer that wraps nothing.
 */
export function insideWrapper(
  { className, config }: Layer,
  below: readonly string[],
  inner: string | null,
): InsideWrapper | null {
  if (className === 'RNN') return { why: 'a cell works inside every step, so that no one tensor is its output' };
  const wrapped = wrappedLayer(config, 'layer');
  if (!wrapped) return null;
  if (isModelConfig(wrapped.config)) return { why: 'a model is wrapped in it, whose layers cannot be reached' };
  const name = own(wrapped.config, 'name');
  const [first] = below;
  if (below.length > 1) return { why: `what is wrapped in it is one ${wrapped.className}` };
  if (className === 'Bidirectional') return insideBidirectional(config, wrapped, first ?? '', inner);
  if (className !== 'TimeDistributed' && className !== 'SpectralNormalization') return null;
  if (first === name) return { inner };
  return { why: `the layer that is wrapped in it is ${typeof name === 'string' ? name : wrapped.className}` };
}

function insideBidirectional(
  config: JsonObject,
  forward: Wrapped,
  asked: string,
  inner: string | null,
): InsideWrapper | null {
  const name = own(forward.config, 'name');
  const base = (typeof name === 'string' ? name : '').replace(/^forward_/, '');
  const other = own(wrappedLayer(config, 'backward_layer')?.config ?? {}, 'name');
  const direction =
    asked === `forward_${base}` ? 'forward' : asked === `backward_${base}` || asked === other ? 'backward' : null;
  if (inner !== null) return { why: 'of its directions only what they hand on can be read: @forward, @backward' };
  return direction === null ? { why: 'its directions are @forward and @backward' } : { inner: direction };
}

interface Wrapped {
  className: string;
  config: JsonObject;
}

/** A layer that stands in a config as `{class_name, config}`. */
export function wrappedLayer(config: JsonObject, key: string): Wrapped | null {
  const value = own(config, key);
  if (!isJsonObject(value)) return null;
  const className = own(value, 'class_name');
  const inner = own(value, 'config');
  return typeof className === 'string' && isJsonObject(inner) ? { className, config: inner } : null;
}

function innerConfig(value: JsonValue | undefined): JsonObject | null {
  const config = isJsonObject(value) ? own(value, 'config') : undefined;
  return isJsonObject(config) ? config : null;
}

function isModelConfig(config: JsonObject): boolean {
  return Array.isArray(own(config, 'layers'));
}

/** Never a prototype's. */
function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
