// Everything that must hold: types, lint, architecture, unit and engine tests, the suite in a real VS Code, conformance.
// Installs what it needs. usage: npm test [-- STAGE…]   (names as in the output)
// Static imports of Node's own modules only: a fresh clone has no others.
import './requireNode.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { ensurePackages } from './ensurePackages.mjs';
import { at, cache, root } from './repository.mjs';
import { capture, runStages } from './stages.mjs';

const began = Date.now();
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
await ensurePackages();

const node = (script, ...args) => capture(process.execPath, [at(script), ...args]);
const tool = (file, ...args) => node(`node_modules/${file}`, ...args);
/** One check: it holds or it does not. */
const check = async (work) => {
  const { code, output } = await work;
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1, output };
};
/** A program whose last line of this form is its count. */
const counted = async (work) => {
  const { code, output } = await work;
  const counts = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, .*)?$/gm)].at(-1);
  const passed = Number(counts?.[1] ?? 0);
  const failed = Number(counts?.[2] ?? 0);
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, output };
};

const stages = [
  {
    name: 'vscode',
    run: async () => {
      const { ensureChromium } = await import('./vscode/chromium.mjs');
      // The tests of the webview look for it there.
      process.env.CHROMIUM_PATH = ensureChromium();
      return setUp(node('scripts/vscode/install.mjs'));
    },
  },
  { name: 'build', run: () => check(node('esbuild.mjs', '--tests')) },
  { name: 'types', run: () => check(node('scripts/typecheck.mjs')) },
  { name: 'models', run: models },
  { name: 'native', run: native },
  { name: 'lint', run: () => check(tool('eslint/bin/eslint.js', '.', '--max-warnings', '0')) },
  { name: 'format', run: () => check(tool('prettier/bin/prettier.cjs', '--check', '.', '--log-level', 'warn')) },
  {
    name: 'architecture',
    run: () =>
      check(
        tool('dependency-cruiser/bin/dependency-cruise.mjs', 'src', 'webview', '--config', '.dependency-cruiser.cjs'),
      ),
  },
  { name: 'unused', run: () => check(tool('knip/bin/knip.js')) },
  { name: 'unit', needs: ['build', 'vscode', 'models', 'native'], alone: true, run: unit },
  {
    name: 'editor',
    needs: ['build', 'vscode', 'models', 'native'],
    run: async () => {
      const result = await counted(node('scripts/vscode/runSuite.mjs', '--no-build'));
      const again = [...result.output.matchAll(/^tried again: (.*)$/gm)].map(([, title]) => title);
      const note = again.length > 0 ? `TRIED AGAIN: ${again.join('; ')}` : undefined;
      return { ...result, output: failuresOfMocha(result.output), note };
    },
  },
  {
    name: 'restricted',
    needs: ['build', 'vscode', 'models', 'editor'],
    run: async () => {
      const result = await counted(node('scripts/vscode/runSuite.mjs', '--no-build', '--restricted'));
      return { ...result, output: failuresOfMocha(result.output) };
    },
  },
  { name: 'conformance', needs: ['build', 'models'], run: conformance },
  { name: 'recipes', needs: ['build'], run: pythonRecipes },
  { name: 'roundtrips', needs: ['build', 'recipes'], run: roundTrips },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`There is no stage ${unknown.join(', ')}. Stages: ${stages.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
const results = await runStages(wanted.length === 0 ? stages : withNeeds(wanted));
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
console.log(`\n${((Date.now() - began) / 1000).toFixed(0)} s in all`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exit(sum('failed') > 0 ? 1 : 0);

function withNeeds(names) {
  const all = new Set();
  const add = (name) => {
    all.add(name);
    for (const needed of stages.find((stage) => stage.name === name)?.needs ?? []) add(needed);
  };
  names.forEach(add);
  return stages.filter(({ name }) => all.has(name));
}

/** Setting up is no check of its own; only its failure counts. */
async function setUp(work) {
  const { code, output } = await work;
  return { passed: 0, failed: code === 0 ? 0 : 1, output, note: 'set up' };
}

/**
 * Every model and every bad file through the command line, and cuts at some tensors of each model. Single layers are the
 * unit tests', cuts at every tensor `npm run conformance`'s.
 */
async function conformance() {
  const { output } = await node(
    'scripts/conformance.mjs',
    '--json',
    '--skip',
    'coverage,variants,exports,roundtrips,recipes',
    '--sample',
    '3',
  );
  const report = JSON.parse(output);
  const rows = [...report.models, ...report.bad, ...report.applications, ...report.cuts];
  const wrong = rows.filter((row) => row.wrong.length > 0);
  const notYet = rows.filter((row) => (row.notYet ?? null) !== null);
  return {
    passed: rows.length - wrong.length - notYet.length,
    failed: wrong.length,
    output: wrong.map((row) => JSON.stringify(row).slice(0, 500)).join('\n'),
    note: notYet.length > 0 ? `${notYet.length} not supported yet` : undefined,
  };
}

/** A sample of the recipes in Python under real Keras; those in TypeScript are the unit tests'. */
async function pythonRecipes() {
  const { runPythonRecipes, wrongCells } = await import('./pythonRecipes.mjs');
  const report = await runPythonRecipes({ sample: true, jobs: 1 });
  if (report.missing) return { passed: 0, failed: 0, note: `NOT RUN: ${report.missing}` };
  const wrong = wrongCells(report);
  return {
    passed: report.cells.length - wrong.length,
    failed: wrong.length,
    output: wrong.map(({ text, trace }) => [text, trace].filter(Boolean).join('\n')).join('\n'),
    note: `Keras ${report.keras} (${report.backend})`,
  };
}

/** A few slices in Keras's own formats under real Keras; all of them are `npm run conformance`'s. */
async function roundTrips() {
  const { sampledTrips } = await import('../test/conformance/roundTrips.mjs');
  const rows = await sampledTrips();
  if (rows.missing) return { passed: 0, failed: 0, note: `NOT RUN: ${rows.missing}` };
  const wrong = rows.filter((row) => row.wrong.length > 0);
  return {
    passed: rows.length - wrong.length,
    failed: wrong.length,
    output: wrong.map(({ trip, format, wrong: texts }) => `${trip} as ${format}: ${texts.join('; ')}`).join('\n'),
  };
}

/** Without a network the tests that need these models say so by name. */
async function models() {
  const { ensureRealModels } = await import('./realModels.mjs');
  const missing = await ensureRealModels();
  return { passed: 0, failed: 0, note: missing.length > 0 ? `NOT FETCHED: ${missing.join(', ')}` : 'fetched' };
}

/** The native TensorFlow that the tests of its backend need; without it they are skipped, each saying why. */
async function native() {
  const { ensureNativeMirror } = await import('./nativeTensorflow.mjs');
  const { missing } = await ensureNativeMirror();
  return { passed: 0, failed: 0, note: missing ? `NOT MADE: ${missing}` : 'made' };
}

/** Mocha lists what failed behind all that passed; without that list, as when the suite did not end, the text is kept. */
function failuresOfMocha(output) {
  const at = output.search(/^ +\d+ failing$/m);
  return at < 0 ? output : output.slice(at);
}

async function unit() {
  const report = path.join(cache, 'test-unit.json');
  fs.rmSync(report, { force: true });
  const { code, output } = await tool(
    'vitest/vitest.mjs',
    'run',
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${report}`,
  );
  if (!fs.existsSync(report)) return { passed: 0, failed: 1, output };
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    testResults,
  } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const named = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'skipped' || status === 'pending'),
  );
  const note =
    skipped > 0
      ? `skipped: ${named
          .map(({ title }) => title)
          .join('; ')
          .slice(0, 400)}`
      : undefined;
  return {
    passed,
    failed: code !== 0 && failed === 0 ? 1 : failed,
    output: failures(testResults) || output.slice(-4000),
    note,
  };
}

/** What failed and why, file by file: also files that could not be loaded. */
function failures(testResults) {
  const lines = [];
  for (const { name, status, message, assertionResults } of testResults) {
    const failed = assertionResults.filter((result) => result.status === 'failed');
    if (status !== 'failed') continue;
    lines.push(path.relative(root, name));
    if (failed.length === 0) lines.push(`  ${message}`);
    for (const { fullName, failureMessages } of failed) {
      lines.push(`  ${fullName}`, `    ${failureMessages.join('\n').slice(0, 1500)}`);
    }
  }
  return lines.join('\n');
}
