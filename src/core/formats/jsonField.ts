/** Reading fields of a parsed file: only the object's own, never what a prototype would answer. */
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Dim } from '../model/layerGraph';

export function field(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function textField(object: JsonObject, key: string): string | null {
  const value = field(object, key);
  return typeof value === 'string' ? value : null;
}

export function objectField(object: JsonObject, key: string): JsonObject | null {
  const value = field(object, key);
  return isJsonObject(value) ? value : null;
}

export function arrayField(object: JsonObject, key: string): JsonValue[] | null {
  const value = field(object, key);
  return Array.isArray(value) ? value : null;
}

/** A shape: whole numbers ≥ 0 or null; -1 reads as unknown. Null for anything else. */
export function shapeOf(value: JsonValue | undefined): Dim[] | null {
  if (!Array.isArray(value) || value.length > 32) return null;
  const shape: Dim[] = [];
  for (const dim of value) {
    if (dim === null || dim === -1) shape.push(null);
    else if (typeof dim === 'number' && Number.isSafeInteger(dim) && dim >= 0) shape.push(dim);
    else return null;
  }
  return shape;
}
