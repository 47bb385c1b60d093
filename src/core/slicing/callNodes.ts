/** Calls as Keras writes them: `inbound_nodes`. */
import type { JsonValue } from '../model/json';
import type { CallArgument } from '../model/layerGraph';
import { pythonFloat } from './pythonJson';
import { isTensors, tensorInfo, type OpenCall, type OpenTensor } from './openGraph';

/** What stands for TensorFlow's functions in Keras 2: what they take is read as it is written, a list of one as a list. */
const KEEP_STRUCTURE: ReadonlySet<string> = new Set([
  ...'ClassMethod InstanceMethod InstanceProperty SlicingOpLambda TFOpLambda'.split(' '),
]);

/** Keywords that change nothing: `training`, and nulls. */
export function isHarmless(key: string, value: CallArgument): boolean {
  if (value.kind !== 'constant') return false;
  const nothing = (item: JsonValue): boolean => item === null || (Array.isArray(item) && item.every(nothing));
  return key === 'training' || nothing(value.value);
}

/** Whether Keras 2's way of writing a call can say it: tensors, and constants by keyword. */
export function isKeras2Call({ layer, call }: OpenCall): boolean {
  const [first, ...others] = call.args;
  const positional = first !== undefined && isTensors(first) && others.length === 0;
  return layer.isLayer && positional && Object.values(call.kwargs).every(({ kind }) => kind === 'constant');
}

/** `[[name, call, output, keywords], …]`; tensors among the keywords are written as they are in Keras 2's own files. */
export function keras2Node(call: OpenCall, reference: (tensor: OpenTensor) => JsonValue[]): JsonValue {
  const written = (argument: CallArgument): JsonValue => {
    if (argument.kind === 'constant') return argument.value;
    if (argument.kind === 'list') return argument.items.map(written);
    if (argument.kind === 'dict')
      return Object.fromEntries(Object.entries(argument.items).map(([key, item]) => [key, written(item)]));
    const tensor = call.inputs[argument.input];
    return tensor ? reference(tensor) : null;
  };
  const kwargs = Object.fromEntries(
    Object.entries(call.call.kwargs).flatMap(([key, value]) =>
      key === 'training' || !isHarmless(key, value) ? [[key, written(value)]] : [],
    ),
  );
  const positional = (argument: CallArgument): JsonValue => {
    if (argument.kind === 'constant')
      return ['_CONSTANT_VALUE', -1, constantBeside(call.inputs, argument.value), kwargs];
    if (argument.kind === 'list') return argument.items.map(positional);
    if (argument.kind === 'dict')
      return Object.fromEntries(Object.entries(argument.items).map(([key, item]) => [key, positional(item)]));
    const tensor = call.inputs[argument.input];
    return tensor ? [...reference(tensor), kwargs] : null;
  };
  const [first] = call.call.args;
  if (first?.kind === 'tensor' && !KEEP_STRUCTURE.has(call.layer.className)) return [positional(first)];
  return first ? positional(first) : call.inputs.map((tensor) => [...reference(tensor), kwargs]);
}

/** TensorFlow takes its type from what stands first: a whole number before tensors of floats can only have been a float. */
function constantBeside(tensors: readonly OpenTensor[], value: JsonValue): JsonValue {
  const floats = tensors.length > 0 && tensors.every((tensor) => tensorInfo(tensor).dtype?.includes('float') === true);
  return floats && typeof value === 'number' ? pythonFloat(value) : value;
}

/** `{args, kwargs}` with tensors as objects: what Keras 2's way cannot say. */
export function keras3Node(call: OpenCall, reference: (tensor: OpenTensor) => JsonValue[]): JsonValue {
  const written = (argument: CallArgument): JsonValue => {
    switch (argument.kind) {
      case 'constant':
        return argument.value;
      case 'list':
        return argument.items.map(written);
      case 'dict':
        return Object.fromEntries(Object.entries(argument.items).map(([key, item]) => [key, written(item)]));
      case 'tensor': {
        const tensor = call.inputs[argument.input];
        if (!tensor) return null;
        const { shape, dtype } = tensorInfo(tensor);
        const config = { shape: shape ? [...shape] : null, dtype, keras_history: reference(tensor) };
        return { class_name: '__keras_tensor__', config };
      }
    }
  };
  return {
    args: call.call.args.map(written),
    kwargs: Object.fromEntries(Object.entries(call.call.kwargs).map(([key, value]) => [key, written(value)])),
  };
}
