/** Progress for what takes longer than half a second, with Cancel. */
import { ProgressLocation, window, type Progress } from 'vscode';
import type { Progress as TaskProgress } from '../../protocol/engine';

const PATIENCE_MS = 500;

export interface TaskOptions {
  signal: AbortSignal;
  onProgress: (progress: TaskProgress) => void;
}

/** Runs `task`; a notification appears only when it is still at it after a while. */
export async function longTask<T>(title: string, task: (options: TaskOptions) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let bar: Progress<{ message?: string; increment?: number }> | null = null;
  let shown = 0;
  const onProgress = ({ done, total, at }: TaskProgress): void => {
    const percent = total > 0 ? (100 * done) / total : 0;
    bar?.report({ message: at, increment: percent - shown });
    if (bar) shown = percent;
  };
  const running = task({ signal: controller.signal, onProgress });
  const timer = setTimeout(() => {
    void window.withProgress(
      { location: ProgressLocation.Notification, title, cancellable: true },
      async (progress, token) => {
        bar = progress;
        token.onCancellationRequested(() => controller.abort());
        await running.catch(() => undefined);
      },
    );
  }, PATIENCE_MS);
  try {
    return await running;
  } finally {
    clearTimeout(timer);
  }
}
