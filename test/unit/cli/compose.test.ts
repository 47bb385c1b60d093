import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { keras } from '../../fixtures';
import { cli } from './cli';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5');
const dense = path.join(keras, 'tutorial-dense/tfjs-keras2-h5');
const folder = mkdtempSync(path.join(tmpdir(), 'slicer-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const target = (name: string): string => path.join(folder, name);

describe('compose', () => {
  test('a slice with what stands before and behind it, written and proven', async () => {
    const to = target('headed');
    const head = ['--dense', '32:relu', '--dropout', '0.2', '--classes', '5'];
    const before = ['--input-shape', '64,64,3', '--rescale', '1/255', '--adapt'];
    const args = ['--output', 'pool_1', '--frozen', '--as-layer', 'features', ...before, ...head];
    const result = await cli(['compose', digits, ...args, '--to', to, '--verify', '--json']);
    expect(result.code).toBe(0);
    expect(result.json()).toMatchObject({
      inputs: [{ name: 'input_layer', shape: [null, 64, 64, 3] }],
      outputs: [{ shape: [null, 5] }],
      parts: [{ name: 'features', frozen: true, cut: { outputs: ['pool_1'], inputs: [] } }],
      // 32 × 32 + 32 and 32 × 5 + 5 of the head
      params: { trainable: 1221 },
      findings: [
        { kind: 'shape', adapted: true },
        { kind: 'channels', adapted: true },
      ],
      written: { files: ['model.json', 'group1-shard1of1.bin'] },
      proof: { passed: true, outputs: [{ maxAbsDiff: 0 }], wholeFromParts: { maxAbsDiff: 0 } },
    });
    const inspected = await cli(['inspect', to, '--json']);
    expect(inspected.json()).toMatchObject({ problems: [], repairs: [], totals: { trainable: 1221 } });
    const again = await cli(['compose', digits, ...args, '--to', to, '--json']);
    expect(again).toMatchObject({ code: 2 });
    expect(again.json()).toMatchObject({ error: { code: 'target-exists' } });
  });

  test('what does not fit is said with its adapter, for people and as JSON', async () => {
    const args = ['compose', digits, '--input-shape', '64,64,3', '--to', target('never')];
    const result = await cli(args);
    expect(result.code).toBe(2);
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(/--adapt puts what is needed between/);
    expect(result.stderr).toMatch(/^model-slicer: does-not-fit: .*\[\?,64,64,3\].*\[\?,28,28,1\].*resize to 28 × 28/m);
    const json = await cli([...args, '--json']);
    expect(json.json()).toMatchObject({
      error: { code: 'does-not-fit' },
      findings: [
        { kind: 'shape', adapter: [{ kind: 'resize', height: 28, width: 28 }] },
        { kind: 'channels', adapter: [{ kind: 'channels', to: 1 }] },
      ],
    });
    expect(existsSync(target('never'))).toBe(false);
  });

  test('two models of the same names: renamed, and said', async () => {
    const to = target('twice');
    const result = await cli(['compose', digits, '--with', digits, '--join', 'concat', '--to', to, '--verify']);
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/the layer conv_1 of digits_cnn_1 is called conv_1_1/);
    expect(result.stdout).toMatch(/^Passed/m);
  });

  test('one layer called twice has its weights once', async () => {
    const args = ['compose', digits, '--with', digits, '--join', 'concat', '--shared', '--verify', '--json'];
    expect((await cli(args)).json()).toMatchObject({ params: { total: 34_826 }, proof: { passed: true } });
  });

  test('one after the other', async () => {
    const to = target('chain');
    const args = ['compose', digits, '--with', dense, '--adapt', '--to', to, '--verify', '--json'];
    expect((await cli(args)).json()).toMatchObject({ outputs: [{ shape: [null, 10] }], proof: { passed: true } });
    const { userDefinedMetadata } = JSON.parse(readFileSync(path.join(to, 'model.json'), 'utf8')) as {
      userDefinedMetadata: { modelSlicer: object };
    };
    expect(userDefinedMetadata.modelSlicer).toMatchObject({ composed: { join: 'sequence', parts: [{}, {}] } });
    expect(JSON.stringify(userDefinedMetadata)).not.toContain(folder);
  });

  test('its code: alone on stdout', async () => {
    const args = ['compose', digits, '--output', 'pool_1', '--dense', '16:relu', '--classes', '3'];
    const result = await cli([...args, '--code', 'layer-functional']);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^import .*tfjs/);
    expect(result.stdout).toContain("tf.layers.dense({ units: 16, activation: 'relu' })");
    const two = await cli([...args, '--with', digits, '--join', 'concat', '--code', 'layer-functional']);
    expect(two.code).toBe(2);
    expect(two.stderr).toMatch(/recipe-does-not-fit: .*joins two/);
  });

  test.each<[string, string[], RegExp]>([
    ['nothing to do', [], /usage: Say what is wanted/],
    ['an activation that is none', ['--plan', '--dense', '3:reluu'], /usage: reluu is no activation/],
    ['units that are none', ['--plan', '--dense', '0'], /usage: --dense takes whole numbers from 1/],
    ['far too many units', ['--plan', '--pool', 'flatten', '--output', 'pool_1', '--dense', '10000000'], /too large/],
    ['a rate', ['--plan', '--dropout', '1'], /usage: A dropout rate is from 0 to below 1/],
    ['a resize without a shape', ['--plan', '--resize', '64,64'], /usage: Say the shape of the new input/],
    ['a join', ['--plan', '--with', digits, '--join', 'side'], /usage: --join is sequence or concat/],
    [
      'another model that is shared',
      ['--plan', '--with', dense, '--join', 'concat', '--shared'],
      /usage: Only one model/,
    ],
    ['a recipe that is no layer', ['--code', 'one-liner'], /usage: --code takes a recipe that makes a model a layer/],
    ['a file that is not there', ['--plan', '--with', 'nowhere.json'], /missing-file: nowhere.json/],
    ['a graph-model', ['--plan', '--with', path.join(keras, 'text-lstm/tfjs-graph-keras2')], /graph-model/],
  ])('bad input: %s', async (_, args, message) => {
    const result = await cli(['compose', digits, ...args]);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/ {4}at /);
  });
});
