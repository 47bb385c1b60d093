/** Proofs of graph slices: every node of the fixtures, real models, and proofs that must fail. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { HASH_TABLE_MODEL_V2 } from '@tensorflow/tfjs-converter/dist/executor/test_data/hash_table_v2_model_loader';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import type { ModelFile } from '../../../src/core/model/modelFile';
import { planCut } from '../../../src/core/slicing/sliceModel';
import type { Cut } from '../../../src/core/slicing/slice';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { GraphRunner } from '../../../src/engine/run/graphRun';
import type { EngineContract, InputSpec } from '../../../src/protocol/engine';
import { keras } from '../../fixtures';
import { engineSession, type EngineSession } from '../session';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-proof-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const models = path.join(__dirname, '../../../.cache/models');
const mobilenet = path.join(keras, 'mobilenet-block', 'tfjs-graph-keras3');
const lstm = path.join(keras, 'text-lstm', 'tfjs-graph-keras2');
const guesslang = path.join(models, 'vscode-vscode-languagedetection-1.0.23', 'package', 'model');

const escape = (name: string): string => name.replaceAll('/', '\\/');

function random(model: ModelFile, seed = 3): InputSpec[] {
  return model.graph.inputs.map(({ name }) => ({ input: name, source: { kind: 'random', seed } }));
}

type VerifyParams = EngineContract['requests']['verify']['params'];

/** On wasm; with a saved slice on cpu. */
function proof(cut: Cut, data: InputSpec[], slicePath?: string): VerifyParams {
  const params = { cut, data: [data], tolerance: 0 };
  return slicePath === undefined ? { ...params, backend: 'wasm' } : { ...params, slicePath, backend: 'cpu' };
}

async function opened(at: string): Promise<{ engine: EngineSession; model: ModelFile }> {
  const engine = engineSession();
  const { model } = await engine.request('open', { path: at });
  return { engine, model };
}

/** The cut, closed where it is not; the code where it cannot be made. */
function closed(model: ModelFile, cut: Cut): Cut | string {
  try {
    const { boundary } = planCut(model, cut);
    return boundary.closed ? cut : { ...cut, inputs: boundary.suggestions[0]?.inputs ?? [] };
  } catch (error) {
    if (error instanceof SlicerError) return error.code;
    throw error;
  }
}

describe('every node', () => {
  test('of a network without loops: up to it, and from it on, difference 0', async () => {
    const { engine, model } = await opened(mobilenet);
    let whole = 0;
    for (const { name, className } of model.graph.layers) {
      if (className === 'Const') continue;
      for (const cut of [
        { outputs: [escape(name)], inputs: [] },
        { outputs: [], inputs: [escape(name)] },
      ]) {
        const made = closed(model, cut);
        expect(made, name).toBeTypeOf('object');
        const params = proof(made as Cut, random(model));
        const { passed, wholeFromParts, outputs } = await engine.request('verify', params);
        expect({ name, passed, outputs: outputs.map(({ maxAbsDiff }) => maxAbsDiff) }).toEqual({
          name,
          passed: true,
          outputs: outputs.map(() => 0),
        });
        if (wholeFromParts) whole += 1;
      }
    }
    expect(whole).toBeGreaterThan(20);
    await engine.request('close', {});
  });

  test('of a network with loops of TensorFlow 1: verified, or refused by name', async () => {
    const { engine, model } = await opened(lstm);
    const found: Record<string, number> = {};
    for (const { name, className } of model.graph.layers) {
      if (className === 'Const') continue;
      const cuts: [string, Cut][] = [
        ['prefix', { outputs: [escape(name)], inputs: [] }],
        ['suffix', { outputs: [], inputs: [escape(name)] }],
      ];
      for (const [kind, cut] of cuts) {
        const made = closed(model, cut);
        let answer = typeof made === 'string' ? made : '';
        if (typeof made !== 'string') {
          const params = proof(made, random(model));
          answer = (await engine.request('verify', params)).passed ? 'verified' : 'differs';
        }
        found[`${kind} ${answer}`] = (found[`${kind} ${answer}`] ?? 0) + 1;
      }
    }
    expect(Object.keys(found).sort()).toEqual([
      'prefix control-flow',
      'prefix unsupported',
      'prefix verified',
      'suffix control-flow',
      'suffix unsupported',
      'suffix verified',
    ]);
    expect(found['prefix verified']).toBeGreaterThan(25);
    expect(found['suffix verified']).toBeGreaterThan(5);
    await engine.request('close', {});
  });
});

test.skipIf(!existsSync(guesslang))(
  'text, whole numbers, truth values and floats cross cuts of a real model',
  async () => {
    const { engine, model } = await opened(guesslang);
    const content = 'dnn/input_from_feature_columns/input_layer/content_embedding_1/';
    for (const [name, dtype] of [
      ['map/TensorArrayV2Stack/TensorListStack', 'string'],
      [`${content}to_sparse_input/NotEqual`, 'bool'],
      [`${content}to_sparse_input/indices`, 'int64'],
      [`${content}content_embedding_weights`, 'float32'],
      ['head/predictions/probabilities', 'float32'],
    ] as const) {
      const cut = closed(model, { outputs: [], inputs: [escape(name)] }) as Cut;
      const { inputs } = planCut(model, cut);
      expect(inputs.find(({ address }) => address === escape(name))?.dtype).toBe(dtype);
      const bytes = new TextEncoder().encode(JSON.stringify(['import os\nprint(os.name)\n']));
      const data: InputSpec[] = [
        { input: 'inputs', source: { kind: 'array', bytes, name: 'text.json', format: 'json' } },
      ];
      // the whole runs on cpu, because of the text: so must the part that has none
      const params = proof(cut, data);
      const { passed, wholeFromParts } = await engine.request('verify', params);
      expect({ name, passed, whole: wholeFromParts?.maxAbsDiff }).toEqual({ name, passed: true, whole: 0 });
    }
    await engine.request('close', {});
  },
);

test('a slice that reads tables, from its own file', async () => {
  const { weightSpecs, weightData, ...root } = structuredClone(HASH_TABLE_MODEL_V2);
  const json = { ...root, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] };
  writeFileSync(path.join(folder, 'model.json'), JSON.stringify(json));
  writeFileSync(path.join(folder, 'weights.bin'), new Uint8Array(weightData));
  const { engine, model } = await opened(folder);
  expect(model.graph.inputs.map(({ name }) => name)).toEqual(['input']);
  const bytes = new TextEncoder().encode(JSON.stringify(['a', 'b', 'c']));
  const inputs: InputSpec[] = [{ input: 'input', source: { kind: 'array', bytes, name: 'text.json', format: 'json' } }];
  const cut = { outputs: ['StatefulPartitionedCall\\/None_Lookup\\/LookupTableFindV2'], inputs: [] };
  const target = path.join(folder, 'slice');
  await engine.request('save', { cut, target, force: false });
  for (const slicePath of [undefined, target]) {
    const params = proof(cut, inputs, slicePath);
    expect(await engine.request('verify', params)).toMatchObject({ passed: true, weak: false });
  }
  const again = engineSession();
  await again.request('open', { path: target });
  const options = { backend: 'cpu', thumbnails: false, colorMap: 'viridis', keep: false } as const;
  expect((await again.request('run', { ...options, want: [], inputs })).outputs[0]?.values).toEqual([0, 1, -1]);
  await again.request('close', {});
  await engine.request('close', {});
});

describe('a proof that must fail', () => {
  type Json = { modelTopology: { node: { name: string; op: string; attr: Record<string, unknown> }[] } };
  const cases: [string, (json: Json, shard: Buffer) => void][] = [
    ['a flipped bit in a weight', (_json, shard) => shard.writeUInt8((shard[2] ?? 0) ^ 0x40, 2)],
    ['a NaN among the weights', (_json, shard) => shard.writeFloatLE(Number.NaN, 4)],
    [
      'another activation',
      ({ modelTopology }) => modelTopology.node.forEach((node) => (node.op = node.op === 'Relu6' ? 'Relu' : node.op)),
    ],
    [
      'other strides',
      ({ modelTopology }) =>
        modelTopology.node.forEach(({ op, attr }) => {
          if (/Conv2D/.test(op)) attr.strides = { list: { i: ['1', '2', '2', '1'] } };
        }),
    ],
  ];
  const first = 'StatefulPartitionedCall\\/mobilenet_block_1\\/stem_bn_1\\/batchnorm\\/add_1';
  test.each(cases)('%s', async (_name, change) => {
    const { engine, model } = await opened(mobilenet);
    const cut = { outputs: [], inputs: [first] };
    const target = path.join(folder, 'slice');
    const { files } = await engine.request('save', { cut, target, force: false });
    const params = proof(cut, random(model), target);
    expect((await engine.request('verify', params)).passed).toBe(true);
    const [json = '', bin = ''] = files.map((name) => path.join(target, name));
    const content = JSON.parse(readFileSync(json, 'utf8')) as Json;
    const shard = readFileSync(bin);
    change(content, shard);
    writeFileSync(json, JSON.stringify(content));
    writeFileSync(bin, shard);
    const verdict = await engine.request('verify', params).then(
      ({ passed, outputs }) => (passed ? 'passed' : outputs[0]?.address),
      (error: unknown) => (error instanceof SlicerError ? error.code : String(error)),
    );
    expect(['Identity', 'verification-failed', 'not-runnable']).toContain(verdict);
    await engine.request('close', {});
  });
});

test('a weight that is asked for stays the weight', async () => {
  const source = await openModelFile(mobilenet);
  const runner = await GraphRunner.load(source);
  const constant = source.model.graph.layers.find(
    ({ className, weights }) => className === 'Const' && weights.length > 0,
  );
  const wanted = [{ layer: constant?.name ?? '', output: 0 }];
  await tf.setBackend('cpu');
  for (let i = 0; i < 2; i++) {
    const { tensors } = await runner.fetch(new Map(), wanted, 'cpu');
    expect(tensors[0]?.shape).toEqual(constant?.weights[0]?.shape);
    tensors.forEach((tensor) => tensor.dispose());
  }
  const before = tf.memory().numTensors;
  const input = source.model.graph.inputs[0]?.layer ?? '';
  const image = tf.zeros([1, 16, 16, 3]);
  const names = source.model.graph.layers
    .filter(({ className }) => className !== 'Placeholder')
    .map(({ name }) => name);
  const all = await runner.fetch(
    new Map([[input, image]]),
    names.map((layer) => ({ layer, output: 0 })),
    'cpu',
  );
  expect(all.tensors).toHaveLength(names.length);
  all.tensors.forEach((tensor) => tensor.dispose());
  image.dispose();
  // nothing is left behind
  expect(tf.memory().numTensors).toBe(before);
  runner.dispose();
  await source.close();
});
