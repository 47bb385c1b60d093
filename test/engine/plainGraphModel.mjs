// Runs saved graph-models with plain @tensorflow/tfjs in a process of its own. Imports nothing of ours.
// usage: node plainGraphModel.mjs < jobs.json > results.json
// job: {folder, feeds: {key: {shape, dtype, values}}, outputs?: names, keep?: true where TF.js frees too early}; result: {keys, outputs: [{shape, dtype, values}]}
import fs from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';

console.warn = () => undefined;

/** The loader that TF.js has for files, only without a native library around it. */
function fromFolder(folder) {
  return {
    load: async () => {
      const { modelTopology, weightsManifest, ...json } = JSON.parse(
        fs.readFileSync(path.join(folder, 'model.json'), 'utf8'),
      );
      const shards = weightsManifest.flatMap((group) =>
        group.paths.map((name) => fs.readFileSync(path.join(folder, name))),
      );
      const weightData = Uint8Array.from(Buffer.concat(shards)).buffer;
      return { ...json, modelTopology, weightSpecs: weightsManifest.flatMap((group) => group.weights), weightData };
    },
  };
}

const number = (value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value);

async function run({ folder, feeds, outputs, keep = false }) {
  tf.env().set('KEEP_INTERMEDIATE_TENSORS', keep);
  const model = await tf.loadGraphModel(fromFolder(folder));
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([key, { shape, dtype, values }]) => [key, tf.tensor(values, shape, dtype)]),
  );
  const results = [await model.executeAsync(tensors, outputs)].flat();
  return {
    keys: model.outputNodes,
    inputs: model.inputs.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
    outputs: results.map((tensor) => ({
      shape: tensor.shape,
      dtype: tensor.dtype,
      values: Array.from(tensor.dataSync(), number),
    })),
  };
}

await tf.setBackend('cpu');
const results = [];
for (const job of JSON.parse(fs.readFileSync(0, 'utf8'))) results.push(await run(job));
fs.writeFileSync(1, JSON.stringify(results));
