// Finds programs of the operating system, and installs Debian packages where that is possible without asking.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** The full path of the first of `names` (commands on the PATH, or absolute paths) that can be run, or null. */
export function findProgram(...names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  for (const name of names) {
    const candidates = path.isAbsolute(name) ? [name] : folders.map((folder) => path.join(folder, name));
    for (const candidate of candidates) {
      try {
        fs.accessSync(candidate, fs.constants.X_OK);
        if (fs.statSync(candidate).isFile()) return candidate;
      } catch {
        // not here
      }
    }
  }
  return null;
}

/** Installs Debian packages as root or with a sudo that does not ask. Returns null when done, else why not. */
export function aptInstall(...packages) {
  if (!findProgram('apt-get')) return 'this system has no apt-get';
  const prefix = [];
  if (process.getuid?.() !== 0) {
    if (!findProgram('sudo') || spawnSync('sudo', ['-n', 'true']).status !== 0) {
      return 'apt-get needs root, and sudo would ask for a password';
    }
    prefix.push('sudo', '-n', 'DEBIAN_FRONTEND=noninteractive');
  }
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'apt-get', ...args];
    return spawnSync(command, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  };
  console.error(`installing ${packages.join(', ')} with apt-get`);
  const update = apt('update', '-qq');
  const install = apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
  if (install.status === 0) return null;
  return `apt-get install ${packages.join(' ')} failed: ${`${install.stderr}${update.stderr}`.trim().slice(-600)}`;
}
