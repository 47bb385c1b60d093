// Loads saved models with plain TF.js and runs them, in a process that knows nothing of ours.
// usage: node loadSaved.mjs JOBS.json ANSWERS.json; jobs: [{ model, inputs: [{ name, shape, dtype, values }] }]
import fs from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';

/** A loader for files, as every program without tfjs-node needs one. */
function fromDisk(file) {
  return {
    load: async () => {
      const json = JSON.parse(fs.readFileSync(file, 'utf8'));
      const paths = json.weightsManifest.flatMap((group) => group.paths);
      const bytes = Buffer.concat(paths.map((name) => fs.readFileSync(path.join(path.dirname(file), name))));
      return {
        format: json.format,
        modelTopology: json.modelTopology,
        signature: json.signature,
        modelInitializer: json.modelInitializer,
        initializerSignature: json.initializerSignature,
        userDefinedMetadata: json.userDefinedMetadata,
        weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
        weightData: new Uint8Array(bytes).buffer,
      };
    },
  };
}

async function run({ model: file, inputs }) {
  const { format } = JSON.parse(fs.readFileSync(file, 'utf8'));
  const tensors = inputs.map(({ shape, dtype, values }) => tf.tensor(values, shape, dtype));
  const outputs =
    format === 'graph-model' ? await runGraph(file, inputs, tensors) : await runLayers(file, inputs, tensors);
  return [outputs].flat().map((tensor) => ({
    shape: tensor.shape,
    dtype: tensor.dtype,
    values: Array.from(tensor.dataSync(), (value) => (Number.isFinite(value) ? value : String(value))),
  }));
}

async function runLayers(file, inputs, tensors) {
  const model = await tf.loadLayersModel(fromDisk(file));
  return model.predict(tensors.length === 1 ? tensors[0] : tensors);
}

async function runGraph(file, inputs, tensors) {
  const model = await tf.loadGraphModel(fromDisk(file));
  return model.executeAsync(Object.fromEntries(inputs.map(({ name }, i) => [name, tensors[i]])));
}

const [jobs, answers] = process.argv.slice(2);
const found = [];
for (const job of JSON.parse(fs.readFileSync(jobs, 'utf8'))) {
  try {
    found.push({ outputs: await run(job) });
  } catch (error) {
    found.push({ error: String(error) });
  }
  tf.disposeVariables();
}
fs.writeFileSync(answers, JSON.stringify(found));
