/** Tells when a model or one of its weight files changed on disk and has been quiet since. */
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
  private seen: Promise<Facts> = Promise.resolve({ text: '', newest: 0 });
  private since = 0;

  /**
   * Watches these files from now on, and no others. Folders are watched flat: outside of a workspace VS Code can do no
   * more. VS Code tells late, also of what was written before: by size and time that is told from news.
   * @param since when the files began to be read (ms): what was written later is news even if it is the same by now.
   */
  watch(files: readonly Uri[], since: number): void {
    this.watchers.dispose();
    this.watchers = new Disposables();
    this.files = files;
    this.since = since;
    this.seen = look(files);
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
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.watchers.dispose();
    this.changed.dispose();
  }

  private restart(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.compare(), QUIET_MS);
  }

  private async compare(): Promise<void> {
    const { files } = this;
    const [now, seen] = await Promise.all([look(files), this.seen]);
    if (files !== this.files || (now.text === seen.text && now.newest < this.since)) return;
    this.changed.fire();
  }
}

interface Facts {
  /** Sizes and times of all files. */
  text: string;
  /** The latest time of them, ms. */
  newest: number;
}

async function look(files: readonly Uri[]): Promise<Facts> {
  const stats = await Promise.all(files.map(statOf));
  return {
    text: stats.map((stat) => (stat ? `${stat.size} ${stat.mtime}` : 'none')).join('\n'),
    newest: Math.max(...stats.map((stat) => stat?.mtime ?? 0)),
  };
}
