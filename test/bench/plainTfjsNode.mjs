// What a user has without the product: @tensorflow/tfjs-node, loadLayersModel, predict. Started with the package's folder and
// the model; each message is answered with the ms of one predict.
import { createRequire } from 'node:module';
import path from 'node:path';
import util from 'node:util';

const [folder, file] = process.argv.slice(2);
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;
const tf = createRequire(path.join(folder, 'package.json'))('@tensorflow/tfjs-node');
const model = await tf.loadLayersModel(`file://${file}`);
const shape = model.inputs[0].shape.map((size) => size ?? 1);
const input = tf.randomUniform(shape, 0, 1, 'float32', 7);

process.on('message', () => {
  const began = performance.now();
  const outputs = [model.predict(input)].flat();
  outputs.forEach((output) => output.dataSync());
  const ms = performance.now() - began;
  tf.dispose(outputs);
  process.send({ ms });
});
process.send({ ready: tf.getBackend() });
