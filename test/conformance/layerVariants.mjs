/** What real Keras says of many argument variants, made once for each state of the script and of the environment. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ensurePython } from '../../scripts/pythonEnvironment.mjs';
import { at, cache } from '../../scripts/repository.mjs';

/** @returns {Promise<{keras: string, cases: object[]} | {missing: string}>} */
export async function layerVariants() {
  const { python, missing } = await ensurePython();
  if (missing) return { missing };
  const script = at('test/conformance/layerVariants.py');
  const hash = createHash('sha256');
  for (const file of [script, at('test/python/requirements.txt')]) hash.update(fs.readFileSync(file));
  const folder = path.join(cache, 'layer-variants');
  const file = path.join(folder, `${hash.digest('hex').slice(0, 16)}.json`);
  if (!fs.existsSync(file)) {
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    const begun = `${file}.${process.pid}`;
    const env = { ...process.env, KERAS_BACKEND: 'jax', PYTHONWARNINGS: 'ignore' };
    await promisify(execFile)(python, [script, begun], { env, maxBuffer: 2 ** 26 });
    fs.renameSync(begun, file);
  }
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}
