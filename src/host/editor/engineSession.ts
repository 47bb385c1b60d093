/** One engine process with one model open in it. Starts on the first request; ends with the document. */
import type { LogOutputChannel } from 'vscode';
import { EngineClient } from '../../client/engineClient';
import { SlicerError, type ErrorCode } from '../../core/errors';
import type { ModelFile } from '../../core/model/modelFile';
import type { EngineContract } from '../../protocol/engine';
import { errorSentence } from '../sentences';

type Requests = EngineContract['requests'];
type Method = keyof Requests;
type RequestOptions<M extends Method> = Parameters<typeof EngineClient.prototype.request<M>>[2];

export interface EngineSessionOptions {
  /** `dist/engine.js`. */
  enginePath: string;
  log: LogOutputChannel;
  /** The process that held the tensors is gone. */
  onGone: () => void;
  /** The engine found the model's files other than they were. */
  onOtherFile: () => void;
}

/** What the files of a model that was open did not give rise to before. */
const FILE_CHANGED: ReadonlySet<ErrorCode> = new Set(['missing-file', 'file-changed', 'truncated-weights']);

export class EngineSession {
  private readonly client: EngineClient;
  private open = false;
  private disposed = false;

  constructor(private readonly options: EngineSessionOptions) {
    const { enginePath, log } = options;
    this.client = new EngineClient({
      enginePath,
      onLog: (level, text) => log[level](text),
      onExit: (reason) => this.gone(reason),
    });
  }

  /** Reads the model; whatever was open before is closed. */
  async openModel(params: Requests['open']['params'], signal: AbortSignal): Promise<ModelFile> {
    this.open = false;
    const { model } = await this.client.request('open', params, { signal });
    this.open = true;
    return model;
  }

  /** Asks about the model that is open. @throws SlicerError, `closed` when none is. */
  async request<M extends Method>(
    method: M,
    params: Requests[M]['params'],
    options?: RequestOptions<M>,
  ): Promise<Requests[M]['result']> {
    if (!this.open) throw new SlicerError('closed');
    try {
      return await this.client.request(method, params, options);
    } catch (error) {
      if (error instanceof SlicerError && error.code === 'handle-gone') this.options.onGone();
      if (error instanceof SlicerError && FILE_CHANGED.has(error.code)) this.options.onOtherFile();
      throw error;
    }
  }

  /** Ends the process; the next `openModel` starts another. */
  restart(): void {
    this.open = false;
    this.client.stop();
  }

  dispose(): void {
    this.disposed = true;
    this.open = false;
    this.client.dispose();
  }

  private gone(reason: SlicerError): void {
    if (this.disposed) return;
    if (reason.code !== 'closed') this.options.log.warn(errorSentence(reason));
    this.options.onGone();
  }
}
