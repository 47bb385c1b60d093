/** What is saved is loaded by plain TF.js, in a process that imports nothing of ours, and gives the original's numbers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { expandCalls } from '../../../src/core/model/traversal';
import type { Cut, Slice } from '../../../src/core/slicing/slice';
import { sliceModel } from '../../../src/core/slicing/sliceModel';
import { useBackend } from '../../../src/engine/backends/backend';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { writeSlice } from '../../../src/engine/files/writeSlice';
import { collect, type Runnable } from '../../../src/engine/run/collect';
import { GraphRunner } from '../../../src/engine/run/graphRun';
import { portAddresses } from '../../../src/engine/run/program';
import { proofData } from '../../../src/engine/run/proofData';
import type { Snapshot } from '../../../src/engine/run/snapshot';
import { tensorOf, WeightStore } from '../../../src/engine/run/weights';
import { fixtureRows, type FixtureRow } from '../goldens';

const temporary = mkdtempSync(path.join(tmpdir(), 'slicer-plain-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Job {
  label: string;
  model: string;
  inputs: { name: string; shape: number[]; dtype: string; values: (number | string)[] }[];
  expected: Snapshot[];
}

interface Answer {
  error?: string;
  outputs?: { shape: number[]; dtype: string; values: (number | string)[] }[];
}

/** Reasons why a cut of a fixture is not saved or not run, by code. */
const refused = new Map<string, string[]>();
const jobs: Job[] = [];
let answers: Answer[] = [];

beforeAll(async () => {
  await useBackend('cpu');
  for (const row of fixtureRows((format) => /^tfjs/.test(format))) await addJobs(row);
  const [asked, given] = [path.join(temporary, 'jobs.json'), path.join(temporary, 'answers.json')];
  writeFileSync(asked, JSON.stringify(jobs.map(({ model, inputs }) => ({ model, inputs }))));
  execFileSync(process.execPath, [path.join(__dirname, 'loadSaved.mjs'), asked, given], { stdio: 'pipe' });
  answers = JSON.parse(readFileSync(given, 'utf8')) as Answer[];
}, 300_000);

/** The whole model, what leads to a tensor in its middle, and what follows from it. */
async function addJobs({ fixture, format, folder }: FixtureRow): Promise<void> {
  const opened = await openModelFile(folder).catch(() => null);
  // what is no model, or lacks its weights, is tested elsewhere
  if (!opened || opened.model.problems.some(({ severity }) => severity === 'error')) return;
  const calls = expandCalls(opened.model.graph).filter(({ kind }) => kind === 'call');
  const middle = calls[Math.floor(calls.length / 2)]?.outputs[0] ?? '';
  const cuts: Cut[] = [
    { outputs: [], inputs: [] },
    { outputs: [middle], inputs: [] },
    { outputs: [], inputs: [middle] },
  ];
  const runnable = runnableOf(opened);
  for (const [i, cut] of cuts.entries()) {
    const label = `${fixture}/${format} ${['whole', 'prefix', 'suffix'][i] ?? ''}`;
    try {
      jobs.push(await jobOf(label, opened, runnable, sliceModel(opened.model, cut)));
    } catch (error) {
      if (!(error instanceof SlicerError)) throw error;
      refused.set(error.code, [...(refused.get(error.code) ?? []), label]);
    }
  }
  runnable.weights.dispose();
  await opened.close();
}

function runnableOf(source: OpenedModel): Runnable {
  let runner: Promise<GraphRunner> | null = null;
  return { source, weights: new WeightStore(source), graphRunner: () => (runner ??= GraphRunner.load(source)) };
}

async function jobOf(label: string, opened: OpenedModel, runnable: Runnable, slice: Slice): Promise<Job> {
  const { plan } = slice;
  const target = path.join(temporary, String(jobs.length), label.replace(/\W+/g, '-'));
  await writeSlice(slice, opened, target, { force: false });
  const { graph } = opened.model;
  const addresses = portAddresses(opened.model, expandCalls(graph), 'inputs');
  const specs = graph.inputs.map(({ name }) => ({ input: name, source: { kind: 'random' as const, seed: 11 } }));
  const { feeds } = await proofData(specs, opened, tensorOf);
  const given = new Map<string, tf.Tensor>();
  graph.inputs.forEach(({ name }, i) => given.set(addresses[i] ?? '', feeds.get(name)?.() ?? tf.scalar(0)));
  const [inputs, outputs] = [plan.inputs, plan.outputs].map((ports) => ports.map(({ address }) => address));
  const values = await collect(runnable, given, [...new Set([...(inputs ?? []), ...(outputs ?? [])])], {
    backend: 'cpu',
    signal: { aborted: false },
    onPause: () => undefined,
  });
  const at = (address: string): Snapshot => {
    const value = values.get(address);
    if (!value) throw new Error(`no value of ${address}`);
    return value;
  };
  return {
    label,
    model: path.join(target, 'model.json'),
    inputs: plan.inputs.map(({ name, address }) => {
      const { shape, dtype, values: all } = at(address);
      return { name, shape, dtype, values: Array.isArray(all) ? all : Array.from(all) };
    }),
    expected: plan.outputs.map(({ address }) => at(address)),
  };
}

/** The largest difference, in units of the tensor's largest value where that is above 1. */
function difference({ values }: Snapshot, actual: (number | string)[]): number {
  const expected = Array.from<number | string>(values);
  const largest = expected.reduce<number>((max, value) => Math.max(max, Math.abs(Number(value)) || 0), 1);
  return expected.reduce<number>((worst, value, i) => {
    const other = actual[i];
    if (Object.is(Number(value), Number(other)) || value === other) return worst;
    const apart = Math.abs(Number(value) - Number(other));
    return Number.isNaN(apart) ? Infinity : Math.max(worst, apart / largest);
  }, 0);
}

/** Kernels of our own add up in another order than plain TF.js's. */
const rounding = 1e-6;

test('plain TF.js loads every one of them, and its numbers are those of the original', () => {
  const wrong = jobs.flatMap(({ label, expected }, i) => {
    const { error, outputs = [] } = answers[i] ?? {};
    if (error !== undefined) return [`${label}: ${error}`];
    return expected.flatMap((value, at) => {
      const output = outputs[at];
      if (output?.shape.join() !== value.shape.join()) return [`${label}: shape ${String(output?.shape)}`];
      const apart = difference(value, output.values);
      return apart > rounding ? [`${label}: ${apart}`] : [];
    });
  });
  expect(wrong).toEqual([]);
  const exact = jobs.filter(({ expected }, i) =>
    expected.every((value, at) => difference(value, answers[i]?.outputs?.[at]?.values ?? []) === 0),
  );
  expect(exact.length).toBeGreaterThan(0.9 * jobs.length);
  expect(jobs.length).toBeGreaterThan(200);
});

test('what is not saved is refused for a reason that is known', () => {
  const allowed = ['cut-open', 'mask-crosses', 'not-exportable', 'not-runnable', 'control-flow', 'unsupported'];
  expect([...refused.keys()].filter((code) => !allowed.includes(code))).toEqual([]);
  // classes that plain TF.js lacks, or computes differently
  const fixtures = new Set((refused.get('not-exportable') ?? []).map((label) => label.split('/')[0]));
  for (const name of ['lambda-layers', 'text-gru', 'transformer-block', 'normalizations', 'channels-first'])
    expect(fixtures).toContain(name);
  for (const name of ['digits-cnn', 'tutorial-convnet-batchnorm', 'residual-block', 'text-lstm', 'unet-small'])
    expect(fixtures).not.toContain(name);
});
