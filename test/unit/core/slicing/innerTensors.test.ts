/** Slices that end at tensors inside layers, loaded by plain TF.js: what they hand on makes what Keras says the layer does. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layerInside } from '../../../../src/core/layers/innerTensors';
import { kerasMajor } from '../../../../src/core/model/kerasMajor';
import { expandCalls } from '../../../../src/core/model/traversal';
import { sliceModel } from '../../../../src/core/slicing/sliceModel';
import { fromInside, type Values } from '../layers/fromInside';
import { activations, exampleInputs, layersModels } from './golden';
import { largestDifference, loadPlain, openFile, predict } from './plainTfjsModel';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const plain = (address: string): string => address.replace(/\\(.)/g, '$1');

/** What quantization and half precision cost against the weights that Keras had. */
function tolerance(fixture: string, format: string): number {
  if (/uint8/.test(format)) return 5e-2;
  return /float16|uint16/.test(format) || fixture === 'mixed-precision' ? 1e-2 : 1e-4;
}

describe('in plain TF.js', () => {
  let compared = 0;
  afterAll(() => expect(compared).toBeGreaterThan(100));

  test.each(layersModels())('$fixture $format', async ({ fixture, format, file, golden }) => {
    const opened = openFile(file);
    const { model } = opened;
    const inputs = exampleInputs(golden);
    const expected = activations(golden);
    for (const { kind, address, layer } of expandCalls(model.graph)) {
      const inside = kind === 'call' ? layerInside(layer) : null;
      if (inside?.refused !== null) continue;
      const outputs = inside.names.map((name) => `${address}@${name}`);
      const slice = sliceModel(model, { outputs, inputs: [] });
      const keras = expected(plain(address));
      if (slice.plan.notExportable.length > 0 || !keras) continue;
      const loaded = await loadPlain(slice, opened);
      const fed = slice.plan.inputs.map(({ address: input }) => inputs.get(plain(input)) as tf.Tensor);
      const found = new Map(
        predict(loaded, fed).map((tensor, i): [string, Values] => [
          inside.names[i] ?? '',
          { shape: tensor.shape, values: Array.from(tensor.dataSync()) },
        ]),
      );
      const made = fromInside(layer, kerasMajor(model), found);
      if (made) {
        compared += 1;
        // of the largest tensors the golden holds the first values
        const largest = Math.max(1, ...keras.map(Math.abs));
        const difference = largestDifference(tf.tensor1d(made.slice(0, keras.length)), keras);
        expect(difference, address).toBeLessThanOrEqual(tolerance(fixture, format) * largest);
      }
      const [h, c] = [found.get('state_h')?.values, found.get('state_c')?.values];
      // h = gate × tanh(c), the gate between 0 and 1
      if (h && c) expect(c.map(Math.tanh).every((t, i) => (h[i] ?? NaN) / t > 0 && (h[i] ?? NaN) / t < 1)).toBe(true);
      loaded.dispose();
    }
  });
});
