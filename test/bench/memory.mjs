// 200 layers of 8 MB each within a budget of 1 GB: the most that the engine's process ever had, and how long it takes.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { at } from '../../scripts/repository.mjs';
import { median, rounded } from './stopwatch.mjs';

const MB = 2 ** 20;
const previewOptions = { colorMap: 'viridis', scale: 'channel', example: 0, offset: 0, limit: 64 };

/** `peakMB` is null where the system does not tell (it does on Linux). */
export async function measureMemory({ runs }) {
  const { writeDeepModel } = await importTypeScript('test/engine/run/deepModel.ts');
  const { startEngine } = await importTypeScript('test/bench/engineClient.ts');
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-memory-'));
  const engine = startEngine(at('dist', 'engine.js'));
  try {
    writeDeepModel(folder, { layers: 200, side: 512, channels: 8 });
    const { channel, pid } = engine;
    await channel.request('open', { path: folder });
    const inputs = [{ input: 'input', source: { kind: 'random', seed: 7 } }];
    const options = { inputs, backend: 'wasm', thumbnails: true, colorMap: 'viridis', memoryLimit: 1024 * MB };
    const times = { outputs: [], all: [], previews: [] };
    for (let turn = -1; turn < Math.min(3, runs); turn++) {
      const alone = await channel.request('run', { ...options, want: [], keep: false });
      const began = performance.now();
      const { epoch, runId } = await channel.request('run', { ...options, want: 'all', keep: true });
      const ms = performance.now() - began;
      if (turn < 0) continue;
      times.outputs.push(alone.predictMs);
      times.all.push(ms);
      for (const i of [7, 42, 100, 139, 181]) {
        const asked = performance.now();
        const handle = { epoch, runId, address: `layer_${i}` };
        await channel.request('preview', { handle, options: previewOptions });
        times.previews.push(performance.now() - asked);
      }
    }
    const [loopMs, allLayersMs] = [median(times.outputs), median(times.all)];
    return {
      layers: 200,
      wantedMB: 201 * 8,
      limitMB: 1024,
      peakMB: rounded(peakMB(pid)),
      loopMs: rounded(loopMs),
      allLayersMs: rounded(allLayersMs),
      allLayersRatio: rounded(allLayersMs / loopMs, 2),
      // some of them were dropped and are computed again
      previewMs: { median: rounded(median(times.previews)), slowest: rounded(Math.max(...times.previews)) },
    };
  } finally {
    engine.stop();
    rmSync(folder, { recursive: true });
  }
}

function peakMB(pid) {
  if (process.platform !== 'linux') return null;
  const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return found ? Number(found[1]) / 1024 : null;
}
