/** The engine as a bundle, for tests that need its process. */
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = path.join(__dirname, '../..');

/** esbuild drops tfjs's backends: `sideEffects` in their packages names another file than `main`. */
const keepTfjs: Plugin = {
  name: 'keep-tfjs',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@tensorflow\/tfjs/ }, async ({ path: name, pluginData, ...options }) => {
      if (pluginData === 'resolving') return undefined;
      return { ...(await resolve(name, { ...options, pluginData: 'resolving' })), sideEffects: true };
    });
  },
};

/** Builds into `.cache/test-engine/<name>`; returns the bundle's path. */
export async function buildEngine(name: string): Promise<string> {
  const folder = path.join(root, '.cache/test-engine', name);
  mkdirSync(path.join(folder, 'wasm'), { recursive: true });
  const outfile = path.join(folder, 'engine.js');
  await build({
    absWorkingDir: root,
    entryPoints: { engine: 'src/engine/main.ts', copyWorker: 'src/engine/files/copyWorker.ts' },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'],
    plugins: [keepTfjs],
    logLevel: 'error',
  });
  for (const [from, pattern] of [
    ['node_modules/@tensorflow/tfjs-backend-wasm/dist', /\.wasm$/],
    ['node_modules/@jsquash/jpeg/codec/dec', /\.wasm$/],
  ] as const) {
    for (const file of readdirSync(path.join(root, from)).filter((entry) => pattern.test(entry))) {
      cpSync(path.join(root, from, file), path.join(folder, 'wasm', file));
    }
  }
  return outfile;
}
