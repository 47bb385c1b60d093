import * as tf from '@tensorflow/tfjs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/core/model/json';
import type { Layer, LayerGraph } from '../../../../src/core/model/layerGraph';
import { keras } from '../../../fixtures';
import { openFixture, openJson, readManifest } from './openFixture';

/** What TF.js itself cannot build, whatever the topology: from its own messages. */
const LACKING =
  /^Unknown (layer|activation)|does not support reset_after|Not a valid tensor name|unprocessedNodes\[layer\.name\]|expected array for nodeData/;
const models = readManifest(keras).fixtures.flatMap(({ name, formats }) =>
  Object.entries(formats).flatMap(([format, { golden, error }]) =>
    format.startsWith('tfjs-keras') && golden && !error ? [{ name, format }] : [],
  ),
);

beforeAll(async () => {
  await tf.setBackend('cpu');
});
afterEach(() => {
  tf.disposeVariables();
});

async function build(topology: JsonObject): Promise<tf.LayersModel> {
  // a copy: TF.js renames the keys of what it is given
  return tf.models.modelFromJSON({ modelTopology: structuredClone(topology) });
}

const inTfjsOrder = ({ layers }: LayerGraph): Layer[] =>
  layers.filter(({ index }) => index.tfjs !== null).sort((a, b) => (a.index.tfjs ?? 0) - (b.index.tfjs ?? 0));

describe('topology after the repairs, in plain TF.js', () => {
  let built = 0;
  it.each(models)('$name $format', async ({ name, format }) => {
    const { graph, topology } = openFixture(path.join(keras, name, format));
    let model: tf.LayersModel;
    try {
      model = await build(topology);
    } catch (error) {
      expect((error as Error).message).toMatch(LACKING);
      return;
    }
    built += 1;
    expect(model.layers.map((layer) => layer.name)).toEqual(inTfjsOrder(graph).map((layer) => layer.name));
    expect(model.inputs.map(({ shape }) => shape)).toEqual(
      graph.inputs.map(
        (ref) => graph.layers.find((layer) => layer.name === ref.layer)?.calls[ref.call]?.outputs[ref.output]?.shape,
      ),
    );
    for (const [i, layer] of inTfjsOrder(graph).entries()) {
      const shapes = layer.weights.map(({ shape }) => shape.join());
      // TF.js ignores `groups`
      if (!layer.graph && (layer.config.groups ?? 1) === 1)
        expect(model.layers[i]?.weights.map(({ shape }) => shape.join()).sort()).toEqual([...shapes].sort());
    }
    const again = openJson(topology).graph;
    expect(JSON.parse(JSON.stringify(shapeOnly(again)))).toEqual(JSON.parse(JSON.stringify(shapeOnly(graph))));
  });

  it('holds for most of them', () => {
    expect(built).toBeGreaterThan(50);
  });

  it.each([
    'ops-as-layers/tfjs-keras3',
    'ops-as-layers/tfjs-keras2-h5',
    'text-lstm/tfjs-keras3',
    'decoder-attention/tfjs-keras2-h5',
    'transformer-block/tfjs-keras3',
    'time-distributed/tfjs-keras3',
  ])('%s reads back as it was, also where TF.js cannot read it', (name) => {
    const { graph, topology } = openFixture(path.join(keras, name));
    expect(shapeOnly(openJson(topology).graph)).toEqual(shapeOnly(graph));
  });

  it.each([
    ['build_input_shape', { build_input_shape: [null, 5], nested: false }],
    ['nested models without an input shape', { build_input_shape: [null, 5], nested: true }],
  ])('gives a Sequential with %s its input', async (_, { build_input_shape, nested }) => {
    const dense = (name: string): object => ({ class_name: 'Dense', config: { name, units: 3 } });
    const layers = nested
      ? [{ class_name: 'Sequential', config: { name: 'inner', layers: [dense('a')] } }, dense('b')]
      : [dense('a')];
    const { topology } = openJson({ class_name: 'Sequential', config: { name: 's', build_input_shape, layers } });
    const model = await build(topology);
    expect(model.inputs[0]?.shape).toEqual([null, 5]);
    expect((model.predict(tf.ones([2, 5])) as tf.Tensor).shape).toEqual([2, 3]);
  });
});

/** Calls and shapes, without what a rewriting may change. */
function shapeOnly({ layers, inputs, outputs }: LayerGraph): object {
  return {
    inputs: inputs.map(({ layer, call, output }) => [layer, call, output]),
    outputs: outputs.map(({ layer, call, output }) => [layer, call, output]),
    layers: layers.map(({ name, className, isLayer, calls, graph }) => ({
      name,
      className,
      isLayer,
      calls: calls.map((call) => [call.inputs, call.outputs.map(({ shape }) => shape), Object.keys(call.kwargs)]),
      graph: graph && shapeOnly(graph),
    })),
  };
}
