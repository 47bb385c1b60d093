/**
 * The one typed channel: requests, events, progress and cancelling over any transport that carries
 * structured clones. Every request ends: result, error with a code, cancelled, or closed.
 */
import { SlicerError, type ErrorCode, type ErrorData } from '../core/errors';

/** What one side offers: requests it answers and events it sends. */
export interface Contract {
  requests: Record<string, { params: unknown; result: unknown; progress?: unknown }>;
  events: Record<string, unknown>;
}

/** A side that answers or sends nothing. */
export interface EmptyContract extends Contract {
  requests: Record<never, never>;
  events: Record<never, never>;
}

export interface Transport {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** `reason` says why, where it is known: it becomes the error of every request that is still open. */
  onClose(listener: (reason?: SlicerError) => void): void;
}

type Wire =
  | { type: 'request'; id: number; method: string; params: unknown }
  | { type: 'cancel'; id: number }
  | { type: 'progress'; id: number; value: unknown }
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; code: ErrorCode; data: ErrorData; stack?: string }
  | { type: 'event'; name: string; value: unknown };

/** What a handler gets besides its parameters. */
export interface RequestContext<Progress = unknown> {
  signal: AbortSignal;
  progress(value: Progress): void;
}

type ProgressOf<R> = R extends { progress?: infer P } ? P : never;

export type Handlers<C extends Contract> = {
  [M in keyof C['requests']]: (
    params: C['requests'][M]['params'],
    context: RequestContext<ProgressOf<C['requests'][M]>>,
  ) => Promise<C['requests'][M]['result']> | C['requests'][M]['result'];
};

export interface RequestOptions<P> {
  signal?: AbortSignal;
  onProgress?: (value: P) => void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: SlicerError): void;
  onProgress: ((value: never) => void) | undefined;
  release(): void;
}

/** One end of a channel: answers `Local`'s requests, sends `Local`'s events, and calls `Remote`'s. */
export class Channel<Local extends Contract, Remote extends Contract> {
  private readonly pending = new Map<number, Pending>();
  private readonly running = new Map<number, AbortController>();
  private readonly listeners = new Map<string, Set<(value: never) => void>>();
  private nextId = 1;
  private closedBy: SlicerError | null = null;

  constructor(
    private readonly transport: Transport,
    private readonly handlers: Handlers<Local>,
  ) {
    transport.onMessage((message) => this.receive(message as Wire));
    transport.onClose((reason) => this.close(reason));
  }

  /**
   * Asks the other side. Rejects with a `SlicerError`: the handler's own, `cancelled` after `signal` aborted,
   * or `closed` (or the transport's reason) when the other side went away.
   */
  request<M extends keyof Remote['requests'] & string>(
    method: M,
    params: Remote['requests'][M]['params'],
    options: RequestOptions<ProgressOf<Remote['requests'][M]>> = {},
  ): Promise<Remote['requests'][M]['result']> {
    const { signal, onProgress } = options;
    if (this.closedBy) return Promise.reject(this.closedBy);
    if (signal?.aborted) return Promise.reject(new SlicerError('cancelled'));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const cancel = (): void => this.transport.post({ type: 'cancel', id } satisfies Wire);
      signal?.addEventListener('abort', cancel, { once: true });
      this.pending.set(id, {
        resolve: (value) => resolve(value),
        reject,
        onProgress: onProgress,
        release: () => signal?.removeEventListener('abort', cancel),
      });
      try {
        this.post({ type: 'request', id, method, params });
      } catch (error) {
        // what cannot be cloned was never asked
        this.settle(id)?.reject(new SlicerError('internal', { reason: 'not-cloneable', method }, { cause: error }));
      }
    });
  }

  send<E extends keyof Local['events'] & string>(name: E, value: Local['events'][E]): void {
    if (!this.closedBy) this.post({ type: 'event', name, value });
  }

  /** Returns a function that stops listening. */
  on<E extends keyof Remote['events'] & string>(name: E, listener: (value: Remote['events'][E]) => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  /** Ends every open request on both ends; afterwards nothing is sent. */
  close(reason: SlicerError = new SlicerError('closed')): void {
    if (this.closedBy) return;
    this.closedBy = reason;
    for (const { reject, release } of this.pending.values()) {
      release();
      reject(reason);
    }
    this.pending.clear();
    for (const controller of this.running.values()) controller.abort();
    this.running.clear();
  }

  private post(message: Wire): void {
    this.transport.post(message);
  }

  private receive(message: Wire): void {
    if (this.closedBy) return;
    switch (message.type) {
      case 'request':
        void this.answer(message.id, message.method, message.params);
        return;
      case 'cancel':
        this.running.get(message.id)?.abort();
        return;
      case 'progress':
        this.pending.get(message.id)?.onProgress?.(message.value as never);
        return;
      case 'result':
        this.settle(message.id)?.resolve(message.value);
        return;
      case 'error': {
        const error = new SlicerError(message.code, message.data);
        if (message.stack !== undefined) error.stack = message.stack;
        this.settle(message.id)?.reject(error);
        return;
      }
      case 'event':
        for (const listener of this.listeners.get(message.name) ?? []) listener(message.value as never);
    }
  }

  private settle(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    pending?.release();
    return pending;
  }

  private async answer(id: number, method: string, params: unknown): Promise<void> {
    const controller = new AbortController();
    this.running.set(id, controller);
    let reply: Wire;
    try {
      const handler = Object.hasOwn(this.handlers, method) ? this.handlers[method as keyof Handlers<Local>] : undefined;
      if (!handler) throw new SlicerError('internal', { reason: 'unknown-request', method });
      const progress = (value: unknown): void => {
        if (!this.closedBy && this.running.has(id)) this.post({ type: 'progress', id, value });
      };
      const value = await handler(params, { signal: controller.signal, progress: progress });
      reply = { type: 'result', id, value };
    } catch (error) {
      reply = errorReply(id, controller.signal.aborted ? new SlicerError('cancelled') : error);
    }
    this.running.delete(id);
    if (this.closedBy) return;
    try {
      this.post(reply);
    } catch (error) {
      this.post(errorReply(id, error));
    }
  }
}

function errorReply(id: number, error: unknown): Wire {
  if (error instanceof SlicerError) {
    return { type: 'error', id, code: error.code, data: error.data, ...(error.stack ? { stack: error.stack } : {}) };
  }
  const text = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return { type: 'error', id, code: 'internal', data: { reason: text }, ...(stack ? { stack } : {}) };
}
