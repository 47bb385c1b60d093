// Runs every Python recipe that is offered for the fixtures' models under real Keras 3, and prints the matrix.
// usage: node scripts/pythonRecipes.mjs [--only TEXT] [--recipe ID] [--json] [--markdown]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { importTypeScript } from './importTypeScript.mjs';
import { ensurePython } from './pythonEnvironment.mjs';
import { at, cache, isMain } from './repository.mjs';

/** Returns `{ missing }`, or the cells with what came of them: `wrong` is null where all is right. */
export async function runPythonRecipes({ only = null, recipe = null } = {}) {
  const { python, missing } = await ensurePython();
  if (missing) return { missing };
  const { pythonCells } = await importTypeScript('test/python/cells.ts');
  const root = process.env.MODEL_SLICER_FIXTURES ?? at('test/fixtures');
  const folders = { fixtures: path.join(root, 'keras'), kerasFiles: at('test/python/models') };
  const cells = pythonCells(folders, only).filter((cell) => recipe === null || cell.recipe === recipe);
  const folder = path.join(cache, 'python-recipes');
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'cells.json');
  const report = path.join(folder, 'report.json');
  fs.writeFileSync(file, JSON.stringify(cells));
  fs.rmSync(report, { force: true });
  const { status, stderr } = spawnSync(python, [at('test/python/run_cells.py'), file, report], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (!fs.existsSync(report)) throw new Error(`run_cells.py ended with ${status}: ${stderr.slice(-3000)}`);
  const { rows, ...facts } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const results = new Map(rows.map((row) => [row.cell, row]));
  return { ...facts, cells: cells.map((cell, i) => ({ ...cell, ...results.get(i) })) };
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

function print({ cells, golden, keras, backend }) {
  const { ids, rows, width } = matrix(cells, ' ');
  ids.forEach((id, i) => console.log(`${''.padEnd(width)} ${'     '.repeat(i)}${id}`));
  for (const row of rows) console.log(row);
  const wrong = cells.filter((cell) => cell.why === null && cell.wrong !== null);
  for (const { model, recipe, cut, wrong: text, trace } of wrong)
    console.log(`WRONG ${model} ${recipe} ${JSON.stringify(cut)}\n    ${text}${trace ? `\n${trace}` : ''}`);
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
      json: { type: 'boolean', default: false },
    },
  });
  const report = await runPythonRecipes({ only: options.only ?? null, recipe: options.recipe ?? null });
  if (report.missing) console.log(`SKIPPED: ${report.missing}`);
  else {
    if (options.json) console.log(JSON.stringify(report));
    else print(report);
    process.exitCode = report.cells.some((cell) => cell.why === null && cell.wrong !== null) ? 1 : 0;
  }
}
