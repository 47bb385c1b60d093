import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recipes } from '../../../src/core/codegen/recipes';
import { keras } from '../../fixtures';
import { cli } from './cli';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5/model.json');
const graph = path.join(keras, 'mobilenet-block/tfjs-graph-keras3');
const loops = path.join(keras, 'text-lstm/tfjs-graph-keras2');
const digit = path.join(keras, 'digits-cnn/input-0.npy');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('bad usage and bad input: exit code 2, one line on stderr, the error in the JSON, no stack', () => {
  test.each<[string, string[], string, RegExp]>([
    ['no command', [], 'usage', /inspect, run, slice/],
    ['an unknown command', ['look', digits], 'usage', /unknown command/i],
    ['an unknown option', ['inspect', digits, '--speed'], 'usage', /--speed/],
    ['no file', ['inspect'], 'usage', /file/],
    ['two forms at once', ['inspect', digits, '--csv', '--table'], 'usage', /--csv/],
    ['no such file', ['inspect', 'nowhere.json'], 'missing-file', /nowhere\.json/],
    ['an unknown address', ['slice', digits, '--output', 'conv_7', '--plan'], 'unknown-address', /conv_7.*conv_2/],
    [
      'an index out of range',
      ['slice', digits, '--output', 'keras[99]', '--plan'],
      'unknown-address',
      /from 0 to 5 .*from 0 to 6/,
    ],
    ['neither plan nor target', ['slice', digits], 'usage', /--to/],
    ['an unknown backend', ['run', digits, '--backend', 'abacus'], 'usage', /abacus/],
    ['an unknown input', ['run', digits, '--input', 'other=zeros'], 'bad-input', /other.*input_layer/],
    ['an input of no kind', ['run', digits, '--input', 'digit.xyz'], 'bad-input', /digit\.xyz/],
    ['an input that is not there', ['run', digits, '--input', 'nowhere.npy'], 'bad-input', /nowhere\.npy/],
    ['two inputs for one', ['run', digits, '--input', 'zeros', '--input', 'ones'], 'usage', /more inputs/],
    ['a wrong dimension', ['run', digits, '--dim', 'input_layer.x=3'], 'usage', /INPUT\.AXIS=N/],
    ['a pattern that nothing matches', ['run', digits, '--layers', 'nothing_*'], 'unknown-address', /nothing_\*/],
    ['pictures without a folder', ['run', digits, '--png'], 'usage', /--out DIR/],
    ['an unknown recipe', ['code', digits, '--recipe', 'cake'], 'unknown-recipe', /cake.*functional-by-name/],
    [
      'an unknown language',
      ['code', digits, '--recipe', 'functional-by-name', '--language', 'cobol'],
      'usage',
      /cobol/,
    ],
    ['a tolerance below zero', ['verify', digits, '--tolerance', '-1'], 'usage', /tolerance/],
    ['a slice that does not say its cut', ['verify', digits, '--slice', digits], 'usage', /which cut/],
    [
      'a cut that lacks tensors',
      ['slice', path.join(keras, 'residual-block/tfjs-keras2-h5'), '--input', 'conv1', '--output', 'add1', '--plan'],
      'cut-open',
      /inputs too/,
    ],
    [
      'a graph-model of layers',
      ['slice', digits, '--plan', '--format', 'graph-model'],
      'usage',
      /written as layers-model/,
    ],
    [
      'layers of a graph-model',
      ['slice', graph, '--plan', '--format', 'layers-model'],
      'usage',
      /written as graph-model/,
    ],
    ['a cut through a loop', ['slice', loops, '--plan'], 'control-flow', /\(Enter\).*start behind it, at .*exit/],
  ])('%s', async (_name, args, code, sentence) => {
    const result = await cli([...args, '--json']);
    expect(result.stderr).toMatch(new RegExp(`^model-slicer: ${code}: `, 'm'));
    expect(result.stderr).toMatch(sentence);
    expect(result.stderr).not.toMatch(/\n\s+at /);
    expect(result.code).toBe(2);
    expect(result.json()).toMatchObject({ error: { code } });
  });

  test('--debug says where an error comes from', async () => {
    expect((await cli(['inspect', 'nowhere.json', '--debug'])).stderr).toMatch(/\n\s+at /);
  });
});

test.each([
  [['--version'], /^\d+\.\d+\.\d+\n$/],
  [['--help'], /inspect.*run.*slice.*verify.*code/s],
  [['slice', '--help'], /--output.*--to/s],
])('%j', async (args, text) => {
  const result = await cli(args);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toMatch(text);
  expect(result.stdout).not.toMatch(/compare/);
});

describe('inspect', () => {
  test('the JSON is the only thing on stdout', async () => {
    const result = await cli(['inspect', digits, '--json']);
    expect(result.stderr).toBe('');
    expect(result.json()).toMatchObject({
      file: 'model.json',
      format: 'layers-model',
      kind: 'sequential',
      totals: { layers: 7, params: 34826, trainable: 34826, nonTrainable: 0, macs: 2440960, weightBytes: 139304 },
    });
  });
  test.each([
    ['--table', /conv_2 \(Conv2D\) +\(None, 11, 11, 64\) +18,496/],
    ['--markdown', /\| conv\\_2 \|/],
    ['--csv', /^conv_2,Conv2D/m],
  ])('%s', async (flag, text) => {
    expect((await cli(['inspect', path.dirname(digits), flag])).stdout).toMatch(text);
  });
  test('repairs go to stderr', async () => {
    const result = await cli(['inspect', path.join(keras, 'tutorial-convnet/tfjs-keras3')]);
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/^model-slicer: repaired: /m);
    expect(result.stdout).not.toMatch(/repaired/);
  });
  test('where the weights cannot be read the whole document comes with the error', async () => {
    const result = await cli(['inspect', path.join(keras, 'bad/tfjs-truncated-shard/model.json'), '--json']);
    expect(result.code).toBe(2);
    expect(result.json()).toMatchObject({ error: { code: 'truncated-weights' }, layers: [{}, {}, {}] });
  });
});

describe('run', () => {
  test('a digit, some layers', async () => {
    const result = await cli(['run', digits, '--input', digit, '--layers', 'conv_*', 'class:Dense', '--json']);
    const json = result.json() as {
      outputs: { values: number[] }[];
      activations: { address: string; min: number; first: number[] }[];
      firstNonFinite: unknown;
    };
    expect(json.activations.map(({ address }) => address)).toEqual(['conv_1', 'conv_2', 'output_layer']);
    expect(json.outputs[0]?.values.length).toBe(10);
    expect(json.firstNonFinite).toBeNull();
  });
  test('options before the file', async () => {
    const result = await cli(['run', '--layers', 'conv_1', '--input', 'zeros', digits]);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/conv_1 +\(1, 26, 26, 32\)/);
  });
  test('activations into a file', async () => {
    const target = path.join(folder, 'a.npz');
    expect((await cli(['run', digits, '--input', digit, '--out', target])).code).toBe(0);
    expect(existsSync(target)).toBe(true);
    const again = await cli(['run', digits, '--input', digit, '--out', target]);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/target-exists/);
    expect((await cli(['run', digits, '--input', digit, '--out', target, '--force'])).code).toBe(0);
  });
});

describe('slice, then verify what was saved', () => {
  const target = (): string => path.join(folder, 'slice');
  async function save(...more: string[]): Promise<void> {
    const result = await cli([
      'slice',
      digits,
      '--output',
      'conv_2',
      '--output',
      'output_layer',
      '--to',
      target(),
      '--json',
      ...more,
    ]);
    expect(result.code).toBe(0);
    expect(result.json()).toMatchObject({
      boundary: { closed: true },
      written: { files: ['model.json', 'group1-shard1of1.bin'] },
    });
  }
  test('equal: exit code 0', async () => {
    await save();
    const result = await cli(['verify', digits, '--slice', target(), '--data', digit, '--json']);
    expect(result.code).toBe(0);
    expect(result.json()).toMatchObject({
      passed: true,
      weak: false,
      outputs: [
        { address: 'conv_2', maxAbsDiff: 0, equal: true },
        { address: 'output_layer', maxAbsDiff: 0, equal: true },
      ],
    });
  });
  test('one byte of the weights flipped: exit code 3, the output named', async () => {
    await save();
    const shard = path.join(target(), 'group1-shard1of1.bin');
    const bytes = readFileSync(shard);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 0x40;
    writeFileSync(shard, bytes);
    const result = await cli(['verify', digits, '--slice', target(), '--json']);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/verification-failed: .*output_layer/);
    expect(result.json()).toMatchObject({ passed: false, error: { code: 'verification-failed' } });
  });
  test('an existing target stays unless forced', async () => {
    mkdirSync(target());
    writeFileSync(path.join(target(), 'model.json'), 'mine');
    const result = await cli(['slice', digits, '--output', 'conv_2', '--to', target()]);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/target-exists/);
    expect(readFileSync(path.join(target(), 'model.json'), 'utf8')).toBe('mine');
    await save('--force');
  });
  test('never onto the source', async () => {
    cpSync(path.dirname(digits), target(), { recursive: true });
    const before = readFileSync(path.join(target(), 'model.json'), 'utf8');
    expect((await cli(['slice', target(), '--output', 'conv_2', '--to', target(), '--force'])).code).toBe(2);
    expect(readFileSync(path.join(target(), 'model.json'), 'utf8')).toBe(before);
  });
  test('by index, in the middle, from a layer: the same', async () => {
    const byName = await cli(['slice', digits, '--input', 'pool_1', '--output', 'conv_2', '--plan', '--json']);
    const byIndex = await cli(['slice', digits, '--from', 'tfjs[3]', '--output', 'keras[2]', '--plan', '--json']);
    expect(byIndex.json()).toEqual(byName.json());
    expect(byName.json()).toMatchObject({ layers: ['conv_2'], inputs: [{ address: 'pool_1' }] });
  });
});

describe('verify without a saved slice', () => {
  test.each([
    ['prefix', ['--output', 'pool_1']],
    ['middle', ['--input', 'pool_1', '--output', 'conv_2']],
    ['suffix', ['--input', 'pool_1']],
  ])('%s', async (_name, cut) => {
    expect((await cli(['verify', digits, ...cut, '--json'])).json()).toMatchObject({ passed: true });
  });
});

interface Row {
  id: string;
  fits?: boolean;
  fit?: unknown;
}

describe('code', () => {
  test('--list', async () => {
    const all = (await cli(['code', '--list', '--json'])).json() as unknown as Row[];
    expect(all.map(({ id }) => id)).toEqual(recipes.map(({ id }) => id));
    const judged = (await cli(['code', digits, '--list', '--json'])).json() as unknown as Row[];
    const fitting = judged.filter(({ fits }) => fits).map(({ id }) => id);
    expect(fitting).toEqual(expect.arrayContaining(['functional-by-name', 'layer-frozen']));
    expect(judged.find(({ id }) => id === 'nested')).toMatchObject({
      fits: false,
      why: expect.stringMatching(/nested/),
    });
  });
  test('--list says of each language whether it fits', async () => {
    const judged = (await cli(['code', digits, '--list', '--output', 'conv_2', '--json'])).json() as unknown as Row[];
    const byId = new Map(judged.map((row) => [row.id, row]));
    expect(byId.get('functional-by-name')?.fit).toEqual({ typescript: { fits: true }, python: { fits: true } });
    expect(byId.get('nested')?.fit).toMatchObject({ python: { fits: false, why: expect.stringMatching(/nested/) } });
    const text = (await cli(['code', '--list'])).stdout;
    expect(text).toMatch(
      /^layer-frozen: Model as a frozen layer\n {4}Only the new head .*\n {4}Costs: .*\n {4}Weights: frozen;/m,
    );
    expect((await cli(['code', digits, '--list'])).stdout).toMatch(/recipe +what +typescript +python/);
  });
  test('--runtime and pictures as they are prepared', async () => {
    const by = ['code', digits, '--recipe', 'functional-by-name', '--output', 'conv_2'];
    const node = (await cli([...by, '--runtime', 'tfjs-node'])).stdout;
    expect(node).toMatch(/^import \* as tf from '@tensorflow\/tfjs-node';\n/);
    expect(node).not.toContain('prepareImage');
    const prepared = (
      await cli([...by, '--preprocess', 'auto', '--resize', 'tensorflow', '--interpolation', 'bilinear'])
    ).stdout;
    expect(prepared).toMatch(/28 × 28, grayscale, 0…1/);
    expect(prepared).toContain('resizeBilinear(gray as tf.Tensor3D, [28, 28], false, true)');
    const python = (await cli([...by, '--language', 'python', '--preprocess', 'signed'])).stdout;
    expect(python).toContain('pixels = pixels / 127.5 - 1');
    expect((await cli([...by, '--runtime', 'deno'])).stderr).toMatch(
      /--runtime is one of tfjs, tfjs-node, browser, auto, not deno/,
    );
    expect((await cli([...by, '--preprocess', 'half'])).stderr).toMatch(/--preprocess is one of/);
    const text = path.join(keras, 'text-lstm/tfjs-keras2-h5');
    const none = await cli(['code', text, '--recipe', 'load-slice', '--preprocess', 'unit']);
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/no input that takes pictures/)]);
  });
  test('--runtime auto: TF.js by the name that the project around the new file has', async () => {
    const target = path.join(folder, 'src', 'features.ts');
    mkdirSync(path.dirname(target));
    const by = ['code', digits, '--recipe', 'functional-by-name', '--output', 'conv_2', '--runtime', 'auto', '--force'];
    const imported = async (packageJson: string): Promise<string> => {
      writeFileSync(path.join(folder, 'package.json'), packageJson);
      expect((await cli([...by, '--to', target])).code).toBe(0);
      return /from '(.*)';/.exec(readFileSync(target, 'utf8'))?.[1] ?? '';
    };
    const gpu = '{"dependencies":{"@tensorflow/tfjs-node-gpu":"4"}}';
    expect(await imported(gpu)).toBe('@tensorflow/tfjs-node-gpu');
    expect(await imported('{"dependencies":{"@tensorflow/tfjs":"4"}}')).toBe('@tensorflow/tfjs');
    // the nearest one that can be read
    writeFileSync(path.join(folder, 'src', 'package.json'), '{');
    expect(await imported(gpu)).toBe('@tensorflow/tfjs-node-gpu');
  });
  test('to stdout, or into a file that is not replaced unasked', async () => {
    const printed = await cli(['code', digits, '--recipe', 'functional-by-name', '--output', 'conv_2']);
    expect(printed.stdout).toMatch(/^import \* as tf from '@tensorflow\/tfjs';\n/);
    const target = path.join(folder, 'features.ts');
    expect(
      (await cli(['code', digits, '--recipe', 'functional-by-name', '--output', 'conv_2', '--to', target])).code,
    ).toBe(0);
    expect(readFileSync(target, 'utf8')).toMatch(/getLayer\('conv_2'\)/);
    expect((await cli(['code', digits, '--recipe', 'layer-functional', '--to', target])).code).toBe(2);
  });
});

test('Ctrl-C ends it with 130 and leaves nothing', async () => {
  const target = path.join(folder, 'slice');
  const result = await cli(['slice', digits, '--shard-size', '64', '--to', target], (child) => {
    // thousands of small shards take a while; the first that appears is the signal
    const timer = setInterval(() => {
      if (!existsSync(target) || readdirSync(target).length === 0) return;
      clearInterval(timer);
      child.kill('SIGINT');
    }, 5);
    child.once('exit', () => clearInterval(timer));
  });
  expect(result.code).toBe(130);
  expect(result.stderr).toMatch(/^model-slicer: cancelled: /m);
  expect(existsSync(target)).toBe(false);
});

test('a graph-model is sliced, verified and opened again', async () => {
  const start = 'StatefulPartitionedCall/mobilenet_block_1/stem_hard_swish_1/truediv';
  const target = path.join(folder, 'slice');
  const sliced = await cli([
    'slice',
    graph,
    '--input',
    start,
    '--close',
    '--format',
    'graph-model',
    '--to',
    target,
    '--json',
  ]);
  expect(sliced.json()).toMatchObject({
    format: 'graph-model',
    boundary: { closed: true },
    written: { files: ['model.json', 'group1-shard1of1.bin'] },
  });
  const verified = await cli(['verify', graph, '--slice', target, '--json']);
  expect(verified.json()).toMatchObject({ passed: true, wholeFromParts: { maxAbsDiff: 0 }, sourceMatches: true });
  expect((await cli(['inspect', target, '--json'])).json()).toMatchObject({ format: 'graph-model', problems: [] });
});

describe('custom layers', () => {
  const fixture = path.join(keras, 'tutorial-custom-layer');
  const model = path.join(fixture, 'tfjs-keras3');
  const custom = path.join(fixture, 'custom-layers.js');
  const input = path.join(fixture, 'input-0.npy');
  const address = 'my_custom_layer@feature_output';

  test('run gives what they set on themselves, says what there is, and names it for what there is not', async () => {
    const golden = JSON.parse(readFileSync(path.join(fixture, 'golden.json'), 'utf8')) as {
      attributes: Record<string, { shape: number[]; mean: number; first: number[] }>;
    };
    const expected = golden.attributes['my_custom_layer.feature_output'];
    const args = ['run', model, '--custom-layers', custom, '--input', input];
    const run = (await cli([...args, '--layers', address, '--json'])).json();
    const [activation] = run['activations'] as { address: string; shape: number[]; mean: number; first: number[] }[];
    expect(activation).toMatchObject({ address, shape: expected?.shape, mean: expect.closeTo(expected?.mean ?? 0, 5) });
    expected?.first.forEach((value, i) => expect(activation?.first[i]).toBeCloseTo(value, 5));
    expect(run['attributes']).toEqual([{ address, shape: [2, 6], dtype: 'float32' }]);
    expect((await cli(args)).stdout).toMatch(/set on themselves, for --layers:\n {2}my_custom_layer@feature_output/);
    const wrong = await cli([...args, '--layers', 'my_custom_layer@features', '--json']);
    expect(wrong.json()).toMatchObject({ error: { code: 'unknown-address', existing: [address] } });
    expect(wrong.code).toBe(2);
  });

  test('what a module prints is not in the answer, and what is odd about it is said', async () => {
    const module = path.join(folder, 'loud.cjs');
    writeFileSync(
      module,
      'console.log("{"); console.info("["); process.stdout.write("}\\n"); module.exports = () => { console.log("done"); };',
    );
    const { stdout, stderr, json, code } = await cli(['inspect', model, '--custom-layers', module, '--json']);
    expect(code).toBe(0);
    expect(json()['problems']).toContainEqual(
      expect.objectContaining({
        code: 'custom-layers',
        message: expect.stringMatching(/loud\.cjs registers no class/),
      }),
    );
    expect(stdout + stderr).not.toContain('done');
  });

  test('stub begins their class: on stdout, in a file by its ending, never over another', async () => {
    const typed = await cli(['stub', model, 'my_custom_layer']);
    expect(typed.stdout).toMatch(/features: number; \/\/ 6\n[^]*class FeatureLayer extends tf\.layers\.Layer/);
    const target = path.join(folder, 'feature.cjs');
    const written = await cli(['stub', model, 'my_custom_layer', '--to', target, '--json']);
    expect(written.json()).toMatchObject({
      className: 'FeatureLayer',
      layers: ['my_custom_layer'],
      language: 'cjs',
      written: target,
    });
    expect(readFileSync(target, 'utf8')).toBe(written.json()['code']);
    const again = await cli(['stub', model, 'my_custom_layer', '--to', target]);
    expect(again.stderr).toMatch(/target-exists/);
    const run = await cli(['run', model, '--custom-layers', target]);
    expect(run.stderr).toMatch(/call\(\) of my_custom_layer is not written yet/);
    for (const [args, sentence] of [
      [['stub', model, 'dense'], /class Dense, which needs no class of your own/],
      [['stub', model, 'nobody'], /unknown-address/],
      [['stub', model, 'my_custom_layer', '--to', path.join(folder, 'a.txt')], /ends in \.ts/],
      [['stub', model, 'my_custom_layer', '--language', 'cobol'], /typescript or javascript/],
      [['stub', model, 'my_custom_layer', '--language', 'typescript', '--to', 'a.cjs'], /no name of a typescript file/],
    ] as const) {
      const refused = await cli([...args]);
      expect(refused.stderr).toMatch(sentence);
      expect(refused.code).toBe(2);
    }
  });
});
