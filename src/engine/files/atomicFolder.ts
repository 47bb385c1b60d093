/** Several files that appear together or not at all: written under temporary names beside their targets, then renamed. */
import type { FileHandle } from 'node:fs/promises';
import { lstat, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { asideName, clearLeftovers, temporaryName, WriterId } from './leftovers';

export interface AtomicFolderOptions {
  /** Replace files that are there. */
  force: boolean;
  /** Absolute paths that are never replaced, whatever they are called in the target folder. */
  protect: readonly string[];
  /** Names of files that go when the new ones come. */
  obsolete?: readonly string[];
}

interface Written {
  name: string;
  temporary: string;
  /** Null where somebody else writes it. */
  handle: FileHandle | null;
}

/** Until `commit`, the folder holds only temporary files besides what was there; `abort` removes them. */
export class AtomicFolder {
  readonly #id = new WriterId();
  readonly #files: Written[] = [];
  readonly #made: string[] = [];
  readonly #obsolete: string[] = [];

  private constructor(
    readonly folder: string,
    private readonly force: boolean,
  ) {}

  /**
   * Makes the folder where it is missing and looks whether `names` are free. What a writer that was killed has left
   * there is put right first.
   * @throws SlicerError `target-exists`, `write-failed`.
   */
  static async open(folder: string, names: readonly string[], options: AtomicFolderOptions): Promise<AtomicFolder> {
    const target = new AtomicFolder(folder, options.force);
    await clearLeftovers(folder);
    await target.#refuseTaken(names, options);
    try {
      await target.#makeFolder();
    } catch (error) {
      await target.abort();
      throw writeFailed(error, folder);
    }
    return target;
  }

  /** Starts a file; the one before is ended. Files are renamed in the order in which they were started. */
  async create(name: string): Promise<{ write(bytes: Uint8Array): Promise<void> }> {
    await this.#endWriting();
    const temporary = path.join(this.folder, temporaryName(this.#id, this.#files.length));
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

  /** A path for a file that the caller makes itself before `commit`; renamed in its turn like the others. */
  reserve(name: string): string {
    const temporary = path.join(this.folder, temporaryName(this.#id, this.#files.length));
    this.#files.push({ name, temporary, handle: null });
    return temporary;
  }

  /**
   * Gives every file its name, the last one last. When a rename fails, what was there is put back; when the process is
   * killed meanwhile, the last file is missing, and the next writer puts it back.
   * @throws SlicerError `write-failed`, `target-exists`, `cancelled`; nothing of the new files is left then.
   */
  async commit(signal?: { readonly aborted: boolean }): Promise<void> {
    const moved: { from: string; to: string }[] = [];
    const move = async (from: string, to: string): Promise<void> => {
      if (signal?.aborted) throw new SlicerError('cancelled');
      await rename(from, to);
      moved.push({ from, to });
    };
    const old: string[] = [];
    try {
      await this.#endWriting();
      const taken = await this.#taken();
      if (taken.length > 0) await this.#sync();
      // the last one first: what names the others must not be there while they change
      for (const name of taken.reverse()) {
        const aside = path.join(this.folder, asideName(this.#id, name));
        await move(path.join(this.folder, name), aside);
        old.push(aside);
      }
      for (const { name, temporary } of this.#files) await move(temporary, path.join(this.folder, name));
    } catch (error) {
      for (const { from, to } of moved.reverse()) await rename(to, from).catch(() => undefined);
      await this.abort();
      throw writeFailed(error, this.folder);
    }
    for (const file of old) await rm(file, { force: true }).catch(() => undefined);
  }

  /** Removes what `commit` has not named, and the folders that were made for it. */
  async abort(): Promise<void> {
    for (const { handle } of this.#files) await handle?.close().catch(() => undefined);
    // together: whoever cancelled waits for it
    await Promise.all(this.#files.map(({ temporary }) => rm(temporary, { force: true }).catch(() => undefined)));
    for (const folder of [...this.#made].reverse()) await rmdir(folder).catch(() => undefined);
  }

  async #endWriting(): Promise<void> {
    const last = this.#files.at(-1);
    if (!last?.handle) return;
    const { handle } = last;
    last.handle = null;
    await handle.close().catch((error: unknown) => {
      throw writeFailed(error, last.name);
    });
  }

  /** Names that are there now and go: those of the new files in their order, obsolete ones before them. */
  async #taken(): Promise<string[]> {
    const names = new Set(this.#files.map(({ name }) => name));
    const taken: string[] = [];
    for (const name of this.#obsolete) {
      if (!names.has(name) && (await exists(path.join(this.folder, name))) === 'file') taken.push(name);
    }
    for (const name of names) {
      const found = await exists(path.join(this.folder, name));
      // It came while the files were written.
      if (found && (!this.force || found === 'folder')) throw new SlicerError('target-exists', { file: name });
      if (found) taken.push(name);
    }
    return taken;
  }

  /** What is about to replace something must be on the disk: losing power would lose both. */
  async #sync(): Promise<void> {
    for (const { temporary } of this.#files) {
      const handle = await open(temporary, 'r+');
      await handle.sync().finally(() => handle.close());
    }
  }

  async #refuseTaken(names: readonly string[], options: AtomicFolderOptions): Promise<void> {
    const { force, protect, obsolete = [] } = options;
    const protectedFiles = new Set((await Promise.all(protect.map(identityOf))).filter((id) => id !== null));
    const isProtected = async (name: string): Promise<boolean> => {
      const id = await identityOf(path.join(this.folder, name));
      return id !== null && protectedFiles.has(id);
    };
    for (const name of names) {
      if (await isProtected(name)) throw new SlicerError('target-exists', { reason: 'source', file: name });
      const found = await exists(path.join(this.folder, name));
      if (found && (!force || found === 'folder')) throw new SlicerError('target-exists', { file: name });
    }
    for (const name of force ? obsolete : []) if (!(await isProtected(name))) this.#obsolete.push(name);
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

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left',
  EDQUOT: 'no space is left',
  EACCES: 'no right to write',
  EPERM: 'no right to write',
  EROFS: 'read-only',
  EFBIG: 'the file is too large for this place',
  ENAMETOOLONG: 'the name is too long',
};

/** `write-failed` with what the system said; an error that says more is handed on. */
export function writeFailed(error: unknown, file: string): SlicerError {
  if (error instanceof SlicerError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
  const reason = code === null ? String(error) : (REASONS[code] ?? code);
  return new SlicerError('write-failed', { file: path.basename(file), reason }, { cause: error });
}
