/** Files and paths as input sources. */
import type { InputSource } from '../../src/protocol/engine';
import { formatBytes } from '../format/numbers';
import { t } from '../l10n';

/** A message to the host of this size takes seconds. */
const mostBytes = 64 * 1024 * 1024;

type FileKind = { kind: 'picture' } | { kind: 'array'; format: 'npy' | 'npz' | 'json' };

function kindOf(name: string): FileKind | null {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase();
  if (extension === 'png' || extension === 'jpg' || extension === 'jpeg') return { kind: 'picture' };
  if (extension === 'npy' || extension === 'npz' || extension === 'json') return { kind: 'array', format: extension };
  return null;
}

/** A path, or the `file:` or `vscode-remote:` uri that VS Code's explorer hands over; null for other files. */
export function pathSource(pathOrUri: string): InputSource | null {
  let path = pathOrUri;
  if (/^(file|vscode-remote):\/\//.test(pathOrUri)) {
    const decoded = decodeURIComponent(new URL(pathOrUri).pathname);
    path = /^\/[a-z]:\//i.test(decoded) ? decoded.slice(1) : decoded;
  }
  const name = path.split(/[\\/]/).at(-1) ?? path;
  const kind = kindOf(name);
  return kind ? { ...kind, path, name } : null;
}

/** Reads a dropped or pasted file. Pasted pictures may have no name but a type. */
export async function fileSource(file: File): Promise<InputSource | { problem: string }> {
  const named =
    file.name || (file.type === 'image/png' ? 'pasted.png' : file.type === 'image/jpeg' ? 'pasted.jpg' : '');
  const kind = kindOf(named);
  if (!kind) return { problem: t('{name} is no PNG, JPEG, npy, npz or JSON file.', { name: named || t('This') }) };
  if (file.size > mostBytes) {
    return {
      problem: t('{name} is too large to be dropped ({size}). Choose it as a file instead.', {
        name: named,
        size: formatBytes(file.size),
      }),
    };
  }
  return { ...kind, bytes: new Uint8Array(await file.arrayBuffer()), name: named };
}
