/** Tells when a model or one of its weight files changed on disk and has been quiet since. */
import path from 'node:path';
import { EventEmitter, RelativePattern, Uri, workspace, type Disposable } from 'vscode';
import { Disposables } from '../disposables';
import { statOf } from '../statOf';

/** A converter writes the topology and its shards one after the other. */
const QUIET_MS = 500;

export class ModelWatcher implements Disposable {
  private readonly changed = new EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private watchers = new Disposables();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private files: readonly Uri[] = [];
  private seen: Promise<Facts[]> = Promise.resolve([]);
  private before: Promise<Facts[]> = Promise.resolve([]);
  private since = 0;
  private complete = false;

  /** These files are about to be read: what becomes of them when this resolves is news. */
  async begin(files: readonly Uri[]): Promise<void> {
    this.before = look(files);
    await this.before;
  }

  /**
   * Watches these files from now on, and no others. Folders are watched flat: outside of a workspace VS Code can do no
   * more. VS Code tells late, also of what was written before: by size and time that is told from news.
   * @param files those of `begin` first.
   * @param since when the files began to be read (ms): what was written later is news even if it is the same by now.
   * @param complete whether all of them could be read: then one that is missing is news, too.
   */
  watch(files: readonly Uri[], since: number, complete: boolean): void {
    this.watchers.dispose();
    this.watchers = new Disposables();
    this.files = files;
    this.since = since;
    this.complete = complete;
    this.seen = Promise.all([this.before, look(files)]).then(([before, all]) => [
      ...before,
      ...all.slice(before.length),
    ]);
    const paths = new Set(files.map((file) => file.toString()));
    const folders = new Map(files.map((file) => [Uri.joinPath(file, '..').toString(), Uri.joinPath(file, '..')]));
    const heard = (uri: Uri): void => {
      if (paths.has(uri.toString())) this.restart();
    };
    for (const folder of folders.values()) {
      const watcher = this.watchers.add(workspace.createFileSystemWatcher(new RelativePattern(folder, '*')));
      watcher.onDidChange(heard);
      watcher.onDidCreate(heard);
      watcher.onDidDelete(heard);
      for (const above of withAncestors(folder)) this.watchFolder(above);
    }
  }

  /** Somebody found a file missing or changed that this has not heard of. */
  check(): void {
    this.restart();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.watchers.dispose();
    this.changed.dispose();
  }

  /** Of a folder that goes or comes as a whole VS Code does not tell what was in it. */
  private watchFolder(folder: Uri): void {
    const pattern = new RelativePattern(Uri.joinPath(folder, '..'), path.posix.basename(folder.path));
    const watcher = this.watchers.add(workspace.createFileSystemWatcher(pattern));
    watcher.onDidCreate(() => this.restart());
    watcher.onDidChange(() => this.restart());
    watcher.onDidDelete(() => this.restart());
  }

  private restart(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.compare(), QUIET_MS);
  }

  private async compare(): Promise<void> {
    const { files } = this;
    const [now, seen] = await Promise.all([look(files), this.seen]);
    if (files !== this.files) return;
    const isNews = now.some(
      (fact, i) =>
        fact.text !== seen[i]?.text || fact.changed >= this.since || (this.complete && fact.text === MISSING),
    );
    if (isNews) this.changed.fire();
  }
}

/** The folder, and those around it as far as the workspace goes. */
function withAncestors(folder: Uri): Uri[] {
  const root = workspace.getWorkspaceFolder(folder)?.uri.path;
  const all = [folder];
  for (
    let at = Uri.joinPath(folder, '..');
    root !== undefined && at.path.length > root.length;
    at = Uri.joinPath(at, '..')
  )
    all.push(at);
  return all.filter(({ path: place }) => place !== root && path.posix.dirname(place) !== place);
}

const MISSING = 'none';

/** Size and time of a file. */
interface Facts {
  text: string;
  /** ms */
  changed: number;
}

async function look(files: readonly Uri[]): Promise<Facts[]> {
  const stats = await Promise.all(files.map(statOf));
  return stats.map((stat) => ({ text: stat ? `${stat.size} ${stat.mtime}` : MISSING, changed: stat?.mtime ?? 0 }));
}
