/** Several files that appear together or not at all: written under temporary names beside their targets, then renamed. */
import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { lstat, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';

export interface AtomicFolderOptions {
  /** Replace files that are there. */
  force: boolean;
  /** Absolute paths that are never replaced, whatever they are called in the target folder. */
  protect: readonly string[];
}

interface Written {
  name: string;
  temporary: string;
  handle: FileHandle;
}

/** Until `commit`, the folder holds only temporary files besides what was there; `abort` removes them. */
export class AtomicFolder {
  readonly #id = randomBytes(6).toString('hex');
  readonly #files: Written[] = [];
  readonly #made: string[] = [];

  private constructor(
    readonly folder: string,
    private readonly force: boolean,
  ) {}

  /**
   * Makes the folder where it is missing and looks whether `names` are free.
   * @throws SlicerError `target-exists`, `write-failed`.
   */
  static async open(folder: string, names: readonly string[], options: AtomicFolderOptions): Promise<AtomicFolder> {
    const target = new AtomicFolder(folder, options.force);
    await target.#refuseTaken(names, options);
    try {
      await target.#makeFolder();
    } catch (error) {
      await target.abort();
      throw writeFailed(error, folder);
    }
    return target;
  }

  /** Starts a file. Files are renamed in the order in which they were started. */
  async create(name: string): Promise<{ write(bytes: Uint8Array): Promise<void> }> {
    const temporary = path.join(this.folder, `.${name}.${this.#id}.tmp`);
    const handle = await open(temporary, 'wx').catch((error: unknown) => {
      throw writeFailed(error, name);
    });
    this.#files.push({ name, temporary, handle });
    return {
      write: async (bytes) => {
        try {
          for (let done = 0; done < bytes.length;) done += (await handle.write(bytes, done)).bytesWritten;
        } catch (error) {
          throw writeFailed(error, name);
        }
      },
    };
  }

  /**
   * Gives every file its name, the last one last. When a rename fails, what was there is put back.
   * @throws SlicerError `write-failed`, `target-exists`; nothing of the new files is left then.
   */
  async commit(): Promise<void> {
    const moved: { from: string; to: string }[] = [];
    const move = async (from: string, to: string): Promise<void> => {
      await rename(from, to);
      moved.push({ from, to });
    };
    const old: string[] = [];
    try {
      for (const { handle } of this.#files) {
        await handle.sync();
        await handle.close();
      }
      for (const { name } of this.#files) {
        const target = path.join(this.folder, name);
        const found = await exists(target);
        if (!found) continue;
        // It came while the files were written.
        if (!this.force || found === 'folder') throw new SlicerError('target-exists', { file: name });
        const aside = path.join(this.folder, `.${name}.${this.#id}.old`);
        await move(target, aside);
        old.push(aside);
      }
      for (const { name, temporary } of this.#files) await move(temporary, path.join(this.folder, name));
    } catch (error) {
      for (const { from, to } of moved.reverse()) await rename(to, from).catch(() => undefined);
      await this.abort();
      throw writeFailed(error, this.folder);
    }
    for (const file of old) await rm(file, { force: true });
  }

  /** Removes what `commit` has not named, and the folders that were made for it. */
  async abort(): Promise<void> {
    for (const { handle, temporary } of this.#files) {
      await handle.close().catch(() => undefined);
      await rm(temporary, { force: true }).catch(() => undefined);
    }
    for (const folder of [...this.#made].reverse()) await rmdir(folder).catch(() => undefined);
  }

  async #refuseTaken(names: readonly string[], { force, protect }: AtomicFolderOptions): Promise<void> {
    const protectedFiles = new Set((await Promise.all(protect.map(identityOf))).filter((id) => id !== null));
    for (const name of names) {
      const target = path.join(this.folder, name);
      const id = await identityOf(target);
      if (id !== null && protectedFiles.has(id))
        throw new SlicerError('target-exists', { reason: 'source', file: name });
      const found = await exists(target);
      if (found && (!force || found === 'folder')) throw new SlicerError('target-exists', { file: name });
    }
  }

  async #makeFolder(): Promise<void> {
    const missing: string[] = [];
    for (let at = this.folder; !(await exists(at)); at = path.dirname(at)) missing.unshift(at);
    for (const folder of missing) {
      await mkdir(folder);
      this.#made.push(folder);
    }
    if (!(await stat(this.folder)).isDirectory())
      throw new SlicerError('target-exists', { file: path.basename(this.folder) });
  }
}

async function exists(file: string): Promise<'file' | 'folder' | null> {
  const found = await lstat(file).catch(() => null);
  return found && (found.isDirectory() ? 'folder' : 'file');
}

/** One file may have several names: links of both kinds. */
async function identityOf(file: string): Promise<string | null> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  return found && `${found.dev}:${found.ino}`;
}

function writeFailed(error: unknown, file: string): SlicerError {
  if (error instanceof SlicerError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
  const reason =
    code === 'ENOSPC'
      ? 'no space is left'
      : code === 'EACCES' || code === 'EPERM'
        ? 'no right to write'
        : code === 'EROFS'
          ? 'read-only'
          : (code ?? String(error));
  return new SlicerError('write-failed', { file: path.basename(file), reason }, { cause: error });
}
