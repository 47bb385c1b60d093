// Runs named stages with what they need of each other, two at a time, and says of each how long it took.
import { spawn } from 'node:child_process';
import { root } from './repository.mjs';

/**
 * A stage: `{ name, needs?, alone?, run }`. `needs`: names of stages before it; `alone`: nothing runs beside it.
 * `run()` resolves to `{ passed, failed, output?, note? }`; what it throws counts as one failure.
 * Returns `[{ name, passed, failed, seconds }]`.
 */
export async function runStages(stages, lanes = 2) {
  const waiting = [...stages];
  const running = new Map();
  const ended = new Map();
  const start = (stage) => {
    const began = Date.now();
    const work = stage
      .run()
      .catch((error) => ({ passed: 0, failed: 1, output: error.stack ?? String(error) }))
      .then((result) => {
        const seconds = (Date.now() - began) / 1000;
        ended.set(stage.name, { name: stage.name, seconds, ...result });
        running.delete(stage);
        report(stage.name, seconds, result);
      });
    running.set(stage, work);
  };
  while (waiting.length > 0 || running.size > 0) {
    for (const stage of [...waiting]) {
      const ready = (stage.needs ?? []).every((name) => ended.has(name));
      const free = stage.alone
        ? running.size === 0
        : running.size < lanes && ![...running.keys()].some((one) => one.alone);
      if (!ready || !free) continue;
      waiting.splice(waiting.indexOf(stage), 1);
      start(stage);
    }
    if (running.size === 0) {
      throw new Error(`these stages wait for what never runs: ${waiting.map(({ name }) => name).join(', ')}`);
    }
    await Promise.race(running.values());
  }
  return stages.map(({ name }) => ended.get(name));
}

function report(name, seconds, { passed, failed, output, note }) {
  const verdict = failed > 0 ? 'FAILED' : 'ok';
  const counts = passed + failed === 1 ? '' : `  ${passed} passed, ${failed} failed`;
  console.log(
    `${verdict.padEnd(6)} ${name.padEnd(14)} ${`${seconds.toFixed(1)} s`.padStart(8)}${counts}${note ? `  ${note}` : ''}`,
  );
  if (failed > 0 && output) console.log(`${output.trimEnd().replaceAll(/^/gm, '       ')}\n`);
}

/** Runs a program to its end. Resolves to `{ code, output }` with stdout and stderr in one text. */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ code: 1, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
