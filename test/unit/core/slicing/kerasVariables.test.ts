/** Keras's own files say where each class keeps its variables. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { walkLayers } from '../../../../src/core/model/traversal';
import { folderName, kerasVariables } from '../../../../src/core/slicing/kerasVariables';
import { openModelFile } from '../../../../src/engine/files/openModelFile';
import { keras } from '../../../fixtures';

const files = readdirSync(keras)
  .map((name) => path.join(keras, name, 'model.keras'))
  .filter((file) => existsSync(file));

describe('kerasVariables', () => {
  test.each(files.map((file) => [path.relative(keras, file), file]))('%s', async (_name, file) => {
    const opened = await openModelFile(file);
    try {
      for (const { layer, address } of walkLayers(opened.model.graph)) {
        const weights = layer.weights.filter(({ entry }) => entry !== null);
        if (layer.graph || !layer.isLayer || weights.length === 0 || layer.className.includes('>')) continue;
        const inFile = weights.map(({ entry }) => opened.model.weightEntries[entry ?? 0]?.name ?? '');
        const folder = /^(layers\/[^/]+\/)+/.exec(inFile[0] ?? '')?.[0] ?? '';
        const names = weights.map(({ name }) => name);
        const derived = kerasVariables(layer.className, layer.config, names);
        if (derived === null) continue;
        expect(
          derived.map((place) => folder + place),
          address,
        ).toEqual(inFile);
        expect(folder, address).toMatch(new RegExp(`layers/${folderName(layer.className)}(_\\d+)?/$`));
      }
    } finally {
      await opened.close();
    }
  });

  test.each([
    ['MyLayer', ['kernel', 'bias'], ['vars/0', 'vars/1']],
    ['MyLayer', ['dense/kernel'], null],
    ['LSTM', ['lstm_cell/kernel', 'lstm_cell/recurrent_kernel'], ['cell/vars/0', 'cell/vars/1']],
    ['Dense', [], []],
    ['GroupQueryAttention', ['query/kernel', 'key/kernel'], ['_query_dense/vars/0', '_key_dense/vars/0']],
    ['MultiHeadAttention', ['query/kernel', 'query/bias'], ['query_dense/vars/0', 'query_dense/vars/1']],
  ])('%s with %j', (className, names, expected) => {
    expect(kerasVariables(className, {}, names)).toEqual(expected);
  });
});
