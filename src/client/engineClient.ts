/** Starts, watches and talks to one engine process: one per open model. */
import { fork, type ChildProcess } from 'node:child_process';
import { SlicerError, type ErrorData } from '../core/errors';
import { Channel, type EmptyContract, type RequestOptions, type Transport } from '../protocol/channel';
import type { EngineContract } from '../protocol/engine';

type Requests = EngineContract['requests'];
type Method = keyof Requests;
type ProgressOf<M extends Method> = Requests[M] extends { progress?: infer P } ? P : never;

export interface EngineClientOptions {
  /** The engine's bundle. */
  enginePath: string;
  execArgv?: string[];
  /** What the engine, its libraries, and its process write. */
  onLog?(level: 'info' | 'warn' | 'error', text: string): void;
  /** The process ended, for whatever reason: the tensors it held are gone. */
  onExit?(reason: SlicerError): void;
  /** How long a cancelled request may take to end before its process is ended; ms. */
  cancelGrace?: number;
  /** How long a module of custom layers may take to load before the process is ended; ms. */
  moduleGrace?: number;
}

interface Running {
  child: ChildProcess;
  channel: Channel<EmptyContract, EngineContract>;
  /** Settles when the model of the process before is open again. */
  ready: Promise<unknown>;
  /** Why it is being ended; null: it ended by itself. */
  reason: SlicerError | null;
  close(reason: SlicerError): void;
}

export class EngineClient {
  private running: Running | null = null;
  private epoch = 0;
  private opened: Requests['open']['params'] | null = null;
  private disposed = false;

  constructor(private readonly options: EngineClientOptions) {}

  /** The operating system's id of the process; null while none runs. */
  get pid(): number | null {
    return this.running?.child.pid ?? null;
  }

  /**
   * Asks the engine; starts it when it does not run, and opens the model again that the process before had open.
   * A request is never sent twice. Rejects with the engine's `SlicerError`, or
   * `engine-crashed` (`exitCode`, `signal`) when the process ended, `cancelled` after `signal` aborted (the process is
   * ended when it does not stop in time), `closed` after `dispose`.
   */
  async request<M extends Method>(
    method: M,
    params: Requests[M]['params'],
    options: RequestOptions<ProgressOf<M>> = {},
  ): Promise<Requests[M]['result']> {
    if (options.signal?.aborted) throw new SlicerError('cancelled');
    const running = this.start(method !== 'open' && method !== 'close');
    await running.ready;
    if (options.signal?.aborted) throw new SlicerError('cancelled');
    const stopWatching = this.watchCancel(running, options.signal);
    try {
      const result = await running.channel.request(method, params, this.watchModules(running, method, options));
      if (method === 'open') this.opened = params as Requests['open']['params'];
      if (method === 'close') this.opened = null;
      return result;
    } catch (error) {
      // its own request is answered as cancelled, whatever became of the process
      if (options.signal?.aborted) throw new SlicerError('cancelled', {}, { cause: error });
      throw error;
    } finally {
      stopWatching();
    }
  }

  /** Ends the process; the next request starts another. */
  stop(): void {
    if (this.running) this.end(this.running, new SlicerError('closed'));
  }

  /** Ends the process for good. */
  dispose(): void {
    this.disposed = true;
    this.stop();
  }

  private start(reopen: boolean): Running {
    if (this.disposed) throw new SlicerError('closed');
    if (this.running) return this.running;
    this.epoch += 1;
    const child = this.fork();
    const listeners: ((reason?: SlicerError) => void)[] = [];
    const transport: Transport = {
      post: (message) => {
        if (child.connected) child.send(message as object, () => undefined);
      },
      onMessage: (listener) => void child.on('message', listener),
      onClose: (listener) => void listeners.push(listener),
    };
    const channel = new Channel<EmptyContract, EngineContract>(transport, {});
    let ended = false;
    const running: Running = {
      child,
      channel,
      ready: Promise.resolve(),
      reason: null,
      close: (reason) => {
        if (ended) return;
        ended = true;
        if (this.running === running) this.running = null;
        for (const listener of listeners) listener(reason);
        this.options.onExit?.(reason);
      },
    };
    this.running = running;
    channel.on('log', ({ level, text }) => this.options.onLog?.(level, text));
    const crashed = (data: ErrorData): void => running.close(running.reason ?? new SlicerError('engine-crashed', data));
    child.once('error', (error) => crashed({ exitCode: null, signal: null, why: error.message }));
    child.once('exit', (exitCode, signal) => crashed({ exitCode, signal }));
    if (reopen && this.opened)
      running.ready = channel.request('open', this.opened, this.watchModules(running, 'open', {}));
    // whoever waits for it hears of its failure
    running.ready.catch(() => undefined);
    return running;
  }

  private fork(): ChildProcess {
    const { enginePath, execArgv, onLog } = this.options;
    const child = fork(enginePath, [], {
      // typed arrays stay typed arrays
      serialization: 'advanced',
      execPath: process.execPath,
      execArgv: execArgv ?? [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        MODEL_SLICER_EPOCH: String(this.epoch),
        ...('electron' in process.versions ? { ELECTRON_RUN_AS_NODE: '1' } : {}),
      },
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => onLog?.('info', text.trimEnd()));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => onLog?.('error', text.trimEnd()));
    return child;
  }

  private watchCancel(running: Running, signal: RequestOptions<never>['signal']): () => void {
    if (!signal) return () => undefined;
    let timer: NodeJS.Timeout | null = null;
    const abort = (): void => {
      timer = setTimeout(() => this.end(running, stopped()), this.options.cancelGrace ?? 1000);
    };
    signal.addEventListener('abort', abort, { once: true });
    return () => {
      signal.removeEventListener('abort', abort);
      if (timer) clearTimeout(timer);
    };
  }

  /** A module that loops for ever would keep its process from ever answering. */
  private watchModules<M extends Method>(
    running: Running,
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
      timer = setTimeout(() => this.end(running, new SlicerError('not-runnable', data)), limit);
    };
    return { ...options, onProgress };
  }

  private end(running: Running, reason: SlicerError): void {
    running.reason ??= reason;
    running.child.kill('SIGKILL');
    // what is pending ends now, not when the operating system gets round to it
    running.close(running.reason);
  }
}

/** For other requests of a process that had to be ended because one of them did not stop. */
function stopped(): SlicerError {
  return new SlicerError('engine-crashed', { exitCode: null, signal: 'SIGKILL', reason: 'stopped' });
}
