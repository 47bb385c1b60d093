/**
 * Error code + data → the user's sentence, the same in the editor and on the command line.
 * Adding a code: add its variants to `errorMessages.ts`. A variant is taken when its `reason` fits and every `{name}` in it is
 * known; the last one without either is the fallback.
 */
import { ERRORS } from './errorMessages';
import type { ErrorCode, ErrorData } from './errors';
import { formatData } from './messageText';
import { NOTES, REPAIRS } from './noteMessages';
import type { Variant } from './messageText';

/** `vscode.l10n.t` fits; messages are English sentences with `{name}` placeholders. */
export type Translate = (message: string, args?: Record<string, string | number>) => string;

/** Replaces the placeholders and translates nothing. */
export const english: Translate = (message, args = {}) =>
  message.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(args, name) ? String(args[name]) : whole));

/** One sentence: what is wrong, in which file, layer or bytes, and what to do. */
export function sentence(error: { code: string; data: ErrorData }, translate: Translate = english): string {
  const variants = Object.hasOwn(ERRORS, error.code) ? ERRORS[error.code as ErrorCode] : undefined;
  return write(
    variants ?? [{ message: 'Something went wrong ({code}).' }],
    { ...error.data, code: error.code },
    translate,
  );
}

/** What was changed in memory so that the file opens. */
export function repairSentence(repair: { code: string; data: ErrorData }, translate: Translate = english): string {
  const variants = Object.hasOwn(REPAIRS, repair.code) ? REPAIRS[repair.code] : undefined;
  return write(
    variants ?? [{ message: 'Changed in memory: {code}.' }],
    { ...repair.data, code: repair.code },
    translate,
  );
}

/** Something worth a line that is neither: "batch dimension added". */
export function noteSentence(note: { code: string; data: ErrorData }, translate: Translate = english): string {
  const variants = Object.hasOwn(NOTES, note.code) ? NOTES[note.code] : undefined;
  return write(variants ?? [{ message: '{code}' }], { ...note.data, code: note.code }, translate);
}

function write(variants: readonly Variant[], data: ErrorData, translate: Translate): string {
  const args = formatData(data);
  const fits = ({ reason, message }: Variant): boolean =>
    (reason === undefined || reason === data.reason) &&
    [...message.matchAll(/\{(\w+)\}/g)].every(([, name = '']) => Object.hasOwn(args, name));
  const variant = variants.find(fits) ?? variants.at(-1);
  return translate(variant?.message ?? '{code}', { file: 'the file', layer: 'a layer', model: 'the model', ...args });
}
