// From the engine's death to the answer of the next request: a process starts, reads the model again and answers.
import { setTimeout as delay } from 'node:timers/promises';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { at } from '../../scripts/repository.mjs';
import { median, rounded } from './stopwatch.mjs';

/** `models`: files by name. Each is opened, its engine killed, and the weights of a layer asked for, `runs` times. */
export async function measureSupervision(models, { runs }) {
  const { EngineClient } = await importTypeScript('src/client/engineClient.ts');
  const report = {};
  for (const [name, file] of Object.entries(models)) {
    let gone = () => {};
    const client = new EngineClient({ enginePath: at('dist', 'engine.js'), onExit: () => gone() });
    try {
      const { model } = await client.request('open', { path: file });
      const address = model.graph.layers.find(({ weights }) => weights.length > 0)?.name;
      const times = [];
      for (let turn = -1; turn < runs; turn++) {
        const exit = new Promise((resolve) => (gone = resolve));
        process.kill(client.pid, 'SIGKILL');
        await exit;
        const began = performance.now();
        await client.request('weightStatistics', { address });
        if (turn >= 0) times.push(performance.now() - began);
      }
      const { pid } = client;
      client.dispose();
      report[name] = { restartMs: rounded(median(times)), processesAfterClosing: (await hasEnded(pid)) ? 0 : 1 };
    } finally {
      client.dispose();
    }
  }
  return report;
}

/** Killed processes are reaped by Node when it next listens. */
async function hasEnded(pid) {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await delay(20);
  }
  return false;
}
