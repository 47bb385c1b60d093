/** `--backend` of the built command line: what it finds, and what it says when there is nothing. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lacksNative, nativeFolder, onNative } from '../../engine/backends/native';
import { keras } from '../../fixtures';
import { cli, type CliResult } from './cli';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5/model.json');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slicer-backend-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (options: string[], named = ''): Promise<CliResult> =>
  cli(['run', digits, '--json', ...options], undefined, { cwd: folder, env: { MODEL_SLICER_NATIVE: named } });

describe('--backend tensorflow', () => {
  it('says where it looked, exit code 2', async () => {
    const { code, stderr, json } = await run(['--backend', 'tensorflow']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^model-slicer: unsupported: The backend tensorflow cannot be used: .* not found in /);
    expect(json()).toMatchObject({ error: { code: 'unsupported', backend: 'tensorflow', folders: [folder] } });
  });

  it('auto runs on wasm then, and says nothing', async () => {
    const { code, stderr, json } = await run([]);
    expect([code, stderr, json().backend]).toEqual([0, expect.not.stringContaining('tensorflow'), 'wasm']);
  });

  it('auto says with --debug why it could not take what is there', async () => {
    mkdirSync(path.join(folder, 'node_modules/@tensorflow'), { recursive: true });
    const { code, stderr, json } = await run(['--debug'], path.join(folder, 'nothing'));
    expect([code, json().backend]).toEqual([0, 'wasm']);
    expect(stderr).toContain(`not found in ${path.join(folder, 'nothing')}`);
  });
});

describe.skipIf(lacksNative)(onNative, () => {
  it.each(['auto', 'tensorflow'])('%s takes the folder that MODEL_SLICER_NATIVE names', async (backend) => {
    const { code, json } = await run(['--all', '--backend', backend], nativeFolder);
    expect([code, json().backend, json().fallbacks]).toEqual([0, 'tensorflow', undefined]);
  });

  it('takes the packages of the working folder where it is asked for, and never by itself', async () => {
    symlinkSync(path.join(nativeFolder, 'node_modules'), path.join(folder, 'node_modules'));
    expect((await run([])).json().backend).toBe('wasm');
    const native = ['--backend', 'tensorflow'];
    expect((await run(native)).json().backend).toBe('tensorflow');
    const proof = await cli(['verify', digits, '--output', 'conv_2', '--json', ...native], undefined, { cwd: folder });
    expect(proof.json()).toMatchObject({ backend: 'tensorflow', passed: true, outputs: [{ maxAbsDiff: 0 }] });
    const target = path.join(folder, 'composed');
    const options = ['--output', 'pool_2', '--classes', '3', '--to', target, '--verify', '--json', ...native];
    const composed = await cli(['compose', digits, ...options], undefined, { cwd: folder });
    expect(composed.code).toBe(0);
    expect(JSON.stringify(composed.json())).toContain('"backend":"tensorflow"');
  });
});
