// Every recipe in both languages for every model: TypeScript compiled strictly and run with plain TF.js, Python under Keras 3.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { printPythonRecipes, runPythonRecipes, wrongCells } from './pythonRecipes.mjs';
import { at } from './repository.mjs';
import { capture } from './stages.mjs';

/**
 * Returns `[{ recipes, cells, wrong, notYet }]`, one for each language.
 * `only`: models whose names have this in them.
 */
export async function checkRecipes({ only = null, jobs = 2, print = false } = {}) {
  return [await typescript(only), await python(only, jobs, print)];
}

/** The matrix is a test file: a row a test, all cells of it. */
async function typescript(only) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'recipes-'));
  try {
    const file = path.join(folder, 'report.json');
    const args = ['run', 'test/unit/core/codegen/recipeMatrix.test.ts', '--reporter=json', `--outputFile=${file}`];
    const env = { ...process.env, MODEL_SLICER_RECIPES: 'whole', MODEL_SLICER_RECIPES_ONLY: only ?? '' };
    const { output } = await capture(process.execPath, [at('node_modules/vitest/vitest.mjs'), ...args], { env });
    if (!fs.existsSync(file)) return { recipes: 'TypeScript', cells: 0, wrong: [output.slice(-2000)], notYet: null };
    const [{ assertionResults, message }] = JSON.parse(fs.readFileSync(file, 'utf8')).testResults;
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const wrong = failed.map(({ title, failureMessages }) => `${title}: ${failureMessages.join('\n').slice(0, 600)}`);
    // what does not compile shows when all rows are through
    if (message) wrong.push(message.slice(0, 2000));
    return { recipes: 'TypeScript', cells: assertionResults.length - failed.length, wrong, notYet: null };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function python(only, jobs, print) {
  const report = await runPythonRecipes({ only, jobs });
  if (report.missing) return { recipes: 'Python', cells: 0, wrong: [], notYet: report.missing };
  if (print) printPythonRecipes(report);
  const right = report.cells.filter(({ wrong }) => wrong === null).length;
  return { recipes: 'Python', cells: right, wrong: wrongCells(report).map(({ text }) => text), notYet: null };
}
