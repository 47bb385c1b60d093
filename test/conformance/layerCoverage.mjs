/**
 * One layer after the other, as the coverage files have them: shapes, parameters, and what it computes.
 * Many cases stand side by side in one model; when it does not open or run, its halves are tried.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { largestDifference, largestOf, noise, sizeOf, writeNpy } from './arrays.mjs';

const TOGETHER = 24;
const NOT_YET = new Set(['unsupported', 'not-runnable']);

/** @returns {Promise<{case: string, class: string, wrong: string[], notYet: string | null, difference: number | null}[]>} */
export async function checkCoverage(cli, fixtures, file) {
  return checkCases(cli, JSON.parse(readFileSync(path.join(fixtures, file), 'utf8')));
}

/** Cases as the coverage files and `layerVariants.py` have them; the latter give each input its own dtype and range. */
export async function checkCases(cli, { keras, cases }) {
  const major = /keras 3/.test(keras) ? 3 : 2;
  const batches = [];
  for (let at = 0; at < cases.length; at += TOGETHER) batches.push(cases.slice(at, at + TOGETHER));
  return (await Promise.all(batches.map((batch) => checkTogether(cli, batch, keras, major)))).flat();
}

async function checkTogether(cli, cases, keras, major) {
  const folder = mkdtempSync(path.join(tmpdir(), 'conformance-layers-'));
  try {
    const model = writeModel(folder, cases, keras, major);
    const inspected = await cli.run(['inspect', model.file, '--json']);
    if (!inspected.json?.layers || inspected.code !== 0) {
      if (cases.length > 1) return halves(cli, cases, keras, major);
      const code = inspected.json?.error?.code;
      return [
        row(
          cases[0],
          NOT_YET.has(code)
            ? { notYet: inspected.json.error.message.replaceAll('model.json', 'the file') }
            : { wrong: [`inspect: ${inspected.stderr.trim().slice(0, 200)}`] },
        ),
      ];
    }
    const rows = cases.map((item, i) => {
      const unknown = inspected.json.problems.some(
        ({ code, address }) => address === `case_${i}` && (code === 'unknown-class' || code === 'holds-code'),
      );
      return unknown
        ? row(item, { notYet: `the class ${item.class} is not known` })
        : row(item, { wrong: compareStructure(inspected.json, item, i) });
    });
    if (cases.every(({ outputs }) => !outputs)) return rows;
    const inputs = model.inputs.flatMap(({ name, array }) => ['--input', `${name}=${array}`]);
    const ran = await cli.run(['run', model.file, '--json', ...inputs]);
    if (ran.code !== 0) {
      if (cases.length > 1) return halves(cli, cases, keras, major);
      const error = ran.json?.error;
      if (NOT_YET.has(error?.code)) rows[0].notYet = `the class ${cases[0].class} cannot be run`;
      else rows[0].wrong.push(`run: ${ran.stderr.trim().slice(0, 200)}`);
      return rows;
    }
    cases.forEach((item, i) => compareOutputs(ran.json, item, i, rows[i]));
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A model for each case, in a folder of its own below `folder`, with its inputs' values. */
export function writeExportTasks(folder, { keras, cases }) {
  const major = /keras 3/.test(keras) ? 3 : 2;
  return cases.map((item, i) => {
    const own = path.join(folder, `case-${major}-${i}`);
    mkdirSync(own, { recursive: true });
    const { file } = writeModel(own, [item], keras, major);
    const inputs = inputsOf(item).map((tensor, j) => {
      const dtype = tensor.dtype.startsWith('int') ? 'int32' : tensor.dtype;
      return { name: `in_0_${j}`, shape: tensor.example, dtype, values: exampleValues(tensor, j) };
    });
    return {
      id: item.id,
      class: item.class,
      file,
      inputs,
      outputs: item.outputs ?? null,
      tolerance: tolerance(item),
      ownToBackend: major === 3 ? ownToBackend(item) : null,
    };
  });
}

/** Whatever is in the way is in one of them. */
async function halves(cli, cases, keras, major) {
  const middle = Math.ceil(cases.length / 2);
  const parts = [cases.slice(0, middle), cases.slice(middle)];
  return (await Promise.all(parts.map((part) => checkTogether(cli, part, keras, major)))).flat();
}

function row(item, { wrong = [], notYet = null } = {}) {
  return { case: item.id, class: item.class, wrong, notYet, difference: null };
}

/** Keras 3 adds a bias by TensorFlow's `bias_add`, which takes the last axis for the channels if it is as long; other backends do not. */
function ownToBackend({ config, weights, outputShapes }) {
  const bias = weights.find(({ name }) => name === 'bias');
  return config.data_format === 'channels_first' && bias && outputShapes[0].at(-1) === bias.shape[0]
    ? 'Keras on TensorFlow adds the bias along the last axis, which is as long as the channels'
    : null;
}

/** A functional model with one branch for each case. */
function writeModel(folder, cases, keras, major) {
  const layers = [];
  const inputs = [];
  const inputLayers = [];
  const outputLayers = [];
  const weights = [];
  const bytes = [];
  cases.forEach((item, i) => {
    const name = `case_${i}`;
    const tensors = inputsOf(item).map((tensor, j) => {
      const { shape, dtype } = tensor;
      const input = `in_${i}_${j}`;
      layers.push(inputLayer(input, shape, dtype, major));
      inputLayers.push([input, 0, 0]);
      inputs.push({ name: input, array: exampleFile(folder, input, tensor, j) });
      return { name: input, shape, dtype };
    });
    layers.push({
      class_name: item.class,
      config: { ...item.config, name },
      name,
      inbound_nodes: [major === 3 ? keras3Node(item, tensors) : keras2Node(item, tensors)],
    });
    item.outputShapes.forEach((_, j) => outputLayers.push([name, 0, j]));
    item.weights.forEach((weight, j) => {
      const values = weightValues(weight, j);
      weights.push({
        name: `${name}/${weight.name}`,
        shape: weight.shape,
        dtype: weight.dtype.startsWith('int') ? 'int32' : 'float32',
      });
      bytes.push(
        Buffer.from((weight.dtype.startsWith('int') ? Int32Array.from(values) : Float32Array.from(values)).buffer),
      );
    });
  });
  const config = { name: 'cases', trainable: true, layers, input_layers: inputLayers, output_layers: outputLayers };
  const file = path.join(folder, 'model.json');
  writeFileSync(path.join(folder, 'weights.bin'), Buffer.concat(bytes));
  writeFileSync(
    file,
    JSON.stringify({
      format: 'layers-model',
      modelTopology: {
        keras_version: keras.split(' ').at(-1),
        backend: 'tensorflow',
        model_config: { class_name: 'Functional', config },
      },
      weightsManifest: weights.length > 0 ? [{ paths: ['weights.bin'], weights }] : [],
    }),
  );
  return { file, inputs };
}

function inputLayer(name, shape, dtype, major) {
  const key = major === 3 ? 'batch_shape' : 'batch_input_shape';
  return { class_name: 'InputLayer', config: { [key]: shape, dtype, sparse: false, name }, name, inbound_nodes: [] };
}

const others = ({ call = {} }) => Object.fromEntries(Object.entries(call).filter(([key]) => key !== 'inputs'));

/** The named tensors of a call: a role is a name, or a name and how many tensors its list takes. */
function named(roles, written) {
  const rest = written.slice(1);
  return Object.fromEntries(
    roles
      .slice(1)
      .map((role) => (typeof role === 'string' ? [role, rest.shift()] : [role[0], rest.splice(0, role[1])])),
  );
}

function keras3Node(item, tensors) {
  const written = tensors.map(({ name, shape, dtype }) => ({
    class_name: '__keras_tensor__',
    config: { shape, dtype, keras_history: [name, 0, 0] },
  }));
  const roles = item.call?.inputs;
  if (roles) return { args: [written[0]], kwargs: { ...named(roles, written), ...others(item) } };
  return { args: [written.length > 1 ? written : written[0]], kwargs: others(item) };
}

function keras2Node(item, tensors) {
  const written = tensors.map(({ name }) => [name, 0, 0]);
  const roles = item.call?.inputs;
  if (roles) return [[...written[0], { ...named(roles, written), ...others(item) }]];
  return written.map((tensor, i) => [...tensor, i === 0 ? others(item) : {}]);
}

/** The recipe that `fixtures/keras/README.md` gives. */
function weightValues({ name, shape, dtype }, i) {
  const count = sizeOf(shape);
  if (dtype.startsWith('int')) return new Array(count).fill(0);
  return Array.from(
    { length: count },
    (_, at) => Math.fround(noise(2000 + i, at)) + (name.includes('variance') ? 1 : 0),
  );
}

/** Shape, dtype, the example's shape and its range, of each input. */
function inputsOf({ inputs, example, inputDtype, inputShapes }) {
  if (inputs) return inputs;
  const { low = 0, high = 1, shapes = [] } = example ?? {};
  return inputShapes.map((shape, j) => {
    return { shape, dtype: inputDtype, low, high, example: shapes[j] ?? shape.map((dim) => dim ?? 1) };
  });
}

function isWhole({ dtype }) {
  return dtype.startsWith('int') || dtype === 'bool';
}

function exampleValues({ dtype, low, high, example }, j) {
  return Array.from({ length: sizeOf(example) }, (_, at) => {
    const value = (noise(1000 + j, at) + 0.5) * (high - low) + low;
    return isWhole({ dtype }) ? Math.floor(value) : value;
  });
}

function exampleFile(folder, input, tensor, j) {
  if (tensor.dtype === 'string') return 'zeros';
  const file = path.join(folder, `${input}.npy`);
  writeFileSync(file, writeNpy(exampleValues(tensor, j), tensor.example, isWhole(tensor)));
  return file;
}

function compareStructure(document, item, i) {
  const wrong = [];
  const expect = (what, actual, expected) => {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
      wrong.push(`${what} ${JSON.stringify(actual)}, Keras: ${JSON.stringify(expected)}`);
  };
  const layer = document.layers.find(({ address }) => address === `case_${i}`);
  if (!layer) return ['the layer is missing'];
  expect(
    'shapes',
    layer.calls[0].outputs.map(({ shape }) => shape),
    item.outputShapes,
  );
  expect('parameters', layer.params, {
    total: item.params,
    trainable: item.trainable,
    nonTrainable: item.nonTrainable,
  });
  expect(
    'weights',
    layer.weights.map(({ shape }) => shape),
    item.weights.map(({ shape }) => shape),
  );
  return wrong;
}

function compareOutputs({ outputs }, item, i, result) {
  (item.outputs ?? []).forEach((fact, j) => {
    const address = j === 0 ? `case_${i}` : `case_${i}:${j}`;
    const output = outputs.find((candidate) => candidate.address === address);
    if (!output) {
      result.wrong.push(`output ${j} is missing`);
      return;
    }
    if (JSON.stringify(output.shape) !== JSON.stringify(fact.shape)) {
      result.wrong.push(
        `output ${j} has the shape ${JSON.stringify(output.shape)}, Keras: ${JSON.stringify(fact.shape)}`,
      );
      return;
    }
    const expected = (fact.values ?? fact.first ?? []).map(Number);
    const actual = output.values.map((value) => (typeof value === 'string' ? Number(value) : Number(value)));
    const limit = tolerance(item) * Math.max(1, largestOf(expected));
    const difference = largestDifference(expected.slice(0, 1000), actual);
    result.difference = Math.max(result.difference ?? 0, difference);
    if (!(difference <= limit)) result.wrong.push(`output ${j} differs by ${difference}`);
  });
}

function tolerance({ config }) {
  const policy = JSON.stringify(config.dtype ?? '');
  return /bfloat16/.test(policy) ? 5e-2 : /float16/.test(policy) ? 1e-2 : 1e-4;
}
