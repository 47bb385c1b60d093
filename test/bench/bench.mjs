// Speed and size in one run, as JSON on stdout; compare ratios within a run, never times of different runs.
// usage: node test/bench/bench.mjs [--only PART]… [--runs N]
import '../../scripts/requireNode.mjs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages } from '../../scripts/ensurePackages.mjs';
import { at, cache } from '../../scripts/repository.mjs';

const TARGETS = {
  openingRatio: 0.5,
  loopRatio: 1.05,
  allLayersRatio: 2,
  nativeToWasm: { mobilenet_v2: 0.9, inception_v3: 0.35 },
  nativeToPredict: 1.05,
  previewMs: 50,
  activationMs: 15,
  packageBytes: 6 * 1024 * 1024,
  exportRatio: 1.25,
  exportPeakMB: 150,
  sliceReadRatio: 1.1,
  planMs: 100,
  completionMs: 30,
  snippetMs: 50,
  kerasOpenReadBytes: 1024 * 1024,
  kerasPeakMB: 120,
  memoryPeakMB: 1024,
  restartMs: 1500,
};

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, runs: { type: 'string', default: '9' } },
});
const runs = Number(values.runs);
const parts = [
  'size',
  'activation',
  'opening',
  'running',
  'memory',
  'native',
  'planning',
  'completion',
  'snippets',
  'exporting',
  'kerasFiles',
  'supervision',
];
const unknown = (values.only ?? []).filter((name) => !parts.includes(name));
if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
  console.error(`usage: node test/bench/bench.mjs [--only ${parts.join('|')}]… [--runs N]`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
const wants = (name) => !values.only || values.only.includes(name);

await ensurePackages();
const { makePackage } = await import('../../scripts/package.mjs');
const { ensureRealModels, realModels } = await import('../../scripts/realModels.mjs');
const missing = await ensureRealModels();
if (missing.length > 0) console.error(`not measured, because they could not be fetched: ${missing.join(', ')}`);
const here = (name) => !missing.includes(name);

// What users install is what is measured; this builds dist/ for production.
const made = await makePackage(path.join(cache, 'bench', 'model-slicer.vsix'));
const report = {
  at: new Date().toISOString(),
  machine: {
    node: process.version,
    cpus: os.availableParallelism(),
    cpu: os.cpus()[0]?.model,
    platform: `${os.platform()} ${os.arch()}`,
  },
  targets: TARGETS,
};
if (wants('size')) report.package = { bytes: made.bytes, parts: made.parts };
if (wants('activation')) {
  const { measureActivation } = await import('./activation.mjs');
  report.activation = await measureActivation({ runs, vsix: made.file });
}
if (wants('opening')) {
  const { measureOpening } = await import('./opening.mjs');
  const models = { 'digits-cnn': at('media', 'sample', 'digits-cnn', 'model.json') };
  if (here('mobilenetV2')) models.mobilenet_v2 = realModels.mobilenetV2;
  if (here('basicPitch')) models['basic-pitch'] = realModels.basicPitch;
  report.opening = await measureOpening(models, { runs, vsix: made.file });
}
if (wants('running') && here('mobilenetV2')) {
  const { measureRunning } = await import('./running.mjs');
  report.running = await measureRunning(realModels.mobilenetV2, { runs });
}
if (wants('native')) {
  const { ensureNativeTensorflow } = await import('../../scripts/nativeTensorflow.mjs');
  const { folder, missing: lacking } = await ensureNativeTensorflow();
  const models = {};
  if (here('mobilenetV2')) models.mobilenet_v2 = realModels.mobilenetV2;
  if (here('inceptionV3')) models.inception_v3 = realModels.inceptionV3;
  if (folder) {
    const { measureNative } = await import('./native.mjs');
    report.native = await measureNative(models, folder, { runs });
  } else console.error(`the native backend was not measured: ${lacking}`);
}
if (wants('memory')) {
  const { measureMemory } = await import('./memory.mjs');
  report.memory = await measureMemory({ runs });
}
if (wants('planning')) {
  const { measurePlanning } = await import('./planning.mjs');
  report.planning = await measurePlanning({ runs });
}
if (wants('completion')) {
  const { measureCompletion } = await import('./completion.mjs');
  report.completion = await measureCompletion({ runs });
}
if (wants('snippets')) {
  const { measureSnippets } = await import('./snippets.mjs');
  const real = here('mobilenetV2') ? { mobilenet_v2: realModels.mobilenetV2 } : {};
  report.snippets = await measureSnippets(real, { runs });
}
if (wants('exporting')) {
  const { measureExporting } = await import('./exporting.mjs');
  report.exporting = await measureExporting({ runs: Math.min(5, runs) });
}
if (wants('kerasFiles')) {
  const { measureKerasFiles } = await import('./kerasFiles.mjs');
  report.kerasFiles = await measureKerasFiles({ runs: Math.min(5, runs) });
}
if (wants('supervision')) {
  const { measureSupervision } = await import('./supervision.mjs');
  const models = { 'digits-cnn': at('media', 'sample', 'digits-cnn', 'model.json') };
  if (here('mobilenetV2')) models.mobilenet_v2 = realModels.mobilenetV2;
  report.supervision = await measureSupervision(models, { runs });
}
console.log(JSON.stringify(report, null, 2));
process.exit(0);
