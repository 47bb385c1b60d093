/** One answer that a view waits for: asked again when its key changes, older answers are dropped. */
import { errorText } from './viewerStore';

export type ResourceState<T> =
  | { state: 'empty' }
  /** `previous`: what was shown before, for the same subject. */
  | { state: 'loading'; previous: T | null }
  | { state: 'done'; value: T }
  | { state: 'failed'; message: string };

export class Resource<T> {
  current: ResourceState<T> = { state: 'empty' };
  private key: string | null = null;
  private subject: string | null = null;
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly changed: () => void) {}

  /**
   * Asks `load` unless `key` is the one of the last call. While `subject` stays, the old value stays on show.
   * `delay` (ms) gathers quick changes, such as arrow keys held down.
   */
  use(key: string, subject: string, load: (signal: AbortSignal) => Promise<T>, delay = 0): ResourceState<T> {
    if (key === this.key) return this.current;
    const previous = this.subject === subject && this.current.state === 'done' ? this.current.value : null;
    this.clear();
    this.key = key;
    this.subject = subject;
    this.current = { state: 'loading', previous };
    const abort = new AbortController();
    this.abort = abort;
    this.timer = setTimeout(() => {
      load(abort.signal).then(
        (value) => this.settle(abort, { state: 'done', value }),
        (error: unknown) => {
          const message = errorText(error);
          if (message === null) this.key = null;
          this.settle(abort, message === null ? { state: 'empty' } : { state: 'failed', message });
        },
      );
    }, delay);
    return this.current;
  }

  clear(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
    this.key = null;
    this.subject = null;
    this.current = { state: 'empty' };
  }

  private settle(abort: AbortController, state: ResourceState<T>): void {
    if (abort !== this.abort) return;
    this.abort = null;
    this.current = state;
    this.changed();
  }
}
