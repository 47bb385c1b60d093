/** JSON for Python, which reads `2` as a whole number and `2.0` as a float; JavaScript writes both as `2`. */
import type { JsonObject, JsonValue } from '../model/json';

const MARK = 'a float of Python';
/** JSON escapes quotes inside strings: this stands in no string. */
const MARKED = new RegExp(`\\{"${MARK}":(-?\\d+)\\}`, 'g');

/** A number that `pythonJson` writes as a float. */
export function pythonFloat(value: number): JsonValue {
  return Number.isSafeInteger(value) ? { [MARK]: value } : value;
}

/** @returns `value` as JSON. */
export function pythonJson(value: JsonObject): string {
  return JSON.stringify(value).replace(MARKED, '$1.0');
}
