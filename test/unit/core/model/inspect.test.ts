import { describe, expect, it } from 'vitest';
import { inspectModel } from '../../../../src/core/model/inspect';
import { summaryCsv, summaryMarkdown, summaryTable } from '../../../../src/core/model/summary';
import { keras } from '../../../fixtures';
import { floatManifest, openFixture, openJson, readGolden } from '../formats/openFixture';

const dense = (name: string, units: number, more: object = {}): object => ({
  class_name: 'Dense',
  config: { name, units, use_bias: false, ...more },
});

describe('inspectModel', () => {
  it('says of digits-cnn what Keras says', () => {
    const document = inspectModel(openFixture(keras, 'digits-cnn', 'tfjs-keras2-h5'));
    expect(document).toMatchObject({
      file: 'model.json',
      format: 'layers-model',
      kind: 'sequential',
      producer: { converter: '4.22.0', backend: 'tensorflow' },
      totals: { params: 34_826, macs: 2_440_960, macsUnknown: 0, weightBytes: 139_304 },
    });
    expect(document.layers.find(({ name }) => name === 'conv_1')).toMatchObject({
      address: 'conv_1',
      parent: null,
      depth: 0,
      class: 'Conv2D',
      index: { keras: 0, tfjs: 1 },
      weights: [
        { name: 'kernel', shape: [3, 3, 1, 32], dtype: 'float32', bytes: 1152, quantization: null, sharedWith: [] },
        { name: 'bias' },
      ],
      calls: [{ address: 'conv_1', outputs: [{ shape: [null, 26, 26, 32], dtype: 'float32' }], macs: 194_688 }],
    });
  });

  it('counts a weight once, however many layers and calls use it', () => {
    const manifest = floatManifest({ 'shared/kernel': [4, 4] });
    const inner = (name: string): object => ({
      class_name: 'Sequential',
      config: { name, layers: [dense('shared', 4, { batch_input_shape: [null, 4] })] },
    });
    const document = inspectModel(
      openJson(
        {
          modelTopology: { class_name: 'Sequential', config: { name: 'net', layers: [inner('one'), inner('two')] } },
          ...manifest,
        },
        manifest.shards,
      ),
    );
    expect(document.totals).toMatchObject({ params: 16, weightBytes: 64, macs: 32 });
    const [one, two] = document.layers.filter(({ name }) => name === 'shared');
    expect(one?.weights[0]?.sharedWith).toEqual([two?.address]);
    expect(two?.weights[0]?.sharedWith).toEqual([one?.address]);
    expect(
      document.layers.filter(({ class: name }) => name === 'Sequential').map(({ params }) => params.total),
    ).toEqual([16, 16]);
  });

  it('does not train what stands in a frozen model', () => {
    const manifest = floatManifest({ 'a/kernel': [4, 4], 'b/kernel': [4, 2] });
    const frozen = {
      class_name: 'Sequential',
      config: { name: 'base', trainable: false, layers: [dense('a', 4, { batch_input_shape: [null, 4] })] },
    };
    const document = inspectModel(
      openJson(
        {
          modelTopology: { class_name: 'Sequential', config: { name: 'net', layers: [frozen, dense('b', 2)] } },
          ...manifest,
        },
        manifest.shards,
      ),
    );
    expect(document.totals).toMatchObject({ params: 24, trainable: 8, nonTrainable: 16 });
  });

  it('says so where a part of the cost is unknown', () => {
    const totals = (layers: object[]): object =>
      inspectModel(openJson({ class_name: 'Sequential', config: { name: 'net', layers } })).totals;
    expect(
      totals([dense('a', 4, { batch_input_shape: [null, 4] }), { class_name: 'Foo', config: { name: 'f' } }]),
    ).toMatchObject({ macs: 16, macsUnknown: 1 });
    expect(totals([dense('a', 4, { batch_input_shape: [null, null, 4] })])).toMatchObject({
      macs: null,
      macsUnknown: 1,
    });
  });

  it('puts the nodes of a graph-model under their scopes', () => {
    const node = [
      {
        name: 'x',
        op: 'Placeholder',
        attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '3' }] } } },
      },
      {
        name: 'm/dense/w',
        op: 'Const',
        attr: { value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '3' }, { size: '2' }] } } } },
      },
      { name: 'm/dense', op: 'MatMul', input: ['x', 'm/dense/w'], attr: { T: { type: 'DT_FLOAT' } } },
      { name: 'm/out', op: 'Relu', input: ['m/dense'], attr: { T: { type: 'DT_FLOAT' } } },
    ];
    const manifest = floatManifest({ 'm/dense/w': [3, 2] });
    const document = inspectModel(openJson({ modelTopology: { node }, ...manifest }, manifest.shards));
    expect(
      document.layers.map(({ address, parent, depth, class: name, params }) => [
        address,
        parent,
        depth,
        name,
        params.total,
      ]),
    ).toEqual([
      ['x', null, 0, 'Placeholder', 0],
      ['m', null, 0, 'Scope', 6],
      ['m\\/dense', 'm', 1, 'MatMul', 0],
      ['m\\/dense\\/w', 'm\\/dense', 2, 'Const', 6],
      ['m\\/out', 'm', 1, 'Relu', 0],
    ]);
    expect(document.outputs).toEqual([{ name: 'm/out', address: 'm\\/out', shape: [null, 2], dtype: 'float32' }]);
    expect(document).toMatchObject({
      kind: 'graph',
      format: 'graph-model',
      totals: { layers: 0, params: 6, trainable: 0 },
    });
  });
});

describe('summary', () => {
  it.each(['nested-functional', 'nested-sequential', 'text-lstm', 'frozen-layers', 'shared-layer'])(
    '%s: the lines of summary(expand_nested=True)',
    (name) => {
      const golden = readGolden(`${keras}/${name}/golden.json`);
      const table = summaryTable(inspectModel(openFixture(keras, name, 'tfjs-keras3')));
      const lines = table.split('\n');
      const separators = lines.flatMap((line, i) => (/^=+$/.test(line) ? [i] : []));
      const rows = lines
        .slice((separators[0] ?? 0) + 1, separators[1])
        .map((line) => /^\s*(?:└ )?(.+) \((\w+)\)\s+([[(?].*?)\s+([\d,]+)$/.exec(line)?.slice(1));
      const sequential = new Set(
        golden.layers.filter((layer) => layer.class === 'Sequential').map(({ address }) => address),
      );
      const shown = golden.layers.filter(({ address, class: className }) => {
        const parent = address.includes('/') ? address.slice(0, address.lastIndexOf('/')) : null;
        const inSequential =
          parent === null ? ['nested-sequential', 'frozen-layers'].includes(name) : sequential.has(parent);
        return !(className === 'InputLayer' && inSequential);
      });
      expect(rows).toEqual(
        shown.map(({ address, class: className, calls, params }) => {
          const shapes = (calls.at(-1)?.outputShapes ?? []).map(
            (shape) => `(${shape.map((dim) => dim ?? 'None').join(', ')})`,
          );
          return [
            address.slice(address.lastIndexOf('/') + 1),
            className,
            shapes.length === 1 ? shapes[0] : `[${shapes.join(', ')}]`,
            params.toLocaleString('en-US'),
          ];
        }),
      );
      expect(lines.slice((separators[1] ?? 0) + 1)).toEqual([
        `Total params: ${golden.totals.params.toLocaleString('en-US')}`,
        `Trainable params: ${golden.totals.trainable.toLocaleString('en-US')}`,
        `Non-trainable params: ${golden.totals.nonTrainable.toLocaleString('en-US')}`,
        '',
      ]);
    },
  );

  it('writes Markdown that names cannot break', () => {
    const text = summaryMarkdown(inspectModel(openFixture(keras, 'odd-names', 'tfjs-keras3')));
    expect(text).toContain('say "x" & \\<b\\>');
    expect(
      text
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .every((line) => line.replace(/\\./g, '').split('|').length === 7),
    ).toBe(true);
  });

  it('writes CSV that a spreadsheet takes as text', () => {
    const model = openJson({
      class_name: 'Sequential',
      config: { name: 'n', layers: [dense('=1+1', 2, { batch_input_shape: [null, 2] }), dense('a,"b"', 2)] },
    });
    const lines = summaryCsv(inspectModel(model)).split('\r\n');
    expect(lines[2]).toBe(`'=1+1,Dense,0,"(None, 2)",4,4,0,4,0,0`);
    expect(lines[3]).toContain('"a,""b""",Dense');
  });
});
