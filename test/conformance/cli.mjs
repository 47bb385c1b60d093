/** Runs the command line as anyone would: a child process, its exit code, stdout and stderr. */
import { spawn } from 'node:child_process';

export class Cli {
  #free;
  #waiting = [];

  /** @param {string} path of the bundle  @param {number} parallel how many at once */
  constructor(path, parallel = 2) {
    this.path = path;
    this.#free = parallel;
  }

  /** @returns {Promise<{code: number | null, json: any, stdout: string, stderr: string, ms: number}>} `ms` without waiting */
  async run(args, { timeout = 120_000 } = {}) {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#spawn(args, timeout);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #spawn(args, timeout) {
    return new Promise((resolve, reject) => {
      const started = performance.now();
      const child = spawn(process.execPath, [this.path, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout,
        killSignal: 'SIGKILL',
      });
      const out = [];
      const err = [];
      child.stdout.on('data', (data) => out.push(data));
      child.stderr.on('data', (data) => err.push(data));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        const stdout = Buffer.concat(out).toString('utf8');
        const stderr = Buffer.concat(err).toString('utf8') + (signal ? `ended by ${signal}` : '');
        let json = null;
        try {
          json = JSON.parse(stdout);
        } catch {
          // not every call prints JSON
        }
        resolve({ code, json, stdout, stderr, ms: performance.now() - started });
      });
    });
  }
}
