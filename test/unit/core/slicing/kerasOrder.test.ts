/** Keras writes a functional model's layers in the order in which it has them: that of `model.layers`. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LayerGraph } from '../../../../src/core/model/layerGraph';
import { kerasOrder } from '../../../../src/core/slicing/kerasOrder';
import { openGraph } from '../../../../src/core/slicing/openGraph';
import { openModelFile } from '../../../../src/engine/files/openModelFile';
import { keras } from '../../../fixtures';

const files = readdirSync(keras)
  .flatMap((name) => ['model.keras', 'keras3.h5', 'keras2.h5'].map((file) => path.join(keras, name, file)))
  .filter((file) => existsSync(file));

/** What our order is, and the file's, of a functional model. */
function orders(graph: LayerGraph): { ours: string[]; file: string[] } {
  const { calls, inputs, outputs } = openGraph(graph, new Set());
  const parts = {
    inputs: inputs.map((tensor) => ({ tensor, layer: tensor.from.layer })),
    calls: calls.filter(({ layer }) => layer.className !== 'InputLayer'),
    outputs,
  };
  const ours = kerasOrder(parts).map(({ name }) => name);
  const needed = new Set(ours);
  return { ours, file: graph.layers.map(({ name }) => name).filter((name) => needed.has(name)) };
}

describe('kerasOrder', () => {
  test.each(files.map((file) => [path.relative(keras, file), file]))('%s', async (_name, file) => {
    const opened = await openModelFile(file);
    try {
      const open = [opened.model.graph];
      for (let graph = open.pop(); graph; graph = open.pop()) {
        open.push(...graph.layers.flatMap((layer) => layer.graph ?? []));
        if (graph.kind !== 'functional') continue;
        const { ours, file: written } = orders(graph);
        expect(ours).toEqual(written);
      }
    } finally {
      await opened.close();
    }
  });
});
