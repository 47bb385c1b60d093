/** The native backend in a real engine process: found, refused with the reason, and quiet. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EngineClient } from '../../../src/client/engineClient';
import { systemOf } from '../../../src/engine/backends/nativePackage';
import type { NativeSearch, RunResult } from '../../../src/protocol/engine';
import { failure } from '../../failure';
import { keras } from '../../fixtures';
import { buildEngine } from '../bundle';
import { lacksNative, nativeFolder, nativeSearch, onNative } from './native';

const digits = path.join(keras, 'digits-cnn/tfjs-keras2-h5');
const here = `${process.platform} ${process.arch}`;

let enginePath: string;
let folder: string;
let client: EngineClient;
let log: string[];

beforeAll(async () => {
  enginePath = await buildEngine('native');
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'model-slicer-native-test-'));
  log = [];
  client = new EngineClient({ enginePath, onLog: (level, text) => log.push(`${level}: ${text}`) });
});
afterEach(() => {
  client.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const search = (named: string | null, ...folders: string[]): NativeSearch => ({ named, folders, trusted: true });

async function run(native: NativeSearch | undefined, backend: 'auto' | 'tensorflow' = 'auto'): Promise<RunResult> {
  const input = { input: 'conv_1_input', source: { kind: 'random', seed: 7 } } as const;
  const wish = { want: 'all', backend, thumbnails: true, colorMap: 'viridis', keep: true } as const;
  const { model } = await client.request('open', { path: digits });
  const inputs = [{ ...input, input: model.graph.inputs[0]?.name ?? '' }];
  return client.request('run', { ...wish, inputs, ...(native ? { native } : {}) });
}

/** A package as npm lays it out, with what is given for its addon. */
function writePackage(at: string, binding: Uint8Array | null, version = '4.22.0'): string {
  const place = path.join(at, 'node_modules/@tensorflow/tfjs-node');
  mkdirSync(path.join(place, 'lib/napi-v8'), { recursive: true });
  const manifest = { name: '@tensorflow/tfjs-node', version, main: 'dist/index.js', binary: { napi_versions: [3, 8] } };
  writeFileSync(path.join(place, 'package.json'), JSON.stringify(manifest));
  if (binding) writeFileSync(path.join(place, 'lib/napi-v8/tfjs_binding.node'), binding);
  return place;
}

/** The beginning of a Windows library for x64, and of a macOS one for ARM. */
const windows = Buffer.concat([
  Buffer.from('MZ'),
  Buffer.alloc(58),
  Buffer.from([64, 0, 0, 0]),
  Buffer.from('PE\0\0'),
  Buffer.from([0x64, 0x86]),
  Buffer.alloc(80),
]);
const mac = Buffer.concat([Buffer.from('cffaedfe0c000001', 'hex'), Buffer.alloc(120)]);

describe('what cannot be used', () => {
  const broken: [name: string, make: () => unknown, problem: Record<string, unknown>][] = [
    ['half installed', () => writePackage(folder, null), { missing: 'lib/napi-v8/tfjs_binding.node' }],
    ['made for Windows', () => writePackage(folder, windows), { system: 'win32 x64', here }],
    ['made for another processor', () => writePackage(folder, mac), { system: 'darwin arm64', here }],
    [
      'no library at all',
      () => writePackage(folder, Buffer.from('<html>blocked</html>')),
      { system: 'no system', here },
    ],
    ['too old', () => writePackage(folder, mac, '3.21.1'), { version: '3.21.1' }],
  ];

  it.each(broken)('%s: is named with its folder, and auto takes the next', async (_, make, problem) => {
    const place = make();
    const error = await failure(run(search(null, folder), 'tensorflow'));
    expect(error.code).toBe('unsupported');
    expect(error.data).toEqual({ reason: 'backend', backend: 'tensorflow', folder: place, ...problem });
    expect((await run(search(null, folder))).backend).toBe('wasm');
    await run(search(null, folder));
    // told once
    expect(log.filter((line) => line.includes(String(place)))).toHaveLength(1);
  });

  it('nothing there: says where it looked, and nothing in the log', async () => {
    const error = await failure(run(search(null, folder, '/nowhere'), 'tensorflow'));
    expect(error.data).toEqual({ reason: 'backend', backend: 'tensorflow', folders: [folder, '/nowhere'] });
    expect((await run(search(null, folder))).backend).toBe('wasm');
    expect(log.join('\n')).not.toContain('tfjs-node was not found');
  });

  it('a folder that the user named and that has none is told', async () => {
    expect((await run(search(path.join(folder, 'typo')))).backend).toBe('wasm');
    expect(log.filter((line) => line.includes('typo'))).toHaveLength(1);
  });

  it('a damaged file of the package is no reason to fail', async () => {
    const place = writePackage(folder, null);
    writeFileSync(path.join(place, 'package.json'), '{"name": ');
    expect((await run(search(null, folder))).backend).toBe('wasm');
    rmSync(path.join(place, 'package.json'));
    symlinkSync(place, path.join(place, 'package.json'));
    expect((await run(search(null, folder))).backend).toBe('wasm');
  });
});

describe('systemOf', () => {
  it('knows the system of this very program', () => {
    expect(systemOf(process.execPath)).toBe(here);
  });
});

describe.skipIf(lacksNative)(onNative, () => {
  it('is what auto takes, and neither it nor TensorFlow writes past the log', async () => {
    const result = await run(nativeSearch);
    expect(result.backend).toBe('tensorflow');
    expect(result.fallbacks).toEqual([]);
    expect(new Set(result.activations.map(({ backend }) => backend))).toEqual(new Set(['tensorflow']));
    const wasm = await run(undefined, 'auto');
    // found once, it stays
    expect(wasm.backend).toBe('tensorflow');
    expect(log).toEqual([]);
  });

  it('takes the package by its own folder, by one around it, and through a link', async () => {
    const place = path.join(nativeFolder, 'node_modules/@tensorflow/tfjs-node');
    symlinkSync(nativeFolder, path.join(folder, 'link'));
    for (const named of [place, nativeFolder, path.join(folder, 'link')]) {
      expect(await client.request('findNative', search(named))).toMatchObject({ folder: place, version: '4.22.0' });
    }
  });

  it('is not even looked at without trust', async () => {
    const untrusted = { ...search(nativeFolder, nativeFolder), trusted: false };
    expect((await run(untrusted)).backend).toBe('wasm');
    const error = await failure(run(untrusted, 'tensorflow'));
    expect(error.data).toMatchObject({
      reason: 'backend',
      why: 'native libraries are loaded in trusted workspaces only',
    });
  });

  it('takes the next place where the first is broken, and what comes later without a new process', async () => {
    const later = path.join(folder, 'later');
    mkdirSync(later);
    writePackage(folder, null);
    expect((await run(search(null, folder, later))).backend).toBe('wasm');
    const { pid } = client;
    symlinkSync(path.join(nativeFolder, 'node_modules'), path.join(later, 'node_modules'));
    expect((await run(search(null, folder, later))).backend).toBe('tensorflow');
    expect(client.pid).toBe(pid);
  });

  it('a library that is cut off ends the process that tries it, and not the engine', async () => {
    const real = path.join(nativeFolder, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node');
    const place = writePackage(folder, readFileSync(real));
    const binding = path.join(place, 'lib/napi-v8/tfjs_binding.node');
    // whole, but without TensorFlow's own library beside it
    const alone = await failure(run(search(null, folder), 'tensorflow'));
    expect(alone.data).toMatchObject({
      folder: place,
      error: expect.stringContaining('cannot open shared object') as string,
    });
    truncateSync(binding, 60_000);
    const cut = await failure(run(search(null, folder), 'tensorflow'));
    expect(cut.data.folder).toBe(place);
    expect(cut.data.signal ?? cut.data.error).toBeTruthy();
    expect((await run(search(null, folder))).backend).toBe('wasm');
  });

  it('a package whose own code fails leaves its place to the next', async () => {
    const place = writePackage(folder, null);
    const real = path.join(nativeFolder, 'node_modules/@tensorflow/tfjs-node');
    for (const part of ['lib', 'deps']) {
      rmSync(path.join(place, part), { recursive: true, force: true });
      symlinkSync(path.join(real, part), path.join(place, part));
    }
    cpSync(path.join(real, 'dist'), path.join(place, 'dist'), { recursive: true });
    rmSync(path.join(place, 'dist/io/index.js'));
    const error = await failure(run(search(null, folder), 'tensorflow'));
    expect(error.data).toMatchObject({ folder: place, error: expect.stringMatching(/^Cannot find module/) as string });
    log.length = 0;
    const result = await run(search(null, folder, nativeFolder));
    expect(result.backend).toBe('tensorflow');
    // nothing is registered twice
    expect(log.join('\n')).not.toContain('already registered');
  });

  it('runs layers of the user’s own, which ask for tfjs-node themselves, as Keras does', async () => {
    const fixture = path.join(keras, 'tutorial-custom-layer');
    const file = path.join(folder, 'layers.cjs');
    const text = `require(${JSON.stringify(path.join(fixture, 'custom-layers.js'))})(require('@tensorflow/tfjs-node'));`;
    writeFileSync(file, text);
    const { model } = await client.request('open', { path: path.join(fixture, 'tfjs-keras3'), customLayers: [file] });
    const example = path.join(fixture, 'input-0.npy');
    const source = { kind: 'array', path: example, name: 'input-0.npy', format: 'npy' } as const;
    const inputs = model.graph.inputs.map(({ name }) => ({ input: name, source }));
    const wish = { want: 'all', backend: 'auto', thumbnails: false, colorMap: 'viridis', keep: false } as const;
    const result = await client.request('run', { ...wish, inputs, native: nativeSearch });
    expect(result.backend).toBe('tensorflow');
    expect(result.fallbacks).toEqual([]);
    const golden = JSON.parse(readFileSync(path.join(fixture, 'golden.json'), 'utf8')) as {
      activations: Record<string, { first: number[] }>;
    };
    const found = result.activations.find(({ address }) => address === 'my_custom_layer')?.statistics.first ?? [];
    golden.activations.my_custom_layer?.first.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
    expect(found.length).toBeGreaterThan(0);
  });

  const cuts: [fixture: string, output: string][] = [
    ['digits-cnn/tfjs-keras2-h5', 'conv_2'],
    ['residual-block/tfjs-keras3', 'keras[4]'],
    ['text-lstm/tfjs-keras3', 'keras[1]'],
    ['transformer-block/tfjs-keras3', 'keras[3]'],
    ['mobilenet-block/tfjs-graph-keras3', ''],
  ];
  it.each(cuts)('proves a cut of %s to be equal to the last bit', async (fixture, output) => {
    const { model } = await client.request('open', { path: path.join(keras, fixture) });
    const data = [
      model.graph.inputs.map(({ name }) => ({ input: name, source: { kind: 'random', seed: 3 } as const })),
    ];
    const cut = { outputs: output === '' ? [] : [output], inputs: [] };
    const proof = await client.request('verify', { cut, data, tolerance: 0, backend: 'auto', native: nativeSearch });
    expect(proof.backend).toBe('tensorflow');
    expect(proof.passed).toBe(true);
    expect(proof.outputs.map(({ maxAbsDiff }) => maxAbsDiff)).toEqual(proof.outputs.map(() => 0));
  });
});
