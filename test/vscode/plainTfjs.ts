/** Plain `@tensorflow/tfjs` in a process of its own: what a user's program would see. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { NumpyArray } from './numpyFiles';

export const repository = process.env['MODEL_SLICER_ROOT'] ?? path.resolve(__dirname, '../../..');

/** A loader for files, as every program without tfjs-node needs one. The answer stands behind a NUL: tfjs prints, too. */
const SETUP = `
const fs = require('node:fs');
const path = require('node:path');
const tf = require('@tensorflow/tfjs');
function fromDisk(file) {
  return {
    load: async () => {
      const { modelTopology, weightsManifest } = JSON.parse(fs.readFileSync(file, 'utf8'));
      const paths = weightsManifest.flatMap(({ paths }) => paths);
      const bytes = Buffer.concat(paths.map((name) => fs.readFileSync(path.join(path.dirname(file), name))));
      const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
      return { modelTopology, weightSpecs: weightsManifest.flatMap(({ weights }) => weights), weightData };
    },
  };
}
function answer(result) {
  const tensors = Array.isArray(result) ? result : [result];
  const plain = tensors.map((tensor) => ({ shape: tensor.shape, values: Array.from(tensor.dataSync()) }));
  process.stdout.write('\\u0000' + JSON.stringify(plain));
}
const given = JSON.parse(fs.readFileSync(0, 'utf8'));
const input = tf.tensor(given.input.values, given.input.shape);
`;

/** Outputs of the layers-model at `model` for one input tensor. */
export function predictPlain(model: string, input: NumpyArray): NumpyArray[] {
  return run('tf.loadLayersModel(fromDisk(given.model)).then((model) => answer(model.predict(input)));', {
    model,
    input,
  });
}

/** What `main(source, input)` of a compiled program gives. */
export function callPlain(program: string, model: string, input: NumpyArray): NumpyArray[] {
  return run('require(given.program).main(fromDisk(given.model), input).then(answer);', { program, model, input });
}

function run(script: string, given: object): NumpyArray[] {
  const output = execFileSync(process.execPath, ['-e', SETUP + script], {
    cwd: repository,
    input: JSON.stringify(given),
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: 'pipe',
  });
  return JSON.parse(output.slice(output.lastIndexOf('\u0000') + 1)) as NumpyArray[];
}
