/** The types of a class's config, from the configs that a model's file holds. */
import type { JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Layer } from '../model/layerGraph';
import { commentText, stringLiteral } from './literals';

export interface ConfigMember {
  /** As it is written in an object: a name, or a string literal. */
  key: string;
  /** As the file writes it. */
  name: string;
  type: string;
  /** Not every layer of the class has it. */
  optional: boolean;
  /** A comment with the file's value, where it is short and the only one. */
  example: string;
}

/** What TF.js's own Layer takes, under these names. */
const OWN = new Set(
  'name trainable dtype inputShape batchInputShape batchSize weights inputDType inputDtype config'.split(' '),
);
/** Of a Lambda: its code, and where that comes from. */
const CODE = new Set(
  'function functionType module outputShape outputShapeType outputShapeModule mask maskType'.split(' '),
);

const DEEPEST = 3;
const LONGEST = 60;

/** The members that the layers of one class have besides what every layer has, in the file's order. */
export function configMembers(layers: readonly Layer[]): ConfigMember[] {
  const found = new Map<string, { name: string; values: JsonValue[] }>();
  for (const { className, config } of layers) {
    const seen = new Set<string>();
    for (const [name, value] of Object.entries(config)) {
      const camel = camelKey(name);
      // a Lambda without arguments has an empty list of them
      if (className === 'Lambda' && isJsonObject(value) && Object.keys(value).length === 0) continue;
      if (seen.has(camel) || OWN.has(camel) || (className === 'Lambda' && CODE.has(camel))) continue;
      seen.add(camel);
      const member = found.get(camel) ?? { name, values: [] };
      member.values.push(value);
      found.set(camel, member);
    }
  }
  return [...found].map(([camel, { name, values }]) => ({
    key: memberKey(camel),
    name,
    type: typeOf(values, 0),
    optional: values.length < layers.length,
    example: exampleOf(values),
  }));
}

/** `units` of `this.config`; also where it is no name. */
export function memberAccess(object: string, key: string): string {
  return key.startsWith("'") ? `${object}[${key}]` : `${object}.${key}`;
}

/** As TF.js turns Python's names into its own before a constructor sees them. */
function camelKey(name: string): string {
  return name.length <= 1 ? name : name.replace(/_+(\w|$)/g, (_, letter: string) => letter.toUpperCase());
}

function memberKey(camel: string): string {
  return /^[A-Za-z$][\w$]*$/.test(camel) && camel.length <= LONGEST ? camel : stringLiteral(camel);
}

function typeOf(values: readonly JsonValue[], depth: number): string {
  const types = new Set(values.filter((value) => !Array.isArray(value) && !isJsonObject(value)).map(scalarType));
  const lists = values.filter((value) => Array.isArray(value));
  if (lists.length > 0) {
    const items = lists.flat();
    const item = depth >= DEEPEST || items.length === 0 ? 'unknown' : typeOf(items, depth + 1);
    types.add(item.includes(' ') ? `(${item})[]` : `${item}[]`);
  }
  const objects = values.filter(isJsonObject);
  if (objects.length > 0) types.add(depth >= DEEPEST ? 'Record<string, unknown>' : objectType(objects, depth));
  // of what is only ever null nothing is known
  return types.size === 0 || (types.size === 1 && types.has('null')) ? 'unknown' : [...types].join(' | ');
}

function scalarType(value: JsonValue): string {
  return value === null ? 'null' : typeof value;
}

function objectType(objects: readonly Record<string, JsonValue>[], depth: number): string {
  const members = new Map<string, JsonValue[]>();
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      const key = memberKey(camelKey(name));
      members.set(key, [...(members.get(key) ?? []), value]);
    }
  }
  if (members.size === 0 || members.size > 8) return 'Record<string, unknown>';
  const written = [...members].map(([key, values]) => {
    const optional = values.length < objects.length;
    return `${key}${optional ? '?' : ''}: ${typeOf(values, depth + 1)}`;
  });
  return `{ ${written.join('; ')} }`;
}

function exampleOf(values: readonly JsonValue[]): string {
  const texts = new Set(values.map((value) => JSON.stringify(value)));
  const [text = ''] = texts;
  return texts.size === 1 && text.length <= LONGEST && text !== 'null' ? ` // ${commentText(text)}` : '';
}
