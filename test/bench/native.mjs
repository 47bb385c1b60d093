// The native backend against wasm, and against a bare tfjs-node predict. All take turns, so that they see the same machine.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { at } from '../../scripts/repository.mjs';
import { median, rounded } from './stopwatch.mjs';

const warmUp = 2;

/** @param folder one with `node_modules/@tensorflow/tfjs-node`. @param models files of layers-models by name. */
export async function measureNative(models, folder, { runs }) {
  const report = {};
  for (const [name, file] of Object.entries(models)) report[name] = await measureModel(file, folder, runs);
  return report;
}

async function measureModel(file, folder, runs) {
  const { startEngine } = await importTypeScript('test/bench/engineClient.ts');
  const native = { named: folder, folders: [], trusted: true };
  const engines = [];
  const plain = fork(at('test', 'bench', 'plainTfjsNode.mjs'), [folder, file], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  /** An engine of its own for each backend: values stay in its memory. */
  const open = async (backend) => {
    const engine = startEngine(at('dist', 'engine.js'));
    engines.push(engine);
    const { model } = await engine.channel.request('open', { path: file });
    const inputs = model.graph.inputs.map(({ name }) => ({ input: name, source: { kind: 'random', seed: 7 } }));
    return async (want) => {
      const began = performance.now();
      const settings = { inputs, want, backend, native, thumbnails: want === 'all', colorMap: 'viridis', keep: true };
      const result = await engine.channel.request('run', settings);
      if (result.backend !== backend) throw new Error(`ran on ${result.backend} instead of ${backend}`);
      return { predictMs: result.predictMs, ms: performance.now() - began };
    };
  };
  try {
    const [{ ready }] = await once(plain, 'message');
    if (ready !== 'tensorflow') throw new Error(`the bare package runs on ${ready}`);
    const predict = async () => {
      plain.send({});
      return (await once(plain, 'message'))[0].ms;
    };
    const onWasm = await open('wasm');
    const onNative = await open('tensorflow');
    const times = { predict: [], wasm: [], native: [], all: [] };
    for (let turn = -warmUp; turn < runs; turn++) {
      const row = {
        predict: await predict(),
        wasm: (await onWasm([])).predictMs,
        native: (await onNative([])).predictMs,
        all: (await onNative('all')).ms,
      };
      if (turn >= 0) for (const [key, ms] of Object.entries(row)) times[key].push(ms);
    }
    const ms = Object.fromEntries(Object.entries(times).map(([key, values]) => [key, median(values)]));
    return {
      model: path.basename(path.dirname(file)),
      predictMs: rounded(ms.predict),
      wasmMs: rounded(ms.wasm),
      nativeMs: rounded(ms.native),
      allLayersMs: rounded(ms.all),
      nativeToWasm: rounded(ms.native / ms.wasm, 3),
      nativeToPredict: rounded(ms.native / ms.predict, 3),
      allLayersRatio: rounded(ms.all / ms.predict, 2),
    };
  } finally {
    plain.kill();
    for (const engine of engines) engine.stop();
  }
}
