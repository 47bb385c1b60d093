/** Inbound nodes as Keras 3 writes them: `{args: [{class_name: "__keras_tensor__", …}], kwargs}`. */
import { isKnownClass } from '../layers/layerFacts';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import { arrayField, field, objectField, shapeOf, textField } from './jsonField';
import { isNothing } from './keras2';
import type { RawArgument, RawNode, RawTensor } from './rawModel';

export function isKeras3Node(value: JsonValue): value is JsonObject {
  return isJsonObject(value) && Array.isArray(field(value, 'args'));
}

export function readKeras3Node(node: JsonObject): RawNode {
  const kwargs = new Map<string, RawArgument>();
  for (const [key, value] of Object.entries(objectField(node, 'kwargs') ?? {})) {
    const read = argument(value);
    if (!isNothing(read)) kwargs.set(key, read);
  }
  return { args: (arrayField(node, 'args') ?? []).map(argument), kwargs };
}

function argument(value: JsonValue): RawArgument {
  if (Array.isArray(value)) {
    const items = value.map(argument);
    return items.every((item) => item.kind === 'constant') ? { kind: 'constant', value } : { kind: 'list', items };
  }
  if (!isJsonObject(value)) return { kind: 'constant', value };
  const className = textField(value, 'class_name');
  if (className === '__keras_tensor__') {
    const tensor = kerasTensor(objectField(value, 'config') ?? {});
    return tensor ? { kind: 'tensor', tensor } : { kind: 'constant', value };
  }
  // `__slice__`, `__tensor__` and other objects are constants with a class
  if (className !== null) return { kind: 'constant', value };
  const items = new Map(Object.entries(value).map(([key, item]) => [key, argument(item)]));
  return [...items.values()].every((item) => item.kind === 'constant')
    ? { kind: 'constant', value }
    : { kind: 'dict', items };
}

function kerasTensor(config: JsonObject): RawTensor | null {
  const history = arrayField(config, 'keras_history');
  if (!history) return null;
  const [layer, node, output] = history;
  if (typeof layer !== 'string' || typeof node !== 'number' || typeof output !== 'number') return null;
  return {
    layer,
    node,
    output,
    keras3: true,
    declared: { shape: shapeOf(field(config, 'shape')), dtype: textField(config, 'dtype') },
  };
}

/** Classes whose operation and layer share a name; the operation has no layer's config. */
const OPERATION_MODULE = /^keras\.(src\.)?ops\b/;

/**
 * Whether an entry is an operation (`x + y`) and not a layer. Keras says it by `module`; the TF.js converter drops
 * that key, but nearly every layer's config holds `trainable`, and no operation's does.
 */
export function isOperation(entry: JsonObject, className: string, config: JsonObject): boolean {
  const module = textField(entry, 'module');
  if (module !== null) return OPERATION_MODULE.test(module);
  if (className === 'InputLayer' || className.includes('>')) return false;
  if (Object.hasOwn(config, 'trainable') || Object.hasOwn(entry, 'build_config')) return false;
  // a few layers (SpatialDropout, Discretization, HashedCrossing) write a config of their own, with a dtype
  if (Object.hasOwn(config, 'dtype') && isKnownClass(className)) return false;
  const nodes = arrayField(entry, 'inbound_nodes');
  return nodes !== null && nodes.length > 0 && nodes.every(isKeras3Node);
}
