// Saving a whole model of 1 GB against `cp` of the same bytes, what the process needs for it, and what a small slice reads.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { at, cache } from '../../scripts/repository.mjs';
import { median, rounded } from './stopwatch.mjs';

const LAYERS = 100;
const UNITS = 1638;
const SHARD_BYTES = 4 * 1024 * 1024;

/** @returns ratios of medians; bytes as the system counts them for the engine's process. */
export async function measureExporting({ runs }) {
  const folder = path.join(cache, 'bench', 'exporting');
  fs.rmSync(folder, { recursive: true, force: true });
  const source = path.join(folder, 'source');
  const weightBytes = writeModel(source);
  const { startEngine } = await importTypeScript('test/bench/engineClient.ts');
  try {
    const copied = path.join(folder, 'copied');
    const times = { copy: [], save: [] };
    let peakBytes = 0;
    for (let turn = -1; turn < runs; turn++) {
      const copy = timed(() => execFileSync('cp', ['--recursive', '--reflink=never', source, copied]));
      fs.rmSync(copied, { recursive: true });
      const save = await saved(startEngine, source, { outputs: [], inputs: [] }, path.join(folder, 'saved'));
      peakBytes = Math.max(peakBytes, save.peakBytes);
      if (turn < 0) continue;
      times.copy.push(copy);
      times.save.push(save.ms);
    }
    const middle = { outputs: [`dense_${LAYERS / 2}`], inputs: [`dense_${LAYERS / 2 - 1}`] };
    const part = await saved(startEngine, source, middle, path.join(folder, 'part'));
    const ownBytes = weightBytes / LAYERS;
    return {
      weightBytes,
      layers: LAYERS,
      copyMs: rounded(median(times.copy)),
      saveMs: rounded(median(times.save)),
      exportRatio: rounded(median(times.save) / median(times.copy), 2),
      peakMB: rounded(peakBytes / 1e6),
      slice: { ownBytes, readBytes: part.readBytes, readRatio: rounded(part.readBytes / ownBytes, 3) },
    };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Saves by an engine of its own; the target is removed again. */
async function saved(startEngine, source, cut, target) {
  const engine = startEngine(at('dist', 'engine.js'));
  try {
    await engine.channel.request('open', { path: source });
    const readBefore = ownNumber(engine.pid, 'io', 'rchar');
    const began = performance.now();
    await engine.channel.request('save', { cut, target, force: false });
    const ms = performance.now() - began;
    const readBytes = ownNumber(engine.pid, 'io', 'rchar') - readBefore;
    return { ms, readBytes, peakBytes: ownNumber(engine.pid, 'status', 'VmHWM') * 1024 };
  } finally {
    engine.stop();
    fs.rmSync(target, { recursive: true, force: true });
  }
}

/** A number from Linux's account of a process; NaN where there is none. */
function ownNumber(pid, file, key) {
  const text = fs.existsSync(`/proc/${pid}/${file}`) ? fs.readFileSync(`/proc/${pid}/${file}`, 'utf8') : '';
  return Number(new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? NaN);
}

function timed(work) {
  const began = performance.now();
  work();
  return performance.now() - began;
}

/** A Sequential of dense layers whose weights together have 1 GB, in shards as TF.js's converter makes them. */
function writeModel(folder) {
  fs.mkdirSync(folder, { recursive: true });
  const weights = [];
  const layers = [{ class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, UNITS] } }];
  for (let i = 1; i <= LAYERS; i++) {
    const name = `dense_${i}`;
    layers.push({ class_name: 'Dense', config: { name, units: UNITS, activation: 'linear', use_bias: false } });
    weights.push({ name: `${name}/kernel`, shape: [UNITS, UNITS], dtype: 'float32' });
  }
  const total = LAYERS * UNITS * UNITS * 4;
  const count = Math.ceil(total / SHARD_BYTES);
  const paths = [];
  const bytes = Buffer.alloc(SHARD_BYTES);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeFloatLE(Math.sin(i), i);
  for (let i = 0; i < count; i++) {
    paths.push(`group1-shard${i + 1}of${count}.bin`);
    bytes.writeFloatLE(i, 0);
    const length = Math.min(SHARD_BYTES, total - i * SHARD_BYTES);
    fs.writeFileSync(path.join(folder, paths[i]), bytes.subarray(0, length));
  }
  const model_config = { class_name: 'Sequential', config: { name: 'large', layers } };
  const model = {
    format: 'layers-model',
    modelTopology: { keras_version: '2.15.0', backend: 'tensorflow', model_config },
    weightsManifest: [{ paths, weights }],
  };
  fs.writeFileSync(path.join(folder, 'model.json'), JSON.stringify(model));
  return total;
}
