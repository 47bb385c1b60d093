// A real @tensorflow/tfjs-node with its native library in .cache/tfjs-node, made once, without the host that its own install
// script downloads from: TensorFlow's C library comes out of the wheel on PyPI, the addon is compiled here.
// usage: node scripts/nativeTensorflow.mjs [--mirror]
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { withLock } from './folderLock.mjs';
import { cache, isMain } from './repository.mjs';

const VERSION = '4.22.0';
/** What tfjs-node 4.22.0 itself would download. */
const TENSORFLOW = '2.9.1';
/** Of the addon: a Node-API version that every Node since 12 has. */
const NAPI = 8;
const HEADERS = 'node-api-headers@1.9.0';

const home = path.join(cache, 'tfjs-node');
const folder = path.join(home, 'installed');
const mirror = path.join(home, 'mirror');
const library = path.join(home, `tensorflow-${TENSORFLOW}`);
const packageFolder = path.join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
/** Written last, with what it was made from. */
const stamp = path.join(folder, 'made.json');
const recipe = JSON.stringify({ VERSION, TENSORFLOW, NAPI, recipe: 1 });

const needed = {
  npm: ['--version'],
  python3: ['-m', 'pip', '--version'],
  'g++': ['--version'],
  nm: ['--version'],
  strip: ['--version'],
};

/** Returns `{ folder }`, which holds `node_modules/@tensorflow/tfjs-node`, or `{ missing }` with the reason, as the end of a sentence. */
export async function ensureNativeTensorflow() {
  const isThere = () => fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === recipe;
  if (isThere()) return { folder };
  const missing = lacking();
  if (missing) return { missing };
  return withLock(`${home}.lock`, async () => {
    if (isThere()) return { folder };
    try {
      await make();
    } catch (error) {
      return { missing: error.message };
    }
    return { folder };
  });
}

/**
 * Returns `{ folder }` with the two files that the ordinary install script asks a host for, or `{ missing }`.
 * Served on a local port they are named by `TFJS_NODE_CDN_STORAGE=http://…/` and
 * `npm_config_tfjs_binding_binary_host_mirror=http://…/addon`.
 */
export async function ensureNativeMirror() {
  const native = await ensureNativeTensorflow();
  if (native.missing) return native;
  const done = path.join(mirror, 'made.json');
  const isThere = () => fs.existsSync(done) && fs.readFileSync(done, 'utf8') === recipe;
  return withLock(`${home}.lock`, async () => {
    if (!isThere()) {
      fs.rmSync(mirror, { recursive: true, force: true });
      const tar = createRequire(path.join(packageFolder, 'package.json'))('tar');
      const archive = async (file, cwd, names) => {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        await tar.create({ gzip: { level: 1 }, portable: true, file, cwd }, names);
      };
      await archive(
        path.join(mirror, `tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-${TENSORFLOW}.tar.gz`),
        path.join(packageFolder, 'deps'),
        ['lib', 'include'],
      );
      await archive(
        path.join(mirror, `addon/napi-v${NAPI}/${VERSION}/CPU-linux-${VERSION}.tar.gz`),
        path.join(packageFolder, 'lib'),
        [`napi-v${NAPI}`],
      );
      fs.writeFileSync(done, recipe);
    }
    return { folder: mirror };
  });
}

/** What this machine lacks for it; null when nothing. */
function lacking() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `the native TensorFlow is only made on Linux x64, this is ${process.platform} ${process.arch}`;
  if (!process.report.getReport().header.glibcVersionRuntime) return 'TensorFlow needs glibc, this system has another';
  for (const [program, args] of Object.entries(needed)) {
    if (spawnSync(program, args, { stdio: 'ignore' }).status !== 0)
      return `there is no ${[program, ...args].join(' ')}`;
  }
  return null;
}

async function make() {
  console.error('making a native TensorFlow for the tests (about 35 s, once)');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'native-tensorflow', private: true }));
  await Promise.all([installPackages(), unpackLibrary()]);
  layOutLibrary();
  await compileAddon();
  await check();
  fs.writeFileSync(stamp, recipe);
}

async function installPackages() {
  // its install script would delete what is laid out below, and download
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...quiet, `@tensorflow/tfjs-node@${VERSION}`, HEADERS], { cwd: folder });
}

/** TensorFlow's libraries and C headers, out of the wheel; a wheel is only a zip, whichever Python looks at it. */
async function unpackLibrary() {
  if (fs.existsSync(path.join(library, 'complete'))) return;
  const work = `${library}.partial`;
  fs.rmSync(work, { recursive: true, force: true });
  fs.mkdirSync(work, { recursive: true });
  const tags = ['--only-binary=:all:', '--implementation=cp', '--python-version=3.10'];
  const platforms = ['manylinux2010_x86_64', 'manylinux2014_x86_64', 'manylinux_2_17_x86_64'];
  const args = ['download', '--quiet', '--no-deps', '--no-cache-dir', '--disable-pip-version-check', ...tags];
  const wanted = platforms.flatMap((platform) => ['--platform', platform]);
  await run('python3', ['-m', 'pip', ...args, ...wanted, '--dest', work, `tensorflow-cpu==${TENSORFLOW}`]);
  const wheel = fs.readdirSync(work).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new Error(`pip brought no wheel of tensorflow-cpu ${TENSORFLOW}`);
  await run('python3', ['-c', UNPACK, path.join(work, wheel), work]);
  fs.rmSync(path.join(work, wheel));
  const libraries = ['libtensorflow.so.2', 'libtensorflow_framework.so.2'].map((name) => path.join(work, 'lib', name));
  // symbols for debuggers are a fifth of half a gigabyte
  await run('strip', ['--strip-unneeded', ...libraries]);
  fs.writeFileSync(path.join(work, 'complete'), '');
  fs.rmSync(library, { recursive: true, force: true });
  fs.renameSync(work, library);
}

/** In this wheel the C library stands inside the module for Python. */
const UNPACK = `
import pathlib, shutil, sys, zipfile
wheel, out = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
def put(name, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with wheel.open(name) as source, open(target, 'wb') as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
put('tensorflow/python/_pywrap_tensorflow_internal.so', out / 'lib/libtensorflow.so.2')
put('tensorflow/libtensorflow_framework.so.2', out / 'lib/libtensorflow_framework.so.2')
for name in wheel.namelist():
    if name.endswith('.h') and name.startswith(('tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/')):
        put(name, out / name[len('tensorflow/'):])
`;

/** As the package's own install script leaves it; links, so that half a gigabyte is not there twice. */
function layOutLibrary() {
  const deps = path.join(packageFolder, 'deps');
  fs.mkdirSync(path.join(deps, 'lib'), { recursive: true });
  fs.cpSync(path.join(library, 'include'), path.join(deps, 'include'), { recursive: true });
  // the module for Python calls itself by its file name, and is looked for by it
  const names = { 'libtensorflow.so.2': ownName(path.join(library, 'lib', 'libtensorflow.so.2')) };
  for (const name of fs.readdirSync(path.join(library, 'lib'))) {
    const file = names[name] ?? name;
    link(path.join(library, 'lib', name), path.join(deps, 'lib', file));
    const [stem] = name.split('.so');
    // the install script looks for the whole version and deletes everything when it is missing
    for (const alias of ['so', 'so.2', `so.${TENSORFLOW}`].map((end) => `${stem}.${end}`))
      if (alias !== file) fs.symlinkSync(file, path.join(deps, 'lib', alias));
  }
}

function link(from, to) {
  try {
    fs.linkSync(from, to);
  } catch {
    fs.copyFileSync(from, to);
  }
}

/** The name by which a program that is linked with the library will look for it. */
function ownName(file) {
  const { stdout } = spawnSync('objdump', ['-p', file], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return /SONAME\s+(\S+)/.exec(stdout ?? '')?.[1] ?? path.basename(file);
}

/** The two C++ files of the package, with plain g++: an addon of Node-API needs no headers of a certain Node. */
async function compileAddon() {
  const out = path.join(packageFolder, 'lib', `napi-v${NAPI}`);
  fs.mkdirSync(out, { recursive: true });
  const standIns = path.join(folder, 'python.cc');
  fs.writeFileSync(standIns, pythonStandIns(path.join(packageFolder, 'deps', 'lib', 'libtensorflow.so')));
  await run(
    'g++',
    [
      ...['-shared', '-fPIC', '-O2', '-std=gnu++17', '-fno-exceptions', '-fno-rtti'],
      ...[`-DNAPI_VERSION=${NAPI}`, '-DNODE_GYP_MODULE_NAME=tfjs_binding', '-DBUILDING_NODE_EXTENSION'],
      `-I${path.join(folder, 'node_modules', 'node-api-headers', 'include')}`,
      '-Ideps/include',
      ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc', standIns],
      ...['-o', path.join(out, 'tfjs_binding.node')],
      // the folder may be moved as a whole
      ...['-Ldeps/lib', '-Wl,-rpath,$ORIGIN/../../deps/lib', '-ltensorflow', '-ltensorflow_framework'],
    ],
    { cwd: packageFolder },
  );
}

/** The module for Python wants Python's symbols from whoever loads it; nothing that tfjs-node does uses them. */
function pythonStandIns(file) {
  const { stdout } = spawnSync('nm', ['-D', '--undefined-only', file], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const symbols = (stdout ?? '').split('\n').map((line) => line.trim().split(/\s+/).at(-1).replace(/@.*/, ''));
  const wanted = [...new Set(symbols.filter((symbol) => /^_?Py/.test(symbol)))];
  const isData = (symbol) => /^PyExc_|_Type$|Struct$/.test(symbol);
  const lines = wanted.map((symbol) =>
    isData(symbol) ? `long ${symbol}[64];` : `void *${symbol}(void) { return 0; }`,
  );
  return `extern "C" {\n${lines.join('\n')}\n}\n`;
}

/** A process of its own: it must load, and multiply right. */
async function check() {
  const text = await run(process.execPath, ['-e', CHECK], {
    cwd: folder,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  if (!text.includes(`tensorflow ${TENSORFLOW} 19,22,43,50`))
    throw new Error(`the native TensorFlow says ${text.trim()}`);
}

const CHECK = `
const util = require('util');
util.isNullOrUndefined ??= (value) => value == null;
util.isArray ??= Array.isArray;
const tf = require('@tensorflow/tfjs-node');
const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync();
console.log(tf.getBackend(), tf.backend().binding.TF_Version, product.join());
`;

/** The line of npm, pip or the compiler that says why. */
const TELLS = /reason: |^npm error code |^ERROR: |: error: /;

/** Resolves to what it wrote to stdout; rejects with the line of stderr that says why, else its last. */
function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let [said, wrong] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (wrong += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) return resolve(said);
      const lines = wrong.trim().split('\n');
      const reason = lines.find((line) => TELLS.test(line)) || lines.at(-1) || `exit code ${code}`;
      reject(new Error(`${[path.basename(program), args[0]].join(' ')} failed: ${reason}`));
    });
  });
}

if (isMain(import.meta.url)) {
  const made = process.argv.includes('--mirror') ? await ensureNativeMirror() : await ensureNativeTensorflow();
  if (made.missing) {
    console.error(`native TensorFlow: ${made.missing}`);
    process.exitCode = 1;
  } else console.log(made.folder);
}
