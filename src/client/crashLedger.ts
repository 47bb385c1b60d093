/** Which requests the engine did not survive. What has ended it three times in a row is not asked again. */
import { SlicerError } from '../core/errors';

const LIMIT = 3;

export class CrashLedger {
  private readonly counts = new Map<string, number>();

  /** @throws SlicerError `engine-crashed` (`reason: 'repeated'`) for a request that has ended the engine too often. */
  check(method: string, params: unknown): void {
    if ((this.counts.get(keyOf(method, params)) ?? 0) >= LIMIT)
      throw new SlicerError('engine-crashed', { reason: 'repeated', times: LIMIT });
  }

  /** The process ended while this was asked. */
  crashed(method: string, params: unknown): void {
    const key = keyOf(method, params);
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  survived(method: string, params: unknown): void {
    this.counts.delete(keyOf(method, params));
  }

  /** The file is another one now. */
  clear(): void {
    this.counts.clear();
  }
}

/** The same question to another process names another run. */
function keyOf(method: string, params: unknown): string {
  return `${method} ${JSON.stringify(params, (key, value: unknown) => (key === 'epoch' || key === 'runId' ? null : value))}`;
}
