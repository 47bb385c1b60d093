import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keras } from '../../fixtures';
import { cli } from './cli';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5');
const twoInputs = path.join(keras, 'two-inputs-two-outputs/tfjs-keras2-h5');

let folder: string;
let middle: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-verify-'));
  middle = path.join(folder, 'middle');
  const { code } = await cli(['slice', digits, '--input', 'pool_1', '--output', 'conv_2', '--to', middle]);
  expect(code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the middle slice, damaged. */
function damaged(name: string, edit: (json: string, shard: Buffer) => string | void): string {
  const copy = path.join(folder, name);
  cpSync(middle, copy, { recursive: true });
  const [file, shard] = [path.join(copy, 'model.json'), path.join(copy, 'group1-shard1of1.bin')];
  const bytes = readFileSync(shard);
  const json = edit(readFileSync(file, 'utf8'), bytes);
  writeFileSync(shard, bytes);
  if (json !== undefined) writeFileSync(file, json);
  return copy;
}

describe('a saved slice', () => {
  test('the cut is the one that it records', async () => {
    const result = await cli(['verify', digits, '--slice', middle, '--json']);
    expect(result.json()).toMatchObject({
      passed: true,
      outputs: [{ address: 'conv_2', maxAbsDiff: 0, equal: true }],
      wholeFromParts: { maxAbsDiff: 0 },
      nonFinite: { slice: 0, original: 0 },
      weak: false,
      sourceMatches: true,
      weightsMatch: true,
      data: [{ label: 'random:0', inputs: [{ source: 'random:0' }], outputs: [{ equal: true }] }],
    });
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });

  test('several sets of data, for people', async () => {
    const result = await cli(['verify', digits, '--slice', middle, '--data', 'zeros', '--data', 'random:7']);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^equal +conv_2 +zeros +0$/m);
    expect(result.stdout).toMatch(/^equal +conv_2 +random:7 +0$/m);
    expect(result.stdout).toMatch(/^Whole from parts: largest difference 0\.$/m);
    expect(result.stdout).toMatch(/^Passed \(wasm\)\.$/m);
  });

  test.each<[string, (json: string, shard: Buffer) => string | void, RegExp, object]>([
    [
      'a flipped bit of a weight: and that its bytes are others',
      (_, shard) => void shard.writeUInt8(shard.readUInt8(3) ^ 0x40, 3),
      /differs from the original by .* at conv_2: its weights are not the bytes that were written/,
      { address: 'conv_2', reason: 'changed-weights' },
    ],
    [
      'another activation',
      (json) => json.replace('"activation":"relu"', '"activation":"sigmoid"'),
      /differs from the original by [\d.]+ at conv_2 for the data (zeros|ones), more than the 0 /,
      { address: 'conv_2', data: expect.stringMatching(/zeros|ones/) },
    ],
    [
      'NaN on one side',
      (json, shard) => {
        shard.writeFloatLE(NaN, 0);
        return json.replace('"shards"', '"were"');
      },
      /NaN stands at other places of conv_2/,
      { address: 'conv_2', reason: 'NaN', maxAbsDiff: 'NaN' },
    ],
    [
      'an input of another shape',
      (json) => json.replace('"batch_input_shape":[null,13,13,32]', '"batch_input_shape":[null,12,12,32]'),
      /The input .* of the slice takes the shape \[\?,12,12,32\], but pool_1 has \[1,13,13,32\]/,
      { reason: 'input-shape', address: 'pool_1' },
    ],
    [
      'a record of tensors that this model does not have',
      (json) => json.replace('"outputs":["conv_2"]', '"outputs":["conv_9"]'),
      /says that it was cut at conv_9, which model\.json does not have/,
      { reason: 'recorded-cut', address: 'conv_9' },
    ],
  ])('%s: exit code 3', async (name, edit, sentence, data) => {
    const slice = damaged(name.replace(/\W+/g, '-'), edit);
    const result = await cli(['verify', digits, '--slice', slice, '--data', 'zeros', 'ones', '--json']);
    expect(result.stderr).toMatch(sentence);
    expect(result.json()).toMatchObject({ error: { code: 'verification-failed', ...data } });
    expect(result.code).toBe(3);
  });

  test('of another model: said before and with the difference', async () => {
    const other = path.join(folder, 'other');
    cpSync(digits, other, { recursive: true });
    const file = path.join(other, 'model.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"activation": "relu"', '"activation": "tanh"'));
    expect(readFileSync(file, 'utf8')).toContain('"activation": "tanh"');
    const prefix = path.join(folder, 'prefix');
    expect((await cli(['slice', other, '--output', 'conv_2', '--to', prefix])).code).toBe(0);
    const result = await cli(['verify', digits, '--slice', prefix, '--json']);
    expect(result.stderr).toMatch(/^model-slicer: model\.json says that it was cut from another model/m);
    expect(result.stderr).toMatch(/cut from another model, and differs from this one by .* at conv_2/);
    expect(result.json()).toMatchObject({ sourceMatches: false, passed: false });
    expect(result.code).toBe(3);
  });

  test('beside its source, as a file', async () => {
    const file = path.join(folder, 'part.json');
    expect((await cli(['slice', digits, '--output', 'conv_1', '--to', file])).code).toBe(0);
    expect((await cli(['verify', digits, '--slice', file, '--json'])).json()).toMatchObject({
      passed: true,
      outputs: [{ address: 'conv_1' }],
    });
  });
});

test('a missing batch dimension is added, and said', async () => {
  const file = path.join(folder, 'one.json');
  writeFileSync(
    file,
    JSON.stringify(Array.from({ length: 28 }, (_, i) => Array.from({ length: 28 }, (__, j) => [i * j]))),
  );
  const result = await cli(['verify', digits, '--output', 'conv_1', '--data', file, '--json']);
  expect(result.stderr).toMatch(/^model-slicer: input .*: A batch dimension was added in front\.$/m);
  expect(result.json()).toMatchObject({ passed: true, data: [{ label: 'one.json' }] });
});

test('sets for several inputs, and what is constant proves little', async () => {
  const result = await cli(['verify', twoInputs, '--data', 'zeros', '--data', 'random:3', '--json']);
  const { data, weak, passed } = result.json() as { data: { label: string }[]; weak: boolean; passed: boolean };
  expect(data.map(({ label }) => label)).toEqual(['zeros', 'random:3']);
  expect({ weak, passed }).toEqual({ weak: false, passed: true });
  const unknown = await cli(['verify', twoInputs, '--data', 'nobody=zeros', '--json']);
  expect(unknown.json()).toMatchObject({ error: { code: 'bad-input', reason: 'unknown-input' } });
  expect(unknown.code).toBe(2);
});
