// Loads composed models with plain TF.js, runs them and trains them, in a process that knows nothing of ours.
// usage: node trainComposed.mjs JOBS.json ANSWERS.json
// jobs: [{ model, inputs: [{ shape, dtype, values }], parts: ['name of a frozen layer'] }]
import fs from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';

function fromDisk(file) {
  return {
    load: async () => {
      const { modelTopology, weightsManifest } = JSON.parse(fs.readFileSync(file, 'utf8'));
      const paths = weightsManifest.flatMap((group) => group.paths);
      const bytes = Buffer.concat(paths.map((name) => fs.readFileSync(path.join(path.dirname(file), name))));
      const weightSpecs = weightsManifest.flatMap((group) => group.weights);
      return { modelTopology, weightSpecs, weightData: new Uint8Array(bytes).buffer };
    },
  };
}

const valuesOf = (tensors) =>
  [tensors].flat().map((tensor) => ({ shape: tensor.shape, values: Array.from(tensor.dataSync()) }));

/** What each weight of a layer holds, by name. */
function weightsOf(layer) {
  return Object.fromEntries(layer.weights.map((weight) => [weight.name, Array.from(weight.read().dataSync()).join()]));
}

async function run({ model: file, inputs, frozen, fit }) {
  const model = await tf.loadLayersModel(fromDisk(file));
  const tensors = inputs.map(({ shape, dtype, values }) => tf.tensor(values, shape, dtype));
  const given = tensors.length === 1 ? tensors[0] : tensors;
  const outputs = valuesOf(model.predict(given));
  const trainable = model.trainableWeights.length;
  if (!fit) return { outputs, trainable };
  const layers = model.layers.filter(({ name }) => frozen.includes(name));
  const before = layers.map(weightsOf);
  const others = model.layers.filter(({ name }) => !frozen.includes(name)).map(weightsOf);
  model.compile({ optimizer: tf.train.sgd(0.5), loss: 'meanSquaredError' });
  const target = model.outputs.map((output, i) => tf.ones(outputs[i].shape));
  await model.fit(given, target.length === 1 ? target[0] : target, {
    epochs: 1,
    batchSize: tensors[0].shape[0],
    verbose: 0,
  });
  const after = layers.map(weightsOf);
  return {
    outputs,
    trainable,
    unchanged: JSON.stringify(before) === JSON.stringify(after),
    learned:
      JSON.stringify(others) !==
      JSON.stringify(model.layers.filter(({ name }) => !frozen.includes(name)).map(weightsOf)),
  };
}

const [jobs, answers] = process.argv.slice(2);
const found = [];
for (const job of JSON.parse(fs.readFileSync(jobs, 'utf8'))) {
  try {
    found.push(await run(job));
  } catch (error) {
    found.push({ error: String(error) });
  }
  tf.disposeVariables();
}
fs.writeFileSync(answers, JSON.stringify(found));
