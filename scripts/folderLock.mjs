// A lock between processes: a folder that holds the pid of its owner.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs `work` while no other process runs its own under the same `lock` folder. */
export async function withLock(lock, work) {
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  let said = false;
  while (!tryLock(lock)) {
    if (!said) console.error(`waiting for another process that holds ${lock}`);
    said = true;
    await delay(500);
  }
  try {
    return await work();
  } finally {
    fs.rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock(lock) {
  // Made under another name first, so that a lock always names its owner.
  const mine = `${lock}.${process.pid}`;
  fs.mkdirSync(mine, { recursive: true });
  fs.writeFileSync(path.join(mine, 'pid'), String(process.pid));
  try {
    fs.renameSync(mine, lock);
    return true;
  } catch {
    fs.rmSync(mine, { recursive: true, force: true });
  }
  let owner;
  try {
    owner = Number(fs.readFileSync(path.join(lock, 'pid'), 'utf8'));
  } catch {
    return false;
  }
  if (!isAlive(owner)) {
    const stale = `${lock}.stale.${process.pid}`;
    try {
      fs.renameSync(lock, stale);
      fs.rmSync(stale, { recursive: true, force: true });
    } catch {
      // another process was faster
    }
  }
  return false;
}
