/** Names of files that are not finished yet, and what becomes of them when their writer was killed. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';

/** Only a writer on this machine can be asked whether it still lives. */
const host = crc32(hostname()).toString(16);

/** Says which process writes, so that another one can tell whether it has ended. */
export class WriterId {
  readonly text = `model-slicer-${host}-${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** What file number `index` is called until it is whole. */
export function temporaryName({ text }: WriterId, index: number): string {
  return `.${text}-${index}.tmp`;
}

/** What a file is called that is being replaced. */
export function asideName({ text }: WriterId, name: string): string {
  return `.${name}.${text}.old`;
}

const TEMPORARY = /^\.model-slicer-([0-9a-f]+)-(\d+)-[0-9a-f]{12}-\d+\.tmp$/;
const ASIDE = /^\.(.+)\.(model-slicer-([0-9a-f]+)-(\d+)-[0-9a-f]{12})\.old$/s;

/**
 * Removes what writers that were killed have left in the folder. One that was replacing files had either finished, then
 * the old files go, or not, then they come back.
 */
export async function clearLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  const there = new Set(names);
  const aside = new Map<string, { name: string; old: string }[]>();
  for (const old of names) {
    const temporary = TEMPORARY.exec(old);
    if (temporary && hasEnded(temporary[1], temporary[2])) await rm(path.join(folder, old)).catch(() => undefined);
    const [, name, id, where, pid] = ASIDE.exec(old) ?? [];
    if (name === undefined || id === undefined || !hasEnded(where, pid)) continue;
    aside.set(id, [...(aside.get(id) ?? []), { name, old }]);
  }
  for (const files of aside.values()) {
    const finished = files.every(({ name }) => there.has(name));
    for (const { name, old } of files) {
      const from = path.join(folder, old);
      await (finished ? rm(from) : rename(from, path.join(folder, name))).catch(() => undefined);
    }
  }
}

/** The same for targets, which are files, or folders with files in them. */
export async function clearLeftoversOf(targets: readonly string[]): Promise<void> {
  for (const target of targets) {
    await clearLeftovers(target);
    await clearLeftovers(path.dirname(target));
  }
}

function hasEnded(where: string | undefined, pid: string | undefined): boolean {
  if (where !== host) return false;
  try {
    process.kill(Number(pid), 0);
    return isZombie(Number(pid));
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

/** In containers often nobody reaps what has ended: `PID (name) Z …` in Linux's `/proc`. */
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
