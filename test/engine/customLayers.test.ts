/** Layers of the user's own: what they set on themselves, what stands in the place of a Lambda, and modules that go wrong. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { customLayerStub } from '../../src/core/codegen/stub';
import { sentence } from '../../src/core/messages';
import type { InputSpec, RunResult } from '../../src/protocol/engine';
import { keras } from '../fixtures';
import { openFixture } from '../unit/core/formats/openFixture';
import { engineSession, type EngineSession } from './session';
import { failure } from '../failure';

const temporary = mkdtempSync(path.join(tmpdir(), 'custom-layers-'));
afterAll(() => rmSync(temporary, { recursive: true }));

const options = { backend: 'wasm', thumbnails: false, colorMap: 'viridis', keep: true } as const;

interface Numbers {
  first: number[];
  shape: number[];
}

interface Golden {
  example: { layer: string; file: string }[];
  activations: Record<string, Numbers>;
  attributes: Record<string, Numbers>;
}

function golden(fixture: string, name = 'golden.json'): Golden {
  return JSON.parse(readFileSync(path.join(keras, fixture, name), 'utf8')) as Golden;
}

let count = 0;
/** A module with this text; each in a file of its own, as each is loaded once. */
function moduleFile(text: string, extension = 'cjs'): string {
  const file = path.join(temporary, `module-${(count += 1)}.${extension}`);
  writeFileSync(file, text);
  return file;
}

function inputsOf(fixture: string, { example }: Golden): InputSpec[] {
  return example.map(({ layer, file }) => ({
    input: layer,
    source: { kind: 'array', path: path.join(keras, fixture, file), name: file, format: 'npy' },
  }));
}

async function values(engine: EngineSession, run: RunResult, address: string): Promise<number[]> {
  const found = run.activations.find((activation) => activation.address === address);
  const all: number[] = [];
  for (let example = 0; example < (found?.shape[0] ?? 0); example++) {
    const handle = { epoch: run.epoch, runId: run.runId, address };
    const piece = await engine.request('values', { handle, example, channel: null });
    all.push(...piece.values);
  }
  return all;
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBeGreaterThanOrEqual(expected.length);
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 5));
}

/** A model of Keras 2 without weights: layers one behind the other, or as `calls` say. */
function modelFolder(
  layers: { class: string; name: string; config?: object; calls?: string[] }[],
  last: string,
): string {
  const folder = mkdtempSync(path.join(temporary, 'model-'));
  const node = (text: string): unknown => {
    const [name, call = '1'] = text.split('#');
    return [name, Number(call) - 1, 0, {}];
  };
  const input = {
    class_name: 'InputLayer',
    name: 'x',
    config: { name: 'x', batch_input_shape: [null, 3], dtype: 'float32' },
    inbound_nodes: [],
  };
  const config = {
    name: 'own',
    layers: [
      input,
      ...layers.map((layer) => ({
        class_name: layer.class,
        name: layer.name,
        config: { name: layer.name, ...layer.config },
        inbound_nodes: (layer.calls ?? ['x']).map((text) => [node(text)]),
      })),
    ],
    input_layers: [['x', 0, 0]],
    output_layers: [node(last)].map((ref) => (ref as unknown[]).slice(0, 3)),
  };
  const topology = { keras_version: '2.15.0', model_config: { class_name: 'Functional', config } };
  writeFileSync(
    path.join(folder, 'model.json'),
    JSON.stringify({ format: 'layers-model', modelTopology: topology, weightsManifest: [] }),
  );
  return folder;
}

const ones: InputSpec[] = [{ input: 'x', source: { kind: 'ones' } }];

/** A class whose `call` is `body`, with what else stands in it. */
const classText = (name: string, body: string, more = ''): string => `
  class Own extends tf.layers.Layer {
    static className = ${JSON.stringify(name)};
    ${more}
    computeOutputShape(shape) { return shape; }
    call(inputs) { const x = Array.isArray(inputs) ? inputs[0] : inputs; ${body} }
  }
  tf.serialization.registerClass(Own);`;
const registering = (name: string, body: string, more = ''): string =>
  moduleFile(`module.exports = (tf) => {${classText(name, body, more)}};`);

describe('attributes', () => {
  const fixture = 'tutorial-custom-layer';
  const customLayers = [path.join(keras, fixture, 'custom-layers.js')];
  const address = 'my_custom_layer@feature_output';

  it.each([
    ['tfjs-keras3', 'golden.json'],
    ['tfjs-keras3-h5', 'golden.json'],
    ['tfjs-keras2-h5', 'golden-keras2.json'],
  ])('have Keras’s numbers: %s', async (format, file) => {
    const expected = golden(fixture, file);
    const engine = engineSession();
    await engine.request('open', { path: path.join(keras, fixture, format), customLayers });
    const inputs = inputsOf(fixture, expected);
    for (const backend of ['wasm', 'cpu'] as const) {
      const run = await engine.request('run', { ...options, backend, inputs, want: 'all', inner: [address] });
      const numbers = expected.attributes['my_custom_layer.feature_output'];
      expect(run.activations.find((one) => one.address === address)?.shape).toEqual(numbers?.shape);
      expectClose(await values(engine, run, address), numbers?.first ?? []);
      expectClose(await values(engine, run, 'my_custom_layer'), expected.activations['my_custom_layer']?.first ?? []);
    }
    await engine.request('close', {});
  });

  it('are listed by a run that does not ask for them, and can be asked for alone', async () => {
    const engine = engineSession();
    await engine.request('open', { path: path.join(keras, fixture, 'tfjs-keras3'), customLayers });
    const inputs = inputsOf(fixture, golden(fixture));
    const run = await engine.request('run', { ...options, inputs, want: 'all' });
    expect(run.attributes).toEqual([{ address, shape: [2, 6], dtype: 'float32' }]);
    expect(run.activations.map((one) => one.address)).not.toContain(address);
    const alone = await engine.request('run', { ...options, inputs, want: [address] });
    expect(alone.activations.map((one) => one.address)).toEqual([address]);
    const handle = { epoch: alone.epoch, runId: alone.runId, address };
    const view = { colorMap: 'viridis', scale: 'channel', example: 0, offset: 0, limit: 4 } as const;
    expect((await engine.request('preview', { handle, options: view })).preview.kind).toBe('bars');
    const target = path.join(temporary, 'attributes');
    await engine.request('exportActivations', { ...handle, addresses: 'all', target, png: false, force: false });
    expect(readdirSync(target)).toEqual(['my_custom_layer_feature_output.npy']);
    await engine.request('close', {});
  });

  it('that do not exist: those that do are named', async () => {
    const engine = engineSession();
    await engine.request('open', { path: path.join(keras, fixture, 'tfjs-keras3'), customLayers });
    const inputs = inputsOf(fixture, golden(fixture));
    for (const wrong of ['features', 'call', 'constructor', '__proto__', 'weights', 'name', 'w1']) {
      const error = await failure(
        engine.request('run', { ...options, inputs, want: [`my_custom_layer@${wrong}`, address] }),
      );
      expect(error).toMatchObject({ code: 'unknown-address', data: { reason: 'attribute', existing: [address] } });
      expect(sentence(error)).toBe(
        `There is no my_custom_layer@${wrong}: what my_custom_layer sets on itself in this call is ${address}.`,
      );
    }
    await engine.request('run', { ...options, inputs, want: [address] });
    const cut = await failure(
      engine.request('verify', {
        cut: { outputs: [address], inputs: [] },
        data: [inputs],
        tolerance: 0,
        backend: 'wasm',
      }),
    );
    expect(cut).toMatchObject({ code: 'unsupported', data: { reason: 'cut-attribute', address } });
    await engine.request('close', {});
  });

  it('belong to one call each', async () => {
    const folder = modelFolder([{ class: 'acme>Twice', name: 'own', calls: ['x', 'own'] }], 'own#2');
    const body = `return tf.tidy(() => {
      this.doubled = tf.mul(x, 2);
      if (this.calls === undefined) this.first = tf.add(x, 1);
      this.calls = (this.calls ?? 0) + 1;
      return tf.add(this.doubled, 1);
    });`;
    const engine = engineSession();
    await engine.request('open', { path: folder, customLayers: [registering('acme>Twice', body)] });
    const want = ['own@doubled', 'own#2@doubled', 'own', 'own#2'];
    const run = await engine.request('run', { ...options, inputs: ones, want });
    const found = await Promise.all(want.map((one) => values(engine, run, one)));
    // 1 → 2 → 3, and again 3 → 6 → 7
    expect(found.map(([value]) => value)).toEqual([2, 6, 3, 7]);
    expect(run.attributes.map((one) => one.address)).toEqual(['own@doubled', 'own@first', 'own#2@doubled']);
    const error = await failure(engine.request('run', { ...options, inputs: ones, want: ['own#2@first'] }));
    expect(error.data.existing).toEqual(['own#2@doubled']);
    await engine.request('close', {});
  });

  it('are those of the last assignment, whatever kind of class sets them', async () => {
    const body = `
      for (const by of [2, 3, 4]) this.scaled = tf.mul(x, by);
      this.#note(x);
      this.given = x;
      this.own = this.weight;
      return tf.add(x, this.offset);`;
    const more = `
      #secret = 1;
      scaled = null;
      offset = tf.scalar(10);
      #note(x) { this.#secret += 1; this.noted = tf.mul(x, this.#secret); }
      get computed() { return tf.scalar(1); }
      build(shape) { this.weight = tf.variable(tf.scalar(1)); super.build(shape); }`;
    const engine = engineSession();
    const folder = modelFolder([{ class: 'acme>Private', name: 'own' }], 'own');
    await engine.request('open', { path: folder, customLayers: [registering('acme>Private', body, more)] });
    for (let again = 0; again < 2; again += 1) {
      const want = ['own', 'own@scaled', 'own@noted', 'own@given', 'own@offset'];
      const run = await engine.request('run', { ...options, inputs: ones, want });
      const found = new Map(run.activations.map((one) => [one.address, one.statistics.first[0]]));
      expect([...found]).toEqual([
        ['own', 11],
        ['own@scaled', 4],
        ['own@noted', 2 + again],
        ['own@given', 1],
        ['own@offset', 10],
      ]);
      expect(run.attributes.map((one) => one.address).sort()).toEqual(want.slice(1).sort());
    }
    const error = await failure(engine.request('run', { ...options, inputs: ones, want: ['own@computed'] }));
    expect(error).toMatchObject({ code: 'unknown-address', data: { reason: 'attribute' } });
    await engine.request('close', {});
  });

  it('leave nothing behind, also where the call fails', async () => {
    const folder = modelFolder([{ class: 'acme>Leaky', name: 'own' }], 'own');
    const body = `return tf.tidy(() => {
      this.a = tf.mul(x, 2); this.a = tf.mul(x, 3); this.b = x;
      if (globalThis.leakyFails) throw new Error('not today');
      return tf.relu(this.a);
    });`;
    const engine = engineSession();
    await engine.request('open', {
      path: folder,
      customLayers: [registering('acme>Leaky', body, 'c = tf.scalar(1);')],
    });
    const before = tf.memory().numTensors;
    const run = { ...options, inputs: ones, want: 'all', inner: ['own@a', 'own@b'] } as const;
    const inner = [...run.inner];
    await engine.request('run', { ...run, inner });
    const once = tf.memory().numTensors;
    for (let i = 0; i < 3; i += 1) await engine.request('run', { ...run, inner });
    expect(tf.memory().numTensors).toBe(once);
    Object.assign(globalThis, { leakyFails: true });
    const error = await failure(engine.request('run', { ...run, inner }));
    Object.assign(globalThis, { leakyFails: false });
    expect(sentence(error)).toMatch(/own.*not today/);
    await failure(engine.request('run', { ...run, inner: [...inner, 'own@none'] }));
    await engine.request('run', { ...run, inner });
    expect(tf.memory().numTensors).toBe(once);
    await engine.request('close', {});
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('in the place of a Lambda', () => {
  const goldenOf = golden('lambda-layers');
  const scale = classText('Lambda:scale', 'return tf.add(tf.mul(x, 2), 1);');
  const power = classText('Lambda:named_function', 'return tf.square(x);');

  it('nothing is run, and what to do is said', async () => {
    const engine = engineSession();
    await engine.request('open', { path: path.join(keras, 'lambda-layers/tfjs-keras3') });
    const inputs = inputsOf('lambda-layers', goldenOf);
    const error = await failure(engine.request('run', { ...options, inputs, want: 'all' }));
    expect(error).toMatchObject({
      code: 'not-runnable',
      data: { reason: 'lambda', layers: ['scale', 'named_function'] },
    });
    expect(sentence(error)).toMatch(/never run here.*Lambda:scale, Lambda:named_function/);
  });

  it.each(['tfjs-keras2-h5', 'tfjs-keras3', 'tfjs-keras3-h5'])(
    'a class registered for each by its name gives Keras’s numbers: %s',
    async (format) => {
      const module = moduleFile(`module.exports = (tf) => { {${scale}} {${power}} };`);
      const engine = engineSession();
      await engine.request('open', { path: path.join(keras, 'lambda-layers', format), customLayers: [module] });
      const inputs = inputsOf('lambda-layers', goldenOf);
      const run = await engine.request('run', { ...options, inputs, want: 'all' });
      for (const [address, { first }] of Object.entries(goldenOf.activations))
        expectClose(await values(engine, run, address), first);
      const cut = { outputs: ['named_function'], inputs: [] };
      const proof = await engine.request('verify', { cut, data: [inputs], tolerance: 0, backend: 'wasm' });
      expect(proof.passed).toBe(true);
      await engine.request('close', {});
    },
  );

  it('one class may stand for all that have none of their own', async () => {
    const fixture = 'tutorial-lambda-tap';
    const expected = golden(fixture);
    const engine = engineSession();
    const customLayers = [registering('Lambda', 'return tf.clone(x);')];
    const { model } = await engine.request('open', { path: path.join(keras, fixture, 'tfjs-keras3'), customLayers });
    expect(model.problems.map(({ code }) => code)).not.toContain('custom-layers');
    const run = await engine.request('run', { ...options, inputs: inputsOf(fixture, expected), want: 'all' });
    expectClose(await values(engine, run, 'extractor_layer'), expected.activations['extractor_layer']?.first ?? []);
    await engine.request('close', {});
  });
});

describe('modules', () => {
  const folder = modelFolder([{ class: 'acme>Mystery', name: 'own' }], 'own');
  const open = async (file: string): Promise<string[]> => {
    const engine = engineSession();
    const { model } = await engine.request('open', { path: folder, customLayers: [file] });
    await engine.request('close', {});
    return model.problems.map((problem) => sentence(problem));
  };

  it.each<[string, string, string, RegExp]>([
    ['throws when it is loaded', 'cjs', 'throw new Error("no licence");', /cannot be loaded: no licence\.$/],
    ['throws what is no error', 'cjs', 'throw "nothing";', /cannot be loaded: nothing\.$/],
    [
      'throws when it registers',
      'cjs',
      'module.exports = () => { undefined.x; };',
      /TypeError: Cannot read properties/,
    ],
    ['is not JavaScript', 'cjs', 'module.exports = (tf) => {', /SyntaxError/],
    ['asks for what is not there', 'cjs', 'require("./not-there");', /Cannot find module '\.\/not-there'\.$/],
    ['rejects', 'cjs', 'module.exports = async () => { throw new Error("later"); };', /later\.$/],
    [
      'has a Layer of its own',
      'cjs',
      'module.exports = (tf) => { class Layer {} class A extends Layer { static className = "A"; static fromConfig() {} } tf.serialization.registerClass(A); };',
      /class A does not extend the Layer of the TensorFlow\.js/,
    ],
  ])('one that %s', async (_, extension, text, why) => {
    const file = moduleFile(text, extension);
    const error = await failure(open(file));
    expect(error).toMatchObject({ code: 'not-runnable', data: { reason: 'custom-layers', file } });
    expect(sentence(error)).toMatch(why);
    expect(sentence(error)).not.toContain('\n');
  });

  it.skipIf(Boolean((process.features as { typescript?: unknown }).typescript))(
    'one that is TypeScript, where Node does not run that',
    async () => {
      const file = moduleFile('export default (tf: unknown): void => undefined;', 'ts');
      const error = await failure(open(file));
      expect(error).toMatchObject({ code: 'not-runnable', data: { reason: 'typescript', file } });
      expect(sentence(error)).toMatch(/is TypeScript.*\(Node \d.*npx tsc/);
    },
  );

  it.each<[string, string]>([
    ['cjs', 'exports.default = (tf) => {CLASS};'],
    ['js', 'module.exports = (tf) => {CLASS};'],
    ['mjs', 'export default (tf) => {CLASS};'],
    ['cjs', 'const tf = require("@tensorflow/tfjs"); CLASS'],
    ['cjs', 'module.exports = async (tf) => { await new Promise(setImmediate); CLASS };'],
  ])('may be .%s: %s', async (extension, text) => {
    const name = `acme>Ways${count}`;
    const own = modelFolder([{ class: name, name: 'own' }], 'own');
    const file = moduleFile(text.replace('CLASS', classText(name, 'return tf.mul(x, 5);')), extension);
    const engine = engineSession();
    const { model } = await engine.request('open', { path: own, customLayers: [file] });
    expect(model.problems.map((problem) => sentence(problem))).toEqual([
      `The layer own is of your own class ${name}, so that the shapes after it are known only when it runs.`,
    ]);
    const run = await engine.request('run', { ...options, inputs: ones, want: [] });
    expect(run.outputs[0]?.values).toEqual([5, 5, 5]);
    await engine.request('close', {});
  });

  it('that registers nothing: it is said, each time', async () => {
    const file = moduleFile('module.exports = () => undefined;');
    for (let again = 0; again < 2; again += 1)
      expect(await open(file)).toContainEqual(expect.stringMatching(/^module-\d+\.cjs registers no class/));
  });

  it('with a class that Keras has: it is said, and used for what is called so', async () => {
    const own = modelFolder(
      [
        { class: 'ReLU', name: 'shadowed' },
        { class: 'Softmax', name: 'own', calls: ['shadowed'] },
      ],
      'own',
    );
    const file = moduleFile(
      `module.exports = (tf) => { {${classText('ReLU', 'return tf.mul(x, 7);')}} {${classText('acme>Softmax', 'return tf.mul(x, 9);')}} };`,
    );
    const engine = engineSession();
    const { model } = await engine.request('open', { path: own, customLayers: [file] });
    expect(model.problems.map((problem) => sentence(problem))).toEqual([
      expect.stringMatching(/registers ReLU, as Keras calls layers of its own: such layers are computed by it/),
    ]);
    const run = await engine.request('run', { ...options, inputs: ones, want: ['shadowed', 'own'] });
    expect(run.activations.map(({ statistics }) => statistics.first[0])).toEqual([7, expect.closeTo(1 / 3, 5)]);
    await engine.request('close', {});
  });
});

describe('a stub', () => {
  it('takes the weights of the file, says that it is not written, and gives Keras’s numbers when it is', async () => {
    const fixture = 'tutorial-custom-layer';
    const expected = golden(fixture);
    const folder = path.join(keras, fixture, 'tfjs-keras3');
    // in this process classes stay registered: the one of the fixture is replaced
    const { text } = customLayerStub(openFixture(folder), 'my_custom_layer', 'cjs');
    const inputs = inputsOf(fixture, expected);
    const engine = engineSession();
    await engine.request('open', { path: folder, customLayers: [moduleFile(text)] });
    const error = await failure(engine.request('run', { ...options, inputs, want: 'all' }));
    expect(sentence(error)).toMatch(/call\(\) of my_custom_layer is not written yet; it is given \[2,8\]/);
    await engine.request('close', {});
    const dense = (from: string, of: string): string =>
      `tf.add(tf.matMul(${from}, this.${of}Vars0.read()), this.${of}Vars1.read())`;
    const body = `return tf.tidy(() => {
      this.feature_output = tf.tanh(${dense('x', 'features')});
      return tf.softmax(${dense('this.feature_output', 'scores')});
    });`;
    const written = text.replace(/throw new Error\(`call\(\).*/, body);
    await engine.request('open', { path: folder, customLayers: [moduleFile(written)] });
    const address = 'my_custom_layer@feature_output';
    const run = await engine.request('run', { ...options, inputs, want: 'all', inner: [address] });
    expectClose(await values(engine, run, address), expected.attributes['my_custom_layer.feature_output']?.first ?? []);
    expectClose(await values(engine, run, 'my_custom_layer'), expected.activations['my_custom_layer']?.first ?? []);
    await engine.request('close', {});
  });
});
