/** Starts, watches and talks to one engine process: one per open model. */
import { stat } from 'node:fs/promises';
import { SlicerError } from '../core/errors';
import type { RequestOptions } from '../protocol/channel';
import type { EngineContract } from '../protocol/engine';
import { CrashLedger } from './crashLedger';
import { EngineProcess, type EngineProcessOptions } from './engineProcess';

type Requests = EngineContract['requests'];
type Method = keyof Requests;
type ProgressOf<M extends Method> = Requests[M] extends { progress?: infer P } ? P : never;

export interface EngineClientOptions extends EngineProcessOptions {
  /** The process ended, for whatever reason: the tensors it held are gone. */
  onExit?(reason: SlicerError): void;
  /** How long a cancelled request may take to end before its process is ended; ms. */
  cancelGrace?: number;
  /** How long a module of custom layers may take to load before the process is ended; ms. */
  moduleGrace?: number;
  /** How long the process may be silent while something is asked that nobody can cancel; ms. */
  silenceLimit?: number;
  /** How long a process is kept that nothing is asked of; ms. */
  idleLimit?: number;
}

interface Asked {
  method: Method;
  params: unknown;
  canBeCancelled: boolean;
}

const MINUTE = 60_000;

export class EngineClient {
  private running: EngineProcess | null = null;
  private epoch = 0;
  private opened: Requests['open']['params'] | null = null;
  /** The file as it was when it was last asked for. */
  private openedAs = '';
  private disposed = false;
  private readonly crashes = new CrashLedger();
  private readonly asked = new Set<Asked>();
  private idle: NodeJS.Timeout | undefined;
  private listening: NodeJS.Timeout | undefined;

  constructor(private readonly options: EngineClientOptions) {}

  /** The operating system's id of the process; null while none runs. */
  get pid(): number | null {
    return this.running?.pid ?? null;
  }

  /**
   * Asks the engine; starts it when it does not run, and opens the model again that the process before had open.
   * A request is never sent twice. Rejects with the engine's `SlicerError`, or
   * `engine-crashed` when the process ended (`exitCode`, `signal`), was silent (`reason: 'silent'`), or has been ended
   * three times by the same request since the file changed (`reason: 'repeated'`); `cancelled` after `signal` aborted
   * (the process is ended when it does not stop in time), `closed` after `dispose`.
   */
  async request<M extends Method>(
    method: M,
    params: Requests[M]['params'],
    options: RequestOptions<ProgressOf<M>> = {},
  ): Promise<Requests[M]['result']> {
    if (options.signal?.aborted) throw new SlicerError('cancelled');
    if (method === 'open') await this.lookAt((params as Requests['open']['params']).path);
    this.crashes.check(method, params);
    const asked: Asked = { method, params, canBeCancelled: options.signal !== undefined };
    const running = this.start(method !== 'open' && method !== 'close');
    this.begin(asked, running);
    const stopWatching = this.watchCancel(running, options.signal);
    let sent = false;
    try {
      await running.ready;
      if (options.signal?.aborted) throw new SlicerError('cancelled');
      sent = true;
      const result = await running.channel.request(method, params, this.watchModules(running, method, options));
      if (method === 'open') this.opened = params as Requests['open']['params'];
      if (method === 'close') this.opened = null;
      this.crashes.survived(method, params);
      return result;
    } catch (error) {
      // its own request is answered as cancelled, whatever became of the process
      if (options.signal?.aborted) throw new SlicerError('cancelled', {}, { cause: error });
      if (sent && isCrash(error)) this.crashes.crashed(method, params);
      throw error;
    } finally {
      stopWatching();
      this.finish(asked);
      if (sent && running !== this.running) this.tidyAfter(params);
    }
  }

  /** Ends the process; the next request starts another. */
  stop(): void {
    this.running?.end(new SlicerError('closed'));
  }

  /** Ends the process for good. */
  dispose(): void {
    this.disposed = true;
    this.stop();
  }

  private start(reopen: boolean): EngineProcess {
    if (this.disposed) throw new SlicerError('closed');
    if (this.running) return this.running;
    if (reopen && this.opened) this.crashes.check('open', this.opened);
    this.epoch += 1;
    const running = new EngineProcess(this.options, this.epoch, (reason) => {
      if (this.running === running) this.running = null;
      this.options.onExit?.(reason);
    });
    this.running = running;
    if (reopen && this.opened) running.ready = this.reopen(running, this.opened);
    // whoever waits for it hears of its failure
    running.ready.catch(() => undefined);
    return running;
  }

  private async reopen(running: EngineProcess, params: Requests['open']['params']): Promise<void> {
    try {
      await running.channel.request('open', params, this.watchModules(running, 'open', {}));
      this.crashes.survived('open', params);
    } catch (error) {
      if (isCrash(error)) this.crashes.crashed('open', params);
      throw error;
    }
  }

  /** What ended the engine is tried again when the file is another one. */
  private async lookAt(path: string): Promise<void> {
    const found = await stat(path, { bigint: true }).catch(() => null);
    const identity = found ? `${path} ${found.size} ${found.mtimeNs} ${found.ino}` : path;
    if (identity !== this.openedAs) this.crashes.clear();
    this.openedAs = identity;
  }

  /** The process ended before its answer: what it was writing is removed by the next one, at once. */
  private tidyAfter(params: object): void {
    if (this.disposed || !('target' in params) || typeof params.target !== 'string') return;
    this.request('tidy', { targets: [params.target] }).catch(() => undefined);
  }

  private begin(asked: Asked, running: EngineProcess): void {
    this.asked.add(asked);
    clearTimeout(this.idle);
    if (this.listening) return;
    // it had nothing to say before
    running.heard = Date.now();
    this.listen();
  }

  private finish(asked: Asked): void {
    this.asked.delete(asked);
    if (this.asked.size > 0) return;
    clearTimeout(this.listening);
    this.listening = undefined;
    if (!this.running) return;
    this.idle = setTimeout(() => this.stop(), this.options.idleLimit ?? 15 * MINUTE);
    this.idle.unref();
  }

  /** While something runs that can be cancelled it is for the user to say how long is too long. */
  private listen(): void {
    const limit = this.options.silenceLimit ?? 2 * MINUTE;
    this.listening = setTimeout(() => {
      const { running } = this;
      if (running && ![...this.asked].some(({ canBeCancelled }) => canBeCancelled)) {
        if (Date.now() - running.heard >= limit) running.end(ended('silent'));
        else running.channel.request('ping', {}).catch(() => undefined);
      } else if (running) running.heard = Date.now();
      this.listen();
    }, limit / 4);
    this.listening.unref();
  }

  private watchCancel(running: EngineProcess, signal: RequestOptions<never>['signal']): () => void {
    if (!signal) return () => undefined;
    let timer: NodeJS.Timeout | null = null;
    const abort = (): void => {
      // other requests of the process end with it
      timer = setTimeout(() => running.end(ended('stopped')), this.options.cancelGrace ?? 1000);
    };
    signal.addEventListener('abort', abort, { once: true });
    return () => {
      signal.removeEventListener('abort', abort);
      if (timer) clearTimeout(timer);
    };
  }

  /** A module that loops for ever would keep its process from ever answering. */
  private watchModules<M extends Method>(
    running: EngineProcess,
    method: M,
    options: RequestOptions<ProgressOf<M>>,
  ): RequestOptions<ProgressOf<M>> {
    if (method !== 'open') return options;
    const limit = this.options.moduleGrace ?? 10_000;
    let timer: NodeJS.Timeout | undefined;
    const onProgress = (progress: unknown): void => {
      clearTimeout(timer);
      options.onProgress?.(progress as ProgressOf<M>);
      const { loading } = progress as ProgressOf<'open'>;
      if (loading === null) return;
      const data = { reason: 'custom-layers', file: loading, why: `it was still loading after ${limit / 1000} s` };
      timer = setTimeout(() => running.end(new SlicerError('not-runnable', data)), limit);
    };
    return { ...options, onProgress };
  }
}

function ended(reason: 'stopped' | 'silent'): SlicerError {
  return new SlicerError('engine-crashed', { exitCode: null, signal: 'SIGKILL', reason });
}

/** Whether the process ended because of what it was asked, not because somebody gave up waiting for another request. */
function isCrash(error: unknown): boolean {
  return error instanceof SlicerError && error.code === 'engine-crashed' && error.data.reason !== 'stopped';
}
