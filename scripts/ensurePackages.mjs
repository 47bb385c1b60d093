// Installs the npm packages of the lock file where that has not been done. Uses Node alone: it runs before anything is there.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { withLock } from './folderLock.mjs';
import { at, root } from './repository.mjs';

export async function ensurePackages() {
  if (upToDate()) return;
  await withLock(at('.cache', 'packages.lock'), () => {
    if (upToDate()) return;
    console.error('installing npm packages (npm ci)');
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const { status, error } = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
      cwd: root,
      // stdout belongs to the caller
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    if (status !== 0) throw new Error(`npm ci failed${error ? `: ${error.message}` : ` with exit code ${status}`}.`);
  });
}

/** Whether node_modules holds what package-lock.json says. Packages for other systems and optional ones may be missing. */
function upToDate() {
  const wanted = readPackages(at('package-lock.json'));
  const present = readPackages(at('node_modules', '.package-lock.json'));
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(
    ([name, { version, optional, peer }]) =>
      name === '' || optional || (peer && !present[name]) || present[name]?.version === version,
  );
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}
