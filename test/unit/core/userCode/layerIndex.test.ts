import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import { inspectModel } from '../../../../src/core/model/inspect';
import { layerChoices } from '../../../../src/core/userCode/layerChoices';
import {
  findLayer,
  layerIndex,
  listAt,
  nearestNames,
  type Counting,
  type Found,
  type LayerList,
} from '../../../../src/core/userCode/layerIndex';
import { outputShapes, shapeText } from '../../../../src/core/userCode/layerText';
import type { LayerStep } from '../../../../src/core/userCode/values';
import { keras } from '../../../fixtures';

function listOf(fixture: string): LayerList {
  const bytes = readFileSync(path.join(keras, fixture, 'model.json'));
  const list = layerIndex(inspectModel(openParsed(parseModelJson(bytes, 'model.json'), [])));
  if (!list) throw new Error('no layers');
  return list;
}

const name = (text: string): LayerStep => ({ by: 'name', name: text });
const index = (at: number, fromEnd = false): LayerStep => ({ by: 'index', index: at, fromEnd });
const said = (found: Found): string => (found.kind === 'layer' ? found.layer.address : found.kind);

describe('which layer a program names', () => {
  const digits = 'digits-cnn/tfjs-keras2-h5';
  const nested = 'nested-functional/tfjs-keras3';
  // checked against `model.layers` of both: Keras leaves the InputLayer of a Sequential out
  const table: [string, string, LayerStep[], Counting, string][] = [
    ['by name', digits, [name('conv_2')], 'tfjs', 'conv_2'],
    ['by index in TF.js', digits, [index(1)], 'tfjs', 'conv_1'],
    ['by index in Keras', digits, [index(1)], 'keras', 'pool_1'],
    ['from the end', digits, [index(-1, true)], 'keras', 'output_layer'],
    ['from the end, where that is not meant', digits, [index(-1)], 'tfjs', 'out-of-range'],
    ['behind the end', digits, [index(7)], 'tfjs', 'out-of-range'],
    ['behind the end in Keras', digits, [index(6)], 'keras', 'out-of-range'],
    ['before the beginning', digits, [index(-8, true)], 'tfjs', 'out-of-range'],
    ['an InputLayer that Keras leaves out', digits, [name('input_layer')], 'keras', 'unknown-layer'],
    ['the same in TF.js', digits, [name('input_layer')], 'tfjs', 'input_layer'],
    ['nested', nested, [name('block_a'), name('conv')], 'tfjs', 'block_a/conv'],
    ['nested by index', nested, [index(3), index(-1, true)], 'keras', 'block_b/bn'],
    ['in a nested model, asked of the outer', nested, [name('conv')], 'keras', 'unknown-layer'],
    ['unknown in a nested model', nested, [name('block_a'), name('conv_9')], 'keras', 'unknown-layer'],
    ['below what is unknown', nested, [name('block_z'), name('conv')], 'keras', 'unclear'],
    ['below what holds nothing', nested, [name('pool'), name('conv')], 'keras', 'unclear'],
    ['a name that objects have', digits, [name('constructor')], 'tfjs', 'unknown-layer'],
    ['a name that objects have, and the model', 'odd-names/tfjs-keras3', [name('__proto__')], 'keras', '__proto__'],
  ];
  it.each(table)('%s', (_, fixture, steps, counting, expected) => {
    expect(said(findLayer(listOf(fixture), steps, counting))).toBe(expected);
  });

  it('says where a name is that is not there', () => {
    const found = findLayer(listOf(nested), [name('conv')], 'tfjs');
    expect(found.kind === 'unknown-layer' && found.elsewhere?.address).toBe('block_a/conv');
    const left = findLayer(listOf(digits), [name('input_layer')], 'keras');
    expect(left.kind === 'unknown-layer' && left.elsewhere?.index.tfjs).toBe(0);
  });

  it('knows the nearest names of the API that is used', () => {
    expect(nearestNames(listOf(digits), 'conv_3', 'tfjs').slice(0, 2)).toEqual(['conv_1', 'conv_2']);
    expect(nearestNames(listOf(digits), 'input_layr', 'keras')).not.toContain('input_layer');
  });

  it('lists what stands below a nested model', () => {
    const names = listAt(listOf(nested), [name('block_a')], 'tfjs')?.listed.tfjs.map((layer) => layer.name);
    expect(names).toEqual(['block_a_in', 'conv', 'bn']);
    expect(listAt(listOf(nested), [name('pool')], 'tfjs')).toBeNull();
  });

  it('writes shapes as the language does', () => {
    expect([shapeText([null, 3], 'typescript'), shapeText([null, 3], 'python')]).toEqual(['[null, 3]', '(None, 3)']);
    expect([shapeText([], 'python'), shapeText([7], 'python'), shapeText(null, 'python')]).toEqual(['()', '(7,)', '?']);
    const layer = listOf(digits).byName.get('conv_2');
    expect(layer && outputShapes(layer, 'python')).toBe('(None, 11, 11, 64)');
  });
});

describe('choices', () => {
  function long(count: number): LayerList {
    const layers = Array.from({ length: count }, (_, i) => ({
      name: `conv_${i}`,
      className: 'Conv2D',
      address: `conv_${i}`,
      shapes: [[null, 1]],
      params: 0,
      trainable: true,
      isLayer: true,
      index: { keras: i, tfjs: i },
      inside: null,
    }));
    return { listed: { keras: layers, tfjs: layers }, byName: new Map(layers.map((layer) => [layer.name, layer])) };
  }
  const names = (list: LayerList, typed: string): [number, string | undefined, boolean] => {
    const { layers, incomplete } = layerChoices(list, 'tfjs', typed);
    return [layers.length, layers.at(-1)?.name, incomplete];
  };

  it('are all of a model of ordinary size, whatever is typed', () => {
    expect(names(long(300), 'zzz')).toEqual([300, 'conv_299', false]);
  });

  it('are the first that fit in a large one, and more come with more of the name', () => {
    expect(names(long(10_000), '')).toEqual([1000, 'conv_999', true]);
    expect(names(long(10_000), 'CV99')).toEqual([expect.any(Number) as number, 'conv_9999', true]);
    expect(names(long(10_000), 'conv_9999')).toEqual([1, 'conv_9999', true]);
  });
});
