/** Every model in every format: opened, compared with what Keras says, run, compared again. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { largestDifference, largestOf, noise, readNpz, sizeOf, writeNpy } from './arrays.mjs';

/** What the product does not do yet; everything else that ends a command is wrong. */
const NOT_YET = new Set(['unsupported', 'not-runnable', 'weights-only']);
/** Formats that hold weights and no model. */
const WEIGHTS_ONLY = /weights/;

/** Canonical addresses escape what the goldens write as it is. */
const plain = (address) => address.replace(/\\(.)/gs, '$1');

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export function modelTasks(fixtures, manifest) {
  const models = manifest.fixtures.flatMap(({ name, formats }) =>
    Object.entries(formats).flatMap(([format, facts]) => {
      if (facts.error || !facts.files) return [];
      const files = facts.files.filter((file) => !file.endsWith('.bin'));
      const file = files.find((candidate) => candidate.endsWith('model.json')) ?? files[0];
      return [
        {
          name,
          format,
          folder: path.join(fixtures, name),
          file: path.join(fixtures, name, file),
          golden: facts.golden && path.join(fixtures, name, facts.golden),
          // Keras itself finds no weights in it, nor a shape
          unbuilt: facts.reload === 'no weights in the file',
        },
      ];
    }),
  );
  const old = (manifest.oldVersions ?? []).map(({ file, golden, sameAddresses = true }) => ({
    sameAddresses,
    name: file,
    format: 'old-versions',
    folder: path.join(fixtures, path.dirname(golden)),
    file: path.join(fixtures, 'old-versions', file),
    golden: path.join(fixtures, golden),
  }));
  return [...models, ...old];
}

/** @returns a row: `opened`, `exact` (shapes and parameters), `difference` against `limit`, `wrong` (a list), `notYet` (a reason) */
export async function checkModel(cli, task) {
  const row = {
    model: task.name,
    format: task.format,
    opened: false,
    exact: null,
    difference: null,
    limit: null,
    compared: 0,
    unknown: 0,
    wrong: [],
    notYet: null,
  };
  if (!existsSync(task.file)) return { ...row, notYet: 'the file is not in this folder' };
  const inspected = await cli.run(['inspect', task.file, '--json']);
  const code = inspected.json?.error?.code;
  if (inspected.code !== 0) {
    if (code === 'not-a-model' && WEIGHTS_ONLY.test(task.format)) row.notYet = 'weights without a model';
    else if (NOT_YET.has(code)) row.notYet = `${code}: ${reasonOf(task.file, inspected.json.error)}`;
    else row.wrong.push(`inspect: ${inspected.stderr.trim().slice(0, 300)}`);
    return row;
  }
  row.opened = true;
  if (task.unbuilt) return { ...row, notYet: 'a model that was never built: there is nothing to compare' };
  if (!task.golden || !existsSync(task.golden)) return row;
  const golden = JSON.parse(readFileSync(task.golden, 'utf8'));
  const graph = inspected.json.format === 'graph-model';
  if (!graph) compareStructure(inspected.json, golden, row, task.sameAddresses ?? true);
  row.exact = !graph && row.wrong.length === 0 && row.unknown === 0;
  if (row.unknown > 0) row.notYet = 'shapes behind a class that is not known';
  if (golden.graph === false)
    return { ...row, notYet: 'a Python class, whose file does not say how it calls its layers' };
  await compareActivations(cli, task, inspected.json, golden, row, graph);
  return row;
}

/** What is null on our side taken from Keras's. */
function known(actual, expected) {
  if (actual === null) return expected;
  return Array.isArray(actual) && Array.isArray(expected) ? actual.map((item, i) => known(item, expected[i])) : actual;
}

function reasonOf(file, { message }) {
  return message.replaceAll(path.basename(file), 'the file').slice(0, 120);
}

/** @param sameAddresses false where an older Keras makes other graph nodes of the same code: then only what both have. */
function compareStructure(document, golden, row, sameAddresses) {
  const found = new Map(document.layers.map((layer) => [plain(layer.address), layer]));
  const wrong = (text) => row.wrong.push(text);
  // a class that nobody knows makes the shapes behind it unknown, which is right as long as it is said
  const excused = document.problems.some(({ code }) => code === 'unknown-class' || code === 'holds-code');
  const expectSame = (what, actual, expected) => {
    if (excused && same(known(actual, expected), expected)) row.unknown += same(actual, expected) ? 0 : 1;
    else if (!same(actual, expected)) wrong(`${what}: ${JSON.stringify(actual)}, Keras: ${JSON.stringify(expected)}`);
  };
  for (const layer of golden.layers) {
    const own = found.get(layer.address);
    if (!own) {
      // an InputLayer that the file leaves out has no row in some formats
      if (layer.class !== 'InputLayer' && sameAddresses) wrong(`${layer.address} is missing`);
      continue;
    }
    const { address } = layer;
    expectSame(`${address} parameters`, own.params, {
      total: layer.params,
      trainable: layer.trainable,
      nonTrainable: layer.nonTrainable,
    });
    expectSame(`${address} is a layer`, own.isLayer, layer.isLayer);
    // how a Python class calls its layers is in no file, nor what those are that only their weights tell of
    if (golden.graph === false) continue;
    expectSame(`${address} class`, own.class.replace(/^.*>/, ''), layer.class.replace(/^.*>/, ''));
    expectSame(
      `${address} output shapes`,
      own.calls.map(({ outputs }) => outputs.map(({ shape }) => shape)),
      layer.calls.map(({ outputShapes }) => outputShapes),
    );
    if (!sameAddresses) continue;
    expectSame(
      `${address} inputs`,
      own.calls.map(({ inputs }) => inputs.map(plain)),
      layer.calls.map(({ inputs }) => inputs),
    );
    if (layer.weights.length > 0) {
      expectSame(
        `${address} weight shapes`,
        own.weights.map(({ shape }) => shape),
        layer.weights.map(({ shape }) => shape),
      );
    }
  }
  const expected = new Set(golden.layers.map(({ address }) => address));
  for (const [address, layer] of found)
    if (sameAddresses && golden.graph !== false && !expected.has(address) && layer.class !== 'InputLayer')
      wrong(`${address} is not in the model`);
  const { params, trainable, nonTrainable } = document.totals;
  expectSame('totals', { params, trainable, nonTrainable }, golden.totals);
  if (golden.graph === false) return;
  expectSame(
    'inputs',
    document.inputs.map(({ shape }) => shape),
    golden.inputs.map(({ shape }) => shape),
  );
  expectSame(
    'outputs',
    document.outputs.map(({ address, shape }) => [plain(address), shape]),
    golden.outputs.map(({ tensor, shape }) => [tensor, shape]),
  );
}

async function compareActivations(cli, task, document, golden, row, graph) {
  const temporary = mkdtempSync(path.join(tmpdir(), 'conformance-'));
  try {
    const out = path.join(temporary, 'activations.npz');
    const inputs = exampleFiles(task.folder, golden, temporary).flatMap(({ name, path: file }, i) => {
      const input = document.inputs.find((one) => one.name === name) ?? document.inputs[i];
      return input ? ['--input', `${input.name}=${file}`] : [];
    });
    const custom = path.join(task.folder, 'custom-layers.js');
    const ran = await cli.run([
      'run',
      task.file,
      '--json',
      '--all',
      '--out',
      out,
      ...inputs,
      ...(existsSync(custom) ? ['--custom-layers', custom] : []),
    ]);
    if (ran.code !== 0) {
      const error = ran.json?.error;
      if (NOT_YET.has(error?.code)) row.notYet = `run: ${error.message}`.slice(0, 160);
      else row.wrong.push(`run: ${ran.stderr.trim().slice(0, 300)}`);
      return;
    }
    const actual = new Map([...readNpz(readFileSync(out))].map(([address, array]) => [plain(address), array]));
    const archive = task.golden.replace(/golden(.*)\.json$/, 'activations$1.npz');
    const arrays = existsSync(archive) ? readNpz(readFileSync(archive)) : new Map();
    const addresses = graph ? golden.outputs.map(({ tensor }) => tensor) : Object.keys(golden.activations);
    let worst = { ratio: -1 };
    for (const address of addresses) {
      const fact = golden.activations[address];
      if (!fact) continue;
      const expected = arrays.get(fact.npz)?.values ?? fact.first;
      if (!expected) continue;
      const array = graph ? nearestOutput(ran.json, fact, expected) : actual.get(address);
      if (!array) {
        if (task.sameAddresses === false) continue;
        if (!graph || !fact.shape) row.wrong.push(`${address} has no activation`);
        continue;
      }
      if (!same(array.shape, fact.shape)) {
        row.wrong.push(`${address} has the shape ${JSON.stringify(array.shape)}, Keras: ${JSON.stringify(fact.shape)}`);
        continue;
      }
      const largest = Math.max(1, Math.abs(fact.min ?? 0), Math.abs(fact.max ?? 0), largestOf(Array.from(expected)));
      const limit = tolerance(task) * largest;
      const difference = largestDifference(expected, array.values);
      row.compared += 1;
      const ratio = Number.isNaN(difference) ? Infinity : difference / limit;
      if (ratio > worst.ratio) worst = { ratio, difference, limit };
      if (!(difference <= limit)) row.wrong.push(`${address} differs by ${difference}, ${limit} is allowed`);
    }
    row.difference = worst.difference ?? null;
    row.limit = worst.limit ?? null;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Graph-models name and order their outputs in their own way: the one of that shape that fits best. */
function nearestOutput({ outputs }, { shape }, expected) {
  const candidates = outputs.filter(
    (output) => same(output.shape, shape) && output.values.length >= Math.min(expected.length, 1000),
  );
  const [best] = candidates.sort(
    (a, b) =>
      largestDifference(expected.slice(0, 1000), a.values) - largestDifference(expected.slice(0, 1000), b.values),
  );
  return best;
}

/** The inputs that Keras ran on, as files: those of the fixture, else made into `temporary`. */
export function exampleFiles(folder, golden, temporary) {
  return golden.example.map((example, i) => ({
    name: example.layer,
    path: inputFile(folder, example, temporary, i),
  }));
}

function inputFile(folder, { file, shape, dtype, noise: recipe }, temporary, i) {
  if (file && existsSync(path.join(folder, file))) return path.join(folder, file);
  const integer = dtype.startsWith('int');
  const values = Array.from({ length: sizeOf(shape) }, (_, at) => {
    const value = (noise(recipe.seed, at) + 0.5) * (recipe.high - recipe.low) + recipe.low;
    return integer ? Math.floor(value) : value;
  });
  const target = path.join(temporary, `input-${i}.npy`);
  writeFileSync(target, writeNpy(values, shape, integer));
  return target;
}

/** DESIGN: equal against Keras; what is quantized loses what its steps lose. */
function tolerance({ name, format }) {
  if (/bfloat16/.test(name)) return 5e-2;
  if (/uint8/.test(format)) return 5e-2;
  if (/mixed-precision|int8/.test(name) || /float16|uint16/.test(format)) return 1e-2;
  return 1e-4;
}
