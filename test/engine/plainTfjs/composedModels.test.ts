/** What is composed loads in plain TF.js, gives the same numbers there, and trains without moving what is frozen. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeModel } from '../../../src/core/composing/composeModel';
import type { Composition, Head } from '../../../src/core/composing/composition';
import { SlicerError } from '../../../src/core/errors';
import type { ModelFile } from '../../../src/core/model/modelFile';
import { useBackend } from '../../../src/engine/backends/backend';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { writeComposed } from '../../../src/engine/files/writeComposed';
import { collect } from '../../../src/engine/run/collect';
import { proofData } from '../../../src/engine/run/proofData';
import type { Snapshot } from '../../../src/engine/run/snapshot';
import { verifyComposed } from '../../../src/engine/run/verifyComposed';
import { tensorOf, WeightStore } from '../../../src/engine/run/weights';
import { keras } from '../../fixtures';
import { fixtureRows, type FixtureRow } from '../goldens';

const temporary = mkdtempSync(path.join(tmpdir(), 'slicer-composed-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Job {
  label: string;
  model: string;
  inputs: { shape: number[]; dtype: string; values: (number | string)[] }[];
  frozen: string[];
  fit: boolean;
  expected: Snapshot[];
}

interface Answer {
  error?: string;
  outputs?: { shape: number[]; values: number[] }[];
  trainable?: number;
  unchanged?: boolean;
  learned?: boolean;
}

const refused = new Map<string, string[]>();
const unproven: string[] = [];
const jobs: Job[] = [];
let answers: Answer[] = [];

beforeAll(async () => {
  await useBackend('cpu');
  for (const row of fixtureRows((format) => /^tfjs/.test(format) && !/graph/.test(format))) await addFixture(row);
  await addJoins();
  const [asked, given] = [path.join(temporary, 'jobs.json'), path.join(temporary, 'answers.json')];
  writeFileSync(asked, JSON.stringify(jobs.map(({ expected: _, ...job }) => job)));
  execFileSync(process.execPath, [path.join(__dirname, 'trainComposed.mjs'), asked, given], { stdio: 'pipe' });
  answers = JSON.parse(readFileSync(given, 'utf8')) as Answer[];
}, 300_000);

/** Vectors of each output, then three classes. */
function headFor(ranks: number[]): Head {
  const pooling = ranks.every((rank) => rank <= 4) ? 'avg' : 'flatten';
  return { pooling, layers: [{ kind: 'dense', units: 3, activation: 'softmax' }] };
}

const whole = { outputs: [], inputs: [] };
const plain: Composition = {
  base: { cut: whole, frozen: true },
  second: null,
  inputShape: null,
  before: [],
  head: { pooling: 'avg', layers: [{ kind: 'dense', units: 3, activation: 'softmax' }] },
  adapt: true,
  seed: 3,
};

/** The whole model, frozen, with a head. */
async function addFixture({ fixture, format, folder }: FixtureRow): Promise<void> {
  await addJob(`${fixture}/${format}`, folder, null, ({ graph }) => {
    const ranks = graph.outputs.map(({ layer, call, output }) => {
      const info = graph.layers.find(({ name }) => name === layer)?.calls[call]?.outputs[output];
      return info?.shape?.length ?? 0;
    });
    return { ...plain, head: headFor(ranks), adapt: false };
  });
}

async function addJob(
  label: string,
  folder: string,
  other: string | null,
  compositionOf: (model: ModelFile) => Composition,
): Promise<void> {
  const opened = await openModelFile(folder).catch(() => null);
  if (!opened || opened.model.problems.some(({ severity }) => severity === 'error')) return;
  const second = other === null ? null : await openModelFile(other);
  const sources = { base: opened, second };
  try {
    const composition = compositionOf(opened.model);
    const composed = composeModel({ base: opened.model, second: second?.model ?? null }, composition);
    if (!composed.fits) throw new SlicerError('does-not-fit', composed.findings[0]?.data ?? {});
    const target = path.join(temporary, String(jobs.length));
    await writeComposed(composed, composition, sources, target, { force: false });
    const saved = await openModelFile(target);
    const { plan } = composed;
    const specs = plan.inputs.map(({ name, shape }) => ({
      input: name,
      source: { kind: 'random' as const, seed: 5 },
      ...(shape?.[0] === null ? { dims: { 0: 4 } } : {}),
    }));
    const data = (): ReturnType<typeof proofData> => proofData(specs, saved, tensorOf);
    const run = { backend: 'cpu' as const, signal: { aborted: false } };
    const proof = await verifyComposed({ composed, sources, whole: saved, data: [data], tolerance: 0, ...run });
    if (!proof.passed || proof.outputs.length !== plan.outputs.length) unproven.push(label);
    const { feeds } = await data();
    const given = new Map<string, tf.Tensor>(plan.inputs.map(({ name, address }) => [address, feed(feeds, name)]));
    const wanted = [...plan.inputs, ...plan.outputs].map(({ address }) => address);
    const weights = new WeightStore(saved);
    const runnable = { source: saved, weights, graphRunner: () => Promise.reject(new Error('no graph-model')) };
    const values = await collect(runnable, given, wanted, { ...run, onPause: () => undefined });
    weights.dispose();
    await saved.close();
    const at = (address: string): Snapshot => values.get(address) as Snapshot;
    jobs.push({
      label,
      model: path.join(target, 'model.json'),
      inputs: plan.inputs.map(({ address }) => ({
        ...at(address),
        values: Array.from<number | string>(at(address).values),
      })),
      frozen: plan.parts.map(({ name }) => name),
      fit: !plan.inputs.some(({ dtype }) => dtype === 'string'),
      expected: plan.outputs.map(({ address }) => at(address)),
    });
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
    refused.set(error.code, [...(refused.get(error.code) ?? []), label]);
  } finally {
    await opened.close();
    await second?.close();
  }
}

const [digits, convnet] = ['digits-cnn', 'tutorial-convnet-batchnorm'].map((name) =>
  path.join(keras, name, 'tfjs-keras2-h5'),
) as [string, string];
const frozen = { cut: whole, frozen: true };

/** Joined in every way, with everything that can stand before. */
async function addJoins(): Promise<void> {
  const before: Composition['before'] = [
    { kind: 'resize', height: 30, width: 26, interpolation: 'nearest' },
    { kind: 'normalize', scale: 1 / 255, mean: [0.1, 0.2, 0.3], std: [0.5, 0.6, 0.7], reverse: true },
  ];
  await addJob('joined: adapted', digits, null, () => ({ ...plain, inputShape: [40, 50, 3], before }));
  const concat = { ...frozen, join: 'concat' as const, inputs: 'own' as const };
  await addJob('joined: own inputs', digits, digits, () => ({ ...plain, second: concat }));
  await addJob('joined: same input', digits, digits, () => ({ ...plain, second: { ...concat, inputs: 'same' } }));
  await addJob('joined: other sizes', digits, convnet, () => ({ ...plain, second: { ...concat, inputs: 'same' } }));
  await addJob('joined: shared', digits, null, () => ({ ...plain, second: { ...concat, shared: true } }));
  const twoWays = { ...frozen, cut: { outputs: ['bi_concat'], inputs: [] } };
  const bidirectional = path.join(keras, 'bidirectional/tfjs-keras2-h5');
  await addJob('joined: bidirectional', bidirectional, null, () => ({ ...plain, base: twoWays }));
  const sequence = { ...concat, join: 'sequence' as const, cut: { outputs: [], inputs: ['pool_1'] } };
  const prefix = { ...frozen, cut: { outputs: ['pool_1'], inputs: [] } };
  await addJob('joined: halves', digits, digits, () => ({ ...plain, base: prefix, second: sequence }));
}

function feed(feeds: Awaited<ReturnType<typeof proofData>>['feeds'], name: string): tf.Tensor {
  const make = feeds.get(name);
  if (!make) throw new Error(`no value of ${name}`);
  return make();
}

test('the parts one after the other are the new model', () => {
  expect(unproven).toEqual([]);
});

test('plain TF.js gives the same numbers', () => {
  const wrong = jobs.flatMap(({ label, expected }, i) => {
    const { error, outputs = [] } = answers[i] ?? {};
    if (error !== undefined) return [`${label}: ${error}`];
    return expected.flatMap((value, at) => {
      const actual = outputs[at]?.values ?? [];
      const apart = Array.from(value.values as Float32Array).reduce(
        (worst, one, j) => Math.max(worst, Math.abs(one - (actual[j] ?? NaN))),
        0,
      );
      return apart <= 1e-6 && actual.length === value.values.length ? [] : [`${label}: ${apart}`];
    });
  });
  expect(wrong).toEqual([]);
  expect(jobs.length).toBeGreaterThan(50);
});

test('an epoch of training moves the head and nothing of what is frozen', () => {
  const wrong = jobs.flatMap(({ label, fit }, i) => {
    const { error, trainable, unchanged, learned } = answers[i] ?? {};
    if (!fit || error !== undefined) return [];
    return trainable === 2 && unchanged && learned
      ? []
      : [`${label}: ${JSON.stringify({ trainable, unchanged, learned })}`];
  });
  expect(wrong).toEqual([]);
});

test('what cannot be composed is refused for a reason that is known', () => {
  const allowed = ['not-exportable', 'does-not-fit', 'unsupported', 'not-runnable', 'mask-crosses'];
  expect([...refused.keys()].filter((code) => !allowed.includes(code))).toEqual([]);
  const labels = [...refused.values()].flat();
  expect(labels.filter((label) => label.startsWith('joined'))).toEqual([]);
  for (const name of ['digits-cnn', 'tutorial-convnet-batchnorm', 'nested-functional', 'nested-sequential', 'siamese'])
    expect(labels.filter((label) => label.startsWith(`${name}/`))).toEqual([]);
});
