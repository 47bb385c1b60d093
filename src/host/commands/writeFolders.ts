/** Folders that appear together or not at all: written beside their place, then moved into it. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';

/** Names of files as they lie in their folder, the model first. */
export interface WrittenModel {
  files: string[];
  bytes: number;
}

export interface WriteFoldersOptions {
  /** Replace files that are there; other files of the same folders stay in any case. */
  force: boolean;
  /** Absolute paths that are never replaced. */
  protect: readonly string[];
}

/**
 * Makes the folders `names` in `root` (made where missing) by `write`, one after the other.
 * @throws SlicerError `target-exists`, `write-failed`, and what `write` throws. Then everything is as it was.
 */
export async function writeFolders<Name extends string>(
  root: string,
  names: readonly Name[],
  { force, protect }: WriteFoldersOptions,
  write: (name: Name, folder: string) => Promise<WrittenModel>,
): Promise<Record<Name, WrittenModel>> {
  // Before anything is computed: most conflicts are with the model of an earlier split.
  if (!force) for (const name of names) await refuseFile(root, name, 'model.json');
  const made: string[] = [];
  const staging = path.join(root, `.model-slicer.${randomBytes(6).toString('hex')}.tmp`);
  const moved: { from: string; to: string }[] = [];
  const move = async (from: string, to: string): Promise<void> => {
    await rename(from, to);
    moved.push({ from, to });
  };
  try {
    await makeFolder(root, made);
    await mkdir(staging);
    const written: [Name, WrittenModel][] = [];
    for (const name of names) written.push([name, await write(name, path.join(staging, name))]);
    const protectedFiles = new Set((await Promise.all(protect.map(identityOf))).filter((id) => id !== null));
    for (const [name, { files }] of written) {
      for (const file of files) {
        const id = await identityOf(path.join(root, name, file));
        if (id !== null && protectedFiles.has(id))
          throw new SlicerError('target-exists', { reason: 'source', file: `${name}/${file}` });
        if (!force) await refuseFile(root, name, file);
      }
    }
    for (const [name, { files }] of written) {
      await makeFolder(path.join(root, name), made);
      // The model last: where it stands, its weights stand already.
      for (const file of [...files].reverse()) {
        const target = path.join(root, name, file);
        const found = await lstat(target).catch(() => null);
        if (found?.isDirectory()) throw new SlicerError('target-exists', { file: `${name}/${file}` });
        if (found) await move(target, path.join(staging, `${name}.${moved.length}.old`));
        await move(path.join(staging, name, file), target);
      }
    }
    return Object.fromEntries(written) as Record<Name, WrittenModel>;
  } catch (error) {
    for (const { from, to } of moved.reverse()) await rename(to, from).catch(() => undefined);
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined);
    throw writeFailed(error, root);
  } finally {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function refuseFile(root: string, name: string, file: string): Promise<void> {
  if (await lstat(path.join(root, name, file)).catch(() => null))
    throw new SlicerError('target-exists', { file: `${name}/${file}` });
}

/** Adds what it makes to `made`, outermost first. */
async function makeFolder(folder: string, made: string[]): Promise<void> {
  const missing: string[] = [];
  for (let at = folder; !(await lstat(at).catch(() => null)); at = path.dirname(at)) missing.unshift(at);
  for (const at of missing) {
    await mkdir(at);
    made.push(at);
  }
  if (!(await stat(folder)).isDirectory()) throw new SlicerError('target-exists', { file: path.basename(folder) });
}

/** One file may have several names: links of both kinds. */
async function identityOf(file: string): Promise<string | null> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  return found && `${found.dev}:${found.ino}`;
}

function writeFailed(error: unknown, folder: string): unknown {
  if (error instanceof SlicerError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
  if (code === null) return error;
  return new SlicerError('write-failed', { file: path.basename(folder), reason: code }, { cause: error });
}
