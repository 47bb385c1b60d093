/** The built command line as a child process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const bundle = path.join(__dirname, '../../../dist/cli.js');
if (!existsSync(bundle)) throw new Error('dist/cli.js is not there: npm run build');

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** What is on stdout as JSON; the test fails where it is something else. */
  json(): Record<string, unknown>;
}

/** @param during gets the process while it runs. @param place its working folder, and what its environment has besides. */
export function cli(
  args: string[],
  during?: (child: ChildProcess) => void,
  { cwd, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bundle, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd,
      env: { ...process.env, ...env },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.on('error', reject);
    child.on('close', (code) => {
      const stdout = Buffer.concat(out).toString('utf8');
      const stderr = Buffer.concat(err).toString('utf8');
      resolve({ code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> });
    });
    during?.(child);
  });
}
