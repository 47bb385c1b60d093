/** The functions of a graph's library that nodes call: bodies of loops and branches. */
import { arrayField, field, objectField, textField } from '../formats/jsonField';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import { nodeList } from './graphNodes';

/** The functions of a library in the order of the file. */
export function libraryFunctions(topology: JsonObject): JsonObject[] {
  return (arrayField(objectField(topology, 'library') ?? {}, 'function') ?? []).filter(isJsonObject);
}

/** @returns those of `functions` that `nodes` call, and those that these call, in the order of the file. */
export function neededFunctions(functions: readonly JsonObject[], nodes: readonly JsonObject[]): JsonObject[] {
  const byName = new Map(functions.map((item) => [functionName(item), item]));
  const needed = new Set<JsonObject>();
  const open = [...nodes];
  for (let node = open.pop(); node; node = open.pop()) {
    for (const name of calledBy(node)) {
      const found = byName.get(name);
      if (!found || needed.has(found)) continue;
      needed.add(found);
      for (const inner of nodeList(found, 'nodeDef')) open.push(inner);
    }
  }
  return functions.filter((item) => needed.has(item));
}

function functionName(item: JsonObject): string | null {
  return textField(objectField(item, 'signature') ?? {}, 'name');
}

/** A node calls a function by an attribute, by a list of them, or as its operation. */
function calledBy(node: JsonObject): string[] {
  const names: string[] = [];
  const add = (value: JsonValue | undefined): void => {
    const name = isJsonObject(value) ? textField(value, 'name') : null;
    if (name !== null) names.push(name);
  };
  const op = textField(node, 'op');
  if (op !== null) names.push(op);
  for (const value of Object.values(objectField(node, 'attr') ?? {})) {
    if (!isJsonObject(value)) continue;
    add(field(value, 'func'));
    const list = objectField(value, 'list');
    for (const item of (list && arrayField(list, 'func')) ?? []) add(item);
  }
  return names;
}
