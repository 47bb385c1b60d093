import * as tf from '@tensorflow/tfjs';
import { HASH_TABLE_MODEL_V2 } from '@tensorflow/tfjs-converter/dist/executor/test_data/hash_table_v2_model_loader';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { sentence } from '../../../../src/core/messages';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import {
  constant,
  floatInput,
  graphFile,
  loadPlain,
  node,
  nodeNames,
  openGraph,
  readPlain,
  reopened,
  runPlain,
  sliceGraph,
  split,
  type GraphFile,
  type GraphNode,
} from './handmadeGraph';

beforeAll(async () => {
  await tf.setBackend('cpu');
  // TF.js says that it could have run without waiting
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

function errorOf(work: () => unknown): SlicerError {
  try {
    work();
  } catch (error) {
    if (error instanceof SlicerError) return error;
    throw error;
  }
  throw new Error('it did not throw');
}

const x = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);

/** x·w + b, relu, split in two; the halves are added and concatenated. */
function forked(extra: Partial<Parameters<typeof graphFile>[0]> = {}): GraphFile {
  const nodes: GraphNode[] = [
    constant('w'),
    floatInput('x'),
    constant('halves/axis', 'DT_INT32'),
    constant('b'),
    node('MatMul', 'product', 'x', 'w'),
    node('BiasAdd', 'biased', 'product', 'b'),
    node('Relu', 'act', 'biased'),
    split('halves', 'act'),
    node('AddV2', 'sum', 'halves', 'halves:1'),
    node('Neg', 'negative', 'halves:1'),
    node('Mul', 'out', 'sum', 'negative'),
  ];
  return graphFile({
    nodes,
    weights: {
      w: { shape: [4, 4], values: Array.from({ length: 16 }, (_, i) => (i % 5) - 1.5) },
      'halves/axis': { shape: [], whole: [1] },
      b: { shape: [4], values: [0.5, -1, 2, 0.25] },
    },
    signature: { inputs: { image: 'x:0' }, outputs: { scores: 'out:0' } },
    ...extra,
  });
}

describe('nodes', () => {
  test('a prefix keeps the nodes that it needs, in the order and the text of the file', () => {
    const file = forked();
    const slice = sliceGraph(file.model, { outputs: ['act'] });
    const texts = (file.json.modelTopology as { node: GraphNode[] }).node;
    expect(nodeNames(slice)).toEqual(['w', 'x', 'b', 'product', 'biased', 'act']);
    for (const written of slice.modelTopology.node as GraphNode[])
      expect(JSON.stringify(written)).toBe(JSON.stringify(texts.find(({ name }) => name === written.name)));
    expect(slice.weights).toEqual([
      { name: 'w', entry: 0 },
      { name: 'b', entry: 2 },
    ]);
    expect(slice.modelTopology.versions).toEqual({ producer: 27 });
    expect(slice.plan).toMatchObject({
      format: 'graph-model',
      layers: ['w', 'x', 'b', 'product', 'biased', 'act'],
      calls: 3,
      macs: null,
      params: { total: 20, trainable: 0, nonTrainable: 20 },
      weightBytes: 80,
      boundary: { closed: true, missing: [], suggestions: [] },
    });
  });

  test('a start in the middle becomes a placeholder in its place, with type and shape; what reads it stays as it was', () => {
    const file = forked();
    const slice = sliceGraph(file.model, { inputs: ['biased'], outputs: ['act'] });
    expect(slice.modelTopology.node).toEqual([
      {
        name: 'biased',
        op: 'Placeholder',
        attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '4' }] } } },
      },
      (file.json.modelTopology as { node: GraphNode[] }).node[6],
    ]);
    expect(slice.signature).toEqual({
      inputs: {
        biased: { name: 'biased:0', dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '-1' }, { size: '4' }] } },
      },
      outputs: { act: { name: 'act:0', dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '-1' }, { size: '4' }] } } },
    });
    expect(slice.weights).toEqual([]);
  });

  test('an unknown rank stays unknown, and takes any shape', async () => {
    const file = graphFile({ nodes: [floatInput('x', null), node('Neg', 'a', 'x'), node('Abs', 'b', 'a')] });
    const slice = sliceGraph(file.model, { inputs: ['a'] });
    expect(JSON.stringify(slice.modelTopology.node)).toContain('"shape":{"shape":{"unknownRank":true}}');
    expect(await runPlain(reopened(slice, file), { a: tf.tensor([[[-3]]]) })).toEqual([[3]]);
    const scalar = graphFile({ nodes: [floatInput('x', []), node('Neg', 'a', 'x'), node('Abs', 'b', 'a')] });
    const second = sliceGraph(scalar.model, { inputs: ['a'] });
    expect(second.plan.inputs[0]?.shape).toEqual([]);
    expect(await runPlain(reopened(second, scalar), { a: tf.scalar(-2) })).toEqual([[2]]);
  });

  test('the second output of a node as input: its readers read the placeholder, the node goes or stays as needed', async () => {
    const file = forked();
    const [half] = await readPlain(file, { image: x }, ['halves:1']);
    const tail = sliceGraph(file.model, { inputs: ['halves:1'], outputs: ['negative'] });
    expect(nodeNames(tail)).toEqual(['halves/output_1', 'negative']);
    expect(Object.keys(tail.signature.inputs as object)).toEqual(['halves/output_1']);
    expect(tail.plan.inputs).toMatchObject([{ name: 'halves/output_1', address: 'halves:1' }]);
    const expected = Array.from(tf.neg(half as tf.Tensor).dataSync());
    expect(await runPlain(reopened(tail, file), { 'halves/output_1': half as tf.Tensor })).toEqual([expected]);

    const both = sliceGraph(file.model, { inputs: ['x', 'halves:1'] });
    expect(nodeNames(both)).toContain('halves');
    const whole = await runPlain(file, { image: x });
    expect(await runPlain(reopened(both, file), { image: x, 'halves/output_1': half as tf.Tensor })).toEqual(whole);
    // the other half is computed, and not taken for the one that comes from outside
    const other = await runPlain(reopened(both, file), { image: x, 'halves/output_1': tf.zeros([2, 2]) });
    expect(other).toEqual([[-0, -0, -0, -0]]);
  });

  test('both outputs of a node as inputs', async () => {
    const file = forked();
    const slice = sliceGraph(file.model, { inputs: ['halves:1', 'halves'] });
    expect(nodeNames(slice)).toEqual(['halves', 'halves/output_1', 'sum', 'negative', 'out']);
    expect(slice.plan.inputs.map(({ address }) => address)).toEqual(['halves:1', 'halves']);
    const [first, second] = await readPlain(file, { image: x }, ['halves', 'halves:1']);
    const given = { halves: first as tf.Tensor, 'halves/output_1': second as tf.Tensor };
    expect(await runPlain(reopened(slice, file), given)).toEqual(await runPlain(file, { image: x }));
  });

  test('a name that is taken already gets a number', () => {
    const nodes = [
      floatInput('x'),
      constant('s/axis', 'DT_INT32'),
      split('s', 'x'),
      node('Neg', 's/output_1', 's:1'),
      node('Abs', 'z', 's/output_1'),
    ];
    const file = graphFile({
      nodes,
      weights: { 's/axis': { shape: [], whole: [1] }, 's/output_1_2': { shape: [1], values: [9] } },
    });
    const slice = sliceGraph(file.model, { inputs: ['s:1'] });
    expect(nodeNames(slice)).toEqual(['s/output_1_3', 's/output_1', 'z']);
    expect(slice.weights).toEqual([]);
  });

  test('a placeholder with a default keeps it, whether it is asked for or not', async () => {
    const nodes: GraphNode[] = [
      constant('default'),
      {
        name: 'p',
        op: 'PlaceholderWithDefault',
        input: ['default'],
        attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '2' }] } } },
      },
      node('Neg', 'n', 'p'),
    ];
    for (const signature of [undefined, { inputs: { p: 'p:0' }, outputs: { n: 'n:0' } }]) {
      const file = graphFile({
        nodes,
        weights: { default: { shape: [2], values: [1, 2] } },
        ...(signature ? { signature } : {}),
      });
      for (const inputs of [[], ['p']]) {
        const slice = sliceGraph(file.model, { inputs, outputs: ['n'] });
        expect(slice.modelTopology.node).toEqual(nodes);
        expect(await runPlain(reopened(slice, file), {})).toEqual([[-1, -2]]);
        expect(await runPlain(reopened(slice, file), { p: tf.tensor([5, 6]) })).toEqual([[-5, -6]]);
      }
    }
  });

  test('constants that are not numbers: their bytes and their text are left alone', async () => {
    const inline = constant('inline');
    Object.assign((inline.attr?.value as { tensor: object }).tensor, { floatVal: ['NaN'] });
    const file = graphFile({
      nodes: [floatInput('x'), constant('c'), inline, node('AddV2', 'a', 'x', 'c'), node('Mul', 'm', 'a', 'inline')],
      weights: { c: { shape: [4], values: [NaN, Infinity, -Infinity, -0] } },
    });
    const slice = sliceGraph(file.model, { outputs: ['a'] });
    expect(await runPlain(reopened(slice, file), { x: tf.zeros([1, 4]) })).toEqual([[NaN, Infinity, -Infinity, 0]]);
    expect(reopened(slice, file).bytes).toEqual(file.bytes);
    expect((sliceGraph(file.model, { outputs: ['m'] }).modelTopology.node as GraphNode[])[2]).toEqual(inline);
  });

  test('a constant can be an output, and an input', async () => {
    const file = forked();
    const slice = sliceGraph(file.model, { outputs: ['b'] });
    expect(nodeNames(slice)).toEqual(['b']);
    expect(await runPlain(reopened(slice, file), {})).toEqual([[0.5, -1, 2, 0.25]]);
    const fed = sliceGraph(file.model, { inputs: ['product', 'b'], outputs: ['biased'] });
    expect(fed.weights).toEqual([]);
    expect(await runPlain(reopened(fed, file), { product: tf.zeros([1, 4]), b: tf.ones([4]) })).toEqual([[1, 1, 1, 1]]);
  });
});

describe('signature', () => {
  test('keys of the model stay where they are its own inputs and outputs', () => {
    const { signature, plan } = sliceGraph(forked().model, { outputs: ['sum', 'out'] });
    expect(signature.inputs).toEqual({ image: { name: 'x:0' } });
    expect(Object.keys(signature.outputs as object)).toEqual(['sum', 'scores']);
    expect(plan.inputs).toMatchObject([{ name: 'image', address: 'x' }]);
    expect(plan.outputs.map(({ name }) => name)).toEqual(['sum', 'scores']);
  });

  test('two outputs of one node: plain TF.js takes one for both, so one gets a node of its own', async () => {
    const file = forked({ signature: { inputs: { image: 'x:0' }, outputs: { left: 'halves:0', right: 'halves:1' } } });
    const [left, right] = (await readPlain(file, { image: x }, ['halves:0', 'halves:1'])).map((tensor) =>
      Array.from(tensor.dataSync()),
    );
    expect(left).not.toEqual(right);
    // what makes it necessary
    expect(await runPlain(file, { image: x })).toEqual([right, right]);
    const slice = sliceGraph(file.model, { outputs: ['halves', 'halves:1'] });
    expect(await runPlain(reopened(slice, file), { image: x })).toEqual([left, right]);
    expect(
      await runPlain(reopened(sliceGraph(file.model, { outputs: ['halves:1', 'halves'] }), file), { image: x }),
    ).toEqual([right, left]);
    expect(Object.keys(slice.signature.outputs as object)).toEqual(['left', 'right']);
    expect(slice.plan.notes).toHaveLength(1);
    // a slice of it needs no more of them
    const again = reopened(slice, file);
    expect(sliceGraph(again.model, {}).modelTopology).toEqual(slice.modelTopology);
  });

  test('an output that is an input', async () => {
    const file = forked();
    for (const cut of [
      { outputs: ['x'], inputs: [] },
      { outputs: ['x'], inputs: ['x'] },
    ]) {
      const slice = sliceGraph(file.model, cut);
      expect(slice.plan.calls).toBe(0);
      expect(await runPlain(reopened(slice, file), { image: x })).toEqual([Array.from(x.dataSync())]);
    }
    const middle = sliceGraph(file.model, { inputs: ['act'], outputs: ['act', 'sum'] });
    const [act, sum] = await readPlain(file, { image: x }, ['act', 'sum']);
    expect(await runPlain(reopened(middle, file), { act: act as tf.Tensor })).toEqual([
      Array.from((act as tf.Tensor).dataSync()),
      Array.from((sum as tf.Tensor).dataSync()),
    ]);
  });

  test('outputs keep the order asked for, also where their names are numbers', async () => {
    const nodes = [floatInput('x', [-1]), node('Neg', '10', 'x'), node('Abs', '2', 'x'), node('Square', 'c', 'x')];
    const file = graphFile({ nodes, signature: { inputs: { '0': 'x:0' }, outputs: { '1': '10:0', '0': '2:0' } } });
    const fed = { '0': tf.tensor([-3]) };
    for (const [outputs, expected] of [
      [
        ['10', '2', 'c'],
        [[3], [3], [9]],
      ],
      [
        ['c', '10', '2'],
        [[9], [3], [3]],
      ],
    ] as const) {
      const slice = sliceGraph(file.model, { outputs: [...outputs] });
      expect(slice.plan.outputs.map(({ address }) => address)).toEqual(outputs);
      expect(reopened(slice, file).model.graph.outputs.map(({ layer }) => layer)).toEqual(outputs);
      expect(await runPlain(reopened(slice, file), fed)).toEqual(expected);
    }
  });

  test('names of a dict of outputs stay where each has one', async () => {
    const file = forked({
      signature: { inputs: { image: 'x:0' }, outputs: { a: 'sum:0', b: 'out:0' } },
      root: { userDefinedMetadata: { structuredOutputKeys: ['total', 'scores'] } },
    });
    expect(sliceGraph(file.model, {}).structuredOutputKeys).toEqual(['total', 'scores']);
    const last = sliceGraph(file.model, { outputs: ['out'] });
    expect(last.structuredOutputKeys).toEqual(['scores']);
    const dict = (await loadPlain(reopened(last, file))).predict({ image: x }) as tf.NamedTensorMap;
    expect(Object.keys(dict)).toEqual(['scores']);
    expect(sliceGraph(file.model, { outputs: ['act', 'out'] }).structuredOutputKeys).toBeNull();
  });

  test('without a signature: placeholders in, what nothing reads out', async () => {
    const { signature: _, ...json } = forked().json;
    const file = graphFile({
      nodes: (json.modelTopology as { node: GraphNode[] }).node,
      weights: {
        w: { shape: [4, 4], values: new Array<number>(16).fill(1) },
        'halves/axis': { shape: [], whole: [1] },
        b: { shape: [4], values: [0, 0, 0, 0] },
      },
    });
    const { signature } = sliceGraph(file.model, {});
    expect(Object.keys(signature.inputs as object)).toEqual(['x']);
    expect(Object.keys(signature.outputs as object)).toEqual(['out']);
  });

  test('a signature that names tables with what TF.js hands in is left to TF.js', async () => {
    const table = { name: 'table:0', dtype: 'DT_RESOURCE', tensorShape: {}, resourceId: 7 };
    const file = graphFile({
      nodes: [
        {
          name: 'keys',
          op: 'Placeholder',
          attr: { dtype: { type: 'DT_STRING' }, shape: { shape: { dim: [{ size: '-1' }] } } },
        },
        { name: 'table', op: 'Placeholder', attr: { dtype: { type: 'DT_RESOURCE' }, shape: { shape: {} } } },
        constant('missing'),
        {
          name: 'found',
          op: 'LookupTableFindV2',
          input: ['table', 'keys', 'missing'],
          attr: { Tin: { type: 'DT_STRING' }, Tout: { type: 'DT_FLOAT' } },
        },
        node('Neg', 'negative', 'found'),
        node('Abs', 'size', 'negative'),
      ],
      weights: {
        missing: { shape: [], values: [-1] },
        'init/values': { shape: [2], values: [10, 20] },
        'init/keys': { shape: [2], text: ['a', 'bee'] },
      },
      signature: { inputs: { text: 'keys:0', captured: table }, outputs: { size: 'size:0' } },
      root: {
        modelInitializer: {
          node: [
            {
              name: 'init/table',
              op: 'HashTableV2',
              attr: { key_dtype: { type: 'DT_STRING' }, value_dtype: { type: 'DT_FLOAT' }, shared_name: { s: 'eA==' } },
            },
            constant('init/keys', 'DT_STRING'),
            constant('init/values'),
            {
              name: 'init/import',
              op: 'LookupTableImportV2',
              input: ['init/table', 'init/keys', 'init/values'],
              attr: {},
            },
            { name: 'init/done', op: 'Identity', input: ['init/table', '^init/import'], attr: {} },
          ],
          versions: {},
        },
        initializerSignature: {
          outputs: { 'init/done': { name: 'init/done:0', dtype: 'DT_RESOURCE', resourceId: 7 } },
        },
      },
    });
    const text = tf.tensor1d(['bee', 'sea', 'a'], 'string');
    expect(await runPlain(file, { text })).toEqual([[20, 1, 10]]);
    expect(file.model.graph.inputs.map(({ name }) => name)).toEqual(['text']);
    const slice = sliceGraph(file.model, { outputs: ['negative'] });
    expect(slice.plan.inputs.map(({ name }) => name)).toEqual(['text']);
    expect(slice.weights.map(({ name }) => name)).toEqual(['missing', 'init/values', 'init/keys']);
    expect(slice.signature.inputs).toMatchObject({ captured: table });
    expect(await runPlain(reopened(slice, file), { text })).toEqual([[-20, 1, -10]]);
    // behind the table nothing of it is needed
    const behind = sliceGraph(file.model, { inputs: ['negative'] });
    expect(behind.initializer).toEqual({});
    expect(behind.weights).toEqual([]);
    expect(Object.keys(behind.signature.inputs as object)).toEqual(['negative']);
    for (const cut of [{ outputs: ['table'] }, { inputs: ['table'] }])
      expect(errorOf(() => sliceGraph(file.model, cut))).toMatchObject({
        code: 'unsupported',
        data: { reason: 'cut-handle', address: 'table' },
      });
  });
});

test('the model with a table that tests the converter itself', async () => {
  const { weightSpecs, weightData, ...root } = structuredClone(HASH_TABLE_MODEL_V2);
  const bytes = Uint8Array.from(new Uint8Array(weightData));
  const file = openGraph(
    { ...root, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] } as never,
    bytes,
  );
  const input = tf.tensor1d(['b', 'c', 'a'], 'string');
  const [whole] = await runPlain(file, { input });
  expect(whole).toEqual([1, -1, 0]);
  const slice = sliceGraph(file.model, { outputs: ['StatefulPartitionedCall/None_Lookup/LookupTableFindV2'] });
  expect(await runPlain(reopened(slice, file), { input })).toEqual([whole]);
  expect(sliceGraph(file.model, {}).modelTopology.node).toEqual(root.modelTopology.node);
});

describe('defined answers, the same as for layers', () => {
  test.each([
    ['asked twice', { outputs: ['act', 'act'], inputs: [] }, 'act was asked for twice and is there once.'],
    [
      'an input that is not needed',
      { outputs: ['act'], inputs: ['biased', 'negative'] },
      'negative is not needed for these outputs and is not an input of the slice.',
    ],
  ])('%s', (_name, cut, message) => {
    expect(planCut(forked().model, cut).notes.map((note) => note.message)).toContain(message);
  });

  test('what crosses the cut is named, and what would close it', () => {
    const { model } = forked();
    const { boundary } = planCut(model, { outputs: [], inputs: ['sum'] });
    expect(boundary).toMatchObject({ closed: false, missing: [{ address: 'negative', neededBy: ['out'] }] });
    expect(boundary.suggestions.map(({ inputs }) => inputs)).toEqual([['sum', 'negative'], ['act']]);
    for (const { inputs } of boundary.suggestions)
      expect(planCut(model, { outputs: [], inputs }).boundary.closed).toBe(true);
    const error = errorOf(() => sliceGraph(model, { inputs: ['sum'] }));
    expect(error).toMatchObject({ code: 'cut-open', data: { missing: ['negative'] } });
  });

  test('an output that the inputs do not lead to needs those of the model', () => {
    const { boundary } = planCut(forked().model, { outputs: ['act'], inputs: ['negative'] });
    expect(boundary).toMatchObject({ closed: false, missing: [{ address: 'x', neededBy: ['act'] }] });
  });

  test('names that are not there', () => {
    expect(errorOf(() => planCut(forked().model, { outputs: ['acts'], inputs: [] })).data).toMatchObject({
      reason: 'nearest',
    });
    expect(errorOf(() => planCut(forked().model, { outputs: ['halves:2'], inputs: [] }))).toMatchObject({
      code: 'unknown-address',
      data: { last: 1 },
    });
  });

  test('the same cut gives the same text, whatever was asked before, and the model stays as it is', () => {
    const file = forked();
    const before = JSON.stringify(file.model);
    const cut = { inputs: ['halves', 'halves:1'], outputs: ['out', 'sum'] };
    const first = JSON.stringify(sliceGraph(file.model, cut));
    sliceGraph(file.model, { inputs: ['act'] });
    expect(JSON.stringify(sliceGraph(file.model, cut))).toBe(first);
    expect(JSON.stringify(file.model)).toBe(before);
  });

  test('a slice of a slice is the slice', () => {
    const file = forked();
    const outer = reopened(sliceGraph(file.model, { inputs: ['biased'], outputs: ['sum', 'negative'] }), file);
    const inner = sliceGraph(outer.model, { inputs: ['act'], outputs: ['sum'] });
    const direct = sliceGraph(file.model, { inputs: ['act'], outputs: ['sum'] });
    expect(inner.modelTopology).toEqual(direct.modelTopology);
    expect(inner.signature).toEqual(direct.signature);
    expect(reopened(inner, outer).bytes).toEqual(reopened(direct, file).bytes);
    const whole = sliceGraph(outer.model, {});
    expect(whole.modelTopology).toEqual(outer.json.modelTopology);
    expect(whole.signature).toEqual(outer.json.signature);
  });
});

describe('control inputs', () => {
  /** `a` waits for `check` (of x), `b` for `ready` (of a constant). */
  const waiting = (): GraphFile =>
    graphFile({
      nodes: [
        floatInput('x'),
        constant('c'),
        node('Neg', 'ready', 'c'),
        { name: 'check', op: 'NoOp', input: ['^seen'] },
        node('Abs', 'seen', 'x'),
        { ...node('Neg', 'a', 'x'), input: ['x', '^check'] },
        { ...node('Square', 'b', 'a'), input: ['a', '^ready', '^x', '^a'] },
        node('Abs', 'unread', 'x'),
      ],
      weights: { c: { shape: [1], values: [1] } },
      signature: { inputs: { x: 'x' }, outputs: { b: 'b' } },
    });
  const inputsOf = (slice: ReturnType<typeof sliceGraph>, name: string): string[] | undefined =>
    (slice.modelTopology.node as GraphNode[]).find((item) => item.name === name)?.input;

  test('what a node waits for comes along where the slice can compute it', async () => {
    const file = waiting();
    const slice = sliceGraph(file.model, {});
    expect(nodeNames(slice)).toEqual(['x', 'c', 'ready', 'check', 'seen', 'a', 'b']);
    expect(inputsOf(slice, 'a')).toEqual(['x', '^check']);
    expect(inputsOf(slice, 'b')).toEqual(['a', '^ready', '^x', '^a']);
    expect(slice.plan.notes).toEqual([]);
    expect(await runPlain(reopened(slice, file), { x: tf.tensor2d([[1, 2, 3, 4]]) })).toEqual([[1, 4, 9, 16]]);
  });

  test('and goes where it cannot', async () => {
    const file = waiting();
    const slice = sliceGraph(file.model, { inputs: ['a'] });
    expect(nodeNames(slice)).toEqual(['c', 'ready', 'a', 'b']);
    // `a` is a placeholder now, and there to wait for
    expect(inputsOf(slice, 'b')).toEqual(['a', '^ready', '^a']);
    expect(slice.plan.boundary.closed).toBe(true);
    expect(slice.plan.notes.map(({ address }) => address)).toEqual(['b']);
    expect(await runPlain(reopened(slice, file), { a: tf.tensor2d([[1, 2, 3, 4]]) })).toEqual([[1, 4, 9, 16]]);
  });

  test('waiting for a node that is not there, or for each other in a circle', () => {
    const file = graphFile({
      nodes: [
        floatInput('x'),
        { ...node('Neg', 'a', 'x'), input: ['x', '^gone', '^b'] },
        { ...node('Abs', 'b', 'a'), input: ['a', '^b'] },
      ],
    });
    const slice = sliceGraph(file.model, { outputs: ['a'] });
    expect(nodeNames(slice)).toEqual(['x', 'a', 'b']);
    expect(inputsOf(slice, 'a')).toEqual(['x', '^b']);
  });
});

describe('functions', () => {
  const call = (name: string, input: string, key: string, func: object): GraphNode => ({
    name,
    op: 'PartitionedCall',
    input: [input],
    attr: { [key]: func } as never,
  });
  const fn = (name: string, nodes: object[]): object => ({
    signature: { name, inputArg: [{ name: 'v', type: 'DT_FLOAT' }], outputArg: [{ name: 'r', type: 'DT_FLOAT' }] },
    nodeDef: nodes,
    ret: { r: `${name}/out:z:0` },
  });
  const nodes = [
    floatInput('x'),
    call('one', 'x', 'f', { func: { name: 'outer' } }),
    call('two', 'one', 'branches', { list: { func: [{ name: 'lonely' }, { name: 'unknown' }] } }),
    node('Neg', 'three', 'two'),
  ];
  const library = {
    function: [
      fn('inner', [constant('inner/c'), { name: 'inner/out', op: 'AddV2', input: ['v', 'inner/c:output:0'] }]),
      fn('lonely', [constant('lonely/c'), { name: 'lonely/out', op: 'Mul', input: ['v', 'lonely/c:output:0'] }]),
      fn('outer', [
        { name: 'outer/out', op: 'inner', input: ['v'] },
        { name: 'again', op: 'PartitionedCall', input: ['v'], attr: { f: { func: { name: 'outer' } } } },
      ]),
    ],
    gradient: [{ functionName: 'outer', gradientFunc: 'lonely' }],
  };
  const weights = { 'lonely/c': { shape: [], values: [3] }, 'inner/c': { shape: [], values: [4] } };
  const names = (slice: ReturnType<typeof sliceGraph>): string[] =>
    ((slice.modelTopology.library as { function?: { signature: { name: string } }[] }).function ?? []).map(
      (item) => item.signature.name,
    );

  test.each([
    ['one', [], ['inner', 'outer'], ['inner/c']],
    ['three', ['one'], ['lonely'], ['lonely/c']],
    ['three', [], ['inner', 'lonely', 'outer'], ['lonely/c', 'inner/c']],
    ['three', ['two'], [], []],
  ])('%s from %j', (output, inputs, functions, entries) => {
    const slice = sliceGraph(graphFile({ nodes, weights, topology: { library: library as never } }).model, {
      outputs: [output],
      inputs,
    });
    expect(names(slice)).toEqual(functions);
    expect(slice.weights.map(({ name }) => name)).toEqual(entries);
  });

  test('a loop of functions is carried along whole, and runs in plain TF.js', async () => {
    const body = {
      signature: {
        name: 'body',
        inputArg: [{ name: 'v', type: 'DT_FLOAT' }],
        outputArg: [{ name: 'r', type: 'DT_FLOAT' }],
      },
      nodeDef: [constant('body/two'), { name: 'double', op: 'Mul', input: ['v', 'body/two:output:0'], attr: {} }],
      ret: { r: 'double:z:0' },
    };
    const cond = {
      signature: {
        name: 'cond',
        inputArg: [{ name: 'v', type: 'DT_FLOAT' }],
        outputArg: [{ name: 'r', type: 'DT_BOOL' }],
      },
      nodeDef: [constant('cond/limit'), { name: 'less', op: 'Less', input: ['v', 'cond/limit:output:0'], attr: {} }],
      ret: { r: 'less:z:0' },
    };
    const file = graphFile({
      nodes: [
        floatInput('x', []),
        node('Neg', 'n', 'x'),
        {
          name: 'loop',
          op: 'StatelessWhile',
          input: ['n'],
          attr: {
            cond: { func: { name: 'cond' } },
            body: { func: { name: 'body' } },
            T: { list: { type: ['DT_FLOAT'] } },
          },
        },
        node('Abs', 'end', 'loop'),
      ],
      weights: { 'body/two': { shape: [], values: [2] }, 'cond/limit': { shape: [], values: [10] } },
      topology: { library: { function: [cond, body] as never } },
      signature: { inputs: { x: 'x' }, outputs: { end: 'end' } },
    });
    expect(await runPlain(file, { x: tf.scalar(-3) })).toEqual([[12]]);
    const slice = sliceGraph(file.model, { inputs: ['n'] });
    expect(await runPlain(reopened(slice, file), { n: tf.scalar(3) })).toEqual([[12]]);
    expect(sliceGraph(file.model, { inputs: ['loop'] }).weights).toEqual([]);
  });
});

describe('what cannot be cut', () => {
  /** while (v < limit) v = v + one */
  const loop = (): GraphFile => {
    const enter = (name: string, input: string, isConstant = false): GraphNode => ({
      name,
      op: 'Enter',
      input: [input],
      attr: {
        ...node('', '').attr,
        frame_name: { s: 'bG9vcA==' },
        is_constant: { b: isConstant },
        parallel_iterations: { i: '1' },
      },
    });
    return graphFile({
      nodes: [
        floatInput('x', []),
        constant('limit'),
        constant('one'),
        node('Square', 'start', 'x'),
        enter('enter', 'start'),
        enter('enter_limit', 'limit', true),
        enter('enter_one', 'one', true),
        node('Merge', 'merge', 'enter', 'next'),
        node('Less', 'less', 'merge', 'enter_limit'),
        { name: 'cond', op: 'LoopCond', input: ['less'] },
        node('Switch', 'switch', 'merge', 'cond'),
        node('AddV2', 'add', 'switch:1', 'enter_one'),
        node('NextIteration', 'next', 'add'),
        node('Exit', 'exit', 'switch'),
        node('Neg', 'after', 'exit'),
      ],
      weights: { limit: { shape: [], values: [10] }, one: { shape: [], values: [1] } },
      signature: { inputs: { x: 'x' }, outputs: { after: 'after' } },
    });
  };

  test('a TensorFlow 1 loop is no part of a slice; before and behind it there are slices', async () => {
    const file = loop();
    expect(await runPlain(file, { x: tf.scalar(2) })).toEqual([[-10]]);
    const before = sliceGraph(file.model, { outputs: ['start'] });
    expect(await runPlain(reopened(before, file), { x: tf.scalar(2) })).toEqual([[4]]);
    const behind = sliceGraph(file.model, { inputs: ['exit'] });
    expect(await runPlain(reopened(behind, file), { exit: tf.scalar(10) })).toEqual([[-10]]);
    for (const cut of [{}, { inputs: ['start'] }, { outputs: ['exit'] }]) {
      const error = errorOf(() => sliceGraph(file.model, cut));
      expect(error).toMatchObject({
        code: 'control-flow',
        data: { address: 'enter', class: 'Enter', after: ['exit'] },
      });
      expect(sentence(error)).toBe(
        'This cut needs enter (Enter), a part of a TensorFlow 1 loop or branch, which runs only as a whole: start behind it, at exit.',
      );
    }
    for (const cut of [
      { outputs: ['add'], inputs: [] },
      { outputs: ['add'], inputs: ['switch:1', 'enter_one'] },
      { outputs: ['after'], inputs: ['add'] },
      { outputs: ['less'], inputs: ['merge'] },
    ])
      expect(errorOf(() => planCut(file.model, cut)).code).toBe('control-flow');
  });

  test('a branch of TensorFlow 1 likewise', () => {
    const file = graphFile({
      nodes: [
        floatInput('x'),
        { name: 'p', op: 'Placeholder', attr: { dtype: { type: 'DT_BOOL' }, shape: { shape: {} } } },
        node('Switch', 'switch', 'x', 'p'),
        node('Neg', 'no', 'switch'),
        node('Abs', 'yes', 'switch:1'),
        node('Merge', 'merge', 'no', 'yes'),
        node('Square', 'end', 'merge'),
      ],
    });
    expect(nodeNames(sliceGraph(file.model, { inputs: ['merge'] }))).toEqual(['merge', 'end']);
    for (const cut of [
      { outputs: ['end'] },
      { outputs: ['end'], inputs: ['no', 'yes'] },
      { outputs: ['yes'], inputs: ['switch:1'] },
    ])
      expect(errorOf(() => planCut(file.model, { inputs: [], ...cut })).code).toBe('control-flow');
  });

  test('a list of tensors is a handle: it is not handed over, but made from what can be', async () => {
    const list = { element_dtype: { type: 'DT_FLOAT' }, shape_type: { type: 'DT_INT32' } };
    const file = graphFile({
      nodes: [
        floatInput('x', [-1, 2]),
        floatInput('y', [-1, 2]),
        constant('shape', 'DT_INT32'),
        node('Neg', 'n', 'x'),
        { name: 'list', op: 'TensorListFromTensor', input: ['n', 'shape'], attr: list },
        {
          name: 'stack',
          op: 'TensorListStack',
          input: ['list', 'shape'],
          attr: { element_dtype: { type: 'DT_FLOAT' }, num_elements: { i: '-1' } },
        },
        node('AddV2', 'sum', 'stack', 'y'),
      ],
      weights: { shape: { shape: [1], whole: [2] } },
    });
    for (const cut of [{ outputs: ['list'] }, { inputs: ['list'] }])
      expect(errorOf(() => sliceGraph(file.model, cut))).toMatchObject({
        code: 'unsupported',
        data: { reason: 'cut-handle', address: 'list' },
      });
    expect(
      planCut(file.model, { outputs: [], inputs: ['y'] }).boundary.missing.map(({ address }) => address),
    ).not.toContain('list');
    const slice = sliceGraph(file.model, { inputs: ['n', 'y'] });
    const given = { n: tf.tensor2d([[1, 2]]), y: tf.tensor2d([[10, 20]]) };
    expect(await runPlain(reopened(slice, file), given)).toEqual([[11, 22]]);
  });
});

describe('hostile graphs', () => {
  test.each<[string, GraphNode[], string]>([
    ['a circle', [node('Neg', 'a', 'b'), node('Neg', 'b', 'a')], 'broken-graph'],
    ['a node that reads itself', [node('Neg', 'a', 'a')], 'broken-graph'],
    ['a node that is not there', [node('Neg', 'a', 'gone')], 'broken-graph'],
    ['two nodes of one name', [node('NoOp', 'a'), node('NoOp', 'a')], 'duplicate-layer'],
  ])('%s does not open', (_name, nodes, code) => {
    expect(errorOf(() => graphFile({ nodes })).code).toBe(code);
  });

  test('names that mean something elsewhere', () => {
    const names = ['toString', 'constructor', 'hasOwnProperty', 'a@b#1', '__proto__', 'valueOf'];
    const nodes = [floatInput('x'), ...names.map((name, i) => node('Neg', name, names[i - 1] ?? 'x'))];
    const file = graphFile({ nodes });
    names.forEach((name, i) => {
      const address = name.replace(/[@#]/g, (c) => `\\${c}`);
      const slice = sliceGraph(file.model, { inputs: ['x'], outputs: [address] });
      expect(slice.plan.outputs).toMatchObject([{ address }]);
      expect(nodeNames(slice)).toEqual(['x', ...names.slice(0, i + 1)]);
      expect(reopened(slice, file).model.graph.outputs.map(({ layer }) => layer)).toEqual([name]);
    });
  });

  test('a chain of 100,000 nodes, cut in the middle', () => {
    const count = 100_000;
    const nodes = Array.from({ length: count }, (_, i) =>
      i === 0
        ? floatInput('n0')
        : { ...node('Neg', `n${i}`, `n${i - 1}`), input: [`n${i - 1}`, `^n${Math.max(0, i - 2)}`] },
    );
    const { model } = graphFile({ nodes });
    const slice = sliceGraph(model, { inputs: ['n50000'], outputs: ['n99998', 'n70000'] });
    expect(slice.plan.calls).toBe(49_998);
    expect(planCut(model, { inputs: ['n5'], outputs: ['n4'] }).boundary.missing).toHaveLength(1);
  });

  test('a function that names itself through others, and a signature of nonsense', () => {
    const fn = (name: string, calls: string): object => ({
      signature: { name },
      nodeDef: [{ name: 'c', op: 'PartitionedCall', attr: { f: { func: { name: calls } } } }, 7, null],
    });
    const file = graphFile({
      nodes: [floatInput('x'), { name: 'y', op: 'a', input: ['x'] }],
      topology: { library: { function: [fn('a', 'b'), fn('b', 'a'), 'nonsense', {}] as never }, versions: 5 },
      signature: { inputs: { bad: { name: 'nobody' } }, outputs: { o: 'y' } },
    });
    const slice = sliceGraph(file.model, { inputs: ['x'], outputs: ['y'] });
    expect((slice.modelTopology.library as { function: unknown[] }).function).toHaveLength(2);
    expect(slice.modelTopology.versions).toEqual({});
  });
});
