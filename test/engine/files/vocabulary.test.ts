/** Vocabularies that layers have learned, as Keras keeps them in `assets/`; the files and the numbers are Keras's own. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { unzipSync, zipSync, type Unzipped } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { sentence } from '../../../src/core/messages';
import { walkLayers } from '../../../src/core/model/traversal';
import { sliceModel } from '../../../src/core/slicing/sliceModel';
import { useBackend } from '../../../src/engine/backends/backend';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { collect } from '../../../src/engine/run/collect';
import { openSliceInMemory } from '../../../src/engine/run/sliceInMemory';
import type { WeightSource } from '../../../src/engine/run/openedModel';
import { WeightStore } from '../../../src/engine/run/weights';

interface Golden {
  inputs: { text: string[][]; word: string[][]; number: number[][] };
  outputs: { shape: number[]; values: number[] }[];
}

const folder = path.join(__dirname, 'golden/vocabularies');
const golden = JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8')) as Record<string, Golden>;
const keras3 = path.join(folder, 'keras3.keras');

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'slicer-vocabulary-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Values at the addresses, for the golden's inputs. */
async function run(source: WeightSource, { inputs }: Golden, addresses: string[]): Promise<number[][]> {
  await useBackend('cpu');
  const feeds = new Map<string, tf.Tensor>();
  for (const { name } of source.model.graph.inputs) {
    const values = inputs[name as 'text'];
    feeds.set(name, tf.tensor(values, undefined, name === 'number' ? 'int32' : 'string'));
  }
  const weights = new WeightStore(source);
  const runnable = { source, weights, graphRunner: () => Promise.reject(new Error('no graph')) };
  const found = await collect(runnable, feeds, addresses, {
    backend: 'cpu',
    signal: { aborted: false },
    onPause: () => undefined,
  });
  weights.dispose();
  return addresses.map((address) => Array.from(found.get(address)?.values as Float32Array));
}

/** `keras3.keras` with other members. */
function rewritten(change: (members: Unzipped) => void): string {
  const members = unzipSync(readFileSync(keras3));
  change(members);
  const file = path.join(scratch, 'changed.keras');
  writeFileSync(file, zipSync(members, { level: 0 }));
  return file;
}

const asset = (layer: string): string => `assets/layers/${layer}/vocabulary.txt`;

const close = async (opened: OpenedModel, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } finally {
    await opened.close();
  }
};

describe.each(Object.keys(golden))('%s', (name) => {
  const expected = golden[name] as Golden;

  test('computes what Keras computes after loading', async () => {
    const opened = await openModelFile(path.join(folder, `${name}.keras`));
    await close(opened, async () => {
      expect(opened.model.problems).toEqual([]);
      const addresses = opened.model.graph.outputs.map(({ layer }) => layer);
      const values = await run(opened, expected, addresses);
      expected.outputs.forEach((output, i) => {
        expect(values[i]).toHaveLength(output.values.length);
        output.values.forEach((value, at) => expect(values[i]?.[at]).toBeCloseTo(value, 5));
      });
    });
  });
});

test('until a layer runs, its config says where the words are', async () => {
  const opened = await openModelFile(keras3);
  await close(opened, async () => {
    const configs = walkLayers(opened.model.graph).map(({ layer }) => layer.config);
    expect(configs.find(({ name }) => name === 'tokens')?.vocabulary).toEqual({ asset: asset('text_vectorization') });
    expect(configs.find(({ name }) => name === 'given')?.vocabulary).toEqual(['cat', 'dog']);
    await run(opened, golden.keras3 as Golden, ['tokens']);
    expect(JSON.stringify(opened.model)).not.toContain('größe');
  });
});

test('an unpacked model has its vocabularies, too', async () => {
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(keras3)))) {
    mkdirSync(path.dirname(path.join(scratch, name)), { recursive: true });
    writeFileSync(path.join(scratch, name), bytes);
  }
  const opened = await openModelFile(scratch);
  await close(opened, async () => {
    const values = await run(opened, golden.keras3 as Golden, ['lookup', 'nested']);
    expect(values).toEqual([golden.keras3?.outputs[4]?.values, golden.keras3?.outputs[9]?.values]);
  });
});

test('vocabularies are found where no weights say whose folder is which', async () => {
  const file = rewritten((members) => {
    delete members['model.weights.h5'];
    delete members['metadata.json'];
  });
  const opened = await openModelFile(file);
  await close(opened, async () => {
    expect(await run(opened, golden.keras3 as Golden, ['numbers'])).toEqual([golden.keras3?.outputs[7]?.values]);
  });
});

test('a slice takes its vocabularies along', async () => {
  const opened = await openModelFile(keras3);
  await close(opened, async () => {
    const slice = sliceModel(opened.model, { outputs: ['tokens', 'tfidf'], inputs: [] });
    const part = await openSliceInMemory(slice, opened);
    const values = await run(part, golden.keras3 as Golden, ['tokens', 'tfidf']);
    expect(values[0]).toEqual(golden.keras3?.outputs[0]?.values);
    golden.keras3?.outputs[2]?.values.forEach((value, i) => expect(values[1]?.[i]).toBeCloseTo(value, 5));
  });
});

test('what Keras would not read of them is refused, by the layer’s name', async () => {
  const opened = await openModelFile(keras3);
  await close(opened, () => {
    const lacks = (output: string): string[] =>
      sliceModel(opened.model, { outputs: [output], inputs: [] }, 'keras-v3').plan.notExportable.map(
        ({ address }) => address,
      );
    expect(lacks('tfidf')).toEqual(['tfidf']);
    expect(lacks('tokens')).toEqual([]);
    return Promise.resolve();
  });
});

describe('a vocabulary that cannot be', () => {
  const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
  test.each<[string, string, string, Uint8Array<ArrayBuffer> | null]>([
    ['is not there', 'lookup', 'string_lookup', null],
    ['is empty', 'lookup', 'string_lookup', text('')],
    ['is no text', 'lookup', 'string_lookup', Uint8Array.of(0xff, 0xfe, 0x00)],
    ['repeats a word', 'lookup', 'string_lookup', text('-\n[UNK]\n[UNK]\ndog\ncat\ndog')],
    ['has fewer words than are due', 'bag', 'text_vectorization_1', text('[UNK]\nthe')],
    ['holds words for numbers', 'numbers', 'integer_lookup', text('-1\n5\nfive')],
    ['holds numbers that are too large', 'numbers', 'integer_lookup', text('-1\n5\n123456789012345678901')],
  ])('%s', async (_what, layer, place, bytes) => {
    const file = rewritten((members) => {
      if (bytes) members[asset(place)] = bytes;
      else delete members[asset(place)];
    });
    const opened = await openModelFile(file);
    await close(opened, async () => {
      const error = await run(opened, golden.keras3 as Golden, [layer]).then(
        () => null,
        (caught: unknown) => caught,
      );
      expect(error).toBeInstanceOf(SlicerError);
      if (error instanceof SlicerError) expect(sentence(error)).toContain(layer);
      // the others run
      const other = layer === 'bag' ? 'tokens' : 'letters';
      expect(await run(opened, golden.keras3 as Golden, [other])).toHaveLength(1);
      if (bytes === null)
        expect(opened.model.problems).toMatchObject([{ code: 'missing-weight', severity: 'warning', address: layer }]);
    });
  });
});

test.each(['config.json', '../config.json', 'assets/../config.json', '/etc/passwd', ''])(
  'a configuration that asks for %j as its vocabulary gets nothing',
  async (place) => {
    const file = rewritten((members) => {
      const config = new TextDecoder().decode(members['config.json']);
      const changed = config.replace(
        '"vocabulary": ["cat", "dog"]',
        `"vocabulary": ${JSON.stringify({ asset: place })}`,
      );
      expect(changed).not.toBe(config);
      members['config.json'] = new TextEncoder().encode(changed);
    });
    const opened = await openModelFile(file);
    await close(opened, async () => {
      await expect(run(opened, golden.keras3 as Golden, ['given'])).rejects.toMatchObject({ code: 'missing-file' });
      // of a source that has no assets at all
      const { readAsset: _asset, ...bare } = {
        model: opened.model,
        readAsset: null,
        readWeight: opened.readWeight.bind(opened),
        readStored: opened.readStored.bind(opened),
      };
      await expect(run(bare, golden.keras3 as Golden, ['given'])).rejects.toMatchObject({ code: 'missing-weight' });
    });
  },
);

test.each([
  ['\u2028', 'some ends of lines are no newlines'],
  ['\u0085', 'as Keras writes them'],
])('words may hold other ends of lines (%j): %s', async (end) => {
  const file = rewritten((members) => {
    members[asset('string_lookup_1')] = new TextEncoder().encode(`[UNK]\ndog\né${end}mile\ntwo words\ncat\n-`);
  });
  const opened = await openModelFile(file);
  await close(opened, async () => {
    expect(await run(opened, golden.keras3 as Golden, ['hot'])).toHaveLength(1);
  });
});

test.skipIf(process.platform === 'win32')('a link in an unpacked model is not followed', async () => {
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(keras3)))) {
    mkdirSync(path.dirname(path.join(scratch, name)), { recursive: true });
    writeFileSync(path.join(scratch, name), bytes);
  }
  const target = path.join(scratch, asset('string_lookup'));
  renameSync(target, path.join(scratch, 'elsewhere.txt'));
  symlinkSync(path.join(scratch, 'elsewhere.txt'), target);
  const opened = await openModelFile(scratch);
  await close(opened, async () => {
    expect(opened.model.problems).toMatchObject([{ code: 'missing-weight', address: 'lookup' }]);
    await expect(run(opened, golden.keras3 as Golden, ['lookup'])).rejects.toMatchObject({ code: 'not-runnable' });
  });
});
