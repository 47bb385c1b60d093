/** Errors in the user's language. */
import { l10n } from 'vscode';
import { SlicerError } from '../core/errors';
import { sentence, type Translate } from '../core/messages';

export const translate: Translate = (text, values) => (values ? l10n.t(text, values) : l10n.t(text));

/** One sentence for whatever was thrown: what, where, what to do. */
export function errorSentence(error: unknown): string {
  if (error instanceof SlicerError) return sentence(error, translate);
  return sentence(
    new SlicerError('internal', { reason: error instanceof Error ? error.message : String(error) }),
    translate,
  );
}

export function isCancelled(error: unknown): boolean {
  return error instanceof SlicerError && error.code === 'cancelled';
}
