/** A process that replaces the files of a folder and kills itself at a given rename, as `kill -9` would. */
import { renameSync } from 'node:fs';
import fs from 'node:fs/promises';
import { AtomicFolder } from '../../../src/engine/files/atomicFolder';

const [folder = '', at = '', ...names] = process.argv.slice(2);
let left = Number(at);

Object.defineProperty(fs, 'rename', {
  value: (from: string, to: string): Promise<void> => {
    if (left-- <= 0) process.kill(process.pid, 'SIGKILL');
    renameSync(from, to);
    return Promise.resolve();
  },
});

async function main(): Promise<void> {
  const output = await AtomicFolder.open(folder, names, { force: true, protect: [], obsolete: ['c.bin'] });
  for (const name of names) await (await output.create(name)).write(Buffer.from(`new ${name}`));
  await output.commit();
}

void main();
