/** Files to begin with for a class of the user's own: compiled by the real compiler, loaded by plain TF.js. */
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { customLayerStub, type StubFile, type StubLanguage } from '../../../../src/core/codegen/stub';
import { SlicerError } from '../../../../src/core/errors';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { keras } from '../../../fixtures';
import { floatManifest, openFixture, openJson } from '../formats/openFixture';
import { compileErrors, runModule } from './compile';

interface OwnLayer {
  name: string;
  config: object;
  weights: Record<string, number[]>;
  /** Size of what it reads. */
  reads?: number;
}

/** A model whose layers, one beside the other, are of the class. */
function modelOf(className: string, layers: OwnLayer[]): ModelFile {
  const manifest = floatManifest(
    Object.fromEntries(
      layers.flatMap(({ name, weights }) => Object.entries(weights).map(([key, shape]) => [`${name}/${key}`, shape])),
    ),
  );
  const inputs = layers.map(({ reads = 4 }, i) => ({
    class_name: 'InputLayer',
    name: `x${i}`,
    config: { name: `x${i}`, batch_input_shape: [null, reads], dtype: 'float32' },
    inbound_nodes: [],
  }));
  const own = layers.map(({ name, config }, i) => ({
    class_name: className,
    name,
    config: { name, trainable: true, dtype: 'float32', ...config },
    inbound_nodes: [[[`x${i}`, 0, 0, {}]]],
  }));
  const config = {
    name: 'm',
    layers: [...inputs, ...own],
    input_layers: inputs.map(({ name }) => [name, 0, 0]),
    output_layers: own.map(({ name }) => [name, 0, 0]),
  };
  const modelTopology = { keras_version: '2.15.0', model_config: { class_name: 'Functional', config } };
  const { shards, weightsManifest } = manifest;
  return openJson({ format: 'layers-model', modelTopology, weightsManifest }, shards);
}

/** The class, as the stub registers it with plain TF.js. */
function registered(stub: StubFile, language: StubLanguage): tf.serialization.SerializableConstructor<tf.layers.Layer> {
  const exported = runModule(stub.text) as { default?: (given: typeof tf) => void };
  const register = language === 'cjs' ? (exported as unknown as (given: typeof tf) => void) : exported.default;
  register?.(tf);
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  return (classNameMap[stub.className] as unknown as [tf.serialization.SerializableConstructor<tf.layers.Layer>])[0];
}

const custom = openFixture(keras, 'tutorial-custom-layer/tfjs-keras3');
const lambdas = openFixture(keras, 'lambda-layers/tfjs-keras3');

describe('a stub', () => {
  it('says what the file says', () => {
    const { text, className, identifier, layers } = customLayerStub(custom, 'my_custom_layer', 'typescript');
    expect({ className, identifier, layers }).toEqual({
      className: 'FeatureLayer',
      identifier: 'FeatureLayer',
      layers: ['my_custom_layer'],
    });
    expect(text).toMatchSnapshot();
    expect(customLayerStub(lambdas, 'named_function', 'cjs').text).toMatchSnapshot();
  });

  const hostile = "a'; process.exit(1); // */ ${1} \u2028 `";
  const several = modelOf('acme>Several', [
    { name: 'one', reads: 4, config: { units: 3, rate: 0.5 }, weights: { kernel: [4, 3], bias: [3] } },
    { name: 'two', reads: 5, config: { units: 6, rate: 1, more: ['a', null] }, weights: { kernel: [5, 6], bias: [6] } },
  ]);
  const differing = modelOf('acme>Differing', [
    { name: 'one', config: {}, weights: { kernel: [4, 9], bias: [9] } },
    { name: 'two', config: {}, weights: { kernel: [4, 7] } },
    { name: '__proto__', config: {}, weights: {} },
  ]);
  const strange = modelOf(hostile, [
    {
      name: hostile,
      config: {
        [hostile]: hostile,
        __proto_: 1,
        constructor: 2,
        class: 3,
        weights: 'w',
        input_shape: 'none',
        'a-b': null,
        nested: { [hostile]: [{ x: 1 }, { x: null, y: 'a' }], empty: {}, deep: [[[[[1]]]]] },
        empty: [],
        big: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
        flag: true,
        call: 1,
        build: 2,
      },
      weights: { [hostile.replace(/\//g, '')]: [2], build: [1], call: [1], weights: [2, 2], Weights: [1], config: [1] },
    },
  ]);
  const cases: [string, ModelFile, string][] = [
    ['one layer', custom, 'my_custom_layer'],
    ['a Lambda', lambdas, 'scale'],
    ['a named function', lambdas, 'named_function'],
    ['sizes that follow from config and input', several, 'one'],
    ['weights that differ from layer to layer', differing, 'one'],
    ['hostile names', strange, strange.graph.layers.at(-1)?.name.replace(/[\\/#:@[]/g, (c) => `\\${c}`) ?? ''],
    ['no weights', modelOf('acme>Bare', [{ name: 'a', config: {}, weights: {} }]), 'a'],
  ];

  it('is right under the strictest compiler, whatever the file says', () => {
    const files = new Map(
      cases.map(([, model, address], i) => [`stub${i}.ts`, customLayerStub(model, address, 'typescript').text]),
    );
    for (const [i, [, model, address]] of cases.entries()) {
      files.set(`stub${i}-cjs.cjs`, customLayerStub(model, address, 'cjs').text);
      files.set(`stub${i}-mjs.mjs`, customLayerStub(model, address, 'mjs').text);
    }
    expect(compileErrors(files)).toEqual([]);
  }, 60_000);

  it.each(cases)('makes the weights of the file in plain TF.js: %s', (_, model, address) => {
    const entry = model.graph.layers.find(({ name }) => name === address || address.includes('\\'));
    const layer = model.graph.layers.find(({ name }) => name === address) ?? model.graph.layers.at(-1) ?? entry;
    const reads = layer?.calls[0]?.inputs[0];
    const shape = model.graph.layers.find(({ name }) => name === reads?.layer)?.calls[0]?.outputs[0]?.shape ?? [
      null,
      4,
    ];
    for (const language of ['typescript', 'mjs', 'cjs'] as const) {
      const cls = registered(customLayerStub(model, address, language), language);
      // TF.js takes weights and input shapes under these names
      const { weights: _weights, input_shape: _shape, ...config } = (layer?.config ?? {}) as Record<string, never>;
      const made = new cls({ ...config, name: layer?.name ?? '' });
      made.build([...shape]);
      expect(made.weights.map((weight) => weight.shape)).toEqual(layer?.weights.map((weight) => weight.shape));
      expect(() => made.call(tf.ones([1, 4]), {})).toThrow(/^call\(\) of .* is not written yet; it is given \[1,4\]$/s);
      expect(made.getConfig()).toMatchObject({ name: layer?.name });
    }
  });

  it('hands its config on', () => {
    const cls = registered(customLayerStub(custom, 'my_custom_layer', 'typescript'), 'typescript');
    expect(new cls({ name: 'a', features: 6, units: 3 }).getConfig()).toMatchObject({ features: 6, units: 3 });
  });

  it('works sizes out where layers differ, and only there', () => {
    const { text, layers } = customLayerStub(several, 'two', 'typescript');
    expect(layers).toEqual(['one', 'two']);
    expect(text).toContain("this.addWeight('kernel', [inputSize, this.config.units]");
    const cls = registered(customLayerStub(several, 'one', 'cjs'), 'cjs');
    const made = new cls({ name: 'three', units: 8 });
    made.build([null, 11]);
    expect(made.weights.map(({ shape }) => shape)).toEqual([[11, 8], [8]]);
  });

  it('is refused where there is nothing to write', () => {
    const refusal = (address: string): unknown => {
      try {
        return customLayerStub(custom, address, 'typescript');
      } catch (error) {
        return error instanceof SlicerError ? error.code : error;
      }
    };
    expect(refusal('dense')).toBe('usage');
    expect(refusal('nobody')).toBe('unknown-address');
  });

  it('never shows where a Lambda’s code comes from', () => {
    for (const folder of ['lambda-layers/tfjs-keras2-h5', 'lambda-layers/tfjs-keras3']) {
      const model = openFixture(path.join(keras, folder));
      const { text } = customLayerStub(model, 'scale', 'typescript');
      expect(text).not.toMatch(/4wEAAAA|generator|model\.py/);
    }
  });
});
