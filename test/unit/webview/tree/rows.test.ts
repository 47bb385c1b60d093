import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import { inspectModel } from '../../../../src/core/model/inspect';
import type { LayerRow, ViewerModel } from '../../../../src/protocol/viewer';
import { LayerTree, outputAddresses, type TreeRow } from '../../../../webview/tree/rows';
import { keras } from '../../../fixtures';

function treeOf(fixture: string): LayerTree {
  const bytes = fs.readFileSync(path.join(keras, fixture, 'model.json'));
  return new LayerTree(viewerModel(inspectModel(openParsed(parseModelJson(bytes, 'model.json'), []))));
}

function viewerModel(document: ReturnType<typeof inspectModel>): ViewerModel {
  return {
    ...document,
    layers: document.layers.map(({ config: _config, inner: _inner, weights, ...row }) => ({
      ...row,
      weights: weights.length,
    })),
  };
}

const byDefault = (tree: LayerTree) => tree.visible((row) => tree.isExpandedByDefault(row));
const ids = (rows: readonly TreeRow[]): string[] => rows.map(({ id }) => id);

describe('rows', () => {
  it('stand in model order, one for each call, later calls closed', () => {
    expect(ids(byDefault(treeOf('siamese/tfjs-keras2-h5')))).toEqual([
      'left',
      'right',
      'tower',
      'tower/tower_in',
      'tower/conv',
      'tower/pool',
      'tower/embed',
      'tower#2',
      'cosine',
      'product',
      'join',
      'same',
    ]);
  });

  it('below a second call have its addresses', () => {
    const tree = treeOf('siamese/tfjs-keras2-h5');
    const second = tree.roots.find(({ id }) => id === 'tower#2');
    expect(second && ids(tree.children(second))).toEqual([
      'tower#2/tower_in',
      'tower#2/conv',
      'tower#2/pool',
      'tower#2/embed',
    ]);
    expect(second?.label).toBe('tower#2');
    expect(second && tree.children(second)[1]).toMatchObject({ level: 2, position: 2, siblings: 4, label: 'conv' });
  });

  it('agree with the golden layers of a model three deep', () => {
    const golden = JSON.parse(fs.readFileSync(path.join(keras, 'nested-three-deep/golden.json'), 'utf8')) as {
      layers: { address: string; calls: unknown[] }[];
    };
    const rows = byDefault(treeOf('nested-three-deep/tfjs-keras3'));
    expect(ids(rows)).toEqual(golden.layers.map(({ address }) => address));
    expect(rows.every(({ level, id }) => level === id.split('/').length)).toBe(true);
  });

  it('of a graph-model start with its scopes closed', () => {
    const tree = treeOf('mobilenet-block/tfjs-graph-keras3');
    const rows = byDefault(tree);
    expect(rows.length).toBeLessThan(10);
    expect(rows.some(({ expandable }) => expandable)).toBe(true);
    expect(tree.visible(() => true).length).toBeGreaterThan(30);
  });

  it('are found by address, outputs and calls included', () => {
    const tree = treeOf('siamese/tfjs-keras2-h5');
    expect(ids(tree.find('tower#2/conv') ?? [])).toEqual(['tower#2', 'tower#2/conv']);
    expect(ids(tree.find('tower/conv:0') ?? [])).toEqual(['tower', 'tower/conv']);
    expect(ids(tree.find('tower#2/conv@pre') ?? [])).toEqual(['tower#2', 'tower#2/conv']);
    expect(tree.find('tower/nothing')).toBeNull();
    expect(tree.find('')).toBeNull();
  });

  it('of nodes are found below their scopes', () => {
    const tree = treeOf('mobilenet-block/tfjs-graph-keras3');
    const scope = 'StatefulPartitionedCall\\/mobilenet_block_1';
    expect(ids(tree.find(`${scope}\\/scores_1\\/Softmax:0`) ?? [])).toEqual([
      'StatefulPartitionedCall',
      scope,
      `${scope}\\/scores_1`,
      `${scope}\\/scores_1\\/Softmax`,
    ]);
  });

  it('keep what is above a search hit', () => {
    const tree = treeOf('nested-three-deep/tfjs-keras2-h5');
    const { hits, kept } = tree.withAncestors((layer) => layer.class === 'BatchNormalization');
    expect([...hits]).toEqual(['outer/middle/deep/bn']);
    expect(ids(tree.visible(() => true, kept))).toEqual([
      'outer',
      'outer/middle',
      'outer/middle/deep',
      'outer/middle/deep/bn',
    ]);
  });

  it('of models that call each other twice are made when they are opened, not before', () => {
    const depth = 40;
    const layers: LayerRow[] = [];
    for (let level = 0, address = ''; level < depth; level++) {
      const parent = address === '' ? null : address;
      address = parent === null ? 'm0' : `${parent}/m${level}`;
      const call = { inputs: [], outputs: [{ shape: [null, 4], dtype: 'float32' }], macs: 0 };
      layers.push({
        address,
        parent,
        name: `m${level}`,
        class: 'Functional',
        depth: level,
        isLayer: true,
        index: { keras: 0, tfjs: 0 },
        calls: [
          { address, ...call },
          { address: `${address}#2`, ...call },
        ],
        params: { total: 0, trainable: 0, nonTrainable: 0 },
        trainable: true,
        weights: 0,
      });
    }
    const document = inspectModel(
      openParsed(
        parseModelJson(fs.readFileSync(path.join(keras, 'siamese/tfjs-keras2-h5/model.json')), 'model.json'),
        [],
      ),
    );
    const tree = new LayerTree({ ...viewerModel(document), layers });
    expect(byDefault(tree)).toHaveLength(2 * depth);
  });
});

it('outputAddresses names the outputs from 0, the first without a number', () => {
  const row = treeOf('text-lstm/tfjs-keras2-h5').roots.find(({ label }) => label === 'lstm_state');
  expect(row && outputAddresses(row)).toEqual(['lstm_state', 'lstm_state:1', 'lstm_state:2']);
});
