/** What goes to stdout and stderr. Stdout holds the answer and nothing else. */
import { SlicerError } from '../core/errors';
import { sentence } from '../core/messages';
import type { JsonObject } from '../core/model/json';

export const EXIT = { done: 0, fault: 1, badInput: 2, different: 3, interrupted: 130 } as const;

let answered = false;

/** Whether something of the answer is on stdout. */
export function hasAnswered(): boolean {
  return answered;
}

/** Writes to stdout and waits until it is taken: a pipe takes its time. */
export function print(text: string): Promise<void> {
  answered = true;
  return new Promise((resolve) => {
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`, () => resolve());
  });
}

export function printJson(value: unknown): Promise<void> {
  return print(toJson(value));
}

/** JSON with the numbers that JSON does not have as the strings "NaN", "Infinity", "-Infinity". */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === 'number' && !Number.isFinite(item) ? String(item) : item),
    2,
  );
}

export function warn(text: string): void {
  process.stderr.write(`model-slicer: ${text}\n`);
}

/** `{code, message, …data}` as it stands in the JSON. */
export function errorJson(error: SlicerError): JsonObject {
  return { ...error.data, code: error.code, message: sentence(error) };
}

export function exitCodeOf({ code }: SlicerError): number {
  if (code === 'cancelled') return EXIT.interrupted;
  if (code === 'verification-failed') return EXIT.different;
  return FAULTS.has(code) ? EXIT.fault : EXIT.badInput;
}

/** Not the user's doing. */
const FAULTS = new Set<string>(['internal', 'engine-crashed', 'closed', 'handle-gone']);

/** The error line, and with `debug` where it comes from. */
export function printError(error: SlicerError, debug: boolean): void {
  warn(`${error.code}: ${sentence(error)}`);
  if (debug && error.stack) process.stderr.write(`${error.stack}\n`);
}

export function asSlicerError(error: unknown): SlicerError {
  if (error instanceof SlicerError) return error;
  return new SlicerError(
    'internal',
    { detail: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );
}
