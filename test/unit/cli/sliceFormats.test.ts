/** `slice` and `verify` with Keras's own formats. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keras } from '../../fixtures';
import { cli } from './cli';

const digits = path.join(keras, 'digits-cnn/model.keras');
const graph = path.join(keras, 'mobilenet-block/tfjs-graph-keras3');
const lstm = path.join(keras, 'conv-lstm/tfjs-keras2-h5/model.json');

let folder: string;
beforeAll(() => void (folder = mkdtempSync(path.join(tmpdir(), 'slicer-formats-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(['middle.keras', 'middle.h5'])('%s', (name) => {
  test('is written by its name, and proven by its record', async () => {
    const target = path.join(folder, name);
    const args = ['slice', digits, '--input', 'pool_1', '--output', 'conv_2', '--to', target, '--json'];
    const sliced = await cli(args);
    expect(sliced.stderr).toBe('');
    expect(sliced.json().written).toEqual({ files: [name], bytes: readFileSync(target).length });
    const verified = await cli(['verify', digits, '--slice', target, '--json']);
    expect(verified.json()).toMatchObject({ passed: true, sourceMatches: true, weightsMatch: true });
    expect((await cli(args)).json().error).toMatchObject({ code: 'target-exists' });
  });
});

test.each([
  [['--plan', '--format', 'keras'], 'keras-v3'],
  [['--plan', '--format', 'h5'], 'keras-h5'],
  [['--plan', '--format', 'layers-model'], 'layers-model'],
  [['--plan', '--to', 'x.hdf5'], 'keras-h5'],
  [['--plan'], 'layers-model'],
])('%j is planned as %s', async (args, format) => {
  expect((await cli(['slice', digits, ...args, '--json'])).json()).toMatchObject({ format });
});

test.each([
  [digits, ['--format', 'keras', '--to', 'x.h5'], 'usage', 'must end in .keras'],
  [digits, ['--format', 'layers-model', '--to', 'x.keras'], 'usage', 'folder'],
  [digits, ['--format', 'h5', '--to', 'x'], 'usage', 'must end in .h5'],
  [digits, ['--format', 'onnx', '--plan'], 'usage', 'onnx'],
  [graph, ['--to', 'x.keras'], 'not-exportable', 'graph-model has no layers'],
  [lstm, ['--to', 'x.keras'], 'not-exportable', 'another hard_sigmoid'],
])('%s %j: %s', async (file, args, code, text) => {
  const { code: exit, stderr } = await cli(['slice', file, ...args]);
  expect(exit).toBe(2);
  expect(stderr).toContain(`model-slicer: ${code}: `);
  expect(stderr).toContain(text);
});

test('a file that is none, or another', async () => {
  const other = path.join(folder, 'other.keras');
  writeFileSync(other, 'no zip');
  expect((await cli(['verify', digits, '--slice', other, '--json'])).json().error).toMatchObject({ code: 'not-zip' });
  const plain = ['verify', digits, '--slice', path.join(keras, 'digits-cnn/keras2.h5'), '--json'];
  expect((await cli(plain)).json().error).toMatchObject({ code: 'usage' });
});
