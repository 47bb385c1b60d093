/** One engine process: its pipes, its channel, and how it ended. */
import { fork, type ChildProcess } from 'node:child_process';
import { SlicerError, type ErrorData } from '../core/errors';
import { Channel, type EmptyContract, type Transport } from '../protocol/channel';
import type { EngineContract } from '../protocol/engine';

export interface EngineProcessOptions {
  /** The engine's bundle. */
  enginePath: string;
  execArgv?: string[];
  /** Added to the environment. */
  env?: Readonly<Record<string, string>>;
  /** What the engine, its libraries, and its process write. */
  onLog?(level: 'info' | 'warn' | 'error', text: string): void;
}

/** Enough for the reason that V8 and C++ give when they end a process. */
const LAST_WORDS = 8192;

/** What a shell makes of SIGABRT, and Node on Windows. */
const ABORTED = 134;

export class EngineProcess {
  readonly channel: Channel<EmptyContract, EngineContract>;
  /** Settles when the model of the process before is open again. */
  ready: Promise<unknown> = Promise.resolve();
  /** When something was last heard of it; ms. */
  heard = Date.now();
  private readonly child: ChildProcess;
  private readonly closing: ((reason?: SlicerError) => void)[] = [];
  private lastWords = '';
  /** Why it is being ended; null: it ended by itself. */
  private reason: SlicerError | null = null;
  private ended = false;

  /** @param epoch number of the process among those of its model.  @param onEnd told once. */
  constructor(
    private readonly options: EngineProcessOptions,
    readonly epoch: number,
    private readonly onEnd: (reason: SlicerError) => void,
  ) {
    const child = (this.child = this.fork());
    const transport: Transport = {
      post: (message) => {
        if (child.connected) child.send(message as object, () => undefined);
      },
      onMessage: (listener) =>
        void child.on('message', (message) => {
          this.heard = Date.now();
          listener(message);
        }),
      onClose: (listener) => void this.closing.push(listener),
    };
    this.channel = new Channel<EmptyContract, EngineContract>(transport, {});
    this.channel.on('log', ({ level, text }) => options.onLog?.(level, text));
    child.once('error', (error) => this.gone({ exitCode: null, signal: null, why: error.message }));
    child.once('exit', (exitCode, signal) => {
      // what an abort has to say is still on its way
      if (signal === 'SIGABRT' || exitCode === ABORTED) child.once('close', () => this.gone({ exitCode, signal }));
      else this.gone({ exitCode, signal });
    });
  }

  get pid(): number | null {
    return this.child.pid ?? null;
  }

  /** Ends it. What is pending ends now, not when the operating system gets round to it. */
  end(reason: SlicerError): void {
    this.reason ??= reason;
    this.child.kill('SIGKILL');
    this.close(this.reason);
  }

  private fork(): ChildProcess {
    const { enginePath, execArgv, env, onLog } = this.options;
    const child = fork(enginePath, [], {
      // typed arrays stay typed arrays
      serialization: 'advanced',
      execPath: process.execPath,
      execArgv: execArgv ?? [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        ...env,
        MODEL_SLICER_EPOCH: String(this.epoch),
        ...('electron' in process.versions ? { ELECTRON_RUN_AS_NODE: '1' } : {}),
      },
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => onLog?.('info', text.trimEnd()));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.lastWords = (this.lastWords + text).slice(-LAST_WORDS);
      onLog?.('error', text.trimEnd());
    });
    return child;
  }

  private gone(data: ErrorData): void {
    const starved = /heap out of memory|allocation failed|bad_alloc/i.test(this.lastWords);
    this.close(this.reason ?? new SlicerError('engine-crashed', starved ? { ...data, reason: 'memory' } : data));
  }

  private close(reason: SlicerError): void {
    if (this.ended) return;
    this.ended = true;
    for (const listener of this.closing) listener(reason);
    this.onEnd(reason);
  }
}
