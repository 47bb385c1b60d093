import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** The engines of this extension host: each model that was opened has one. Linux. */
export function enginePids(): number[] {
  const table = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  const lines = table.split('\n').filter((line) => line.includes(`${path.sep}engine.js`));
  return lines.map((line) => Number(line.trim().split(/\s+/)[0]));
}
