/**
 * Ends this process when its parent is gone. In the middle of a long operation the engine does not hear that it was
 * disconnected: a thread looks, which goes on meanwhile.
 */
import { Worker } from 'node:worker_threads';

/** The parent of an orphan is another one; where it stays the same, as on Windows, a signal finds nobody. */
const PROGRAM = `
const { workerData: parent } = require('node:worker_threads');
const lives = () => {
  if (process.ppid !== parent) return false;
  try {
    return process.kill(parent, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
};
setInterval(() => lives() || process.kill(process.pid, 'SIGKILL'), 1000);
`;

/** Does not keep the process alive itself. */
export function startWatchdog(): void {
  const thread = new Worker(PROGRAM, {
    eval: true,
    workerData: process.ppid,
    resourceLimits: { maxOldGenerationSizeMb: 8 },
  });
  thread.unref();
  // without threads the process ends when it next listens
  thread.on('error', () => undefined);
}
