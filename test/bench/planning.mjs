// Planning cuts of a synthetic model of 10,000 layers: nothing is read or run, so that it can follow each mark.
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { median, rounded } from './stopwatch.mjs';

const BLOCKS = 2000;
const LAYERS_PER_BLOCK = 5;

/** @returns medians of single plans, warmed up, in ms. */
export async function measurePlanning({ runs }) {
  const { openParsed, parseModelJson } = await importTypeScript('src/core/formats/openModelJson.ts');
  const { planCut } = await importTypeScript('src/core/slicing/sliceModel.ts');
  const open = (layers, weights) => {
    const bytes = weights.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
    const text = JSON.stringify(modelJson(layers, weights));
    return openParsed(parseModelJson(Buffer.from(text), 'model.json'), [{ path: 'weights.bin', size: bytes }]);
  };
  const residual = open(...residualBlocks());
  const masked = open(...maskedChain());
  const middle = BLOCKS / 2;
  const plans = {
    wholeMs: () => planCut(residual, { outputs: [], inputs: [] }),
    prefixMs: () => planCut(residual, { outputs: [`add_${middle}`], inputs: [] }),
    suffixMs: () => planCut(residual, { outputs: [], inputs: [`add_${middle}`] }),
    // inside a block: the skip is missing, and near cuts are looked for
    openMs: () => planCut(residual, { outputs: [], inputs: [`conv_a_${middle}`] }),
    maskedMs: () => planCut(masked, { outputs: [], inputs: [] }),
  };
  const closed = Object.entries(plans).map(([name, plan]) => [name, plan().boundary.closed]);
  const wrong = closed.filter(([name, isClosed]) => isClosed === (name === 'openMs'));
  if (wrong.length > 0) throw new Error(`not the cut that is to be measured: ${wrong.join()}`);
  const times = Object.fromEntries(
    Object.entries(plans).map(([name, plan]) => {
      for (let i = 0; i < 5; i++) plan();
      const taken = Array.from({ length: runs }, () => {
        const start = performance.now();
        plan();
        return performance.now() - start;
      });
      return [name, rounded(median(taken))];
    }),
  );
  return { layers: residual.graph.layers.length, ...times };
}

function modelJson(layers, weights) {
  const last = layers.at(-1).name;
  const config = { name: 'long', layers, input_layers: [['in', 0, 0]], output_layers: [[last, 0, 0]] };
  return {
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: { class_name: 'Functional', config },
    },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
}

function layer(className, name, config, ...from) {
  const inbound = from.length === 0 ? [] : [from.map((source) => [source, 0, 0, {}])];
  return {
    class_name: className,
    name,
    config: { name, trainable: true, dtype: 'float32', ...config },
    inbound_nodes: inbound,
  };
}

function residualBlocks() {
  const conv = {
    filters: 2,
    kernel_size: [1, 1],
    strides: [1, 1],
    padding: 'same',
    use_bias: true,
    activation: 'linear',
  };
  const layers = [layer('InputLayer', 'in', { batch_input_shape: [null, 8, 8, 2], sparse: false })];
  const weights = [];
  const weight = (name, shape) => weights.push({ name, shape, dtype: 'float32' });
  for (let i = 0, from = 'in'; i < BLOCKS; from = `add_${i}`, i++) {
    layers.push(
      layer('Conv2D', `conv_a_${i}`, conv, from),
      layer(
        'BatchNormalization',
        `norm_${i}`,
        { axis: [3], momentum: 0.99, epsilon: 0.001, center: true, scale: true },
        `conv_a_${i}`,
      ),
      layer('Activation', `relu_${i}`, { activation: 'relu' }, `norm_${i}`),
      layer('Conv2D', `conv_b_${i}`, conv, `relu_${i}`),
      layer('Add', `add_${i}`, {}, `conv_b_${i}`, from),
    );
    for (const name of [`conv_a_${i}`, `conv_b_${i}`]) {
      weight(`${name}/kernel`, [1, 1, 2, 2]);
      weight(`${name}/bias`, [2]);
    }
    for (const part of ['gamma', 'beta', 'moving_mean', 'moving_variance']) weight(`norm_${i}/${part}`, [2]);
  }
  return [layers, weights];
}

/** As many layers behind one that makes a mask. */
function maskedChain() {
  const count = BLOCKS * LAYERS_PER_BLOCK;
  const layers = [
    layer('InputLayer', 'in', { batch_input_shape: [null, 4, 2], sparse: false }),
    layer('Masking', 'masking', { mask_value: 0 }, 'in'),
  ];
  for (let i = 0, from = 'masking'; i < count; from = `tanh_${i}`, i++)
    layers.push(layer('Activation', `tanh_${i}`, { activation: 'tanh' }, from));
  const lstm = {
    units: 2,
    activation: 'tanh',
    recurrent_activation: 'sigmoid',
    use_bias: false,
    return_sequences: false,
  };
  layers.push(layer('LSTM', 'lstm', lstm, `tanh_${count - 1}`));
  return [
    layers,
    [
      { name: 'lstm/kernel', shape: [2, 8], dtype: 'float32' },
      { name: 'lstm/recurrent_kernel', shape: [2, 8], dtype: 'float32' },
    ],
  ];
}
