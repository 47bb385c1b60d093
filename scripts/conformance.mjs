// Checks any folder laid out like test/fixtures/keras through the command line, and prints what is right, wrong and missing.
// usage: npm run conformance -- [--fixtures DIR] [--only TEXT] [--skip models,bad,applications,coverage,variants,exports,cuts,roundtrips,recipes] [--sample N] [--jobs 2] [--json]
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkApplication } from '../test/conformance/applications.mjs';
import { hostileFiles } from '../test/conformance/hostileFiles.mjs';
import { checkBadFile, slowFiles, unreadFormats } from '../test/conformance/badFiles.mjs';
import { Cli } from '../test/conformance/cli.mjs';
import { checkCases, checkCoverage, writeExportTasks } from '../test/conformance/layerCoverage.mjs';
import { layerVariants } from '../test/conformance/layerVariants.mjs';
import { checkModel, exampleFiles, modelTasks } from '../test/conformance/models.mjs';
import { checkLayerTrips, checkRoundTrips, isTripFile } from '../test/conformance/roundTrips.mjs';
import { importTypeScript } from './importTypeScript.mjs';
import { ensureRealModels, realModels } from './realModels.mjs';
import { checkRecipes } from './recipeConformance.mjs';
import { at } from './repository.mjs';

const { values: options } = parseArgs({
  options: {
    fixtures: { type: 'string', default: at('test/fixtures/keras') },
    cli: { type: 'string', default: at('dist/cli.js') },
    only: { type: 'string' },
    skip: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    engine: { type: 'string', default: at('dist/engine.js') },
    sample: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const fixtures = path.resolve(options.fixtures);
const skip = new Set(options.skip.split(','));
if (!fs.existsSync(options.cli)) {
  console.error(`conformance: ${options.cli} is not there: npm run build`);
  process.exit(2);
}
const manifest = JSON.parse(fs.readFileSync(path.join(fixtures, 'manifest.json'), 'utf8'));
const cli = new Cli(options.cli, Number(options.jobs));
const wanted = (name) => options.only === undefined || name.includes(options.only);
const all = (items, check) => Promise.all(items.map(check));

const report = {
  fixtures,
  models: [],
  bad: [],
  applications: [],
  coverage: [],
  variants: [],
  exports: [],
  cuts: [],
  roundTrips: [],
  recipes: [],
};
const started = Date.now();
if (!skip.has('models')) {
  const tasks = modelTasks(fixtures, manifest).filter(({ name, format }) => wanted(`${name} ${format}`));
  report.models = await all(tasks, (task) => checkModel(cli, task));
}
if (!skip.has('bad') && manifest.bad) {
  const unread = await unreadFormats(cli, fixtures);
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-hostile-'));
  try {
    const cases = [...manifest.bad.cases, ...hostileFiles(fixtures, made)].filter(({ name }) => wanted(name));
    report.bad = await all(cases, (item) => checkBadFile(cli, fixtures, item, unread));
  } finally {
    fs.rmSync(made, { recursive: true, force: true });
  }
}
if (!skip.has('applications') && manifest.applications) {
  const { models } = JSON.parse(fs.readFileSync(path.join(fixtures, manifest.applications.file), 'utf8'));
  report.applications = await all(
    models.filter(({ name }) => wanted(name)),
    (item) => checkApplication(cli, fixtures, item),
  );
}
if (!skip.has('coverage') && manifest.layerCoverage && options.only === undefined) {
  const files = manifest.layerCoverage.files.filter((file) => fs.existsSync(path.join(fixtures, file)));
  const rows = await all(files, async (file) =>
    (await checkCoverage(cli, fixtures, file)).map((row) => ({ file, ...row })),
  );
  report.coverage = rows.flat();
}
if (!skip.has('variants') && options.only === undefined) report.variants = await variants();
if (!skip.has('exports') && manifest.layerCoverage && options.only === undefined) report.exports = await layerExports();
if (!skip.has('cuts')) report.cuts = await cutEverywhere();
if (!skip.has('roundtrips')) report.roundTrips = await roundTrips();
if (!skip.has('recipes')) {
  if (path.basename(fixtures) === 'keras') process.env.MODEL_SLICER_FIXTURES = path.dirname(fixtures);
  const { only = null, json, jobs } = options;
  report.recipes = await checkRecipes({ only, jobs: Number(jobs), print: !json });
}
const failures = [
  ...report.models,
  ...report.bad,
  ...report.applications,
  ...report.coverage,
  ...report.variants,
  ...report.exports,
  ...report.cuts,
  ...report.roundTrips,
  ...report.recipes,
].filter(({ wrong }) => wrong.length > 0);
report.seconds = Math.round((Date.now() - started) / 1000);
report.wrong = failures.length;

if (options.json) console.log(JSON.stringify(report));
else print();
process.exitCode = failures.length > 0 ? 1 : 0;

/** Argument variants of the layers, by the Keras that the recipes in Python use. */
async function variants() {
  const file = await layerVariants();
  if (file.missing) return [{ case: 'layer variants', class: '', wrong: [], notYet: file.missing }];
  return checkCases(cli, file);
}

/** Each layer of the coverage files and of the variants, saved as a layers-model and loaded by plain TF.js. */
async function layerExports() {
  const { checkExports } = await importTypeScript('test/conformance/layerExports.ts');
  const files = manifest.layerCoverage.files
    .map((file) => path.join(fixtures, file))
    .filter((file) => fs.existsSync(file))
    .map((file) => JSON.parse(fs.readFileSync(file, 'utf8')));
  const more = skip.has('variants') ? { missing: 'skipped' } : await layerVariants();
  const rows = [];
  for (const file of more.missing ? files : [...files, more]) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-exports-'));
    try {
      const tasks = writeExportTasks(folder, file);
      rows.push(...(await checkExports(tasks, at('test/engine/plainTfjs/loadSaved.mjs'), folder)));
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }
  return rows;
}

/** Prefix and suffix at every tensor (or at `--sample` of each model) of every model that runs, and of a real one. */
async function cutEverywhere() {
  const { checkCuts } = await importTypeScript('test/conformance/cuts.ts');
  const sample = options.sample === undefined ? null : Number(options.sample);
  const isModel = ({ file, format }) =>
    /\.(json|keras|h5)$/.test(file) && !/^keras.*-weights/.test(format) && fs.existsSync(file);
  const tasks = modelTasks(fixtures, manifest).filter(isModel);
  const missing = await ensureRealModels();
  if (!missing.includes('mobilenetV2'))
    tasks.push({ name: 'mobilenet_v2', format: 'layers-model', file: realModels.mobilenetV2, golden: null });
  const waiting = tasks.filter(({ name, format }) => wanted(`${name} ${format}`));
  const rows = [];
  const work = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) rows.push(await cutModel(checkCuts, task, sample));
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, work));
  return rows;
}

/** Slices of every model in Keras's formats, under real Keras. */
async function roundTrips() {
  const tasks = modelTasks(fixtures, manifest).filter(
    (task) => isTripFile(task) && wanted(`${task.name} ${task.format}`),
  );
  const rows = await checkRoundTrips(tasks, { engine: options.engine, jobs: Number(options.jobs) });
  if (rows.missing) return [{ trip: 'round trips', right: false, declared: null, notYet: rows.missing, wrong: [] }];
  if (!manifest.layerCoverage || options.only !== undefined) return rows;
  const files = manifest.layerCoverage.files
    .map((file) => path.join(fixtures, file))
    .filter((file) => fs.existsSync(file))
    .map((file) => JSON.parse(fs.readFileSync(file, 'utf8')));
  return [...rows, ...(await checkLayerTrips(files, { jobs: Number(options.jobs) }))];
}

async function cutModel(checkCuts, { name, format, folder, file, golden }, sample) {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-'));
  try {
    const hasGolden = golden && fs.existsSync(golden);
    const inputs = hasGolden ? exampleFiles(folder, JSON.parse(fs.readFileSync(golden, 'utf8')), temporary) : [];
    const custom = path.join(folder ?? path.dirname(file), 'custom-layers.js');
    const customLayers = fs.existsSync(custom) ? [custom] : undefined;
    const row = await checkCuts({ engine: options.engine, file, customLayers, inputs, sample });
    return { cut: name, format, ...row };
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

function recipeText({ recipes, cells, notYet }) {
  const what = recipes === 'Python' ? 'cells of recipes in Python' : 'rows of recipes in TypeScript';
  return notYet === null ? `${cells} ${what} right; ` : `${what} not run (${notYet}); `;
}

function printCuts() {
  console.log(
    'Cut at every tensor:                                         prefixes          suffixes (widened)   parts = whole',
  );
  for (const { cut, format, tensors, prefixes, suffixes, chains, notYet, wrong } of report.cuts) {
    if (notYet !== null) continue;
    const of = ({ equal }) => `${equal} of ${tensors}`;
    const mark = wrong.length > 0 ? 'WRONG' : '';
    console.log(
      `${cut.padEnd(36)}${format.padEnd(24)}${of(prefixes).padEnd(18)}${`${of(suffixes)} (${suffixes.widened})`.padEnd(21)}${chains} ${mark}`,
    );
    for (const [side, { refused }] of Object.entries({ prefix: prefixes, suffix: suffixes }))
      for (const [code, addresses] of Object.entries(refused))
        console.log(`      ${side}es refused, ${code}: ${addresses.join(', ').slice(0, 200)}`);
  }
  console.log();
}

function printRoundTrips() {
  console.log('Slices in Keras’s formats, by what they come from:     right   declared   wrong');
  const groups = new Map();
  for (const row of report.roundTrips) {
    const key = `${row.from ?? ''} → ${row.format}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const count = (rows, is) => String(rows.filter(is).length).padStart(8);
  for (const [name, rows] of [...groups].sort())
    console.log(
      `${name.padEnd(50)}${count(rows, ({ right }) => right)}${count(rows, ({ declared }) => declared !== null)}   ${count(rows, ({ wrong }) => wrong.length > 0)}`,
    );
  const reasons = new Map();
  for (const { declared, format, trip } of report.roundTrips)
    if (declared !== null) reasons.set(`${format}: ${declared}`, trip);
  for (const [reason, trip] of reasons) console.log(`      ${reason}  (${trip})`);
  console.log();
}

function print() {
  const opened = report.models.filter((row) => row.opened);
  if (report.models.length > 0) {
    console.log(
      'model                                    format              shapes, params  worst difference (allowed)',
    );
    for (const row of report.models) {
      if (!row.opened && row.wrong.length === 0) continue;
      const exact = row.wrong.length > 0 ? 'WRONG' : row.exact ? 'exact' : '–';
      const worst =
        row.difference === null ? '–' : `${row.difference.toExponential(1)} (${row.limit.toExponential(1)})`;
      const note = row.notYet === null ? '' : `  ${row.notYet}`;
      console.log(`${row.model.padEnd(41)}${row.format.padEnd(20)}${exact.padEnd(16)}${worst}${note}`);
    }
    console.log();
  }
  if (report.cuts.length > 0) printCuts();
  if (report.roundTrips.length > 0) printRoundTrips();
  const missing = new Map();
  for (const row of [...report.models, ...report.bad, ...report.coverage, ...report.variants]) {
    if (row.notYet === null || row.notYet === undefined) continue;
    missing.set(row.notYet, [...(missing.get(row.notYet) ?? []), row.model ?? row.case]);
  }
  if (missing.size > 0) console.log('Not supported yet:');
  for (const [reason, names] of missing)
    console.log(
      `  ${String(names.length).padStart(4)}  ${reason}  (${[...new Set(names)].slice(0, 3).join(', ')}${names.length > 3 ? ' …' : ''})`,
    );
  for (const line of slowFiles(report.bad)) console.log(line);
  if (failures.length > 0) console.log('\nWrong:');
  for (const { model, format, case: name, application, cut, trip, recipes, wrong, class: className } of failures) {
    console.log(
      `  ${[model ?? name ?? application ?? (cut && `cuts of ${cut}`) ?? trip ?? recipes, format, className].filter(Boolean).join(' ')}`,
    );
    for (const text of wrong.slice(0, 5)) console.log(`      ${text}`);
    if (wrong.length > 5) console.log(`      … ${wrong.length - 5} more`);
  }
  const good = (rows) => rows.filter(({ wrong, notYet }) => wrong.length === 0 && (notYet ?? null) === null).length;
  const sum = (pick) => report.cuts.reduce((total, row) => total + pick(row), 0);
  const exact = opened.filter((row) => row.exact).length;
  const compared = opened.reduce((sum, row) => sum + row.compared, 0);
  console.log(
    `\n${opened.length} of ${report.models.length} model files opened, ${exact} with exact shapes and parameters, ${compared} activations compared; ` +
      `${good(report.bad)} of ${report.bad.length} bad files as they must be; ` +
      `${good(report.applications)} of ${report.applications.length} applications exact; ` +
      `${good(report.coverage)} of ${report.coverage.length} layer cases right; ` +
      `${good(report.variants)} of ${report.variants.length} layer variants right; ` +
      `${report.exports.filter(({ right }) => right).length} of ${report.exports.length} layers right in plain TensorFlow.js, ` +
      `${report.exports.filter(({ declared }) => declared !== null).length} declared as not exportable; ` +
      `${sum(({ prefixes, suffixes }) => prefixes.equal + suffixes.equal)} of ${sum(({ tensors }) => 2 * tensors)} cuts proven with difference 0; ` +
      `${report.roundTrips.filter(({ right }) => right).length} of ${report.roundTrips.length} slices right in Keras, ` +
      `${report.roundTrips.filter(({ declared }) => declared !== null).length} declared; ` +
      `${report.recipes.map(recipeText).join('')}` +
      `${failures.length} wrong; ${report.seconds} s`,
  );
}
