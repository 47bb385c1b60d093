import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import { inspectModel } from '../../../../src/core/model/inspect';
import { keras, teachableMachine } from '../../../fixtures';
import { openFixture, openJson, readGolden, readManifest } from './openFixture';

const layersModels = readManifest(keras).fixtures.flatMap(({ name, formats }) =>
  Object.entries(formats).flatMap(([format, { golden, error }]) =>
    format.startsWith('tfjs') && !format.includes('graph') && !format.includes('weights-only') && golden && !error
      ? [{ name, format, golden: path.join(keras, name, golden) }]
      : [],
  ),
);
/** Layers whose output shape only Python knows: their class is foreign, or their function is. */
const PYTHON = new Set(['FeatureLayer', 'Lambda']);
const plain = (address: string): string => address.replace(/\\/g, '');

describe('layers-models against what Keras says', () => {
  it.each(layersModels)('$name $format', ({ name, format, golden: file }) => {
    const golden = readGolden(file);
    const document = inspectModel(openFixture(keras, name, format));
    const rows = new Map(document.layers.map((row) => [plain(row.address), row]));
    expect(document.layers.map(({ address }) => plain(address))).toEqual(golden.layers.map(({ address }) => address));
    expect(document.totals).toMatchObject(golden.totals);
    expect(document.inputs.map(({ address, shape, dtype }) => ({ layer: plain(address), shape, dtype }))).toEqual(
      golden.inputs,
    );
    expect(document.outputs.map(({ address }) => plain(address))).toEqual(golden.outputs.map(({ tensor }) => tensor));
    for (const expected of golden.layers) {
      const row = rows.get(expected.address);
      expect(row && [row.class.replace(/^.*>/, ''), row.isLayer], expected.address).toEqual([
        expected.class,
        expected.isLayer,
      ]);
      expect(row?.params, expected.address).toEqual({
        total: expected.params,
        trainable: expected.trainable,
        nonTrainable: expected.nonTrainable,
      });
      expect(
        row?.weights.map(({ shape }) => shape),
        expected.address,
      ).toEqual(expected.weights.map(({ shape }) => shape));
      expect(
        row?.calls.map(({ address }) => plain(address)),
        expected.address,
      ).toEqual(expected.calls.map(({ address }) => address));
      expect(
        row?.calls.map(({ inputs }) => inputs.map(plain)),
        expected.address,
      ).toEqual(expected.calls.map(({ inputs }) => inputs));
      if (PYTHON.has(expected.class)) continue;
      expect(
        row?.calls.map(({ outputs }) => outputs.map(({ shape }) => shape)),
        expected.address,
      ).toEqual(expected.calls.map(({ outputShapes }) => outputShapes));
    }
    expect(document.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('counts the multiply-accumulates of digits-cnn', () => {
    expect(inspectModel(openFixture(keras, 'digits-cnn', 'tfjs-keras2-h5')).totals.macs).toBe(2_440_960);
  });

  it('gives a Teachable Machine model its inputs, shapes and weights', () => {
    const document = inspectModel(openFixture(teachableMachine, 'tiny-image'));
    expect(document.problems).toEqual([]);
    expect(document.inputs).toEqual([
      { name: 'sequential_1_input', address: 'sequential_1_input', shape: [null, 96, 96, 1], dtype: 'float32' },
    ]);
    expect(document.outputs[0]?.shape).toEqual([null, 2]);
    expect(document.layers.every(({ weights }) => weights.every(({ bytes }) => bytes > 0))).toBe(true);
    const nested = document.layers.find(({ name }) => name === 'conv2d_27');
    expect(nested?.address).toBe('sequential_1/model1/conv2d_27');
    expect(nested?.depth).toBe(2);
  });
});

type ApplicationRow = [string, string, (number | null)[][][], number, number, number[][]];

describe('keras.applications, topology alone', () => {
  const folder = path.join(keras, 'applications');
  it.each(readdirSync(folder).filter((name) => name.includes('.topology.')))('%s', (name) => {
    const model = openParsed(parseModelJson(gunzipSync(readFileSync(path.join(folder, name))), name), []);
    const golden = JSON.parse(
      gunzipSync(readFileSync(path.join(folder, name.replace('.topology.', '.golden.')))).toString(),
    ) as {
      totals: object;
      layers: ApplicationRow[];
    };
    const document = inspectModel(model);
    const rows = document.layers.map(({ address, class: className, calls, params, weights }) => [
      address,
      className,
      calls.map(({ outputs }) => outputs.map(({ shape }) => shape)),
      params.total,
      params.trainable,
      weights.map(({ shape }) => shape),
    ]);
    expect(rows).toEqual(golden.layers.map((row) => row.slice(0, 6)));
    expect(document.totals).toMatchObject(golden.totals);
    expect(document.problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual(['warning missing-weight']);
  });
});

const dense = (name: string | undefined, units: number, more: object = {}): object => ({
  class_name: 'Dense',
  config: { ...(name === undefined ? {} : { name }), units, ...more },
});
const input = (name: string, shape: (number | null)[]): object => ({
  class_name: 'InputLayer',
  name,
  config: { name, batch_input_shape: shape, dtype: 'float32' },
  inbound_nodes: [],
});

describe('shapes of files in the wild', () => {
  const layers = [dense('a', 3, { batch_input_shape: [null, 4] }), dense('b', 2)];
  const config = { class_name: 'Sequential', config: { name: 'net', layers } };
  it.each([
    ['modelTopology with model_config', { modelTopology: { model_config: config } }],
    ['modelTopology is the config', { modelTopology: config }],
    ['the config alone', config],
    ['model_config at the top', { model_config: config }],
    ['a Sequential that is a list', { modelTopology: { class_name: 'Sequential', config: layers } }],
  ])('%s', (_, json) => {
    const { graph } = openJson(json);
    expect(graph.layers.map(({ name }) => name)).toEqual(['a_input', 'a', 'b']);
    expect(graph.outputs.map(({ layer }) => layer)).toEqual(['b']);
    expect(graph.layers.at(-1)?.calls[0]?.outputs).toEqual([{ shape: [null, 2], dtype: 'float32' }]);
    expect(graph.layers.map(({ index }) => [index.keras, index.tfjs])).toEqual([
      [null, null],
      [0, 0],
      [1, 1],
    ]);
  });

  it('names nested models and layers that have no name, and says so', () => {
    const nested = {
      class_name: 'Sequential',
      config: { layers: [dense(undefined, 3, { batch_input_shape: [null, 4] })] },
    };
    const model = openJson({
      class_name: 'Sequential',
      config: { name: 'sequential_1', layers: [nested, nested, dense('dense_1', 1)] },
    });
    expect(model.graph.layers.map(({ name }) => name)).toEqual([
      'sequential_2_input',
      'sequential_2',
      'sequential_3',
      'dense_1',
    ]);
    expect(model.graph.layers[1]?.graph?.layers.map(({ name }) => name)).toEqual(['dense_2_input', 'dense_2']);
    expect(model.repairs.find(({ code }) => code === 'layer-name')?.data.count).toBe(4);
  });

  it.each([
    ['build_input_shape', { build_input_shape: [null, 5] }, {}],
    ['build_config', {}, { build_config: { input_shape: [null, 5] } }],
  ])("takes a Sequential's input from %s", (_, config_, entry) => {
    const model = openJson({
      class_name: 'Sequential',
      config: { name: 's', ...config_, layers: [dense('a', 3)] },
      ...entry,
    });
    expect(model.graph.layers[0]?.calls[0]?.outputs[0]?.shape).toEqual([null, 5]);
    expect(model.repairs.map(({ code }) => code)).toEqual(['input-shape']);
    expect(model.topology).toMatchObject({
      config: { layers: [{ class_name: 'InputLayer' }, { class_name: 'Dense' }] },
    });
  });

  it('opens a Sequential that says no shape anywhere', () => {
    const model = openJson({ class_name: 'Sequential', config: { name: 's', layers: [dense('a', 3)] } });
    expect(model.graph.layers.map(({ calls }) => calls[0]?.outputs[0]?.shape)).toEqual([null, null]);
  });

  it('counts calls of nested models as Keras 2 does, and as older files do', () => {
    const nested = {
      class_name: 'Model',
      name: 'inner',
      config: {
        name: 'inner',
        layers: [input('i', [null, 4]), { ...dense('d', 4), name: 'd', inbound_nodes: [[['i', 0, 0, {}]]] }],
        input_layers: [['i', 0, 0]],
        output_layers: [['d', 0, 0]],
      },
    };
    const outer = (first: number): object => ({
      class_name: 'Model',
      config: {
        name: 'outer',
        layers: [
          input('x', [null, 4]),
          { ...nested, inbound_nodes: [[['x', 0, 0, {}]], [['inner', first, 0, {}]]] },
          { ...dense('out', 2), name: 'out', inbound_nodes: [[['inner', first + 1, 0, {}]]] },
        ],
        input_layers: [['x', 0, 0]],
        output_layers: [['out', 0, 0]],
      },
    });
    for (const first of [0, 1]) {
      const [, inner, out] = openJson(outer(first)).graph.layers;
      expect(inner?.calls.map(({ inputs }) => inputs)).toEqual([
        [{ layer: 'x', call: 0, output: 0 }],
        [{ layer: 'inner', call: 0, output: 0 }],
      ]);
      expect(out?.calls[0]?.inputs).toEqual([{ layer: 'inner', call: 1, output: 0 }]);
    }
  });

  it("gives a nested model that is called with another shape that call's own shape", () => {
    const nested = {
      class_name: 'Functional',
      name: 'inner',
      config: {
        name: 'inner',
        layers: [input('i', [null, null, 4]), { ...dense('d', 2), name: 'd', inbound_nodes: [[['i', 0, 0, {}]]] }],
        input_layers: [['i', 0, 0]],
        output_layers: [['d', 0, 0]],
      },
      inbound_nodes: [[['x', 0, 0, {}]], [['y', 0, 0, {}]]],
    };
    const model = openJson({
      class_name: 'Functional',
      config: {
        name: 'm',
        layers: [input('x', [null, 7, 4]), input('y', [null, 9, 4]), nested],
        input_layers: [
          ['x', 0, 0],
          ['y', 0, 0],
        ],
        output_layers: [
          ['inner', 1, 0],
          ['inner', 2, 0],
        ],
      },
    });
    expect(model.graph.layers[2]?.calls.map(({ outputs, macs }) => [outputs[0]?.shape, macs])).toEqual([
      [[null, 7, 2], 56],
      [[null, 9, 2], 72],
    ]);
  });
});
