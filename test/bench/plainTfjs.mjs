// A process that runs a layers-model as tfjs itself does, with the wasm backend: what the engine's loop is measured against.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
const layers = require('@tensorflow/tfjs-layers');
const wasm = require('@tensorflow/tfjs-backend-wasm');

wasm.setWasmPaths(path.join(path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), path.sep));
await tf.setBackend('wasm');
await tf.ready();

const file = process.argv[2];
const { modelTopology, weightsManifest } = JSON.parse(fs.readFileSync(file, 'utf8'));
const shards = weightsManifest
  .flatMap(({ paths }) => paths)
  .map((name) => fs.readFileSync(path.join(path.dirname(file), name)));
const bytes = Buffer.concat(shards);
const model = await layers.loadLayersModel({
  load: async () => ({
    modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  }),
});
const shape = model.inputs[0].shape.map((size) => size ?? 1);
const input = tf.randomUniform(shape, 0, 1, 'float32', 7);

process.on('message', async () => {
  const began = performance.now();
  const output = model.predict(input);
  await output.data();
  const ms = performance.now() - began;
  output.dispose();
  process.send({ ms, backend: tf.getBackend() });
});
process.send({ ready: true });
