/**
 * Which mask each call has, by what it is made of: two masks of one id are equal in every run. As Keras does it, and the
 * engine: a mask runs along with a tensor, and a mask that is an argument of a call goes before it.
 */
import type { CallArgument } from '../model/layerGraph';
import { NO_MASK, type MaskId, type MaskIds } from './maskIds';
import { maskArguments, maskRule, readsAllMasks } from './maskRules';
import { tensorInfo, type OpenCall, type OpenTensor } from './openGraph';

export interface CallMasks {
  /** The mask that the call respects, if its layer reads one. */
  read: MaskId;
  /** What runs along with each of its inputs. */
  inputs: MaskId[];
  /** Whether `read` is an argument of the call. */
  isArgument: boolean;
  outputs: MaskId[];
}

export interface MaskFlow {
  of(call: OpenCall): CallMasks;
  /** The mask that runs along with a tensor. */
  along(tensor: OpenTensor): MaskId;
  /** The mask that a tensor is, where it is given as an argument. */
  value(tensor: OpenTensor): MaskId;
}

const EMPTY: CallMasks = { read: NO_MASK, inputs: [], isArgument: false, outputs: [] };

/**
 * @param calls all of the model, nested models opened, in execution order.
 * @param supplied tensors that come from outside, and so without a mask.
 * @param opaque also forget what supplied masks are made of.
 */
export function maskFlow(
  calls: readonly OpenCall[],
  keras: 2 | 3,
  ids: MaskIds,
  supplied: ReadonlySet<OpenTensor> = new Set(),
  opaque = false,
): MaskFlow {
  const masks = new Map<OpenCall, CallMasks>();
  const values = new Map<OpenTensor, MaskId>();
  const value = (tensor: OpenTensor): MaskId =>
    (opaque && supplied.has(tensor) ? undefined : values.get(tensor)) ?? ids.tensor(tensor);
  const along = (tensor: OpenTensor): MaskId =>
    supplied.has(tensor) ? NO_MASK : (masks.get(tensor.from)?.outputs[tensor.output] ?? NO_MASK);
  for (const call of calls) {
    const [output] = call.outputs;
    if (!call.layer.isLayer && output) values.set(output, operationValue(call, ids, value));
    const inputs = call.inputs.map(along);
    const given = maskArguments(call.call).flatMap((at) => call.inputs[at] ?? []);
    const read = given.length > 0 ? ids.several(given.map(value)) : readBy(call, inputs, ids);
    const found: CallMasks = { read, inputs, isArgument: given.length > 0, outputs: [] };
    found.outputs = outputMasks(call, found, keras, ids);
    masks.set(call, found);
  }
  return { of: (call) => masks.get(call) ?? EMPTY, along, value };
}

function readBy(call: OpenCall, inputs: readonly MaskId[], ids: MaskIds): MaskId {
  return readsAllMasks(call.layer) && inputs.some((id) => id !== NO_MASK)
    ? ids.several(inputs)
    : (inputs[0] ?? NO_MASK);
}

function outputMasks(call: OpenCall, { read, inputs }: CallMasks, keras: 2 | 3, ids: MaskIds): MaskId[] {
  const [first = NO_MASK] = inputs;
  switch (maskRule(call.layer)) {
    case 'make':
      return [madeMask(call, ids)];
    case 'pass':
      return call.outputs.map(() => first);
    case 'query':
      return [first];
    case 'sequence':
      return [read];
    case 'directions':
      return [read, read];
    case 'merge':
      return [merged(inputs, keras, ids)];
    case 'concatenate':
      return [concatenated(call, inputs, keras, ids)];
    case 'drop':
      return [];
  }
}

/** The mask that an Embedding or a Masking makes. */
export function madeMask(call: OpenCall, ids: MaskIds): MaskId {
  const [tensor] = call.inputs;
  if (!tensor) return NO_MASK;
  if (call.layer.className === 'Embedding') return ids.notEqual(tensor, 0);
  const { mask_value: marked } = call.layer.config;
  return ids.anyOf(ids.notEqual(tensor, typeof marked === 'number' ? marked : 0));
}

/** Keras 2: what all masked inputs have. Keras 3: what any has, and none where one input has none. */
function merged(inputs: readonly MaskId[], keras: 2 | 3, ids: MaskIds): MaskId {
  const given = inputs.filter((id) => id !== NO_MASK);
  if (given.length === 0 || (keras === 3 && given.length < inputs.length)) return NO_MASK;
  return given.reduce((a, b) => (keras === 3 ? ids.or(a, b) : ids.and(a, b)));
}

function concatenated(call: OpenCall, inputs: readonly MaskId[], keras: 2 | 3, ids: MaskIds): MaskId {
  const given = inputs.filter((id) => id !== NO_MASK);
  if (given.length === 0) return NO_MASK;
  if (!joinsLastAxis(call)) return ids.several([ids.call(call), ...inputs]);
  // an input without a mask counts as all ones
  if (keras === 3) return given.length < inputs.length ? ids.all : given.reduce((a, b) => ids.or(a, b));
  return given.reduce((a, b) => ids.and(a, b));
}

/** Whether a Concatenate joins features, so that its masks, one value for each step, can be compared. */
export function joinsLastAxis({ layer, inputs }: OpenCall): boolean {
  const { axis } = layer.config;
  const rank = inputs[0] ? (tensorInfo(inputs[0]).shape?.length ?? null) : null;
  if (rank === null || rank < 3) return false;
  return axis === undefined || axis === -1 || axis === rank - 1;
}

// --- operations of Keras 3 that make masks ---

function operationValue(call: OpenCall, ids: MaskIds, value: (tensor: OpenTensor) => MaskId): MaskId {
  const { layer, inputs, outputs } = call;
  const own = outputs[0] ? ids.tensor(outputs[0]) : NO_MASK;
  const [first, second] = inputs;
  if (!first) return own;
  switch (layer.className) {
    case 'NotEqual': {
      const constant = constantOf(call.call.args[1]);
      return inputs.length === 1 && constant !== null && call.call.args[0]?.kind === 'tensor'
        ? ids.notEqual(first, constant)
        : own;
    }
    case 'Any':
      return layer.config.axis === -1 && layer.config.keepdims !== true ? ids.anyOf(value(first)) : own;
    case 'ExpandDims':
      return layer.config.axis === -1 ? ids.wide(value(first)) : own;
    case 'ZerosLike':
      return ids.zeros;
    case 'OnesLike':
      return ids.ones;
    case 'LogicalOr':
      return second ? ids.or(value(first), value(second)) : own;
    case 'LogicalAnd':
      return second ? ids.and(value(first), value(second)) : own;
    case 'Concatenate':
      return (layer.config.axis === -1 ? ids.joined(inputs.map(value)) : null) ?? own;
    default:
      return own;
  }
}

function constantOf(argument: CallArgument | undefined): number | null {
  return argument?.kind === 'constant' && typeof argument.value === 'number' ? argument.value : null;
}
