/** Shard paths out of a manifest: they must stay in the model's own folder. */

/**
 * @returns the path with `.` and `inside/..` taken out, or null when it leaves the folder or means another place
 * (absolute, a drive, a URL, backslashes, a NUL byte).
 */
export function safeShardPath(path: string): string | null {
  if (path.startsWith('/') || path.includes('\\') || path.includes('\0') || /^[a-z][a-z0-9+.-]*:/i.test(path))
    return null;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}
