/** A thread that copies shards: its own bundle, beside the engine's. */
import { parentPort } from 'node:worker_threads';
import { SlicerError, type ErrorCode, type ErrorData } from '../../core/errors';
import { copyShard, type ShardJob } from './copyShard';

/** What the thread is asked for. `stop[0]` other than 0: give up. */
export interface CopyRequest {
  job: ShardJob;
  stop: Int32Array;
}

/** What it answers: bytes as they are copied, then the hash, or why there is none. */
export type CopyReply =
  | { kind: 'copied'; bytes: number }
  | { kind: 'done'; crc32: string }
  | { kind: 'failed'; code: ErrorCode; data: ErrorData }
  | { kind: 'system-error'; code: string | null; message: string };

const REPORT_BYTES = 4 * 1024 * 1024;

parentPort?.on('message', ({ job, stop }: CopyRequest) => {
  const reply = (message: CopyReply): void => parentPort?.postMessage(message);
  try {
    reply({ kind: 'done', crc32: run(job, stop, (bytes) => reply({ kind: 'copied', bytes })) });
  } catch (error) {
    if (error instanceof SlicerError) reply({ kind: 'failed', code: error.code, data: error.data });
    else {
      const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
      reply({ kind: 'system-error', code, message: String(error) });
    }
  }
});

function run(job: ShardJob, stop: Int32Array, report: (bytes: number) => void): string {
  const steps = copyShard(job);
  let unreported = 0;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) {
      report(unreported);
      return step.value;
    }
    unreported += step.value;
    if (unreported >= REPORT_BYTES) {
      report(unreported);
      unreported = 0;
    }
    if (Atomics.load(stop, 0) !== 0) {
      // closes the files
      steps.return('');
      throw new SlicerError('cancelled');
    }
  }
}
