// Runs the Python recipes that are offered for the fixtures' models under real Keras 3, and prints the matrix.
// usage: node scripts/pythonRecipes.mjs [--only TEXT] [--recipe ID] [--sample] [--jobs 2] [--json]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { importTypeScript } from './importTypeScript.mjs';
import { ensurePython } from './pythonEnvironment.mjs';
import { at, cache, isMain } from './repository.mjs';

/** Models of every kind that load fast. */
const SAMPLE_MODELS = [
  'digits-cnn',
  'frozen-layers',
  'nested-three-deep',
  'residual-block',
  'siamese',
  'stateful-rnn',
  'text-lstm',
  'tutorial-custom-layer',
  'two-inputs-two-outputs',
];
/** Cells of each recipe in a sample. */
const SAMPLE = 3;

/** Returns `{ missing }`, or the cells with what came of them: `wrong` is null where all is right, undefined where it was not run. */
export async function runPythonRecipes({ only = null, recipe = null, sample = false, jobs = 2 } = {}) {
  const { python, missing } = await ensurePython();
  if (missing) return { missing };
  const { pythonCells } = await importTypeScript('test/python/cells.ts');
  const root = process.env.MODEL_SLICER_FIXTURES ?? at('test/fixtures');
  const folders = { fixtures: path.join(root, 'keras'), kerasFiles: at('test/python/models') };
  const cells = pythonCells(folders, only).filter((cell) => recipe === null || cell.recipe === recipe);
  const wanted = (sample ? sampled(cells) : cells).filter(({ why }) => why === null);
  const folder = fs.mkdtempSync(path.join(cache, 'python-recipes-'));
  try {
    const parts = divided(wanted, jobs);
    const reports = await Promise.all(parts.map((part, i) => runPart(python, folder, i, part)));
    const results = new Map(reports.flatMap(({ rows }, i) => rows.map((row) => [parts[i][row.cell], row])));
    const [{ keras, backend } = {}] = reports;
    return {
      keras,
      backend,
      golden: reports.reduce((sum, { golden }) => sum + golden, 0),
      cells: (sample ? wanted : cells).map((cell) => ({ ...cell, ...results.get(cell) })),
    };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** A few cells of each recipe, from different models. */
function sampled(cells) {
  const taken = [];
  for (const id of new Set(cells.map((cell) => cell.recipe))) {
    const own = cells.filter((cell) => cell.recipe === id && cell.why === null);
    const firstOf = SAMPLE_MODELS.flatMap((model) => own.find((cell) => cell.model === model) ?? []);
    // what training must leave alone shows where there is BatchNorm: in the second and third
    const start = id === 'layer-frozen' ? 0 : taken.length % Math.max(1, firstOf.length);
    taken.push(...[...firstOf.slice(start), ...firstOf.slice(0, start)].slice(0, SAMPLE));
  }
  return taken.sort((a, b) => (a.model < b.model ? -1 : 1));
}

/** Models stay together: each is loaded once. */
function divided(cells, jobs) {
  const models = grouped(cells);
  const parts = Array.from({ length: jobs }, () => []);
  for (const own of [...models.values()].sort((a, b) => b.length - a.length)) {
    const smallest = parts.reduce((least, part) => (part.length < least.length ? part : least));
    smallest.push(...own);
  }
  return parts.filter((part) => part.length > 0);
}

function grouped(cells) {
  const groups = new Map();
  for (const cell of cells) groups.set(cell.model, [...(groups.get(cell.model) ?? []), cell]);
  return groups;
}

async function runPart(python, folder, number, cells) {
  const file = path.join(folder, `cells-${number}.json`);
  const report = path.join(folder, `report-${number}.json`);
  fs.writeFileSync(file, JSON.stringify(cells));
  // `load-slice` runs the command that its code speaks of
  const env = { ...process.env, NODE: process.execPath, MODEL_SLICER: at('dist/cli.js') };
  const stdio = ['ignore', 'ignore', 'pipe'];
  const child = spawn(python, [at('test/python/run_cells.py'), file, report], { stdio, env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-3000)));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (!fs.existsSync(report)) throw new Error(`run_cells.py ended with ${code}: ${said}`);
  return JSON.parse(fs.readFileSync(report, 'utf8'));
}

/** Cells that were run and are wrong, each as a text. */
export function wrongCells({ cells }) {
  return cells
    .filter(({ wrong }) => typeof wrong === 'string')
    .map(({ model, recipe, cut, wrong, trace }) => ({
      text: `${model} ${recipe} ${JSON.stringify(cut)}: ${wrong}`,
      trace,
    }));
}

/** One line a model, one column a recipe: cells that ran right of those offered, `–` where none is. */
function matrix(cells, separator) {
  const ids = [...new Set(cells.map((cell) => cell.recipe))];
  const models = [...new Set(cells.map((cell) => cell.model))];
  const width = Math.max(...models.map((name) => name.length));
  const line = (name, columns) => [name.padEnd(width), ...columns].join(separator);
  const rows = models.map((model) =>
    line(
      model,
      ids.map((id) => {
        const own = cells.filter((cell) => cell.model === model && cell.recipe === id && cell.why === null);
        const right = own.filter((cell) => cell.wrong === null).length;
        return (own.length === 0 ? '–' : right === own.length ? `${right}` : `${right}/${own.length}!`).padStart(4);
      }),
    ),
  );
  return { ids, rows, width };
}

export function printPythonRecipes(report) {
  const { cells, golden, keras, backend } = report;
  const { ids, rows, width } = matrix(cells, ' ');
  ids.forEach((id, i) => console.log(`${''.padEnd(width)} ${'     '.repeat(i)}${id}`));
  for (const row of rows) console.log(row);
  const wrong = wrongCells(report);
  for (const { text, trace } of wrong) console.log(`WRONG ${text}${trace ? `\n${trace}` : ''}`);
  const offered = cells.filter((cell) => cell.why === null).length;
  console.log(
    `${offered} of ${cells.length} cells offered and run under Keras ${keras} (${backend}), ${golden} tensors compared with the goldens, ${wrong.length} wrong`,
  );
}

if (isMain(import.meta.url)) {
  const { values: options } = parseArgs({
    options: {
      only: { type: 'string' },
      recipe: { type: 'string' },
      sample: { type: 'boolean', default: false },
      jobs: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
    },
  });
  const { only = null, recipe = null, sample } = options;
  const report = await runPythonRecipes({ only, recipe, sample, jobs: Number(options.jobs) });
  if (report.missing) console.log(`SKIPPED: ${report.missing}`);
  else {
    if (options.json) console.log(JSON.stringify(report));
    else printPythonRecipes(report);
    process.exitCode = wrongCells(report).length > 0 ? 1 : 0;
  }
}
