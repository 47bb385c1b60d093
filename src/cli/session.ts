/** One command's work with one engine: opened on the file, ended with the command, stopped by Ctrl-C. */
import path from 'node:path';
import { EngineClient } from '../client/engineClient';
import { SlicerError } from '../core/errors';
import type { ModelFile } from '../core/model/modelFile';
import type { EngineContract } from '../protocol/engine';
import { warn } from './output';
import { ProgressBar } from './progressBar';

export interface SessionOptions {
  customLayers?: string[];
  debug?: boolean;
}

type Requests = EngineContract['requests'];

/** How long a cancelled engine may take to remove what it has begun to write. */
const PATIENCE = 1500;

export class Session {
  private constructor(
    private readonly client: EngineClient,
    private readonly signal: AbortSignal,
    readonly model: ModelFile,
    readonly epoch: number,
  ) {}

  /** Opens `file`, does `work`, and ends the engine whatever happens. */
  static async with<T>(file: string, options: SessionOptions, work: (session: Session) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const client = new EngineClient({
      enginePath: path.join(__dirname, 'engine.js'),
      ...(options.debug ? { onLog: (_level, text) => warn(text) } : {}),
    });
    const interrupt = (): void => {
      controller.abort();
      // A second Ctrl-C, or an engine that does not answer, ends it the hard way.
      setTimeout(() => client.dispose(), PATIENCE).unref();
      process.once('SIGINT', () => client.dispose());
    };
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    const unpacking = new ProgressBar('unpack');
    try {
      const { customLayers } = options;
      const opened = await client.request(
        'open',
        {
          path: path.resolve(file),
          structureOnly: true,
          ...(customLayers?.length ? { customLayers: customLayers.map((name) => path.resolve(name)) } : {}),
        },
        {
          signal: controller.signal,
          onProgress: ({ unpacking: progress }) => progress && unpacking.update(progress),
        },
      );
      unpacking.end();
      return await work(new Session(client, controller.signal, opened.model, opened.epoch));
    } catch (error) {
      if (controller.signal.aborted) throw new SlicerError('cancelled');
      throw error;
    } finally {
      unpacking.end();
      process.removeListener('SIGINT', interrupt);
      process.removeListener('SIGTERM', interrupt);
      client.dispose();
    }
  }

  /** Asks the engine; `title` names the progress bar. */
  async request<M extends keyof Requests>(
    method: M,
    params: Requests[M]['params'],
    title?: string,
  ): Promise<Requests[M]['result']> {
    const bar = title === undefined ? null : new ProgressBar(title);
    try {
      return await this.client.request(method, params, {
        signal: this.signal,
        onProgress: (progress: unknown) => bar?.update(progress as { done: number; total: number; at: string }),
      });
    } finally {
      bar?.end();
    }
  }

  /** @throws the first error of the model's weights: only its structure could be opened. */
  needWeights(): void {
    const error = firstError(this.model);
    if (error) throw error;
  }
}

/** What keeps a model whose structure could be read from being whole. */
export function firstError(model: ModelFile): SlicerError | null {
  const problem = model.problems.find(({ severity }) => severity === 'error');
  return problem ? new SlicerError(problem.code, problem.data) : null;
}
