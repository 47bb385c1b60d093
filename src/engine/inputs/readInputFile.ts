import { open } from 'node:fs/promises';
import { SlicerError } from '../../core/errors';

/**
 * The bytes of a file that the user gave as an input, at most `limit`.
 * Errors: `bad-input` with `reason` `missing-file`, `unreadable-file`, `not-a-file`; `too-large`.
 */
export async function readInputFile(path: string, name: string, limit: number): Promise<Uint8Array> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(name, cause);
  });
  try {
    const stat = await handle.stat();
    // Also keeps devices and pipes out, which never end.
    if (!stat.isFile()) throw new SlicerError('bad-input', { reason: 'not-a-file', file: name });
    if (stat.size > limit) throw new SlicerError('too-large', { file: name, bytes: stat.size, limit });
    return await handle.readFile();
  } catch (cause) {
    throw cause instanceof SlicerError ? cause : unreadable(name, cause);
  } finally {
    await handle.close();
  }
}

function unreadable(name: string, cause: unknown): SlicerError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = code === 'ENOENT' || code === 'ENOTDIR' ? 'missing-file' : 'unreadable-file';
  return new SlicerError('bad-input', { reason, file: name, detail: code }, { cause });
}
