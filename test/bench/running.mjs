// The engine's loop against tfjs's own predict, all layers against one predict, and one layer's preview.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { at } from '../../scripts/repository.mjs';
import { median, rounded } from './stopwatch.mjs';

const previewOptions = { colorMap: 'viridis', scale: 'channel', example: 0, offset: 0, limit: 64 };

/** Measures on the layers-model `file`; the programs take turns, so that both see the same machine. */
export async function measureRunning(file, { runs }) {
  const { startEngine } = await importTypeScript('test/bench/engineClient.ts');
  const engine = startEngine(at('dist', 'engine.js'));
  const plain = fork(at('test', 'bench', 'plainTfjs.mjs'), [file], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    await once(plain, 'message');
    const predict = async () => {
      plain.send({});
      const [{ ms }] = await once(plain, 'message');
      return ms;
    };
    const { channel } = engine;
    const { model } = await channel.request('open', { path: file });
    const inputs = model.graph.inputs.map(({ name }) => ({ input: name, source: { kind: 'random', seed: 7 } }));
    const run = async (want, onProgress) => {
      const settings = { inputs, want, backend: 'wasm', thumbnails: want === 'all', colorMap: 'viridis', keep: true };
      const began = performance.now();
      const result = await channel.request('run', settings, onProgress ? { onProgress } : {});
      return { result, ms: performance.now() - began };
    };
    const times = { predict: [], loop: [], loopWithTransport: [], all: [] };
    const warmUp = 3;
    let last;
    let layers;
    for (let turn = -warmUp; turn < runs; turn++) {
      const predictMs = await predict();
      const alone = await run([]);
      const arrived = new Set();
      last = await run('all', ({ activations }) => activations.forEach(({ address }) => arrived.add(address)));
      last.result.activations.forEach(({ address }) => arrived.add(address));
      layers = [...arrived];
      if (turn < 0) continue;
      if (layers.length === 0) throw new Error('no activation arrived');
      times.predict.push(predictMs);
      times.loop.push(alone.result.predictMs);
      times.loopWithTransport.push(alone.ms);
      times.all.push(last.ms);
    }
    const { runId, epoch } = last.result;
    const previews = await measurePreviews(channel, { runId, epoch }, layers, runs);
    const predictMs = median(times.predict);
    return {
      model: path.basename(path.dirname(file)),
      backend: last.result.backend,
      layers: layers.length,
      predictMs: rounded(predictMs),
      loopMs: rounded(median(times.loop)),
      loopRatio: rounded(median(times.loop) / predictMs, 3),
      loopWithTransportMs: rounded(median(times.loopWithTransport)),
      allLayersMs: rounded(median(times.all)),
      allLayersRatio: rounded(median(times.all) / predictMs, 2),
      preview: previews,
    };
  } finally {
    engine.stop();
    plain.kill();
  }
}

/** Every layer's picture, some times over: the median of the layers and the slowest of them. */
async function measurePreviews(channel, { runId, epoch }, wanted, runs) {
  const byLayer = [];
  for (const address of wanted) {
    const times = [];
    for (let turn = 0; turn < Math.min(3, runs); turn++) {
      const began = performance.now();
      await channel.request('preview', { handle: { runId, epoch, address }, options: previewOptions });
      times.push(performance.now() - began);
    }
    byLayer.push({ address, ms: median(times) });
  }
  byLayer.sort((a, b) => b.ms - a.ms);
  return {
    medianMs: rounded(median(byLayer.map(({ ms }) => ms))),
    slowestMs: rounded(byLayer[0]?.ms ?? null),
    slowest: byLayer[0]?.address ?? null,
  };
}
