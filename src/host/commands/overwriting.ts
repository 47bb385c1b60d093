import { l10n, window } from 'vscode';
import { SlicerError } from '../../core/errors';

/**
 * Writes without force first; what stands in the way is replaced when the caller said so or the user agrees.
 * Returns undefined when the user does not. With `overwrite: false` nobody is asked and `target-exists` is thrown.
 */
export async function overwriting<T>(
  overwrite: boolean | undefined,
  name: string,
  write: (force: boolean) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await write(overwrite ?? false);
  } catch (error) {
    const standsInTheWay = error instanceof SlicerError && error.code === 'target-exists';
    if (!standsInTheWay || overwrite !== undefined) throw error;
    const replace = l10n.t('Replace');
    const question = l10n.t('{0} exists already. Replace it?', name);
    if ((await window.showWarningMessage(question, { modal: true }, replace)) !== replace) return undefined;
    return write(true);
  }
}
