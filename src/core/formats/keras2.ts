/** Inbound nodes as Keras 2 and TF.js write them: `[[["conv", 0, 0, {kwargs}], …], …]`. */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { RawArgument, RawNode } from './rawModel';

/** `["conv", 0, 0]`, with or without keyword arguments behind it. */
export function isTensorTuple(value: JsonValue | undefined): value is [string, number, JsonValue, ...JsonValue[]] {
  return (
    Array.isArray(value) &&
    (value.length === 3 || value.length === 4) &&
    typeof value[0] === 'string' &&
    Number.isInteger(value[1])
  );
}

/** @param isLayer whether the model has a layer of that name: in keywords, a list may also just be a list. */
export function readKeras2Node(data: JsonValue, isLayer: (name: string) => boolean): RawNode {
  const structure = positional(data);
  // Keras unpacks a list of one: `layer([x])` is `layer(x)`.
  const only = structure.kind === 'list' && structure.items.length === 1 ? structure.items[0] : undefined;
  const kwargs = new Map<string, RawArgument>();
  for (const [key, value] of Object.entries(keywordsOf(data) ?? {})) {
    const argument = keyword(value, isLayer);
    if (!isNothing(argument)) kwargs.set(key, argument);
  }
  return { args: [only ?? structure], kwargs };
}

/** Whether an argument is null, or a list of nulls: what the default is anyway. */
export function isNothing(argument: RawArgument): boolean {
  if (argument.kind === 'constant') return argument.value === null;
  return argument.kind === 'list' && argument.items.length > 0 && argument.items.every(isNothing);
}

function positional(data: JsonValue): RawArgument {
  if (isTensorTuple(data)) {
    const [layer, node, third] = data;
    if (layer === '_CONSTANT_VALUE' && node === -1) return { kind: 'constant', value: third };
    if (Number.isInteger(third)) {
      return { kind: 'tensor', tensor: { layer, node, output: third as number, declared: null, keras3: false } };
    }
  }
  if (Array.isArray(data)) return { kind: 'list', items: data.map(positional) };
  if (isJsonObject(data)) {
    return { kind: 'dict', items: new Map(Object.entries(data).map(([key, value]) => [key, positional(value)])) };
  }
  return { kind: 'constant', value: data };
}

function keyword(value: JsonValue, isLayer: (name: string) => boolean): RawArgument {
  if (isTensorTuple(value) && value.length === 3 && isLayer(value[0]) && Number.isInteger(value[2])) {
    return {
      kind: 'tensor',
      tensor: { layer: value[0], node: value[1], output: value[2] as number, declared: null, keras3: false },
    };
  }
  if (Array.isArray(value) && value.some((item) => Array.isArray(item))) {
    const items = value.map((item) => keyword(item, isLayer));
    return items.some((item) => item.kind !== 'constant') ? { kind: 'list', items } : { kind: 'constant', value };
  }
  return { kind: 'constant', value };
}

/** The keywords stand behind the first tensor of the node. */
function keywordsOf(data: JsonValue): JsonObject | null {
  const pending: JsonValue[] = [data];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (isTensorTuple(next)) return isJsonObject(next[3]) ? next[3] : null;
    if (Array.isArray(next)) pending.push(...[...next].reverse());
    else if (isJsonObject(next)) pending.push(...Object.values(next).reverse());
  }
  return null;
}
