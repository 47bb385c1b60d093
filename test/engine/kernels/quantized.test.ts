/** Weights that Keras has quantized: what it computes with them, to the bit. */
import { unzipSync, zipSync } from 'fflate';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { useBackend } from '../../../src/engine/backends/backend';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/openModelFile';
import { collect } from '../../../src/engine/run/collect';
import { WeightStore } from '../../../src/engine/run/weights';
import { keras } from '../../fixtures';
import { activations, exampleInputs } from '../../unit/core/slicing/golden';

const folder = path.join(keras, 'quantized-int8');
const golden = path.join(folder, 'golden.json');

async function values(source: OpenedModel, addresses: string[]): Promise<Map<string, Float32Array>> {
  await useBackend('cpu');
  const weights = new WeightStore(source);
  try {
    const runnable = { source, weights, graphRunner: () => Promise.reject(new Error('no graph')) };
    const found = await collect(runnable, exampleInputs(golden), addresses, {
      backend: 'cpu',
      signal: { aborted: false },
      onPause: () => undefined,
    });
    return new Map(addresses.map((address) => [address, found.get(address)?.values as Float32Array]));
  } finally {
    weights.dispose();
    await source.close();
  }
}

test('int8: Embedding and Dense, whose inputs are quantized, too', async () => {
  const addresses = ['embed', 'hidden', 'out'];
  const found = await values(await openModelFile(path.join(folder, 'model.keras')), addresses);
  const expected = activations(golden);
  for (const address of addresses)
    expect(Array.from(found.get(address) ?? [])).toEqual(Array.from(expected(address) ?? []));
});

test('what is not known is refused by its name', async () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'slicer-quantized-'));
  try {
    const members = unzipSync(readFileSync(path.join(folder, 'model.keras')));
    const config = new TextDecoder().decode(members['config.json']);
    const changed = new TextEncoder().encode(config.replaceAll('"mode": "int8"', '"mode": "gptq/4/-1"'));
    const file = path.join(scratch, 'other.keras');
    writeFileSync(file, zipSync({ ...members, 'config.json': changed }, { level: 0 }));
    await expect(openModelFile(file).then((opened) => values(opened, ['out']))).rejects.toThrow(/quantized as gptq/);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
