// Opening `.h5` and `.keras` of 500 MB that real Keras wrote: bytes read, memory and time, against h5py and Keras itself.
// usage: node test/bench/kerasFiles.mjs [dist/engine.js]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { ensurePython } from '../../scripts/pythonEnvironment.mjs';
import { at, cache, isMain } from '../../scripts/repository.mjs';
import { median, rounded } from './stopwatch.mjs';

const folder = path.join(cache, 'bench', 'keras');
const FILES = ['large.h5', 'large.keras', 'large-packed.keras'];
const LAYERS = 100;
const UNITS = 1152;
const SCRIPT = at('test/bench/kerasFiles.py');

/** @returns a row for each file, or `{ missing }` with the reason. Bytes and memory are those of the engine's process (Linux). */
export async function measureKerasFiles({ runs, engine = at('dist/engine.js') }) {
  const { python, missing } = await ensurePython();
  if (missing) return { missing };
  if (process.platform !== 'linux') return { missing: 'bytes read are counted on Linux alone' };
  const run = (...args) => execFileSync(python, [SCRIPT, ...args], { encoding: 'utf8', env: pythonEnv() });
  fs.mkdirSync(folder, { recursive: true });
  if (FILES.some((name) => !fs.existsSync(path.join(folder, name)))) run('write', folder, `${LAYERS}`, `${UNITS}`);
  const rows = [];
  for (const name of FILES) {
    const file = path.join(folder, name);
    const own = [];
    for (let i = 0; i < runs; i += 1) own.push(await openLarge(engine, file));
    const [first] = own;
    const keras = JSON.parse(run('load', file));
    const h5py = name.endsWith('.h5') ? JSON.parse(run('index', file)) : null;
    rows.push({
      file: name,
      bytes: fs.statSync(file).size,
      openMs: rounded(median(own.map(({ openMs }) => openMs))),
      openReadBytes: first.openRead,
      peakMB: rounded(Math.max(...own.map(({ peakMB }) => peakMB))),
      layerBytes: first.layerBytes,
      layerReadBytes: first.layerRead,
      layerMs: rounded(median(own.map(({ layerMs }) => layerMs))),
      keras: { loadMs: rounded(keras.ms), peakMB: rounded(keras.peakMB) },
      h5py: h5py && { indexMs: rounded(h5py.ms), peakMB: rounded(h5py.peakMB) },
    });
  }
  return { rows };
}

function pythonEnv() {
  return { ...process.env, KERAS_BACKEND: 'jax', JAX_PLATFORMS: 'cpu', PYTHONDONTWRITEBYTECODE: '1' };
}

async function openLarge(entry, file) {
  const { startEngine } = await importTypeScript('test/bench/engineClient.ts');
  const { channel, pid, stop } = startEngine(entry);
  try {
    // what is loaded once, HDF5's library among it, is not what a file costs
    await channel.request('open', { path: at('test/fixtures/keras/digits-cnn/keras2.h5') });
    const before = readSoFar(pid);
    const started = performance.now();
    const { model } = await channel.request('open', { path: file });
    const openMs = performance.now() - started;
    const openRead = readSoFar(pid) - before;
    // what opening took, before the values of a layer come on top of it
    const peakMB = peak(pid);
    const layer = model.graph.layers.find(({ weights }) => weights.length > 0);
    const layerBytes = layer.weights.reduce((sum, { entry: i }) => sum + model.weightEntries[i].bytes, 0);
    const asked = performance.now();
    const read = readSoFar(pid);
    await channel.request('weightStatistics', { address: layer.name });
    return {
      openMs,
      openRead,
      peakMB,
      layerBytes,
      layerMs: performance.now() - asked,
      layerRead: readSoFar(pid) - read,
    };
  } finally {
    stop();
  }
}

/** Bytes that the process has asked the system for. */
function readSoFar(pid) {
  return Number(/^rchar: (\d+)/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

function peak(pid) {
  return Number(/^VmHWM:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

if (isMain(import.meta.url)) {
  const [, , engine] = process.argv;
  console.log(JSON.stringify(await measureKerasFiles({ runs: 3, ...(engine ? { engine } : {}) }), null, 2));
}
