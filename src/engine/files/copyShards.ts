/** Copies the shards of an export: large ones on several threads, so that one reads and sums while another writes. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { SlicerError } from '../../core/errors';
import { copyShard, type ShardJob } from './copyShard';
import type { CopyReply, CopyRequest } from './copyWorker';

export interface CopyOptions {
  signal?: AbortSignal | undefined;
  /** Bytes that were copied since the last call. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Below this, starting threads takes longer than copying. */
const THREADS_FROM_BYTES = 32 * 1024 * 1024;
const MOST_LANES = 4;
/** A thread needs one buffer and little else. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 };
/** ms after which the event loop gets its turn; not bytes: thousands of small files take as long as a large one. */
const TURN_MS = 15;
const workerFile = path.join(__dirname, 'copyWorker.js');

/**
 * @returns CRC-32 of each shard, in hex, in the order of `jobs`.
 * @throws SlicerError `cancelled`, `missing-file`, `truncated-weights`; what the system says when writing fails.
 * Files that were begun stay: the caller removes them.
 */
export async function copyShards(jobs: readonly ShardJob[], { signal, onBytes }: CopyOptions): Promise<string[]> {
  const hashes = new Array<string>(jobs.length).fill('');
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const halt = (): void => void Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', halt);
  const workers = Array.from(
    { length: threadsFor(jobs) },
    () => new Worker(workerFile, { resourceLimits: THREAD_LIMITS }),
  );
  const lanes = [
    (job: ShardJob) => copyHere(job, stop, onBytes),
    ...workers.map((worker) => (job: ShardJob) => copyOn(worker, { job, stop }, onBytes)),
  ];
  let next = 0;
  const work = async (lane: (job: ShardJob) => Promise<string>): Promise<void> => {
    for (let i = next++; i < jobs.length; i = next++) {
      const job = jobs[i];
      if (job) hashes[i] = await lane(job);
    }
  };
  try {
    if (signal?.aborted) throw new SlicerError('cancelled');
    const ended = await Promise.allSettled(
      lanes.map((lane) =>
        work(lane).catch((error: unknown) => {
          // the others need not go on; nothing may be written after this function has ended
          halt();
          throw error;
        }),
      ),
    );
    const failures = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    const cause = failures.find((error) => !(error instanceof SlicerError && error.code === 'cancelled'));
    if (failures.length > 0) throw cause ?? failures[0];
    return hashes;
  } finally {
    signal?.removeEventListener('abort', halt);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** How many threads besides this one. */
function threadsFor(jobs: readonly ShardJob[]): number {
  const bytes = jobs.reduce((sum, { ranges }) => sum + ranges.reduce((total, { length }) => total + length, 0), 0);
  // not there where the engine runs unbundled
  if (bytes < THREADS_FROM_BYTES || !existsSync(workerFile)) return 0;
  return Math.min(jobs.length, availableParallelism(), MOST_LANES) - 1;
}

async function copyHere(job: ShardJob, stop: Int32Array, onBytes: CopyOptions['onBytes']): Promise<string> {
  const steps = copyShard(job);
  let lastTurn = performance.now();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) {
      await new Promise((resume) => setImmediate(resume));
      return step.value;
    }
    onBytes?.(step.value);
    if (performance.now() - lastTurn > TURN_MS) {
      await new Promise((resume) => setImmediate(resume));
      lastTurn = performance.now();
    }
    if (Atomics.load(stop, 0) !== 0) {
      // closes the files
      steps.return('');
      throw new SlicerError('cancelled');
    }
  }
}

function copyOn(worker: Worker, request: CopyRequest, onBytes: CopyOptions['onBytes']): Promise<string> {
  return new Promise((resolve, reject) => {
    const onMessage = (reply: CopyReply): void => {
      if (reply.kind === 'copied') {
        onBytes?.(reply.bytes);
        return;
      }
      settle();
      if (reply.kind === 'done') resolve(reply.crc32);
      else if (reply.kind === 'failed') reject(new SlicerError(reply.code, reply.data));
      else reject(Object.assign(new Error(reply.message), { code: reply.code }));
    };
    const onError = (error: Error): void => {
      settle();
      reject(error);
    };
    // one by one: `removeAllListeners` would also take those by which the worker itself hears of messages
    const settle = (): void => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
    };
    const onExit = (): void => onError(new Error('the thread that copies ended'));
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    worker.postMessage(request);
  });
}
