/** Saved slices of graph-models, judged by plain TF.js in a process that knows nothing of ours. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SlicerError } from '../../../src/core/errors';
import { planCut, sliceModel } from '../../../src/core/slicing/sliceModel';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { writeSlice } from '../../../src/engine/files/writeSlice';
import { keras } from '../../fixtures';
import { noise } from '../noise';

interface Value {
  shape: number[];
  dtype: string;
  values: (number | string)[];
}
interface Job {
  folder: string;
  feeds: Record<string, Value>;
  outputs?: string[];
  /** TF.js 4.22 frees lists of tensors that a loop still reads, unless it keeps everything. */
  keep?: boolean;
}

let folder: string;
const opened: OpenedModel[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-graph-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function open(at: string): Promise<OpenedModel> {
  const source = await openModelFile(at);
  opened.push(source);
  return source;
}

function plain(jobs: Job[]): { keys: string[]; outputs: Value[] }[] {
  const script = path.join(__dirname, '..', 'plainGraphModel.mjs');
  const text = execFileSync(process.execPath, [script], {
    input: JSON.stringify(jobs),
    maxBuffer: 2 ** 30,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return JSON.parse(text.toString()) as { keys: string[]; outputs: Value[] }[];
}

function hashes(of: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(of)
      .filter((name) => statSync(path.join(of, name)).isFile())
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(path.join(of, name)))
          .digest('hex'),
      ]),
  );
}

async function save(
  source: OpenedModel,
  cut: { outputs?: string[]; inputs?: string[] },
  name: string,
): Promise<string> {
  const target = path.join(folder, name);
  await writeSlice(sliceModel(source.model, { outputs: [], inputs: [], ...cut }), source, target, { force: false });
  return target;
}

const models = path.join(__dirname, '../../../.cache/models');
const real = {
  mobilenet: path.join(keras, 'mobilenet-block', 'tfjs-graph-keras3'),
  lstm: path.join(keras, 'text-lstm', 'tfjs-graph-keras2'),
  basicPitch: path.join(models, 'spotify-basic-pitch-1.0.1', 'package', 'model'),
  guesslang: path.join(models, 'vscode-vscode-languagedetection-1.0.23', 'package', 'model'),
};
const float = (shape: number[], seed = 1): Value => ({
  shape,
  dtype: 'float32',
  values: noise(
    seed,
    shape.reduce((product, size) => product * size, 1),
  ),
});
const block = 'StatefulPartitionedCall/mobilenet_block_1/';
const lstm = 'StatefulPartitionedCall/text_lstm/';
const content = 'dnn/input_from_feature_columns/input_layer/content_embedding_1/to_sparse_input/';
const python: Value = { shape: [1], dtype: 'string', values: ['import os\n\ndef main():\n    print(os.name)\n'] };

/** Cuts in two at a node, and at whatever else crosses there. */
const splits: [string, string, Record<string, Value>, string][] = [
  ['mobilenet', real.mobilenet, { image: float([2, 16, 16, 3]) }, `${block}stem_bn_1/batchnorm/add_1`],
  [
    'basic-pitch',
    real.basicPitch,
    { input_2: float([1, 43844, 1]) },
    'StatefulPartitionedCall/model_1/cq_t2010v2_1/Neg',
  ],
  ['guesslang at text', real.guesslang, { inputs: python }, 'map/TensorArrayV2Stack/TensorListStack'],
  ['guesslang at truth values', real.guesslang, { inputs: python }, `${content}NotEqual`],
  ['guesslang at whole numbers', real.guesslang, { inputs: python }, `${content}indices`],
];

describe.each(splits)('%s', (_name, at, feeds, tensor) => {
  const keep = at === real.guesslang;
  test.skipIf(!existsSync(at))(
    'both parts in plain TF.js, one after the other, give what the whole gives',
    async () => {
      const source = await open(at);
      const before = hashes(at);
      const { inputs, keys } = closed(source, tensor);
      const suffix = await save(source, { inputs }, 'suffix');
      const prefix = await save(source, { outputs: inputs }, 'prefix');
      const [whole, first] = plain([
        { folder: at, feeds, keep },
        { folder: prefix, feeds, keep },
      ]);
      const handed = Object.fromEntries(keys.map((key, i) => [key, valueAt(first, i)]));
      const [second] = plain([{ folder: suffix, feeds: handed, keep }]);
      expect(second?.outputs.length).toBeGreaterThan(0);
      expect(second).toMatchObject({ keys: whole?.keys, outputs: whole?.outputs });
      expect(hashes(at)).toEqual(before);
    },
  );
});

/** The inputs of the suffix at a node, what crosses besides added; and their keys. */
function closed({ model }: OpenedModel, name: string): { inputs: string[]; keys: string[] } {
  const at = { outputs: [], inputs: [name.replaceAll('/', '\\/')] };
  const inputs = [...at.inputs, ...planCut(model, at).boundary.missing.map(({ address }) => address)];
  return { inputs, keys: planCut(model, { outputs: [], inputs }).inputs.map((input) => input.name) };
}

function valueAt(result: { outputs: Value[] } | undefined, index: number): Value {
  const value = result?.outputs[index];
  if (!value) throw new Error(`there is no output ${index}`);
  return value;
}

describe('loops of TensorFlow 1', () => {
  const feeds = { tokens: { shape: [1, 7], dtype: 'int32', values: [1, 5, 3, 0, 0, 0, 0] } };

  test('where they come out is said, and closes the cut', async () => {
    const { model } = await open(real.lstm);
    const error = await Promise.resolve()
      .then(() => planCut(model, { outputs: [], inputs: [] }))
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'control-flow', data: { class: 'Enter' } });
    const { after } = (error as SlicerError).data;
    const plan = planCut(model, { outputs: [], inputs: after as string[] });
    expect(plan.boundary.closed).toBe(true);
    expect(plan.inputs.map(({ address }) => address)).toEqual(after);
  });

  test('behind them, from what the whole gives there', async () => {
    const source = await open(real.lstm);
    const { inputs, keys } = closed(source, `${lstm}lstm_state/PartitionedCall/while/exit/_155`);
    expect(keys.length).toBe(3);
    const at = await save(source, { inputs }, 'behind');
    const [there, whole] = plain([
      { folder: real.lstm, feeds, outputs: keys },
      { folder: real.lstm, feeds },
    ]);
    const handed = Object.fromEntries(keys.map((key, i) => [key, valueAt(there, i)]));
    const [part] = plain([{ folder: at, feeds: handed }]);
    expect(part?.outputs).toEqual(whole?.outputs);
  });

  test.each([`${lstm}embed/NotEqual`, `${lstm}lstm_sequence/PartitionedCall/transpose`])(
    'before them: %s',
    async (name) => {
      const at = await save(await open(real.lstm), { outputs: [name.replaceAll('/', '\\/')] }, 'before');
      const [there, part] = plain([
        { folder: real.lstm, feeds, outputs: [name] },
        { folder: at, feeds },
      ]);
      expect(part?.outputs).toEqual(there?.outputs);
    },
  );
});

describe('what is written', () => {
  const address = `${block}stem_bn_1/batchnorm/add_1`.replaceAll('/', '\\/');

  test('same cut, same bytes; a record says where it came from', async () => {
    const source = await open(real.mobilenet);
    const [a, b] = [await save(source, { inputs: [address] }, 'a'), await save(source, { inputs: [address] }, 'b')];
    expect(hashes(a)).toEqual(hashes(b));
    const json = JSON.parse(readFileSync(path.join(a, 'model.json'), 'utf8')) as Record<string, object>;
    expect(json.format).toBe('graph-model');
    expect(json.userDefinedMetadata).toMatchObject({
      modelSlicer: { cut: { inputs: [address] }, source: { file: 'model.json' } },
    });
    expect(readFileSync(path.join(a, 'model.json'), 'utf8')).not.toContain(folder);
  });

  test('nodes and bytes stand as in the source', async () => {
    const source = await open(real.mobilenet);
    const at = await save(source, { outputs: [address] }, 'a');
    const read = (where: string): { node: { name: string }[] } =>
      (
        JSON.parse(readFileSync(path.join(where, 'model.json'), 'utf8')) as {
          modelTopology: { node: { name: string }[] };
        }
      ).modelTopology;
    const original = new Map(read(real.mobilenet).node.map((node) => [node.name, JSON.stringify(node)]));
    for (const node of read(at).node) expect(JSON.stringify(node)).toBe(original.get(node.name));
    const slice = await open(at);
    for (const entry of slice.model.weightEntries) {
      const from = source.model.weightEntries.find(({ name }) => name === entry.name);
      if (!from) throw new Error(entry.name);
      const bytes = async (file: OpenedModel, which: typeof entry): Promise<Buffer> => {
        const pieces: Uint8Array[] = [];
        for await (const piece of file.readStored(which)) pieces.push(piece);
        return Buffer.concat(pieces);
      };
      expect((await bytes(slice, entry)).equals(await bytes(source, from)), entry.name).toBe(true);
    }
    expect(slice.model.problems).toEqual([]);
  });

  test('a slice of a slice is the slice, but for its record', async () => {
    const source = await open(real.mobilenet);
    const outer = await open(await save(source, { inputs: [address] }, 'outer'));
    const [mid] = outer.model.graph.layers.filter(({ className }) => className === 'DepthwiseConv2dNative');
    const inner = (mid?.name ?? '').replaceAll('/', '\\/');
    const twice = await save(outer, { inputs: [address], outputs: [inner] }, 'twice');
    const once = await save(source, { inputs: [address], outputs: [inner] }, 'once');
    const without = (at: string): object => {
      const { userDefinedMetadata: _, ...json } = JSON.parse(
        readFileSync(path.join(at, 'model.json'), 'utf8'),
      ) as Record<string, object>;
      return json;
    };
    expect(without(twice)).toEqual(without(once));
    expect(hashes(twice)['group1-shard1of1.bin']).toBe(hashes(once)['group1-shard1of1.bin']);
  });

  test('a signature and names in the metadata do not speak for another model', async () => {
    const at = path.join(folder, 'source');
    cpSync(real.mobilenet, at, { recursive: true });
    const file = path.join(at, 'model.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const userDefinedMetadata = { signature: json.signature, structuredOutputKeys: ['probabilities'], mine: 1 };
    writeFileSync(file, JSON.stringify({ ...json, signature: { inputs: {}, outputs: {} }, userDefinedMetadata }));
    const source = await open(at);
    expect(source.model.graph.outputs.map(({ name }) => name)).toEqual(['output_0']);
    const slice = await save(source, { outputs: [address] }, 'slice');
    const written = JSON.parse(readFileSync(path.join(slice, 'model.json'), 'utf8')) as { userDefinedMetadata: object };
    expect(Object.keys(written.userDefinedMetadata)).toEqual(['mine', 'modelSlicer']);
    const feeds = { image: float([1, 16, 16, 3]) };
    const [part] = plain([{ folder: slice, feeds }]);
    expect(part?.keys).toEqual([`${block}stem_bn_1/batchnorm/add_1`]);
  });

  test('never onto the source; an existing target stays unless forced', async () => {
    const at = path.join(folder, 'source');
    cpSync(real.mobilenet, at, { recursive: true });
    const source = await open(at);
    const slice = sliceModel(source.model, { outputs: [address], inputs: [] });
    const before = hashes(at);
    await expect(writeSlice(slice, source, at, { force: true })).rejects.toMatchObject({ code: 'target-exists' });
    await save(source, { outputs: [address] }, 'slice');
    await expect(writeSlice(slice, source, path.join(folder, 'slice'), { force: false })).rejects.toMatchObject({
      code: 'target-exists',
    });
    await writeSlice(slice, source, path.join(folder, 'slice'), { force: true, shardBytes: 500 });
    expect((await open(path.join(folder, 'slice'))).model.problems).toEqual([]);
    expect(hashes(at)).toEqual(before);
  });
});
