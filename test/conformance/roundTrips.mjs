// Slices of every model in Keras's own formats, loaded and run by real Keras 3.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { ensurePython } from '../../scripts/pythonEnvironment.mjs';
import { at, cache } from '../../scripts/repository.mjs';
import { writeExportTasks } from './layerCoverage.mjs';
import { exampleFiles, modelTasks } from './models.mjs';

/** DESIGN §5, for a largest value of 1. */
const TOLERANCES = { 'mixed-precision': 1e-2, bfloat16: 5e-2 };
const TOLERANCE = 1e-4;

/** A Python of one's own may have another Keras: CONTRIBUTING tells of Keras 2. */
async function ensureKeras() {
  const python = process.env.MODEL_SLICER_PYTHON;
  return python === undefined ? ensurePython() : { python };
}

/** Whole models of layers that are there. */
export function isTripFile({ file, format }) {
  return /\.(json|keras|h5)$/.test(file) && !/weights|graph/.test(format) && fs.existsSync(file);
}

/**
 * @param tasks of `modelTasks`. `tensors`: of how many of a model's tensors what leads to them is cut out.
 * @returns a row for each slice: `declared` (why there is no file, or who cannot read it), `right`, `wrong`; or `{ missing }`.
 */
export async function checkRoundTrips(tasks, { engine, jobs = 2, tensors = 3 }) {
  const { python, missing } = await ensureKeras();
  if (missing) return { missing };
  const { writeRoundTrips } = await importTypeScript('test/conformance/roundTrips.ts');
  const folder = fs.mkdtempSync(path.join(cache, 'round-trips-'));
  try {
    const rows = [];
    const waiting = tasks.map((task, i) => ({ ...task, temporary: path.join(folder, String(i)) }));
    const work = async () => {
      for (let task = waiting.shift(); task; task = waiting.shift()) {
        fs.mkdirSync(task.temporary);
        rows.push(...(await written(writeRoundTrips, engine, tensors, task)));
      }
    };
    await Promise.all(Array.from({ length: jobs }, work));
    await askKeras(python, folder, rows, jobs);
    return rows.sort((a, b) => (a.trip < b.trip ? -1 : 1));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function written(writeRoundTrips, engine, tensors, { name, format, folder, file, golden, temporary }) {
  const hasGolden = golden && fs.existsSync(golden);
  const inputs = hasGolden ? exampleFiles(folder, JSON.parse(fs.readFileSync(golden, 'utf8')), temporary) : [];
  const custom = path.join(folder ?? path.dirname(file), 'custom-layers.js');
  const customLayers = fs.existsSync(custom) ? [custom] : undefined;
  const tolerance = TOLERANCES[name] ?? TOLERANCE;
  try {
    const task = {
      engine,
      name,
      file,
      inputs,
      folder: temporary,
      tolerance,
      tensors,
      ...(customLayers ? { customLayers } : {}),
    };
    const { rows, notYet } = await writeRoundTrips(task);
    const from = `${name} ${format}`;
    if (notYet !== null)
      return [{ trip: from, format: '', right: false, declared: null, notYet, wrong: [], job: null }];
    return rows.map((row) => ({
      ...row,
      from: format,
      trip: `${from} ${row.id.slice(name.length + 1)}`,
      right: false,
      notYet: null,
    }));
  } catch (error) {
    return [
      {
        trip: `${name} ${format}`,
        format: '',
        right: false,
        declared: null,
        notYet: null,
        wrong: [String(error.stack ?? error)],
        job: null,
      },
    ];
  }
}

/** Models of every kind, each in one of the formats that it comes in: all pairs of formats are among them. */
const SAMPLE = [
  ['digits-cnn', 'tfjs-keras2-h5'],
  ['frozen-layers', 'keras2-h5'],
  ['nested-three-deep', 'keras'],
  ['residual-block', 'keras3-h5'],
  ['text-lstm', 'keras'],
];

/** For `npm test`: of each sampled model the whole and one slice, in both formats. */
export async function sampledTrips() {
  const fixtures = path.join(process.env.MODEL_SLICER_FIXTURES ?? at('test/fixtures'), 'keras');
  const manifest = JSON.parse(fs.readFileSync(path.join(fixtures, 'manifest.json'), 'utf8'));
  const tasks = modelTasks(fixtures, manifest).filter(({ name, format }) =>
    SAMPLE.some(([model, from]) => name === model && format === from),
  );
  return checkRoundTrips(tasks, { engine: at('dist/engine.js'), jobs: 1, tensors: 1 });
}

/**
 * The same for layers one by one.
 * @param files coverage files, parsed.
 */
export async function checkLayerTrips(files, { jobs = 2 } = {}) {
  const { python, missing } = await ensureKeras();
  if (missing) return { missing };
  const { writeLayerTrips } = await importTypeScript('test/conformance/layerTrips.ts');
  const rows = [];
  for (const file of files) {
    const folder = fs.mkdtempSync(path.join(cache, 'layer-trips-'));
    try {
      const written = await writeLayerTrips(writeExportTasks(folder, file), folder);
      const from = `layers of Keras ${String(file.keras).split(' ').at(-1)}`;
      const own = written.map((row) => ({ ...row, from, right: false, notYet: null }));
      await askKeras(python, folder, own, jobs);
      rows.push(...own);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }
  return rows;
}

/** All files of one model go to one process; each process gets many. */
async function askKeras(python, folder, rows, jobs) {
  const asked = rows.filter(({ job }) => job !== null);
  const parts = Array.from({ length: jobs }, (_, i) => asked.filter((_row, at) => at % jobs === i));
  await Promise.all(
    parts.map(async (part, i) => {
      if (part.length === 0) return;
      const [question, answer] = [path.join(folder, `asked-${i}.json`), path.join(folder, `answers-${i}.json`)];
      fs.writeFileSync(question, JSON.stringify(part.map(({ job }) => job)));
      const said = await run(python, [at('test/conformance/roundTrips.py'), question, answer]);
      if (!fs.existsSync(answer)) throw new Error(`roundTrips.py: ${said}`);
      const { keras, answers } = JSON.parse(fs.readFileSync(answer, 'utf8'));
      part.forEach((row, at) => judge(row, keras, answers[at]));
    }),
  );
}

/** What real Keras, on the backend that runs here, cannot run whoever has written it. */
const KERAS_ITSELF = [
  [/Layer \w+ requires TensorFlow/, 'Keras without TensorFlow does not have the layer'],
  [/RandomShear[^]*The `factor` argument should be/, 'Keras refuses the factor that its own RandomShear writes'],
  [/MultiHeadAttention\.call\(\)[^]*cannot reshape/, 'Keras on JAX cannot run a value_dim that is not the key_dim'],
];

function judge(row, keras, { skipped = false, loads, wrong = [], worst = null }) {
  if (skipped) {
    row.declared = 'not for this Keras';
    return;
  }
  const known = KERAS_ITSELF.find(([text]) => [...wrong, loads ?? ''].some((item) => text.test(item)));
  if (known) {
    row.declared = known[1];
    return;
  }
  if (loads !== undefined && row.job.mayFail && keras.startsWith('3.'))
    row.declared = row.notes.find((note) => note.startsWith('Only Keras 2'));
  else if (loads !== undefined) row.wrong.push(`Keras: ${loads}`);
  row.wrong.push(...wrong);
  row.worst = worst;
  row.right = row.wrong.length === 0 && row.declared === null;
}

function run(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-3000)));
  return new Promise((resolve, reject) => child.on('error', reject).on('close', () => resolve(said)));
}
