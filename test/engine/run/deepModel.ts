/** A deep model of pictures, as many layers as wanted, whose tensors all have the same size. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface DeepModel {
  layers: number;
  /** Of the square pictures. */
  side: number;
  channels: number;
}

/** `input` → `layer_1` (Conv2D, 3 × 3, same) → `layer_2` (Activation) → `layer_3` … each of `side × side × channels`. */
export function writeDeepModel(folder: string, { layers, side, channels }: DeepModel): void {
  const names = Array.from({ length: layers }, (_, i) => `layer_${i + 1}`);
  const isConvolution = (i: number): boolean => i % 2 === 0;
  const config = {
    name: 'deep',
    layers: [
      {
        class_name: 'InputLayer',
        name: 'input',
        config: { name: 'input', batch_input_shape: [null, side, side, channels], dtype: 'float32' },
        inbound_nodes: [],
      },
      ...names.map((name, i) => ({
        class_name: isConvolution(i) ? 'Conv2D' : 'Activation',
        name,
        config: isConvolution(i)
          ? { name, filters: channels, kernel_size: [3, 3], strides: [1, 1], padding: 'same', activation: 'linear' }
          : { name, activation: 'tanh' },
        inbound_nodes: [[[names[i - 1] ?? 'input', 0, 0, {}]]],
      })),
    ],
    input_layers: [['input', 0, 0]],
    output_layers: [[names.at(-1), 0, 0]],
  };
  const kernel = 9 * channels * channels;
  const weights = names
    .filter((_, i) => isConvolution(i))
    .flatMap((name) => [
      { name: `${name}/kernel`, shape: [3, 3, channels, channels], dtype: 'float32' },
      { name: `${name}/bias`, shape: [channels], dtype: 'float32' },
    ]);
  const values = new Float32Array((weights.length / 2) * (kernel + channels));
  // differs from layer to layer, and neither dies out nor explodes
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (state * 48_271) % 2_147_483_647;
    values[i] = (state / 2_147_483_647 - 0.5) * (4 / Math.sqrt(kernel / channels));
  }
  const model = {
    format: 'layers-model',
    modelTopology: { keras_version: '2.15.0', model_config: { class_name: 'Functional', config } },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'model.json'), JSON.stringify(model));
  writeFileSync(path.join(folder, 'weights.bin'), new Uint8Array(values.buffer));
}
