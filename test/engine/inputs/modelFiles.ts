/** Model files for tests: real ones of the fixtures, and small ones made of a few layers. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { openParsed, parseModelJson } from '../../../src/core/formats/openModelJson';
import type { JsonObject } from '../../../src/core/model/json';
import type { ModelFile } from '../../../src/core/model/modelFile';

/** Opens `model.json` in a folder, with what shards there are. */
export function openModel(folder: string): ModelFile {
  const parsed = parseModelJson(readFileSync(path.join(folder, 'model.json')), 'model.json');
  return openParsed(
    parsed,
    parsed.shardPaths.map((shard) => {
      const file = path.join(folder, shard);
      return { path: shard, size: existsSync(file) ? statSync(file).size : null };
    }),
  );
}

/** A chain of layers, as Keras 2 writes a Sequential without weights. */
export function sequential(
  name: string,
  shape: (number | null)[],
  layers: [className: string, config: JsonObject][],
  dtype = 'float32',
): ModelFile {
  const json = {
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.15.0',
      model_config: {
        class_name: 'Sequential',
        config: {
          name,
          layers: [
            { class_name: 'InputLayer', config: { batch_input_shape: shape, dtype, sparse: false, name: 'in' } },
            ...layers.map(([className, config], i) => ({
              class_name: className,
              config: { name: `layer_${i}`, trainable: true, dtype: 'float32', ...config },
            })),
          ],
        },
      },
    },
    weightsManifest: [],
  };
  return openParsed(parseModelJson(Buffer.from(JSON.stringify(json)), 'model.json'), []);
}
