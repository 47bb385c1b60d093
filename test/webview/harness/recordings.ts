/** The models that the harness shows. */
import fs from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { decode } from 'fast-png';
import { keras } from '../../fixtures';
import type { Recording } from './recording';

const makers: Record<string, () => Recording | Promise<Recording>> = {
  digits: recordDigits,
  large: () =>
    synthetic(
      'large',
      Array.from({ length: 20_000 }, (_, index) => activation(`block_${Math.floor(index / 8)}_relu_${index % 8}`)),
    ),
  hostile: () =>
    synthetic('<img src=x onerror=alert(1)>', [
      activation('<img src=x onerror="document.body.dataset.hacked=1">'),
      activation('</script><script>document.body.dataset.hacked=1</script>'),
      activation('${document.body.dataset.hacked=1}'),
      activation('javascript:alert(1)'),
      activation('__proto__'),
      activation('a b\tc\u202e d'),
      activation(`${'very_long_name_'.repeat(40)}end`),
    ]),
  residual: () => fromFolder('residual-block/tfjs-keras2-h5'),
  batchnorm: () => fromFolder('tutorial-convnet-batchnorm/tfjs-keras2-h5'),
  bidirectional: () => fromFolder('bidirectional/tfjs-keras2-h5'),
  unet: () => fromFolder('unet-small/tfjs-keras2-h5'),
  siamese: () => fromFolder('siamese/tfjs-keras2-h5'),
  nested: () => fromFolder('nested-three-deep/tfjs-keras2-h5'),
  text: () => fromFolder('text-lstm/tfjs-keras2-h5'),
  several: () => fromFolder('two-inputs-two-outputs/tfjs-keras2-h5'),
  variable: () => fromFolder('variable-length/tfjs-keras2-h5'),
  graph: () => fromFolder('mobilenet-block/tfjs-graph-keras3'),
  custom: () => fromFolder('tutorial-custom-layer/tfjs-keras3'),
  repaired: () => fromFolder('nested-functional/tfjs-keras3'),
};

export async function makeRecording(name: string): Promise<Recording> {
  const maker = makers[name];
  if (!maker) throw new Error(`no recording is called ${name}`);
  return maker();
}

function fromFolder(folder: string): Recording {
  const file = path.join(keras, folder, 'model.json');
  const modelText = fs.readFileSync(file, 'utf8');
  const { weightsManifest } = JSON.parse(modelText) as { weightsManifest: { paths: string[] }[] };
  const shards = weightsManifest.flatMap(({ paths }) =>
    paths.map((name) => ({ path: name, size: fs.statSync(path.join(path.dirname(file), name)).size })),
  );
  return { file: 'model.json', modelText, shards, tensors: {}, picture: null };
}

/** The trained digits model on a picture of a seven, every layer's output computed by plain tfjs. */
async function recordDigits(): Promise<Recording> {
  const recording = fromFolder('digits-cnn/tfjs-keras2-h5');
  const { modelTopology, weightsManifest } = JSON.parse(recording.modelText) as {
    modelTopology: object;
    weightsManifest: tf.io.WeightsManifestConfig;
  };
  const folder = path.join(keras, 'digits-cnn');
  const shard = fs.readFileSync(path.join(folder, 'tfjs-keras2-h5', weightsManifest[0]?.paths[0] ?? ''));
  await tf.setBackend('cpu');
  const model = await tf.loadLayersModel({
    load: () =>
      Promise.resolve({
        modelTopology,
        weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
        weightData: new Uint8Array(shard).buffer,
      }),
  });
  const png = decode(fs.readFileSync(path.join(folder, 'samples', 'digit-7-10.png')));
  const grey = Uint8Array.from({ length: png.width * png.height }, (_, at) => Number(png.data[at * png.channels]));
  const input = tf.tensor4d(
    Float32Array.from(grey, (value) => value / 255),
    [1, 28, 28, 1],
  );
  const taps = tf.model({
    inputs: model.inputs,
    outputs: model.layers.map((layer) => layer.output as tf.SymbolicTensor),
  });
  const outputs = taps.predict(input) as tf.Tensor[];
  for (const [index, layer] of model.layers.entries()) {
    const tensor = outputs[index];
    if (!tensor) continue;
    const bytes = new Uint8Array((tensor.dataSync() as Float32Array).slice().buffer);
    recording.tensors[layer.name] = {
      shape: tensor.shape,
      dtype: tensor.dtype,
      base64: Buffer.from(bytes).toString('base64'),
    };
  }
  recording.picture = { width: 28, height: 28, base64: Buffer.from(grey).toString('base64') };
  return recording;
}

interface LayerEntry {
  class_name: string;
  config: Record<string, unknown>;
}

function activation(name: string): LayerEntry {
  return { class_name: 'Activation', config: { name, trainable: true, dtype: 'float32', activation: 'relu' } };
}

function synthetic(name: string, layers: LayerEntry[]): Recording {
  const input = {
    class_name: 'InputLayer',
    config: { name: 'input', batch_input_shape: [null, 16, 16, 4], dtype: 'float32', sparse: false, ragged: false },
  };
  const modelTopology = {
    keras_version: '2.15.0',
    backend: 'tensorflow',
    model_config: { class_name: 'Sequential', config: { name, layers: [input, ...layers] } },
  };
  return {
    file: 'model.json',
    modelText: JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest: [] }),
    shards: [],
    tensors: {},
    picture: null,
  };
}
