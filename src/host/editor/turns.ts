import { SlicerError } from '../../core/errors';

/** Lets one task run after the other. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** @throws SlicerError `cancelled` when `signal` aborts before the task's turn; otherwise what the task throws. */
  take<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const turn = this.last.then(() => {
      if (signal.aborted) throw new SlicerError('cancelled');
      return task();
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
