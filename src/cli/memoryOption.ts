import { SlicerError } from '../core/errors';

/**
 * What `--memory-limit` asks for, as the engine takes it: bytes; nothing where what the machine has decides.
 * @throws SlicerError `usage`.
 */
export function memoryLimitOf(text: string | undefined): { memoryLimit?: number } {
  if (text === undefined) return {};
  const megabytes = Number(text);
  if (!(megabytes > 0) || !Number.isFinite(megabytes))
    throw new SlicerError('usage', { detail: `--memory-limit is a number of MB, not ${text}.` });
  return { memoryLimit: Math.floor(megabytes * 2 ** 20) };
}
