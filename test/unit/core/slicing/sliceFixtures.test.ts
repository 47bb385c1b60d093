import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { sliceModel } from '../../../../src/core/slicing/sliceModel';
import { activations, exampleInputs, layersModels, readGolden } from './golden';
import { largestDifference, loadPlain, openFile, predict } from './plainTfjsModel';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** What quantization costs against the weights that Keras had. */
function tolerance(fixture: string, format: string, expected: number[]): number {
  const largest = Math.max(1, ...expected.map(Math.abs));
  if (/uint8/.test(format)) return 5e-2 * largest;
  if (/float16|uint16/.test(format) || fixture === 'mixed-precision') return 1e-2 * largest;
  return 1e-4 * largest;
}

describe('every layer of every fixture, sliced and loaded by plain TF.js, gives what Keras gives', () => {
  test.each(layersModels())('$fixture $format', async ({ fixture, format, file, golden }) => {
    const opened = openFile(file);
    const expected = activations(golden);
    const inputs = exampleInputs(golden);
    let compared = 0;
    const lacking = new Set<string>();
    for (const address of Object.keys(readGolden(golden).activations)) {
      const values = expected(address);
      if (!values) continue;
      const slice = sliceModel(opened.model, { outputs: [address], inputs: [] });
      if (slice.plan.notExportable.length > 0) {
        for (const { address: where, reason } of slice.plan.notExportable) lacking.add(`${where}: ${reason}`);
        continue;
      }
      const model = await loadPlain(slice, opened);
      const fed = slice.plan.inputs.map(({ address: input }) => inputs.get(input.replace(/\\(.)/g, '$1')) as tf.Tensor);
      const [output] = predict(model, fed);
      const found = output ? Array.from(output.flatten().slice(0, values.length).dataSync()) : [];
      const difference = largestDifference(tf.tensor1d(found), values);
      const result = difference <= tolerance(fixture, format, values) ? null : difference;
      expect(result, `${address}: ${JSON.stringify(slice.plan.notes)}`).toBeNull();
      compared += 1;
      model.dispose();
    }
    if (process.env.SHOW) console.log(fixture, format, compared, [...lacking].slice(0, 5));
    expect(compared + lacking.size).toBeGreaterThan(0);
  });
});
