// Real Keras 3 for the tests of generated Python: a virtual environment in .cache/python, made once for each requirements.txt.
// usage: node scripts/pythonEnvironment.mjs
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { withLock } from './folderLock.mjs';
import { at, cache, isMain } from './repository.mjs';

const requirements = at('test/python/requirements.txt');
const CANDIDATES = ['python3.11', 'python3', 'python3.12', 'python3.13', 'python'];
/** What pip says without a network, before it says that there is no such package. */
const UNREACHED = /ConnectionError|ConnectTimeout|Connection broken|Temporary failure in name resolution/i;
/** Keras 3.15 and JAX 0.10 need it. */
const OLDEST = [3, 11];

/** Returns `{ python }`, or `{ missing }` with the reason, as the end of a sentence. */
export async function ensurePython(folder = path.join(cache, 'python')) {
  const wanted = createHash('sha256').update(fs.readFileSync(requirements)).digest('hex');
  const python = path.join(folder, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  const stamp = path.join(folder, 'requirements.sha256');
  const isThere = () => fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted && fs.existsSync(python);
  if (isThere()) return { python };
  const base = CANDIDATES.find(isNewEnough);
  if (base === undefined) return { missing: `there is no Python ${OLDEST.join('.')} or later` };
  return withLock(`${folder}.lock`, () => {
    if (isThere()) return { python };
    fs.rmSync(folder, { recursive: true, force: true });
    try {
      run(base, ['-m', 'venv', folder]);
      run(python, [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--retries',
        '2',
        '-r',
        requirements,
      ]);
    } catch (error) {
      fs.rmSync(folder, { recursive: true, force: true });
      const said = `${error.stderr ?? ''}`.trim();
      if (UNREACHED.test(said)) return { missing: 'PyPI, where Keras is, cannot be reached' };
      return { missing: `Keras could not be installed: ${said.split('\n').at(-1) || error.message}` };
    }
    fs.writeFileSync(stamp, wanted);
    return { python };
  });
}

function isNewEnough(name) {
  try {
    const text = run(name, ['-c', 'import sys, venv, ensurepip; print(*sys.version_info[:2])']);
    const [major, minor] = text.trim().split(' ').map(Number);
    return major === OLDEST[0] && minor >= OLDEST[1];
  } catch {
    return false;
  }
}

function run(program, args) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

if (isMain(import.meta.url)) {
  const { python, missing } = await ensurePython();
  if (missing) {
    console.error(`python: ${missing}`);
    process.exitCode = 1;
  } else console.log(python);
}
