/** Layers in parts under a mask: what comes after them is masked as before. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { InputSpec } from '../../../src/protocol/engine';
import { noise } from '../noise';
import { engineSession } from '../session';

const folder = mkdtempSync(path.join(os.tmpdir(), 'masked-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Written {
  folder: string;
  input: InputSpec;
}

/** A Sequential whose Embedding masks zeros: words, both directions of a GRU, an LSTM over the sequence, Dense. */
function write(kerasVersion: string, mode: string): Written {
  const gru = { name: 'gru', units: 3, return_sequences: true, reset_after: false };
  const layers = [
    { class_name: 'InputLayer', config: { name: 'words', batch_input_shape: [null, 6], dtype: 'int32' } },
    { class_name: 'Embedding', config: { name: 'embed', input_dim: 10, output_dim: 4, mask_zero: true } },
    {
      class_name: 'Bidirectional',
      config: { name: 'bi', merge_mode: mode, layer: { class_name: 'GRU', config: gru } },
    },
    { class_name: 'Dense', config: { name: 'dense', units: 4, activation: 'tanh' } },
    { class_name: 'LSTM', config: { name: 'lstm', units: 2, return_sequences: true } },
    { class_name: 'LSTM', config: { name: 'last', units: 2 } },
  ];
  const width = mode === 'concat' ? 6 : 3;
  const weights: [string, number[]][] = [
    ['embed/embeddings', [10, 4]],
    ...['forward', 'backward'].flatMap((direction): [string, number[]][] => [
      [`bi/${direction}_gru/kernel`, [4, 9]],
      [`bi/${direction}_gru/recurrent_kernel`, [3, 9]],
      [`bi/${direction}_gru/bias`, [9]],
    ]),
    ['dense/kernel', [width, 4]],
    ['dense/bias', [4]],
    ['lstm/kernel', [4, 8]],
    ['lstm/recurrent_kernel', [2, 8]],
    ['lstm/bias', [8]],
    ['last/kernel', [2, 8]],
    ['last/recurrent_kernel', [2, 8]],
    ['last/bias', [8]],
  ];
  const values = weights.flatMap(([, shape], i) =>
    noise(
      i,
      shape.reduce((a, b) => a * b, 1),
    ),
  );
  const target = mkdtempSync(path.join(folder, 'model-'));
  writeFileSync(path.join(target, 'w.bin'), Buffer.from(Float32Array.from(values).buffer));
  const json = {
    format: 'layers-model',
    modelTopology: {
      keras_version: kerasVersion,
      backend: 'tensorflow',
      model_config: { class_name: 'Sequential', config: { name: 'm', layers } },
    },
    weightsManifest: [
      { paths: ['w.bin'], weights: weights.map(([name, shape]) => ({ name, shape, dtype: 'float32' })) },
    ],
  };
  writeFileSync(path.join(target, 'model.json'), JSON.stringify(json));
  const words = [
    [3, 7, 1, 0, 0, 0],
    [2, 0, 5, 9, 4, 8],
  ];
  const data = path.join(target, 'words.json');
  writeFileSync(data, JSON.stringify(words));
  return {
    folder: target,
    input: { input: 'words', source: { kind: 'array', path: data, name: 'words.json', format: 'json' } },
  };
}

describe.each(['2.15.0', '3.5.0'])('Keras %s', (version) => {
  it.each(['concat', 'sum', 'mul', 'ave'])('%s', async (mode) => {
    const engine = engineSession();
    const { folder: at, input } = write(version, mode);
    await engine.request('open', { path: at });
    const options = { want: 'all', backend: 'cpu', thumbnails: false, colorMap: 'viridis', keep: false } as const;
    const run = async (inner: string[]): Promise<Map<string, unknown>> => {
      const { activations } = await engine.request('run', { inputs: [input], inner, ...options });
      return new Map(activations.map(({ address, statistics }) => [address, statistics]));
    };
    const inner = ['bi@forward', 'bi@backward', 'dense@pre', 'lstm@state_h', 'lstm@state_c', 'last@state_h'];
    const [whole, apart] = [await run([]), await run(inner)];
    expect([...apart.keys()].filter((address) => !whole.has(address)).sort()).toEqual([...inner].sort());
    // to the last digit but of the Dense, whose bias is added in another place
    for (const address of ['embed', 'bi']) expect(apart.get(address)).toEqual(whole.get(address));
    for (const address of ['dense', 'lstm', 'last']) {
      const [a, b] = [apart.get(address), whole.get(address)] as { l2: number; mean: number }[];
      expect(a?.l2).toBeCloseTo(b?.l2 ?? NaN, 5);
      expect(a?.mean).toBeCloseTo(b?.mean ?? NaN, 5);
    }
    expect(apart.get('last@state_h')).toEqual(apart.get('last'));
    for (const address of inner) {
      const cut = { outputs: [address], inputs: [] };
      const proof = await engine.request('verify', { cut, data: [[input]], tolerance: 0, backend: 'cpu' });
      expect(proof, address).toMatchObject({ passed: true, outputs: [{ maxAbsDiff: 0 }] });
    }
    for (const inputs of [['bi@forward', 'bi@backward'], ['dense@pre']]) {
      const cut = { outputs: ['last'], inputs };
      const proof = engine.request('verify', { cut, data: [[input]], tolerance: 0, backend: 'cpu' });
      await expect(proof).rejects.toMatchObject({ code: 'mask-crosses' });
    }
    await engine.request('close', {});
  });
});
